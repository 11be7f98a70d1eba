#pragma once

#include "actors/sweeper.hpp"

namespace swarm {

/// The SCHEDULER: makes tickets ready when their time has come, such as an attempt after its backoff. The database's
/// clock decides; any number of schedulers may run.
struct scheduler {
  using actor = scheduler_actor;
  using report = std::int32_t;
  static constexpr const char* name = "scheduler";
  static constexpr const char* task = "promote due tickets";

  caf::timespan interval{std::chrono::seconds{1}};
  std::int32_t batch = 1000;

  std::tuple<atom::promote, std::int32_t> question() const { return {atom::promote_v, batch}; }
  sweep_verdict read(std::int32_t promoted) const { return {promoted > 0, promoted == batch}; }
};

} // namespace swarm
