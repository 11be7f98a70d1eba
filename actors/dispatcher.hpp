#pragma once

#include "actors/logging.hpp"
#include "messages/interfaces.hpp"

#include <string>

namespace swarm {

struct dispatcher_config {
  std::string queue;
  node_id node;
  std::int32_t slots = 4;       ///< Tickets of this queue that run here at once.
  std::int32_t claim_batch = 100;
  caf::timespan poll_interval{std::chrono::seconds{1}};
  caf::timespan store_patience{std::chrono::seconds{90}}; ///< For an answer that a stuck store will never give.
};

/// The DISPATCHER of one queue: claims tickets for free slots.
///
/// It counts nothing itself: before each claim it asks the ticket workers how many live, so that it can't claim above
/// its limit, whatever it or they went through. Polling is the truth; wakes only make it fast.
class dispatcher {
public:
  using interface = dispatcher_actor::extend<caf::reacts_to<atom::tick>>;
  static constexpr const char* name = "dispatcher";

  dispatcher(interface::pointer self, dispatcher_config config, store_actor store, ticket_workers_actor workers);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  void look();
  void claim(std::int32_t limit);
  void on_claimed(std::vector<claimed_ticket>& tickets, std::int32_t limit);
  void finish_look(bool look_again);

  interface::pointer self_;
  dispatcher_config config_;
  store_actor store_;
  ticket_workers_actor workers_;
  bool closing_ = false;
  bool looking_ = false; ///< A look is under way; there is never more than one.
  std::uint64_t claimed_ = 0; ///< Tickets of this life.
  bool woken_ = false;   ///< A wake came meanwhile.
  outage_log outage_;
};

} // namespace swarm
