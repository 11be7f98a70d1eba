#pragma once

#include <caf/actor_control_block.hpp>
#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>
#include <caf/timestamp.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace swarm {

/// What a child is. A supervisor counts as started when it has started its own children.
enum class child_kind : std::uint8_t { worker, supervisor };

std::string to_string(child_kind);

/// What a child is doing, as its supervisor sees it.
enum class child_state : std::uint8_t {
  down,      ///< Not started yet, or ended and not to be restarted.
  starting,  ///< Its first steps aren't done: constructor, `make_behavior`, a supervisor's own children.
  running,
  stopping,  ///< Told to stop.
  waiting,   ///< Ended; is restarted when its backoff is over.
  stuck,     ///< One handler has been running for longer than `supervisor.stuck_after`.
  abandoned, ///< Could not be stopped; its thread may still be at work.
};

std::string to_string(child_state);

/// How one life of an actor ended.
struct exit_report {
  std::string cause;           ///< A sentence; "normal" when there was nothing wrong.
  std::string handling;        ///< The verb of the message it was handling; empty when it wasn't.
  std::uint32_t incarnation = 0;
  caf::timestamp at{};

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, exit_report& x) {
    return f(caf::meta::type_name("exit_report"), x.cause, x.handling, x.incarnation, x.at);
  }
};

/// Something an actor says about itself, e.g. {"running", "3"}.
struct actor_fact {
  std::string name;
  std::string value;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, actor_fact& x) {
    return f(caf::meta::type_name("actor_fact"), x.name, x.value);
  }
};

/// What is known of an actor at a moment. All but `facts` is known without asking it, so also while it is stuck or down.
struct actor_report {
  std::string path; ///< Its place in the tree, e.g. "root/work/dispatcher/default".
  std::string parent; ///< The path of its supervisor; empty for the root.
  std::string name; ///< Of its class, e.g. "dispatcher".
  child_kind kind = child_kind::worker;
  child_state state = child_state::down;
  std::uint64_t actor = 0;           ///< Number of the present life; 0 while there is none.
  std::uint32_t incarnation = 0;     ///< Lives so far, the present one included.
  std::uint32_t restarts = 0;        ///< Lives that followed an exit nobody had asked for.
  std::uint64_t handled = 0;         ///< Messages of this life.
  std::uint64_t mailbox = 0;         ///< Messages that wait.
  caf::timespan busy_for{0};         ///< How long it has been at work without a pause; 0 while idle.
  std::string handling;              ///< The verb of the message in hand; empty while idle.
  exit_report last_exit;             ///< Of the life before; `incarnation` 0 while there was none.
  caf::timespan restart_in{0};       ///< While waiting.
  std::vector<actor_fact> facts;     ///< Its own.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, actor_report& x) {
    return f(caf::meta::type_name("actor_report"), x.path, x.parent, x.name, x.kind, x.state, x.actor, x.incarnation, x.restarts,
             x.handled, x.mailbox, x.busy_for, x.handling, x.last_exit, x.restart_in, x.facts);
  }
};

/// A child as its supervisor lists it.
struct child_report {
  std::string id;
  caf::strong_actor_ptr life; ///< Null while it is down.
  actor_report report;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, child_report& x) {
    return f(caf::meta::type_name("child_report"), x.id, x.life, x.report);
  }
};

/// How many children a supervisor has.
struct child_counts {
  std::uint64_t specs = 0;       ///< Specifications; 1 for a dynamic supervisor.
  std::uint64_t active = 0;      ///< Children that live.
  std::uint64_t supervisors = 0; ///< Of all, living or not.
  std::uint64_t workers = 0;     ///< Of all, living or not.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, child_counts& x) {
    return f(caf::meta::type_name("child_counts"), x.specs, x.active, x.supervisors, x.workers);
  }
};

} // namespace swarm
