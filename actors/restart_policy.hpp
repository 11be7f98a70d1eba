#pragma once

#include "messages/child_spec.hpp"
#include "messages/error.hpp"
#include "runtime/backoff.hpp"

#include <caf/actor_clock.hpp>
#include <caf/timespan.hpp>

#include <deque>
#include <string>

namespace swarm {

/// Anything but a normal end and an ordered shutdown, as in OTP.
bool is_abnormal(const caf::error& reason);

/// Whether a child that ended by itself is to be started again.
bool is_restarted(restart_rule, const caf::error& reason);

/// Counts restarts within a sliding window: so many are accepted, the next one is too much.
class restart_window {
public:
  restart_window(unsigned restarts_max, caf::timespan period) : max_(restarts_max), period_(period) {}

  /// Records a restart. @returns false when it is one more than the window allows.
  bool admits(caf::actor_clock::time_point now) {
    while (!times_.empty() && now - times_.front() > period_)
      times_.pop_front();
    times_.push_back(now);
    return times_.size() <= max_;
  }

private:
  unsigned max_;
  caf::timespan period_;
  std::deque<caf::actor_clock::time_point> times_;
};

/// How often and how fast a supervisor restarts.
struct restart_limits {
  unsigned restarts_max = 5; ///< More restarts than this within `period` end the supervisor, with the cause.
  caf::timespan period{std::chrono::seconds{30}};
  backoff_rule backoff;      ///< Between restarts of one child; the first comes at once.
  caf::timespan quiet_after{std::chrono::seconds{60}}; ///< A life of this length makes a child's failures forgotten.
};

/// How long a child may take to stop when nobody has time for it: its supervisor starts anew or gives up.
constexpr std::chrono::seconds hurried_shutdown{1};

/// "root gave up: more than 5 restarts within 30s, the last of 'work': <cause>"
caf::error gave_up(const std::string& supervisor, const restart_limits&, const std::string& child,
                   const std::string& cause);

/// Why an actor ended, as people read it.
std::string describe_exit(const caf::error& reason);

/// Jumps the mailbox: an ordinary exit message waits behind everything that is queued.
void kill(const caf::strong_actor_ptr&);

} // namespace swarm
