#include "runtime/store/queries.hpp"
#include "runtime/store/tickets.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <iostream>

namespace swarm::cli {

namespace {

caf::expected<void> preview(store::connection& db, ticket_id id) {
  auto ticket = store::show_ticket(db, id); // so that an unknown number is an error, not an empty list
  if (!ticket)
    return std::move(ticket.error());
  auto touched = store::touched_by(db, id);
  if (!touched)
    return std::move(touched.error());
  std::vector<std::vector<std::string>> table{{"ID", "KEY", "STATE", "WOULD BE"}};
  for (auto& x : *touched)
    table.push_back({to_string(x.id), printable_line(x.key), x.state, x.effect});
  print_table(std::cout, table);
  return caf::unit;
}

} // namespace

namespace {

caf::expected<void> revive_exhausted(store::connection& db) {
  auto report = store::retry_exhausted(db);
  if (!report)
    return std::move(report.error());
  for (auto& sentence : report->refusals)
    std::cerr << "swarm: " << printable_line(sentence) << '\n';
  std::cout << report->revived << (report->revived == 1 ? " ticket is" : " tickets are") << " on the way again\n";
  return report->revived > 0 ? store::notify(db, "ready") : caf::expected<void>{caf::unit};
}

} // namespace

void add_retry(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto all = std::make_shared<bool>(false);
  auto* command = program.add_subcommand("retry", "Give a failed or cancelled ticket another chance, with fresh limits");
  auto* either = command->add_option_group("what");
  either->add_option("ID", *id, "Number of the ticket")->check(check_number);
  either->add_flag("--infra-exhausted", *all, "All tickets that failed because trouble that isn't theirs lasted too long");
  either->require_option(1);
  command->callback([=, &chosen] {
    chosen = [=](const invocation& x) {
      return with_database(x, "swarm retry", [=](store::connection& db) -> caf::expected<void> {
        if (*all)
          return revive_exhausted(db);
        auto state = store::retry(db, ticket_id{*id});
        if (!state)
          return std::move(state.error());
        std::cout << "ticket " << *id << " is " << *state << " again\n";
        return store::notify(db, "ready");
      });
    };
  });
}

void add_cancel(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto dry_run = std::make_shared<bool>(false);
  auto* command = program.add_subcommand("cancel", "Cancel a ticket, running or not");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->add_flag("--dry-run", *dry_run, "Only list what it would touch");
  command->callback([=, &chosen] {
    chosen = [=](const invocation& x) {
      return with_database(x, "swarm cancel", [=](store::connection& db) -> caf::expected<void> {
        if (*dry_run)
          return preview(db, ticket_id{*id});
        auto answer = store::cancel(db, ticket_id{*id});
        if (!answer)
          return std::move(answer.error());
        std::cout << "ticket " << *id
                  << (*answer == "requested" ? " is running; its node was asked to stop it" : " is cancelled") << '\n';
        return store::notify(db, "cancel");
      });
    };
  });
}

void add_release(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto* command = program.add_subcommand("release", "Take a running ticket away from its worker and queue it again");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->callback([id, &chosen] {
    chosen = [id](const invocation& x) {
      return with_database(x, "swarm release", [id](store::connection& db) -> caf::expected<void> {
        auto state = store::release(db, ticket_id{*id});
        if (!state)
          return std::move(state.error());
        std::cout << "ticket " << *id << " is " << *state << " again; its worker has no say any more\n";
        // Its node learns of it with the next beat, and should stop the work before somebody else begins.
        if (auto rung = store::notify(db, "cancel"); !rung)
          return rung;
        return store::notify(db, "ready");
      });
    };
  });
}

} // namespace swarm::cli
