#include "runtime/store/queries.hpp"
#include "runtime/store/tickets.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace swarm::cli {

namespace {

using maybe = std::optional<std::int64_t>;

/// "17 of 60", or "-" where there is no limit.
std::string share(const maybe& left, const maybe& all) {
  return all ? std::to_string(left.value_or(0)) + " of " + std::to_string(*all) : "-";
}

void print_json(const std::vector<store::limit_row>& limits) {
  for (auto& x : limits) {
    nlohmann::ordered_json line{{"route", x.route}, {"credential", x.credential}, {"running", x.running},
                                {"throttled", x.is_throttled}, {"waiting", x.waiting}};
    for (auto& [name, value] : {std::pair{"requests", x.requests}, {"requests_left", x.requests_left},
                                {"input_tokens", x.input_tokens}, {"input_tokens_left", x.input_left},
                                {"output_tokens", x.output_tokens}, {"output_tokens_left", x.output_left},
                                {"concurrent", x.concurrent}})
      if (value)
        line[name] = *value;
    if (!x.next_at.empty())
      line["until"] = x.next_at;
    std::cout << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }
}

std::string remark(const store::limit_row& x) {
  if (x.next_at.empty())
    return "";
  return (x.is_throttled ? "throttled until " : "until ") + short_time(x.next_at);
}

void print_rows(const std::vector<store::limit_row>& limits) {
  std::vector<std::vector<std::string>> table{
    {"ROUTE", "CREDENTIAL", "REQUESTS", "INPUT TOKENS", "OUTPUT TOKENS", "RUNNING", "WAITING", ""}};
  for (auto& x : limits)
    table.push_back({printable_line(x.route), x.credential.empty() ? "-" : printable_line(x.credential),
                     share(x.requests_left, x.requests), share(x.input_left, x.input_tokens),
                     share(x.output_left, x.output_tokens),
                     x.concurrent ? share(x.running, x.concurrent) : std::to_string(x.running),
                     std::to_string(x.waiting), remark(x)});
  print_table(std::cout, table);
}

int list(const invocation& x, bool json) {
  return with_database(x, "swarm limits", [&](store::connection& db) -> caf::expected<void> {
    auto found = store::list_limits(db);
    if (!found)
      return std::move(found.error());
    if (json)
      print_json(*found);
    else if (found->empty())
      std::cout << "no service is limited\n";
    else
      print_rows(*found);
    return caf::unit;
  });
}

int set(const invocation& x, const store::limit_settings& settings) {
  return with_database(x, "swarm limits set", [&](store::connection& db) -> caf::expected<void> {
    auto is_limited = store::set_limit(db, settings);
    if (!is_limited)
      return std::move(is_limited.error());
    std::cout << printable_line(settings.route) << (*is_limited ? " is limited; swarm limits shows it" : " isn't limited")
              << '\n';
    return store::notify(db, "ready");
  });
}

} // namespace

void add_limits(CLI::App& program, invocation&, action& chosen) {
  auto json = std::make_shared<bool>(false);
  auto settings = std::make_shared<store::limit_settings>();
  auto* command = program.add_subcommand("limits", "List limits of services, what is left of them, and who waits");
  command->add_flag("--json", *json, "One JSON object per line");
  auto* setting = command->add_subcommand("set", "Set what all nodes together may use of a service; what isn't given isn't "
                                                 "limited");
  command->callback([=, &chosen] {
    if (!setting->parsed())
      chosen = [=](const invocation& x) { return list(x, *json); };
  });
  setting->add_option("ROUTE", settings->route, "Such as 'claude claude-opus-5-5', 'claude claude-opus-*' or 'claude'")
    ->required();
  setting->add_option("--credential", settings->credential, "Only for nodes that work with this one");
  auto limit = [&](const char* flag, std::int64_t& value, const char* sentence) {
    setting->add_option(flag, value, sentence)->check(CLI::Range(1, 2'000'000'000));
  };
  limit("--requests", settings->requests, "Attempts that begin in a minute");
  limit("--input-tokens", settings->input_tokens, "Input tokens in a minute");
  limit("--output-tokens", settings->output_tokens, "Output tokens in a minute");
  limit("--concurrent", settings->concurrent, "Attempts at once");
  setting->callback([=, &chosen] { chosen = [=](const invocation& x) { return set(x, *settings); }; });
}

} // namespace swarm::cli
