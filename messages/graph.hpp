#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace swarm {

/// What becomes of a ticket when one that it needs fails or is cancelled.
enum class edge_policy : std::uint8_t {
  block,  ///< It waits, until that one is retried and completes.
  cancel, ///< It is cancelled.
  ignore, ///< It goes on without it.
};

std::string to_string(edge_policy);

/// A ticket as it is submitted, before the database gave it a number.
struct new_ticket {
  std::string key;             ///< Unique in its graph, e.g. "build"; empty outside graphs.
  std::string queue = "default";
  std::string kind;            ///< The executor's name, e.g. "command".
  std::int16_t priority = 100; ///< 0 to 1000, lower first.
  std::int16_t attempts_max = 3;
  caf::timespan timeout{0};    ///< Wall clock of one attempt, checks included; 0 means no limit, as for all of these.
  caf::timespan queue_timeout{0};    ///< Of a wait in `ready`: then it fails.
  caf::timespan start_timeout{0};    ///< From the claim to the first sign of work.
  caf::timespan progress_timeout{0}; ///< Between two signs of progress.
  caf::timespan deadline{0};         ///< Of the whole ticket, from its submission.
  std::string group_key; ///< Whose ticket it is, for fair queues and slots per key; may be empty.
  std::string unique_key; ///< Of one ticket at a time, among all that aren't final; may be empty.
  std::string payload = "{}";  ///< JSON object, the executor's arguments; see messages/payload.hpp.
  std::vector<std::uint32_t> needs; ///< Positions in `new_graph::tickets` that must complete first.
  edge_policy on_failure = edge_policy::block; ///< What it does when one of them doesn't.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, new_ticket& x) {
    return f(caf::meta::type_name("new_ticket"), x.key, x.queue, x.kind, x.priority, x.attempts_max, x.timeout,
             x.payload, x.queue_timeout, x.start_timeout, x.progress_timeout, x.deadline, x.group_key,
             x.unique_key, x.needs, x.on_failure);
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
