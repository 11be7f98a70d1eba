#include "runtime/store/queries.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace swarm::cli {

namespace {

struct list_options {
  std::int64_t graph = 0;
  std::string state;
  std::int64_t limit = 50;
  std::int64_t before = 0;
  bool json = false;
};

void print_json(const std::vector<store::ticket_row>& tickets) {
  for (auto& x : tickets) {
    nlohmann::ordered_json line{{"id", x.id.value},        {"key", x.key},
                                {"state", x.state},        {"attempt", x.attempt()},
                                {"attempts_max", x.attempts_max}, {"queue", x.queue},
                                {"kind", x.kind},          {"created_at", x.created_at}};
    if (x.graph)
      line["graph"] = x.graph->value;
    if (!x.claimed_by.empty())
      line["claimed_by"] = x.claimed_by;
    if (!x.review_expires_at.empty())
      line["review_expires_at"] = x.review_expires_at;
    if (!x.finished_at.empty())
      line["finished_at"] = x.finished_at;
    if (!x.end_reason.empty())
      line["reason"] = x.end_reason;
    std::cout << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }
}

/// What the state alone doesn't tell.
std::string remark(const store::ticket_row& x) {
  if (x.state == "in_progress")
    return "on " + x.claimed_by;
  if (x.state == "scheduled")
    return "at " + short_time(x.run_at);
  if (x.state == "waiting")
    return "looked at " + short_time(x.run_at);
  if (x.state == "in_review")
    return "a person has until " + short_time(x.review_expires_at);
  if (x.state == "blocked")
    return "needs " + std::to_string(x.remaining) + " more";
  return short_time(x.finished_at) + (x.end_reason.empty() ? "" : " " + x.end_reason);
}

void print_rows(const std::vector<store::ticket_row>& tickets) {
  std::vector<std::vector<std::string>> table{{"ID", "GRAPH", "KEY", "STATE", "ATTEMPT", "QUEUE", ""}};
  for (auto& x : tickets)
    table.push_back({to_string(x.id), x.graph ? to_string(*x.graph) : "-", printable_line(x.key), x.state,
                     std::to_string(x.attempt()) + "/" + std::to_string(x.attempts_max), printable_line(x.queue),
                     printable_line(remark(x))});
  print_table(std::cout, table);
}

int list(const invocation& x, const list_options& options) {
  return with_database(x, "swarm list", [&](store::connection& db) -> caf::expected<void> {
    store::list_filter filter;
    if (options.graph > 0)
      filter.graph = graph_id{options.graph};
    if (!options.state.empty())
      filter.state = options.state;
    if (options.before > 0)
      filter.before = ticket_id{options.before};
    filter.limit = options.limit;
    auto tickets = store::list_tickets(db, filter);
    if (!tickets)
      return std::move(tickets.error());
    if (options.json)
      print_json(*tickets);
    else if (tickets->empty())
      std::cout << "no tickets\n";
    else
      print_rows(*tickets);
    // A full page may not be all, and a list that ends without a word looks complete.
    if (!options.json && static_cast<std::int64_t>(tickets->size()) == options.limit)
      std::cout << "(the newest " << options.limit << "; go on with --before " << to_string(tickets->back().id)
                << ")\n";
    return caf::unit;
  });
}

} // namespace

void add_list(CLI::App& program, invocation&, action& chosen) {
  auto options = std::make_shared<list_options>();
  auto* command = program.add_subcommand("list", "List tickets, newest first");
  command->add_option("--graph", options->graph, "Only tickets of this graph")->check(check_number);
  command->add_option("--state", options->state, "Only tickets in this state")
    ->check(CLI::IsMember({"blocked", "scheduled", "waiting", "ready", "in_progress", "in_review", "completed", "failed", "cancelled"}));
  command->add_option("--limit", options->limit, "How many")->check(CLI::Range(1, 10000))->capture_default_str();
  command->add_option("--before", options->before, "Only tickets with smaller numbers")->check(check_number);
  command->add_flag("--json", options->json, "One JSON object per line");
  command->callback([options, &chosen] { chosen = [options](const invocation& x) { return list(x, *options); }; });
}

} // namespace swarm::cli
