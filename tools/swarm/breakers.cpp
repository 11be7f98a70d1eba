#include "runtime/store/queries.hpp"
#include "runtime/store/tickets.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace swarm::cli {

namespace {

void print_json(const std::vector<store::breaker_row>& breakers) {
  for (auto& x : breakers) {
    nlohmann::ordered_json line{{"route", x.route}, {"credential", x.credential}, {"state", x.state},
                                {"failures", x.failures}, {"reason", x.reason}, {"waiting", x.waiting}};
    if (!x.until.empty()) {
      line["opened_at"] = x.opened_at;
      line["until"] = x.until;
    }
    if (x.probe)
      line["probe"] = *x.probe;
    std::cout << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }
}

/// What the state alone doesn't tell.
std::string remark(const store::breaker_row& x) {
  if (x.state == "closed")
    return std::to_string(x.failures) + (x.failures == 1 ? " failure" : " failures in a row");
  if (x.state == "open")
    return "until " + short_time(x.until);
  return x.probe ? "ticket " + std::to_string(*x.probe) + " tries" : "the next ticket tries";
}

void print_rows(const std::vector<store::breaker_row>& breakers) {
  std::vector<std::vector<std::string>> table{{"ROUTE", "CREDENTIAL", "STATE", "", "WAITING", "REASON"}};
  for (auto& x : breakers)
    table.push_back({printable_line(x.route), x.credential.empty() ? "-" : printable_line(x.credential), x.state,
                     remark(x), std::to_string(x.waiting), printable_line(x.reason)});
  print_table(std::cout, table);
}

int list(const invocation& x, bool json) {
  return with_database(x, "swarm breakers", [&](store::connection& db) -> caf::expected<void> {
    auto found = store::list_breakers(db);
    if (!found)
      return std::move(found.error());
    if (json)
      print_json(*found);
    else if (found->empty())
      std::cout << "no breaker is open, and no service fails\n";
    else
      print_rows(*found);
    return caf::unit;
  });
}

int close(const invocation& x, const std::string& route, const std::string& credential) {
  return with_database(x, "swarm breakers close", [&](store::connection& db) -> caf::expected<void> {
    auto closed = store::close_breaker(db, route, credential);
    if (!closed)
      return std::move(closed.error());
    std::cout << *closed << (*closed == 1 ? " breaker of " : " breakers of ") << printable_line(route) << " closed\n";
    return store::notify(db, "ready");
  });
}

} // namespace

void add_breakers(CLI::App& program, invocation&, action& chosen) {
  auto json = std::make_shared<bool>(false);
  auto route = std::make_shared<std::string>();
  auto credential = std::make_shared<std::string>();
  auto* command = program.add_subcommand("breakers", "List services that fail or refuse, and who waits for them");
  command->add_flag("--json", *json, "One JSON object per line");
  auto* closing = command->add_subcommand("close", "Say that a service works again");
  command->callback([=, &chosen] {
    if (!closing->parsed())
      chosen = [=](const invocation& x) { return list(x, *json); };
  });
  closing->add_option("ROUTE", *route, "As in the first column of swarm breakers")->required();
  closing->add_option("--credential", *credential, "Only the breaker of this one");
  closing->callback([=, &chosen] { chosen = [=](const invocation& x) { return close(x, *route, *credential); }; });
}

} // namespace swarm::cli
