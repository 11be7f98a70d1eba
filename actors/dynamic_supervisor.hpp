#pragma once

#include "actors/dynamic_children.hpp"
#include "actors/promise.hpp"
#include "actors/restart_policy.hpp"
#include "messages/interfaces.hpp"

#include <deque>
#include <map>
#include <optional>
#include <random>
#include <vector>

namespace swarm {

/// How a dynamic supervisor makes and treats its children.
struct dynamic_supervisor_config {
  /// Starts one life of a child from the arguments that it was asked for with.
  std::function<caf::strong_actor_ptr(const birth&, caf::message& arguments)> start;
  restart_rule restart = restart_rule::temporary;
  shutdown_rule shutdown = caf::timespan{std::chrono::seconds{5}};
  restart_limits limits;
  std::shared_ptr<seat> place;
};

/// A DYNAMIC SUPERVISOR, OTP's `simple_one_for_one`: any number of children of one kind, started on request, in no order
/// and independent of each other. Start and removal cost the same however many there are. All are stopped at once.
class dynamic_supervisor {
public:
  using interface = dynamic_supervisor_actor::extend<caf::reacts_to<atom::tick>, caf::reacts_to<atom::overdue, std::uint64_t>>;
  static constexpr const char* name = "dynamic_supervisor";

  dynamic_supervisor(interface::pointer self, dynamic_supervisor_config config);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  using time_point = caf::actor_clock::time_point;

  struct note {
    caf::message arguments;
    bool starting = true;
    bool stopping = false;
    bool killed = false;
    unsigned failures = 0; ///< In a row, for the backoff.
    time_point started{};
    std::vector<promise<caf::strong_actor_ptr>> starters = {}; ///< Who asked for it, and waits.
    std::vector<promise<child_report>> stoppers = {};          ///< Who asked for its end, and waits.
  };
  using children = dynamic_children<note>;
  using child = children::child;

  /// A child between two lives.
  struct absent {
    std::shared_ptr<seat> place;
    swarm::dynamic_supervisor::note note;
  };

  caf::result<caf::strong_actor_ptr> start_child(const std::string& id, caf::message& arguments);
  caf::result<child_report> terminate_child(std::uint64_t life);
  std::vector<child_report> which_children() const;
  void start(std::shared_ptr<seat> place, note);
  void on_started(std::uint64_t life);
  void on_down(const caf::down_msg&);
  void restart(child, const caf::error& reason);
  void start_absent();
  void stop(child&, const caf::error& reason);
  void expect_end(std::uint64_t life, caf::timespan patience);
  void look_for_late_ends();
  void on_overdue(std::uint64_t life);
  void on_stuck(std::uint64_t life, const std::string& sentence);
  void leave_behind(std::uint64_t life, const caf::error& reason);
  void ended(child, const caf::error& reason);
  void shut_down(caf::error reason);
  child_report report(const child&) const;

  interface::pointer self_;
  dynamic_supervisor_config config_;
  children children_;
  std::multimap<time_point, absent> absent_; ///< By when they are due.
  /// When children that were told to stop should be gone, the earliest first. One timer serves them all: setting one
  /// per child costs more than its whole removal.
  std::deque<std::pair<time_point, std::uint64_t>> expected_ends_;
  std::optional<time_point> looks_at_; ///< For which a tick is on its way.
  restart_window window_;
  std::minstd_rand random_;
  bool closing_ = false;
  caf::error reason_;
};

} // namespace swarm
