#include "runtime/introspection.hpp"

#include "messages/error.hpp"
#include "messages/interfaces.hpp"

#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include <ctime>
#include <unordered_map>

namespace swarm::runtime {

namespace {

using json = nlohmann::ordered_json;

std::int64_t ms(caf::timespan x) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(x).count();
}

std::string utc(caf::timestamp x) {
  auto seconds = std::chrono::time_point_cast<std::chrono::seconds>(x);
  auto clock = static_cast<std::time_t>(seconds.time_since_epoch().count());
  std::tm parts{};
  gmtime_r(&clock, &parts);
  char text[32] = "";
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

json as_json(const actor_report& x) {
  json result{{"path", x.path},         {"parent", x.parent},
              {"name", x.name},
              {"kind", to_string(x.kind)}, {"state", to_string(x.state)},
              {"actor", x.actor},       {"incarnation", x.incarnation},
              {"restarts", x.restarts}, {"handled", x.handled},
              {"mailbox", x.mailbox},   {"busy_ms", ms(x.busy_for)},
              {"handling", x.handling}};
  if (x.state == child_state::waiting)
    result["restart_in_ms"] = ms(x.restart_in);
  if (x.last_exit.incarnation > 0)
    result["last_exit"] = json{{"cause", x.last_exit.cause},
                               {"handling", x.last_exit.handling},
                               {"incarnation", x.last_exit.incarnation},
                               {"at", utc(x.last_exit.at)}};
  auto& facts = result["facts"] = json::object();
  for (auto& fact : x.facts)
    facts[fact.name] = fact.value;
  return result;
}

child_state parse_state(const std::string& word) {
  for (auto x : {child_state::starting, child_state::running, child_state::stopping, child_state::waiting,
                 child_state::stuck, child_state::abandoned})
    if (to_string(x) == word)
      return x;
  return child_state::down;
}

actor_report from_json(const json& x) {
  actor_report result;
  result.path = x.at("path");
  result.parent = x.at("parent");
  result.name = x.at("name");
  result.kind = x.at("kind") == to_string(child_kind::supervisor) ? child_kind::supervisor : child_kind::worker;
  result.state = parse_state(x.at("state"));
  result.actor = x.at("actor");
  result.incarnation = x.at("incarnation");
  result.restarts = x.at("restarts");
  result.handled = x.at("handled");
  result.mailbox = x.at("mailbox");
  result.busy_for = std::chrono::milliseconds{x.at("busy_ms").get<std::int64_t>()};
  result.handling = x.at("handling");
  result.restart_in = std::chrono::milliseconds{x.value("restart_in_ms", std::int64_t{0})};
  if (auto exit = x.find("last_exit"); exit != x.end()) {
    result.last_exit.cause = exit->at("cause");
    result.last_exit.handling = exit->at("handling");
    result.last_exit.incarnation = exit->at("incarnation");
  }
  for (auto& [name, value] : x.at("facts").items())
    result.facts.push_back({name, value.get<std::string>()});
  return result;
}

} // namespace

std::vector<actor_report> inspect_actors(caf::actor_system& system, const census& actors,
                                         std::chrono::milliseconds patience) {
  auto tree = actors.tree();
  std::vector<actor_report> result;
  std::unordered_map<std::uint64_t, std::size_t> by_life;
  caf::scoped_actor self{system};
  for (auto& [place, omitted] : tree) {
    auto report = place->report();
    if (omitted > 0)
      report.facts.push_back({"siblings_omitted", std::to_string(omitted)});
    auto life = place->life();
    // A busy actor would let us wait, and a stuck one for nothing.
    if (life && report.state == child_state::running && report.busy_for < patience) {
      by_life.emplace(report.actor, result.size());
      self->send(caf::actor_cast<status_actor>(life), atom::status_v);
    }
    result.push_back(std::move(report));
  }
  auto deadline = std::chrono::steady_clock::now() + patience;
  auto waiting = true;
  while (waiting && !by_life.empty())
    self->receive(
      [&](const actor_report& x) {
        if (auto i = by_life.find(x.actor); i != by_life.end()) {
          auto& facts = result[i->second].facts;
          facts.insert(facts.end(), x.facts.begin(), x.facts.end());
          by_life.erase(i);
        }
      },
      caf::after(std::max(deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds{0})) >> [&] {
        waiting = false;
      });
  return result;
}

std::string to_json(const std::vector<actor_report>& reports) {
  auto actors = json::array();
  for (auto& x : reports)
    actors.push_back(as_json(x));
  return json{{"actors", std::move(actors)}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

caf::expected<std::vector<actor_report>> parse_reports(const std::string& text) {
  std::vector<actor_report> result;
  try {
    auto document = json::parse(text);
    for (auto& x : document.at("actors"))
      result.push_back(from_json(x));
  } catch (const json::exception& x) {
    return make_error(errc::io_failed, std::string{"the node's answer can't be read: "} + x.what());
  }
  return result;
}

} // namespace swarm::runtime
