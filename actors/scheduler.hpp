#pragma once

#include "actors/sweeper.hpp"

namespace swarm {

/// The SCHEDULER: makes tickets ready when their time has come, such as an attempt after its backoff, and submits what
/// schedules demand. The database's clock decides; any number of schedulers may run.
///
/// The answer says when the next one is due, so a ticket starts on time although nobody looks often.
struct scheduler {
  using actor = scheduler_actor;
  using report = promote_report;
  static constexpr const char* name = "scheduler";
  static constexpr const char* task = "promote due tickets";

  caf::timespan interval{std::chrono::seconds{2}};
  std::int32_t batch = 1000;

  std::tuple<atom::promote, std::int32_t> question() const { return {atom::promote_v, batch}; }

  sweep_verdict read(const promote_report& x) const {
    sweep_verdict result{x.promoted > 0, x.promoted == batch};
    if (x.next_due.count() >= 0 && x.next_due < interval)
      result.look_in = x.next_due;
    return result;
  }
};

} // namespace swarm
