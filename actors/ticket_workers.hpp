#pragma once

#include "actors/dynamic_children.hpp"
#include "actors/ticket_worker.hpp"
#include "messages/interfaces.hpp"

#include <map>
#include <memory>
#include <string>

namespace swarm {

struct ticket_workers_config {
  caf::timespan drain_timeout{std::chrono::seconds{30}}; ///< For running tickets at shutdown; then they are handed back.
  std::shared_ptr<seat> place;                           ///< Its own in the tree; its workers sit below it.
};

/// The TICKET WORKERS: parent of one worker per claimed ticket, and the ledger of what runs on this node. Dispatchers
/// ask it how much is free, the heartbeat asks it for whom to beat, so there is no second ledger that could differ.
///
/// A worker that crashes is not restarted: its attempt is settled as `transient`, and the ticket runs again under a new
/// claim. At shutdown it waits for its workers, then hands their tickets back.
class ticket_workers {
public:
  using interface = ticket_workers_actor::extend<caf::reacts_to<atom::tick>>;
  static constexpr const char* name = "ticket_workers";

  ticket_workers(interface::pointer self, ticket_workers_config config, std::shared_ptr<const worker_context> context,
                 std::map<std::string, dispatcher_actor> dispatchers);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  struct running {
    claim_ref claim;
    std::string queue;
    bool lost = false; ///< The lease is gone; no beat for it any more.
    std::int64_t progress = 0; ///< As its worker last said.
  };

  void start(claimed_ticket&);
  void stop(const claim_ref&, stop_cause);
  void on_down(const caf::down_msg&);
  void drain();
  void hand_back();
  void settle_for(const claim_ref&, outcome_class, std::string evidence);

  interface::pointer self_;
  ticket_workers_config config_;
  std::shared_ptr<const worker_context> context_;
  std::map<std::string, dispatcher_actor> dispatchers_;
  dynamic_children<running> workers_;
  std::map<std::string, std::int32_t> counts_; ///< Living workers by queue.
  std::uint64_t lost_ = 0; ///< Claims that were lost while their work ran, in this life.
  bool draining_ = false;
  bool is_hurried_ = false; ///< Nothing is waited for at the end.
};

} // namespace swarm
