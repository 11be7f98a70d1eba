#pragma once

#include "messages/reports.hpp"

#include <caf/fwd.hpp>
#include <caf/message.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace swarm {

class seat;

/// Whether a child that ended is started again.
enum class restart_rule : std::uint8_t {
  permanent, ///< Always.
  transient, ///< Only after an abnormal end: anything but "normal" and an ordered shutdown.
  temporary, ///< Never; its specification is forgotten with it.
};

/// How a child is stopped: killed at once, told to stop and killed after a time, or waited for as long as it takes.
struct brutal_kill {};
struct infinity {};
using shutdown_rule = std::variant<caf::timespan, brutal_kill, infinity>;

/// What a supervisor does about a handler that doesn't come back.
enum class stuck_rule : std::uint8_t {
  escalate, ///< Gives up, up to the root: a scheduled actor blocks a thread that all others need, and can't be stopped.
  restart,  ///< Goes on with a new life: a detached actor blocks only a thread of its own.
};

/// One start of a child: by whom, and the place that it takes.
struct birth {
  caf::scheduled_actor& parent;
  std::shared_ptr<seat> place;
};

/// A child as its supervisor knows it.
struct child_spec {
  std::string id;
  /// Starts one life. Called in the supervisor's context, before every life; binds stable addresses.
  std::function<caf::strong_actor_ptr(const birth&)> start;
  restart_rule restart = restart_rule::permanent;
  shutdown_rule shutdown = caf::timespan{std::chrono::seconds{5}};
  child_kind kind = child_kind::worker;
  bool significant = false; ///< Its own end may end the supervisor; see auto_shutdown. Never for permanent children.
  stuck_rule when_stuck = stuck_rule::escalate;
};

} // namespace swarm
