#pragma once

#include "actors/sweeper.hpp"

namespace swarm {

/// The REAPER: returns tickets whose worker went silent. A worker that crashed, hung, or lost its network never reports
/// an outcome; without the reaper its ticket would be in progress for ever.
///
/// It also enforces the clocks that workers missed, and those of tickets that nobody works on. While its database is slow
/// it takes nothing away: those who hold tickets may be unable to prove that they live.
///
/// The decision is one SQL statement and the clock is the database's: two reapers cost a query and break nothing.
struct reaper {
  using actor = reaper_actor;
  using report = reclaim_report;
  static constexpr const char* name = "reaper";
  static constexpr const char* task = "reclaim stale tickets";

  caf::timespan interval{std::chrono::minutes{1}};
  caf::timespan stale_after{std::chrono::minutes{5}};
  std::int32_t batch = 1000;
  std::int32_t reclaims_max = 3;
  caf::timespan grace{std::chrono::seconds{30}};     ///< For workers to enforce their clocks themselves.
  caf::timespan slow_after{std::chrono::seconds{5}}; ///< A database that takes longer judges nobody.
  retry_rules rules = {};                            ///< For attempts whose clock ran out.
  std::vector<std::int64_t> dead_nodes = {}; ///< Predecessors of this node, whose tickets need no waiting.

  std::tuple<atom::reclaim, reclaim_request> question() const;
  sweep_verdict read(const reclaim_report&);

  bool paused = false;
};

} // namespace swarm
