#pragma once

#include "actors/sweeper.hpp"

namespace swarm {

/// The PRUNER: removes tickets that ended long ago, and the days of the event log that only they needed. It also makes
/// the log's partitions for the days to come. Without it the database grows for ever.
struct pruner {
  using actor = pruner_actor;
  using report = prune_report;
  static constexpr const char* name = "pruner";
  static constexpr const char* task = "prune history";

  caf::timespan interval{std::chrono::hours{1}};
  caf::timespan keep{std::chrono::hours{24 * 30}};
  std::int32_t batch = 1000;

  std::tuple<atom::prune, prune_request> question() const { return {atom::prune_v, {keep, batch}}; }

  sweep_verdict read(const prune_report& x) const {
    if (x.tickets > 0 || x.partitions > 0)
      logger_for(name)->info("pruner removed old history: tickets={} days={}", x.tickets, x.partitions);
    return {false, x.tickets == batch};
  }
};

} // namespace swarm
