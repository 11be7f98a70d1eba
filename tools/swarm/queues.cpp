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
  return x.paused_at.empty() ? "" : paused_since(x.paused_at, x.paused_by, x.pause_reason);
}

void print_json(const std::vector<store::queue_row>& queues) {
  for (auto& x : queues) {
    nlohmann::ordered_json line{{"queue", x.name}, {"ready", x.ready}, {"in_progress", x.in_progress}, {"order", order(x)}};
    for (auto& [name, value] : {std::pair{"slots", x.slots}, {"slots_per_node", x.slots_per_node},
                                {"slots_per_key", x.slots_per_key}})
      if (value)
        line[name] = *value;
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
  command->callback([=, &chosen] {
    chosen = [=](const invocation& x) {
      if (!ageing->empty())
        settings->ageing = *config::parse_duration(*ageing);
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
