#pragma once

#include "actors/logging.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace swarm {

struct dispatcher_config {
  std::string queue;
  node_id node;
  std::int32_t slots = 4;       ///< Tickets of this queue that run here at once.
  std::int32_t claim_batch = 100;
  caf::timespan poll_interval{std::chrono::seconds{1}};
  caf::timespan store_patience{std::chrono::seconds{90}}; ///< For an answer that a stuck store will never give.
  caf::timespan idle_poll_interval{std::chrono::seconds{5}}; ///< Instead, after a minute in which nothing came.
  /// Short hashes of those that this node works with, asked with each claim: a new one needs no restart.
  std::function<std::vector<std::string>()> credentials = [] { return std::vector<std::string>{}; };
};

/// The DISPATCHER of one queue: claims tickets for free slots.
///
/// It remembers how far it has claimed and begins there: what it claimed leaves dead entries in the index, and wading
/// through them is what makes queues slow while some session holds an old snapshot. What was committed late, or came back
/// from a claim that was rolled back, lies before that mark: so from time to time, and when it finds nothing, it looks
/// from the head of the queue; within a second when it has overtaken tickets that a breaker holds up, because they are free
/// as soon as that closes.
///
/// It counts nothing itself: before each claim it asks the ticket workers how many live, so that it can't claim above
/// its limit, whatever it or they went through. Polling is the truth; wakes only make it fast.
class dispatcher {
public:
  using interface = dispatcher_actor::extend<caf::reacts_to<atom::tick>, caf::reacts_to<atom::flush>>;
  static constexpr const char* name = "dispatcher";

  dispatcher(interface::pointer self, dispatcher_config config, store_actor store, ticket_workers_actor workers);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  using time_point = caf::actor_clock::time_point;

  void look();
  void claim(std::int32_t limit);
  void on_claimed(std::vector<claimed_ticket>& tickets, std::int32_t limit, time_point asked, bool from_head);
  void rescan_soon();
  void finish_look(bool look_again);

  interface::pointer self_;
  dispatcher_config config_;
  store_actor store_;
  ticket_workers_actor workers_;
  bool closing_ = false;
  bool on_hold_ = false; ///< The node can't prove that it lives, and takes no more work.
  bool looking_ = false; ///< A look is under way; there is never more than one.
  std::uint64_t claimed_ = 0; ///< Tickets of this life.
  bool woken_ = false;   ///< A wake came meanwhile.
  std::map<std::int64_t, std::int64_t> marks_; ///< Rank to the last seq claimed in it.
  std::optional<time_point> scanned_at_;       ///< When it last looked from the head.
  bool found_nothing_ = false;                 ///< The last time that it looked.
  bool has_overtaken_ = false; ///< What it claimed since it last looked from the head stood behind others, see claimed_ticket.
  time_point last_work_;                       ///< When a ticket or a wake last came.
  bool rescan_is_due_ = false;                 ///< A wake for that is on its way.
  outage_log outage_;
};

} // namespace swarm
