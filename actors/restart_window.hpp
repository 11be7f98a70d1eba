#pragma once

#include <caf/actor_clock.hpp>
#include <caf/timespan.hpp>

#include <deque>

namespace swarm {

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

} // namespace swarm
