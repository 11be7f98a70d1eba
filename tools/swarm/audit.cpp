#include "runtime/store/queries.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <iostream>

namespace swarm::cli {

namespace {

caf::error found_wrong(const std::string& sentence) {
  return make_error(errc::conflict, sentence);
}

caf::expected<void> verify(store::connection& db, const std::string& head) {
  auto breaks = store::verify_chain(db);
  if (!breaks)
    return std::move(breaks.error());
  for (auto& x : *breaks)
    return found_wrong(x.problem + (x.seal > 0 ? "; seal " + std::to_string(x.seal) : ""));
  if (!head.empty()) {
    auto known = store::has_chain_head(db, head);
    if (!known)
      return std::move(known.error());
    if (!*known)
      return found_wrong("the head " + head + " is not part of the chain: the log was replaced since it was kept");
  }
  auto now = store::read_chain_head(db);
  if (!now)
    return std::move(now.error());
  std::cout << "the chain is whole: " << now->events << " events in " << now->seal << " seals\n";
  return caf::unit;
}

caf::expected<void> print_head(store::connection& db) {
  auto head = store::read_chain_head(db);
  if (!head)
    return std::move(head.error());
  if (head->seal == 0)
    return make_error(errc::not_found, "nothing is sealed yet; a running node seals every sealer.interval");
  std::cout << head->hash << "  seal " << head->seal << ", " << head->events << " events, "
            << short_time(head->sealed_at) << '\n';
  return caf::unit;
}

caf::expected<void> replay(store::connection& db, const std::string& schema) {
  auto differences = store::replay(db);
  if (!differences)
    return std::move(differences.error());
  for (auto& x : *differences)
    std::cout << "ticket " << to_string(x.ticket) << ": the log says " << x.log << ", the tables say " << x.table << '\n';
  if (!differences->empty())
    return found_wrong("the log and the tables disagree about " + std::to_string(differences->size()) + " tickets "
                       "(state attempts/infrastructure/checks/throttles/auth/budget/reclaims)");
  std::cout << "the log and the tables agree\n";
  if (schema.empty())
    return caf::unit;
  auto rebuilt = store::rebuild(db, schema);
  if (!rebuilt)
    return std::move(rebuilt.error());
  std::cout << *rebuilt << " tickets were rebuilt from the log in schema " << schema << '\n';
  return caf::unit;
}

} // namespace

void add_audit(CLI::App& program, invocation&, action& chosen) {
  auto* audit = program.add_subcommand("audit", "Prove what happened");
  audit->require_subcommand(1);
  auto head = std::make_shared<std::string>();
  auto schema = std::make_shared<std::string>();
  auto run = [&chosen](std::function<caf::expected<void>(store::connection&)> work) {
    return [&chosen, work] {
      chosen = [work](const invocation& x) {
        return with_database(x, "swarm audit", [work](store::connection& db) -> caf::expected<void> {
          // It reads the whole log, which takes as long as that is.
          if (auto done = db.script("SET statement_timeout = 0", "be patient"); !done)
            return done;
          return work(db);
        });
      };
    };
  };
  auto* verifying = audit->add_subcommand("verify", "Check the hash chain over the event log");
  verifying->add_option("--head", *head, "A head that was kept elsewhere, which must be part of the chain");
  verifying->callback(run([head](store::connection& db) { return verify(db, *head); }));
  audit->add_subcommand("head", "Print the newest seal, to be kept elsewhere")->callback(run(print_head));
  auto* replaying = audit->add_subcommand("replay", "Fold the events into states and compare them with the tables");
  replaying->add_option("--rebuild", *schema, "Write the result into this schema, which must be empty or new");
  replaying->callback(run([schema](store::connection& db) { return replay(db, *schema); }));
}

} // namespace swarm::cli
