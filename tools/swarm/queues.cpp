#include "config/values.hpp"
#include "runtime/store/queries.hpp"
#include "runtime/store/tickets.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace swarm::cli {

namespace {

std::string limit(const std::optional<std::int64_t>& x) {
  return x ? std::to_string(*x) : "-";
}

std::string order(const store::queue_row& x) {
  return x.is_fair ? "fair" : x.ageing_ms ? "ageing " + std::to_string(*x.ageing_ms) + "ms" : "priority";
}

std::string remark(const store::queue_row& x) {
  std::string result = x.paused_at.empty() ? "" : paused_since(x.paused_at, x.paused_by, x.pause_reason);
  if (!x.command_limits.empty())
    result += (result.empty() ? "" : "; ") + ("limits of its commands: " + x.command_limits);
  return result;
}

void print_json(const std::vector<store::queue_row>& queues) {
  for (auto& x : queues) {
    nlohmann::ordered_json line{{"queue", x.name}, {"ready", x.ready}, {"in_progress", x.in_progress}, {"order", order(x)}};
    for (auto& [name, value] : {std::pair{"slots", x.slots}, {"slots_per_node", x.slots_per_node},
                                {"slots_per_key", x.slots_per_key}})
      if (value)
        line[name] = *value;
    if (!x.command_limits.empty())
      line["command_limits"] = nlohmann::ordered_json::parse(x.command_limits, nullptr, false);
    if (!x.paused_at.empty())
      line["paused"] = {{"at", x.paused_at}, {"by", x.paused_by}, {"reason", x.pause_reason}};
    std::cout << line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) << '\n';
  }
}

void print_rows(const std::vector<store::queue_row>& queues) {
  std::vector<std::vector<std::string>> table{
    {"QUEUE", "READY", "RUNNING", "SLOTS", "PER NODE", "PER KEY", "ORDER", ""}};
  for (auto& x : queues)
    table.push_back({x.name, std::to_string(x.ready), std::to_string(x.in_progress), limit(x.slots),
                     limit(x.slots_per_node), limit(x.slots_per_key), order(x), printable_line(remark(x))});
  print_table(std::cout, table);
}

int queues(const invocation& x, bool json) {
  return with_database(x, "swarm queues", [&](store::connection& db) -> caf::expected<void> {
    auto found = store::list_queues(db);
    if (!found)
      return std::move(found.error());
    json ? print_json(*found) : print_rows(*found);
    return caf::unit;
  });
}

/// Flags for what each program may use, as members of a payload's `limits`.
void add_command_limits(CLI::App& command, nlohmann::json& limits) {
  auto add = [&](const char* flag, const char* member, const char* sentence, auto read) {
    command.add_option_function<std::string>(flag, [&limits, member, read](const std::string& text) {
      auto value = read(text);
      if (!value)
        throw CLI::ValidationError(render(value.error()));
      limits[member] = *value;
    }, sentence);
  };
  auto milliseconds = [](const std::string& text) -> caf::expected<std::int64_t> {
    auto value = config::parse_duration(text);
    if (!value)
      return std::move(value.error());
    return value->count();
  };
  add("--cpu", "cpu_ms", "CPU time of each program of a command, e.g. 60s", milliseconds);
  add("--memory", "memory_bytes", "Address space of each program, e.g. 2GiB", config::parse_size);
  add("--core", "core_bytes", "Size of a core file; 0 for none", config::parse_size);
  for (auto [flag, member, sentence] : {std::tuple{"--files", "files", "Files that each program may have open"},
                                        {"--processes", "processes", "Processes that the node's user may have"}})
    add(flag, member, sentence, [](const std::string& text) -> caf::expected<std::int64_t> {
      std::int64_t value = 0;
      if (!CLI::detail::lexical_cast(text, value) || value < 0)
        return make_error(errc::invalid_input, "'" + text + "' isn't a whole number");
      return value;
    });
}

} // namespace

void add_queues(CLI::App& program, invocation&, action& chosen) {
  auto json = std::make_shared<bool>(false);
  auto* command = program.add_subcommand("queues", "List queues with their limits and what is in them");
  command->add_flag("--json", *json, "One JSON object per line");
  command->callback([json, &chosen] { chosen = [json](const invocation& x) { return queues(x, *json); }; });
}

void add_configure(CLI::App& program, invocation&, action& chosen) {
  auto settings = std::make_shared<store::queue_settings>();
  auto ageing = std::make_shared<std::string>();
  auto limits = std::make_shared<nlohmann::json>(nlohmann::json::object());
  auto* command = program.add_subcommand("configure", "Set the limits and the order of a queue; what isn't given isn't "
                                                      "limited");
  command->add_option("QUEUE", settings->queue, "Name of the queue")->required();
  auto limit = [&](const char* flag, std::int32_t& value, const char* sentence) {
    command->add_option(flag, value, sentence)->check(CLI::Range(1, 1'000'000));
  };
  limit("--slots", settings->slots, "Tickets that run at once, on all nodes together");
  limit("--slots-per-node", settings->slots_per_node, "Tickets that run at once on one node");
  limit("--slots-per-key", settings->slots_per_key, "Tickets of one group that run at once");
  auto* fair = command->add_flag("--fair", settings->is_fair, "Groups take turns");
  command->add_option("--ageing", *ageing, "So much waiting makes up for one step of priority, e.g. 10s")
    ->check([](const std::string& text) {
      auto value = config::parse_duration(text);
      return value ? std::string{} : render(value.error());
    })
    ->excludes(fair);
  add_command_limits(*command, *limits);
  command->callback([=, &chosen] {
    chosen = [=](const invocation& x) {
      if (!ageing->empty())
        settings->ageing = *config::parse_duration(*ageing);
      if (!limits->empty())
        settings->command_limits = limits->dump();
      return with_database(x, "swarm configure", [&](store::connection& db) -> caf::expected<void> {
        if (auto done = store::configure_queue(db, *settings); !done)
          return done;
        std::cout << "queue " << settings->queue << " is configured; swarm queues shows it\n";
        return store::notify(db, "ready");
      });
    };
  });
}

} // namespace swarm::cli
