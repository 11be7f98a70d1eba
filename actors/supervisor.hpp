#pragma once

#include "actors/child_spec.hpp"
#include "actors/restart_window.hpp"
#include "messages/interfaces.hpp"

#include <random>
#include <vector>

namespace swarm {

/// Keeps a list of children alive. Knows nothing of tickets.
///
/// Written as a reconciliation: each child has a desired state (wanted, to be recycled) and an actual one (its actor,
/// stopping). Every event (an exit, a timer, the order to shut down) edits these and calls `reconcile`, which takes the
/// next step. So events may come at any moment and in any order: there is no state machine per strategy to get wrong.
///
/// Children are monitored, not linked: a kill passes through links even when exits are trapped. They die with their
/// supervisor because its destructor, which also runs when it is killed, kills them.
class supervisor {
public:
  // Timers are private: the public handle doesn't list them.
  using interface = supervisor_actor::extend<caf::reacts_to<atom::tick>,
                                             caf::reacts_to<atom::overdue, std::string, std::uint64_t>>;
  static constexpr const char* name = "supervisor";

  supervisor(interface::pointer self, supervisor_config config, std::vector<child_spec> children);
  ~supervisor();

  interface::behavior_type make_behavior();

private:
  using time_point = caf::actor_clock::time_point;

  struct child {
    child_spec spec;
    caf::strong_actor_ptr actor = nullptr; ///< Null while down.
    bool wanted = true;
    bool recycle = false;  ///< Must stop before the next start.
    bool starting = false; ///< A supervisor whose own children aren't all started yet.
    bool stopping = false;
    bool killed = false;   ///< Didn't stop in time.
    unsigned failures = 0; ///< In a row, for the backoff.
    std::uint32_t incarnation = 0;
    time_point started{};
    time_point not_before{};
    std::string last_exit{};
  };

  void reconcile();
  bool stop_next();
  void start_ready();
  void start(child&);
  void await_start(child&);
  void stop(child&);
  void on_down(const caf::down_msg&);
  void on_unexpected_exit(std::size_t position, const caf::error& reason);
  void on_overdue(const std::string& id, std::uint64_t actor);
  void shut_down(caf::error reason);
  std::vector<child_report> report() const;

  interface::pointer self_;
  supervisor_config config_;
  std::vector<child> children_;
  restart_window window_;
  std::minstd_rand random_;
  bool closing_ = false;
  caf::error reason_;
};

/// A child that is itself a supervisor. It gets a minute to stop its own children.
child_spec subtree(std::string id, supervisor_config config, std::vector<child_spec> children);

} // namespace swarm
