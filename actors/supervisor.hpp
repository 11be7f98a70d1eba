#pragma once

#include "actors/census.hpp"
#include "actors/promise.hpp"
#include "actors/restart_policy.hpp"
#include "messages/interfaces.hpp"

#include <list>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace swarm {

/// Who is restarted with a child that ended. The fourth of OTP's strategies is an actor of its own: dynamic_supervisor.
enum class strategy : std::uint8_t {
  one_for_one,  ///< Nobody else.
  one_for_all,  ///< All its siblings.
  rest_for_one, ///< The siblings that were started after it.
};

/// Whether the own end of significant children ends their supervisor.
enum class auto_shutdown : std::uint8_t {
  never,
  any_significant, ///< When one of them has ended by itself and isn't restarted.
  all_significant, ///< When the last of them has.
};

/// How a supervisor treats its children.
struct supervisor_config {
  strategy rule = strategy::one_for_one;
  auto_shutdown ends = auto_shutdown::never;
  restart_limits limits;
  std::shared_ptr<seat> place; ///< Its own; a supervisor without one is the root of a tree, and makes its own.
};

/// A SUPERVISOR as in Erlang/OTP: starts its children in order, restarts those that end within rules, stops them in
/// reverse order. Knows nothing of tickets.
///
/// Written as a reconciliation: each child has a desired state (wanted, to be recycled) and an actual one (its life,
/// starting, stopping). Every event (an exit, a timer, an order) edits these and calls `reconcile`, which takes the next
/// step. So events may come at any moment and in any order: there is no state machine per strategy to get wrong.
///
/// A child counts as started when it has answered `started`, or `which_children` if it is a supervisor, which answers
/// when its own children have started. So a failure in a constructor is a failed start, and the next child finds the
/// earlier ones at work. Children are monitored, not linked: a kill passes through links even when exits are
/// trapped. They die with their supervisor because its destructor, which also runs when it is killed, kills them.
///
/// Where it departs from OTP: restarts of one child back off, and a stuck child has a rule of its own.
class supervisor {
public:
  // Timers are private: the public handle doesn't list them.
  using interface = supervisor_actor::extend<caf::reacts_to<atom::tick>,
                                             caf::reacts_to<atom::overdue, std::uint64_t>>;
  static constexpr const char* name = "supervisor";

  /// @throws broken_invariant for specifications that contradict each other; see `refuse`.
  supervisor(interface::pointer self, supervisor_config config, std::vector<child_spec> children);
  ~supervisor();

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  using time_point = caf::actor_clock::time_point;

  struct child {
    child_spec spec;
    std::shared_ptr<seat> place;
    caf::strong_actor_ptr life = nullptr; ///< Null while down.
    bool wanted = true;
    bool forgotten = false; ///< Its specification goes when it has ended.
    bool recycle = false;   ///< Must stop before the next start.
    bool starting = false;
    bool stopping = false;
    bool killed = false;
    unsigned failures = 0;  ///< In a row, for the backoff.
    time_point started{};
    time_point not_before{};
    time_point tick_at{};   ///< For which a tick is on its way.
    std::vector<promise<caf::strong_actor_ptr>> starters = {}; ///< Who asked to start it, and waits.
    std::vector<promise<child_report>> stoppers = {};          ///< Who asked to stop it, and waits.
  };
  using position = std::list<child>::iterator;

  caf::result<caf::strong_actor_ptr> start_child(child_spec&);
  caf::result<caf::strong_actor_ptr> restart_child(const std::string& id);
  caf::result<child_report> terminate_child(const std::string& id);
  caf::result<child_report> delete_child(const std::string& id);
  caf::result<std::vector<child_report>> which_children();
  std::vector<child_report> report() const;
  child_counts count_children() const;

  std::string refuse(const child_spec&) const;
  void add(child_spec);
  void reconcile();
  bool stop_next();
  void stop(child&);
  void start_ready();
  void start(child&);
  void await_start(const child&);
  void on_started(std::uint64_t life);
  void on_down(const caf::down_msg&);
  void ended(position, const caf::error& reason);
  void ended_by_itself(child&, const caf::error& reason);
  void start_failed(child&, const caf::error& reason);
  void restart(child&, const caf::error& reason);
  void on_overdue(std::uint64_t life);
  void on_stuck(std::uint64_t life, const std::string& sentence);
  void leave_behind(position, const caf::error& reason);
  void shut_down(caf::error reason);
  bool is_significant_end(const child&) const;
  child_report report(const child&) const;
  position find(const std::string& id);
  position find(std::uint64_t life);

  interface::pointer self_;
  supervisor_config config_;
  std::list<child> children_; ///< In start order; a list, because places in it must stay valid.
  restart_window window_;
  std::minstd_rand random_;
  bool rising_ = true; ///< Not all children have started for the first time: a failure now is a failed start.
  std::vector<promise<std::vector<child_report>>> spectators_; ///< Who asked for the children, and waits for their start.
  bool closing_ = false;
  caf::error reason_;
};

/// A child that is itself a supervisor. It stops its own children however long that takes.
child_spec subtree(std::string id, supervisor_config config, std::vector<child_spec> children);

} // namespace swarm
