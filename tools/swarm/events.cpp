#include "runtime/store/queries.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace swarm::cli {

namespace {

void print_json(const std::vector<store::event_row>& events) {
  for (auto& x : events) {
    nlohmann::ordered_json line{{"id", x.id}, {"ticket", x.ticket.value}, {"at", x.at}, {"kind", x.kind}};
    if (x.attempt)
      line["attempt"] = *x.attempt;
    if (x.fence)
      line["fence"] = *x.fence;
    if (!x.node.empty())
      line["node"] = x.node;
    if (!x.data.empty())
      line["data"] = nlohmann::ordered_json::parse(x.data, nullptr, false);
    std::cout << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }
}

void print_rows(const std::vector<store::event_row>& events) {
  std::vector<std::vector<std::string>> table{{"AT", "EVENT", "ATTEMPT", "FENCE", "NODE", "DATA"}};
  for (auto& x : events)
    table.push_back({short_time(x.at), x.kind, x.attempt ? std::to_string(*x.attempt) : "-",
                     x.fence ? std::to_string(*x.fence) : "-", x.node.empty() ? "-" : printable_line(x.node),
                     printable_line(x.data)});
  print_table(std::cout, table);
}

int events(const invocation& x, std::int64_t id, bool json) {
  return with_database(x, "swarm events", [&](store::connection& db) -> caf::expected<void> {
    auto ticket = store::show_ticket(db, ticket_id{id}); // so that an unknown number is an error, not an empty list
    if (!ticket)
      return std::move(ticket.error());
    auto found = store::list_events(db, ticket_id{id});
    if (!found)
      return std::move(found.error());
    json ? print_json(*found) : print_rows(*found);
    return caf::unit;
  });
}

} // namespace

void add_events(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto json = std::make_shared<bool>(false);
  auto* command = program.add_subcommand("events", "Show everything that ever happened to a ticket");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->add_flag("--json", *json, "One JSON object per line");
  command->callback([=, &chosen] { chosen = [=](const invocation& x) { return events(x, *id, *json); }; });
}

} // namespace swarm::cli
