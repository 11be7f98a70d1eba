#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace swarm {

/// A ticket as it is submitted, before the database gave it a number.
struct new_ticket {
  std::string key;             ///< Unique in its graph, e.g. "build"; empty outside graphs.
  std::string queue = "default";
  std::string kind;            ///< The executor's name, e.g. "command".
  std::int16_t priority = 100; ///< 0 to 1000, lower first.
  std::int16_t attempts_max = 3;
  caf::timespan timeout{0};    ///< Wall clock of one attempt, checks included; 0 means no limit.
  std::string payload = "{}";  ///< JSON object, the executor's arguments; see messages/payload.hpp.
  std::vector<std::uint32_t> needs; ///< Positions in `new_graph::tickets` that must complete first.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, new_ticket& x) {
    return f(caf::meta::type_name("new_ticket"), x.key, x.queue, x.kind, x.priority, x.attempts_max, x.timeout,
             x.payload, x.needs);
  }
};

/// Tickets that are submitted together, with their dependencies, or not at all.
struct new_graph {
  std::string name;
  std::vector<new_ticket> tickets;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, new_graph& x) {
    return f(caf::meta::type_name("new_graph"), x.name, x.tickets);
  }
};

} // namespace swarm
