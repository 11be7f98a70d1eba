#pragma once

#include "actors/logging.hpp"
#include "messages/interfaces.hpp"

#include <memory>
#include <optional>

namespace swarm {

struct heartbeat_config {
  node_id node;
  caf::timespan interval{std::chrono::seconds{30}};
  caf::timespan stale_after{std::chrono::minutes{5}};
  caf::timespan store_patience{std::chrono::seconds{90}}; ///< For an answer that a stuck store will never give.
  /// When the newest beat that got through was sent. Shared by all lives: one that began its own count would let the
  /// work run on when the leases are long gone.
  std::shared_ptr<std::optional<caf::actor_clock::time_point>> last_success
    = std::make_shared<std::optional<caf::actor_clock::time_point>>();
};

/// The HEARTBEAT: one statement for all leases of this node, every 30 s by default. Without it every ticket that runs
/// for longer than five minutes would be taken for dead and given to somebody else.
///
/// It holds no list of its own: whom to beat for is asked of the ticket workers each time. From the same answer it
/// learns which leases are gone, which are to be cancelled, and which the node holds without a worker: those it hands
/// back. A node that can't beat fences itself, by its own monotonic clock: at half the lease it takes no more work, and
/// before the lease can run out it stops the work that it has.
class heartbeat {
public:
  using interface = heartbeat_actor::extend<caf::reacts_to<atom::tick>, caf::reacts_to<atom::overdue>>;
  static constexpr const char* name = "heartbeat";

  heartbeat(interface::pointer self, heartbeat_config config, store_actor store, ticket_workers_actor workers,
            completer_actor completer, std::vector<dispatcher_actor> dispatchers);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  using time_point = caf::actor_clock::time_point;

  void beat();
  void beat_for(const held_claims&);
  void on_answer(const std::vector<claim_ref>& claims, const std::vector<held_lease>& held, time_point sent);
  void look_after(std::vector<claim_ref> orphans);
  void hand_back(const claim_ref& orphan);
  void on_failure(const caf::error&);
  void finish();
  void watch();
  void hold(bool on);
  void fence();

  interface::pointer self_;
  heartbeat_config config_;
  store_actor store_;
  ticket_workers_actor workers_;
  completer_actor completer_;
  std::vector<dispatcher_actor> dispatchers_;
  std::size_t leases_ = 0;  ///< That the newest beat was for.
  bool beating_ = false;
  bool holding_ = true;     ///< Dispatchers may be on hold; also true when a life begins, as an earlier one may have said so.
  bool again_ = false;      ///< A wake came while a beat was under way.
  outage_log outage_;
};

/// "interval=30000ms, stale=5min"
std::string describe(const heartbeat_config&);

} // namespace swarm
