#include "runtime/store/queries.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <iostream>

namespace swarm::cli {

namespace {

int why(const invocation& x, std::int64_t id) {
  auto loaded = load_settings(x);
  if (!loaded)
    return exit_bad_input;
  // A node that has missed three beats says nothing about a queue that it serves.
  auto silence = 3 * loaded->values.heartbeat.interval;
  return with_database(x, "swarm why", [&](store::connection& db) -> caf::expected<void> {
    auto sentences = store::why(db, ticket_id{id}, silence);
    if (!sentences)
      return std::move(sentences.error());
    for (auto& sentence : *sentences)
      std::cout << printable_line(sentence) << '\n';
    return caf::unit;
  });
}

} // namespace

void add_why(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto* command = program.add_subcommand("why", "Say why a ticket is where it is");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->callback([id, &chosen] { chosen = [id](const invocation& x) { return why(x, *id); }; });
}

} // namespace swarm::cli
