#include "actors/reaper.hpp"

namespace swarm {

std::tuple<atom::reclaim, reclaim_request> reaper::question() const {
  // Well above the pause between two sweeps, and well below what makes a lease stale.
  auto gap_after = std::max<caf::timespan>(stale_after / 2, 3 * interval);
  return {atom::reclaim_v, {stale_after, dead_nodes, batch, reclaims_max, gap_after, grace, rules, slow_after}};
}

sweep_verdict reaper::read(const reclaim_report& x) {
  auto was_paused = std::exchange(paused, x.paused);
  if (paused && !was_paused)
    logger_for(name)->warn("reaper pauses, because the database is slow: limit={}", duration_text(slow_after));
  else if (was_paused && !paused)
    logger_for(name)->info("reaper goes on, the database answers in time again");
  if (x.timed_out > 0)
    logger_for(name)->warn("reaper ended attempts whose clock ran out: attempts={}", x.timed_out);
  if (x.expired > 0)
    logger_for(name)->warn("tickets failed because they waited too long: tickets={}", x.expired);
  if (x.total() > 0)
    logger_for(name)->warn("reaper reclaimed stale tickets: reclaimed={} poisoned={} cancelled={}", x.reclaimed,
                           x.poisoned, x.cancelled);
  return {x.reclaimed > 0, x.total() == batch || x.timed_out == batch || x.expired >= batch};
}

} // namespace swarm
