#pragma once

#include "actors/sweeper.hpp"

namespace swarm {

/// The CASCADE: the net under the release of dependents. Dependents are released in the transaction that completes
/// their parent (unblock.sql), so this actor should never find anything to do. It looks all the same: slice by slice it
/// re-derives the counters of blocked tickets from their edges, and repairs what differs. A ticket that a bug has
/// stranded waits for a minute and not for ever, and the repair is an event and an error that names the bug.
struct cascade {
  using actor = cascade_actor;
  using report = cascade_report;
  static constexpr const char* name = "cascade";
  static constexpr const char* task = "check blocked tickets";

  caf::timespan interval{std::chrono::minutes{1}};
  std::int32_t batch = 1000;
  ticket_id after{}; ///< Where the next slice starts.

  std::tuple<atom::cascade, cascade_request> question() const;
  sweep_verdict read(const cascade_report&);
};

} // namespace swarm
