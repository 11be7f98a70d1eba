#pragma once

#include "actors/census.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <map>

namespace swarm {

struct watchdog_config {
  caf::timespan stuck_after{std::chrono::seconds{60}}; ///< A handler that runs longer than this doesn't come back.
  std::shared_ptr<census> actors;
  /// Told each time that it sees the scheduler at work: a process whose threads are all blocked falls silent.
  std::function<void()> alive = [] {};
  /// The last resort, for a stuck actor that nobody has dealt with: ends the process in an orderly way where it can.
  std::function<void(const caf::error&)> give_up = [](const caf::error&) {};
};

/// The WATCHDOG: finds handlers that block or loop. Such an actor answers nothing and can't be killed; without the
/// watchdog the node would limp on in silence, one thread short, and when all threads are gone, stand still.
///
/// It reads the vitals of all actors, so it sends nothing to them and needs no answer, and it must be spawned detached,
/// so that it runs when the scheduler's threads are all blocked. What it finds goes to the supervisor, which restarts a
/// detached actor and gives up over a scheduled one. When that doesn't happen either, it calls `give_up`.
class watchdog {
public:
  using interface = watchdog_actor::extend<caf::reacts_to<atom::tick>>;
  static constexpr const char* name = "watchdog";

  /// @param echo any scheduled actor, asked for its `status` to see whether the scheduler lives.
  watchdog(interface::pointer self, watchdog_config config, status_actor echo);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  using time_point = caf::actor_clock::time_point;

  /// A life that was busy when it was last looked at.
  struct suspect {
    std::uint64_t handled = 0; ///< Unchanged since `since`: it is the same message all the time.
    time_point since{};
    unsigned reports = 0;
    std::uint64_t seen = 0; ///< The sweep that saw it last.
  };

  void sweep();
  void look_at(const std::shared_ptr<seat>&);
  void report(const seat&, const vitals&, suspect&, caf::timespan since);
  void listen_for_echo();

  interface::pointer self_;
  watchdog_config config_;
  status_actor echo_;
  std::map<const vitals*, suspect> suspects_;
  std::uint64_t sweeps_ = 0;
  std::uint64_t found_ = 0;
  bool echo_is_due_ = false;
};

} // namespace swarm
