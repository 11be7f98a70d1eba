#include "actors/watchdog.hpp"

#include "actors/actor_shell.hpp"

namespace swarm {

watchdog::watchdog(interface::pointer self, watchdog_config config, status_actor echo)
  : self_(self), config_(std::move(config)), echo_(std::move(echo)) {}

watchdog::interface::behavior_type watchdog::make_behavior() {
  self_->send(self_, atom::tick_v);
  return {
    [this](atom::tick) {
      // Reschedule first, so that nothing below can end the loop. Four looks until an actor counts as stuck.
      self_->delayed_send(self_, config_.stuck_after / 4, atom::tick_v);
      sweep();
      listen_for_echo();
    },
    [this](atom::sweep) { sweep(); },
  };
}

std::vector<actor_fact> watchdog::facts() const {
  return {{"actors", std::to_string(config_.actors->size())}, {"found_stuck", std::to_string(found_)}};
}

void watchdog::sweep() {
  ++sweeps_;
  for (auto& x : config_.actors->seats())
    look_at(x);
  std::erase_if(suspects_, [this](const auto& x) { return x.second.seen != sweeps_; });
}

void watchdog::look_at(const std::shared_ptr<seat>& place) {
  auto signs = place->signs();
  if (!signs || signs->busy_since.load(std::memory_order_relaxed) == 0 || place->life()->id() == self_->id())
    return;
  auto now = self_->clock().now();
  auto handled = signs->handled.load(std::memory_order_relaxed);
  auto [i, is_new] = suspects_.try_emplace(signs.get(), suspect{handled, now});
  auto& x = i->second;
  x.seen = sweeps_;
  if (x.handled != handled)
    x = {handled, now, 0, sweeps_};
  else if (now - x.since >= config_.stuck_after * (x.reports + 1))
    report(*place, *signs, x, now - x.since);
}

void watchdog::report(const seat& place, const vitals& signs, suspect& x, caf::timespan since) {
  auto verb = signs.verb();
  auto sentence = place.path() + " is stuck " + (verb.empty() ? "in its start" : "handling '" + verb + "'") + " for "
                  + duration_text(since);
  logger_for(name)->error("an actor is stuck: path={} handling={} for={}", place.path(), fact(verb),
                          duration_text(since));
  ++found_;
  auto parent = place.parent();
  auto supervisor = parent ? parent->life() : nullptr;
  if (x.reports++ == 0 && supervisor) {
    auto life = place.life();
    self_->send(caf::actor_cast<supervisor_actor>(supervisor), atom::stuck_v, std::uint64_t{life ? life->id() : 0},
                sentence);
    return;
  }
  // Its supervisor didn't part with it: there is none, or it is stuck itself, or waits for a free thread in vain.
  config_.give_up(make_error(errc::actor_stuck, sentence + ", and its supervisor did nothing about it"));
}

void watchdog::listen_for_echo() {
  if (std::exchange(echo_is_due_, true))
    return;
  self_->request(echo_, caf::infinite, atom::status_v)
    .then(
      [this](const actor_report&) {
        echo_is_due_ = false;
        config_.alive();
      },
      [this](const caf::error&) { echo_is_due_ = false; });
}

} // namespace swarm
