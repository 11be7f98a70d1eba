#include "actors/dispatcher.hpp"

#include "actors/actor_shell.hpp"

namespace swarm {

namespace {

/// Between two looks from the head of the queue, while there is something behind the marks, and while there isn't or tickets
/// before them wait for a breaker to close.
constexpr std::chrono::seconds rescan_after{10};
constexpr std::chrono::seconds rescan_soon_after{1};

/// A queue in which nothing happened for so long is polled less often: an idle swarm must not be a load.
constexpr std::chrono::seconds idle_after{60};

} // namespace

dispatcher::dispatcher(interface::pointer self, dispatcher_config config, store_actor store,
                       ticket_workers_actor workers)
  : self_(self), config_(std::move(config)), store_(std::move(store)), workers_(std::move(workers)), outage_(name) {
  last_work_ = self_->clock().now();
}

dispatcher::interface::behavior_type dispatcher::make_behavior() {
  self_->set_exit_handler([this](caf::exit_msg& x) {
    closing_ = true;
    // What a claim under way brings would have no worker, and wait for a reaper.
    if (!looking_ || x.reason == caf::exit_reason::kill)
      self_->quit(std::move(x.reason));
  });
  self_->send(self_, atom::tick_v);
  return {
    [this](atom::wake) {
      last_work_ = self_->clock().now();
      look();
    },
    [this](atom::flush) {
      rescan_is_due_ = false;
      look();
    },
    [this](atom::hold, bool on) {
      on_hold_ = on;
      look();
    },
    [this](atom::tick) {
      // Reschedule first, so that nothing below can end the loop.
      auto is_idle = self_->clock().now() - last_work_ >= idle_after;
      self_->delayed_send(self_, is_idle ? std::max(config_.poll_interval, config_.idle_poll_interval)
                                         : config_.poll_interval,
                          atom::tick_v);
      look();
    },
  };
}

std::vector<actor_fact> dispatcher::facts() const {
  return {{"queue", config_.queue},
          {"slots", std::to_string(config_.slots)},
          {"claimed", std::to_string(claimed_)},
          {"on_hold", on_hold_ ? "yes" : "no"}};
}

void dispatcher::look() {
  if (closing_ || on_hold_)
    return;
  if (std::exchange(looking_, true)) {
    woken_ = true;
    return;
  }
  self_->request(workers_, caf::infinite, atom::count_v, config_.queue)
    .then(
      [this](std::int32_t running) {
        auto free = config_.slots - running;
        if (free > 0 && !closing_ && !on_hold_)
          claim(std::min(free, config_.claim_batch));
        else
          finish_look(false); // the end of a worker wakes us
      },
      [this](const caf::error&) { finish_look(false); }); // no ticket workers now: nothing to claim for
}

void dispatcher::claim(std::int32_t limit) {
  claim_request request{config_.queue, limit, config_.node, {}, config_.credentials()};
  auto now = self_->clock().now();
  auto from_head = !scanned_at_ || now - *scanned_at_ >= (found_nothing_ || has_overtaken_ ? rescan_soon_after : rescan_after);
  if (from_head)
    scanned_at_ = now;
  else
    for (auto& [rank, seq] : marks_)
      request.after.push_back({rank, seq});
  self_->request(store_, config_.store_patience, atom::claim_v, std::move(request))
    .then([this, limit, asked = now, from_head](std::vector<claimed_ticket>& x) { on_claimed(x, limit, asked, from_head); },
          [this](const caf::error& x) {
            outage_.begins("dispatcher can't claim: queue=" + config_.queue, x);
            finish_look(false);
          });
}

void dispatcher::on_claimed(std::vector<claimed_ticket>& tickets, std::int32_t limit, time_point asked,
                            bool from_head) {
  outage_.is_over("dispatcher claims again: queue=" + config_.queue);
  // After our patience nobody waits for the answer any more, and the heartbeat hands back what it brings. This one lay in
  // our mailbox, as after a stop of the whole process.
  if (self_->clock().now() - asked >= config_.store_patience)
    return finish_look(true);
  auto full = tickets.size() == static_cast<std::size_t>(limit);
  claimed_ += tickets.size();
  if (!tickets.empty())
    last_work_ = self_->clock().now();
  if (from_head)
    has_overtaken_ = false;
  for (auto& x : tickets) {
    has_overtaken_ |= x.overtakes;
    if (x.place.rank < 0)
      continue; // a queue whose ranks are moments or turns: new ones come all the time
    auto& mark = marks_[x.place.rank];
    mark = std::max(mark, x.place.seq);
  }
  found_nothing_ = tickets.empty();
  if (found_nothing_ && !from_head)
    rescan_soon();
  if (!tickets.empty())
    self_->send(workers_, atom::start_v, std::move(tickets));
  finish_look(full);
}

/// There is nothing behind the marks. What lies before them is looked for at once, but not all the time.
void dispatcher::rescan_soon() {
  auto due = *scanned_at_ + rescan_soon_after;
  if (due <= self_->clock().now())
    woken_ = true;
  else if (!std::exchange(rescan_is_due_, true))
    self_->scheduled_send(self_, due, atom::flush_v);
}

void dispatcher::finish_look(bool look_again) {
  looking_ = false;
  if (closing_)
    return self_->quit(caf::exit_reason::user_shutdown);
  if (std::exchange(woken_, false) || look_again)
    look();
}

} // namespace swarm
