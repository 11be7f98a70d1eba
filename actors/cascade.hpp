#pragma once

#include "actors/logging.hpp"
#include "actors/promise.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <vector>

namespace swarm {

struct cascade_config {
  caf::timespan interval{std::chrono::minutes{1}};      ///< Between two slices of the check.
  caf::timespan work_interval{std::chrono::seconds{5}}; ///< Between two looks at the work list that nobody asked for.
  std::int32_t batch = 1000;                            ///< Tickets per slice.
  caf::timespan store_patience{std::chrono::seconds{90}}; ///< For an answer that a stuck store will never give.
};

/// The CASCADE. A ticket's end releases its dependents in its own transaction when they are few. The rest is on a durable
/// list, and this actor takes it down slice by slice: many dependents, and those of tickets that failed.
///
/// It is also the net under all of that: slice by slice it re-derives the counters of blocked tickets from their edges,
/// and repairs what differs. That should never find anything; a ticket that a bug has stranded waits for a minute and
/// not for ever, and the repair is an event and an error that names the bug.
///
/// Any number of cascades may run: what is done is noted with the doing, in one transaction.
class cascade {
public:
  using interface = cascade_actor::extend<caf::reacts_to<atom::tick>, caf::reacts_to<atom::flush>>;
  static constexpr const char* name = "cascade";

  cascade(interface::pointer self, cascade_config config, store_actor store, std::vector<dispatcher_actor> dispatchers);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  void propagate();
  void on_propagated(const propagate_report&);
  void check(const std::function<void(const caf::expected<cascade_report>&)>& done);
  void on_checked(const cascade_report&);
  void wake_dispatchers(std::int32_t unblocked);

  interface::pointer self_;
  cascade_config config_;
  store_actor store_;
  std::vector<dispatcher_actor> dispatchers_;
  bool propagating_ = false; ///< There is never more than one question of that kind.
  bool woken_ = false;       ///< A wake came meanwhile.
  std::uint64_t dependents_ = 0; ///< That were brought the end of a parent, in this life.
  std::uint64_t repaired_ = 0;   ///< In this life.
  ticket_id after_;          ///< Where the next slice of the check starts.
  outage_log outage_;
};

} // namespace swarm
