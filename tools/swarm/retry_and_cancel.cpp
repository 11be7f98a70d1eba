#include "runtime/store/tickets.hpp"
#include "tools/swarm/invocation.hpp"

#include <iostream>

namespace swarm::cli {

void add_retry(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto* command = program.add_subcommand("retry", "Give a failed or cancelled ticket another chance, with fresh limits");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->callback([id, &chosen] {
    chosen = [id](const invocation& x) {
      return with_database(x, "swarm retry", [id](store::connection& db) -> caf::expected<void> {
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
  auto* command = program.add_subcommand("cancel", "Cancel a ticket, running or not");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->callback([id, &chosen] {
    chosen = [id](const invocation& x) {
      return with_database(x, "swarm cancel", [id](store::connection& db) -> caf::expected<void> {
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

} // namespace swarm::cli
