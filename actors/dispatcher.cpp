#include "actors/dispatcher.hpp"

#include "actors/actor_shell.hpp"

namespace swarm {

dispatcher::dispatcher(interface::pointer self, dispatcher_config config, store_actor store,
                       ticket_workers_actor workers)
  : self_(self), config_(std::move(config)), store_(std::move(store)), workers_(std::move(workers)), outage_(name) {}

dispatcher::interface::behavior_type dispatcher::make_behavior() {
  self_->set_exit_handler([this](caf::exit_msg& x) {
    closing_ = true;
    // What a claim under way brings would have no worker, and wait for a reaper.
    if (!looking_ || x.reason == caf::exit_reason::kill)
      self_->quit(std::move(x.reason));
  });
  self_->send(self_, atom::tick_v);
  return {
    [this](atom::wake) { look(); },
    [this](atom::tick) {
      // Reschedule first, so that nothing below can end the loop.
      self_->delayed_send(self_, config_.poll_interval, atom::tick_v);
      look();
    },
  };
}

std::vector<actor_fact> dispatcher::facts() const {
  return {{"queue", config_.queue}, {"slots", std::to_string(config_.slots)}, {"claimed", std::to_string(claimed_)}};
}

void dispatcher::look() {
  if (closing_)
    return;
  if (std::exchange(looking_, true)) {
    woken_ = true;
    return;
  }
  self_->request(workers_, caf::infinite, atom::count_v, config_.queue)
    .then(
      [this](std::int32_t running) {
        auto free = config_.slots - running;
        if (free > 0 && !closing_)
          claim(std::min(free, config_.claim_batch));
        else
          finish_look(false); // the end of a worker wakes us
      },
      [this](const caf::error&) { finish_look(false); }); // no ticket workers now: nothing to claim for
}

void dispatcher::claim(std::int32_t limit) {
  self_->request(store_, config_.store_patience, atom::claim_v, claim_request{config_.queue, limit, config_.node})
    .then([this, limit](std::vector<claimed_ticket>& x) { on_claimed(x, limit); },
          [this](const caf::error& x) {
            outage_.begins("dispatcher can't claim: queue=" + config_.queue, x);
            finish_look(false);
          });
}

void dispatcher::on_claimed(std::vector<claimed_ticket>& tickets, std::int32_t limit) {
  outage_.is_over("dispatcher claims again: queue=" + config_.queue);
  auto full = tickets.size() == static_cast<std::size_t>(limit);
  claimed_ += tickets.size();
  if (!tickets.empty())
    self_->send(workers_, atom::start_v, std::move(tickets));
  finish_look(full);
}

void dispatcher::finish_look(bool look_again) {
  looking_ = false;
  if (closing_)
    return self_->quit(caf::exit_reason::user_shutdown);
  if (std::exchange(woken_, false) || look_again)
    look();
}

} // namespace swarm
