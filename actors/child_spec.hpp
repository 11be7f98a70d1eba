#pragma once

#include "runtime/backoff.hpp"

#include <caf/all.hpp>

#include <chrono>
#include <functional>
#include <string>

namespace swarm {

/// Whether a child that ended is started again.
enum class restart_rule : std::uint8_t {
  permanent, ///< Always.
  transient, ///< Unless it ended normally.
  temporary, ///< Never.
};

/// Who is restarted with a child that ended.
enum class strategy : std::uint8_t {
  one_for_one,  ///< Nobody else.
  one_for_all,  ///< All its siblings.
  rest_for_one, ///< The siblings that were started after it.
};

/// What a child is. A supervisor counts as started when it has started its own children.
enum class child_kind : std::uint8_t { worker, supervisor };

/// A child as its supervisor knows it.
struct child_spec {
  std::string id;
  /// Starts one life of the child. Called in the supervisor's context, before every life; binds stable addresses.
  std::function<caf::strong_actor_ptr(caf::scheduled_actor& supervisor)> start;
  restart_rule restart = restart_rule::permanent;
  caf::timespan shutdown{std::chrono::seconds{5}}; ///< How long it may take to stop before it is killed.
  child_kind kind = child_kind::worker;
};

/// How a supervisor treats its children.
struct supervisor_config {
  std::string name; ///< For the log, e.g. "root/work".
  strategy rule = strategy::one_for_one;
  unsigned restarts_max = 5; ///< More restarts than this within `period` end the supervisor, with the cause.
  caf::timespan period{std::chrono::seconds{30}};
  backoff_rule backoff;
  caf::timespan quiet_after{std::chrono::seconds{60}}; ///< A life of this length makes a child's failures forgotten.
};

} // namespace swarm
