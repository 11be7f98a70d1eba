#include "actors/notifier.hpp"

#include "actors/actor_shell.hpp"

namespace swarm {

notifier::notifier(interface::pointer self, notifier_config config, std::vector<dispatcher_actor> dispatchers,
                   heartbeat_actor heartbeat)
  : self_(self),
    config_(std::move(config)),
    dispatchers_(std::move(dispatchers)),
    heartbeat_(std::move(heartbeat)),
    outage_(name),
    random_(static_cast<unsigned>(self->id())) {}

notifier::interface::behavior_type notifier::make_behavior() {
  self_->send(self_, atom::connect_v); // not here: a start must not wait for a database
  return {
    [this](atom::connect) { connect(); },
    [this](atom::lost, const caf::error& x) { on_lost(x); },
  };
}

std::vector<actor_fact> notifier::facts() const {
  return {{"listening", listener_ ? "yes" : "no"}};
}

void notifier::connect() {
  if (listener_)
    return;
  // On the listener's thread: sending is all that may happen there.
  auto on_word = [dispatchers = dispatchers_, heartbeat = heartbeat_](const std::string& word) {
    if (word == "cancel")
      caf::anon_send(heartbeat, atom::wake_v);
    else
      for (auto& x : dispatchers)
        caf::anon_send(x, atom::wake_v);
  };
  auto on_lost = [me = caf::actor_cast<caf::weak_actor_ptr>(self_->address())](const caf::error& x) {
    if (auto strong = me.lock())
      caf::anon_send(caf::actor_cast<interface>(strong), atom::lost_v, x);
  };
  auto opened = store::listener::open(config_.connection, on_word, on_lost);
  if (!opened)
    return this->on_lost(opened.error());
  listener_ = std::move(*opened);
  failures_ = 0;
  outage_.is_over("notifier listens again");
  // What rang while nobody listened was missed.
  for (auto& x : dispatchers_)
    self_->send(x, atom::wake_v);
}

void notifier::on_lost(const caf::error& cause) {
  outage_.begins("notifier can't listen; polling covers for it", cause);
  listener_.reset();
  self_->delayed_send(self_, config_.reconnect.delay(++failures_, random_), atom::connect_v);
}

} // namespace swarm
