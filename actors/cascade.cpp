#include "actors/cascade.hpp"

namespace swarm {

std::tuple<atom::cascade, cascade_request> cascade::question() const {
  return {atom::cascade_v, {after, batch}};
}

sweep_verdict cascade::read(const cascade_report& x) {
  // One slice per interval: a million blocked tickets must not turn the check into a load. The last slice is short.
  after = x.checked == batch ? x.last : ticket_id{};
  if (x.repaired > 0)
    logger_for(name)->error("cascade repaired blocked tickets, which is a bug in their release: repaired={} "
                            "unblocked={}",
                            x.repaired, x.unblocked);
  return {x.unblocked > 0, false};
}

} // namespace swarm
