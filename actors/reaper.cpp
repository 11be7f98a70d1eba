#include "actors/reaper.hpp"

namespace swarm {

std::tuple<atom::reclaim, reclaim_request> reaper::question() const {
  return {atom::reclaim_v, {stale_after, dead_nodes, batch, reclaims_max}};
}

sweep_verdict reaper::read(const reclaim_report& x) const {
  if (x.total() > 0)
    logger_for(name)->warn("reaper reclaimed stale tickets: reclaimed={} poisoned={} cancelled={}", x.reclaimed,
                           x.poisoned, x.cancelled);
  return {x.reclaimed > 0, x.total() == batch};
}

} // namespace swarm
