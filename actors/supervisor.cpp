#include "actors/supervisor.hpp"

#include "actors/actor_shell.hpp"

#include <algorithm>

namespace swarm {

namespace {

/// Jumps the mailbox: an ordinary exit message waits behind everything that is queued.
void kill(const caf::strong_actor_ptr& target) {
  target->enqueue(nullptr, caf::make_message_id(caf::message_priority::high),
                  caf::make_message(caf::exit_msg{target->address(), caf::exit_reason::kill}), nullptr);
}

} // namespace

supervisor::supervisor(interface::pointer self, supervisor_config config, std::vector<child_spec> children)
  : self_(self),
    config_(std::move(config)),
    window_(config_.restarts_max, config_.period),
    random_(static_cast<unsigned>(self->id())) {
  for (auto& x : children)
    children_.push_back(child{std::move(x)});
}

supervisor::~supervisor() {
  // Children are left only when this supervisor itself was killed or crashed.
  for (auto i = children_.rbegin(); i != children_.rend(); ++i)
    if (i->actor)
      kill(i->actor);
}

supervisor::interface::behavior_type supervisor::make_behavior() {
  self_->set_down_handler([this](caf::down_msg& x) { on_down(x); });
  self_->set_exit_handler([this](caf::exit_msg& x) { shut_down(std::move(x.reason)); });
  reconcile();
  return {
    [this](atom::children) { return report(); },
    [this](atom::tick) { reconcile(); },
    [this](atom::overdue, const std::string& id, std::uint64_t actor) { on_overdue(id, actor); },
  };
}

/// Takes the next step towards what is wanted; safe to call at any time.
void supervisor::reconcile() {
  if (stop_next())
    return; // goes on when its down message arrives
  if (closing_) {
    self_->quit(reason_);
    return;
  }
  start_ready();
}

/// Stops one child at a time, the last started first. @returns whether one is on its way out.
bool supervisor::stop_next() {
  for (auto i = children_.rbegin(); i != children_.rend(); ++i) {
    if (i->stopping)
      return true;
    if (i->actor && (!i->wanted || i->recycle || closing_)) {
      stop(*i);
      return true;
    }
  }
  return false;
}

void supervisor::stop(child& x) {
  x.stopping = true;
  x.killed = false;
  self_->send_exit(x.actor, caf::exit_reason::user_shutdown);
  self_->delayed_send(self_, x.spec.shutdown, atom::overdue_v, x.spec.id, x.actor->id());
}

void supervisor::start_ready() {
  auto now = self_->clock().now();
  for (auto& x : children_) {
    x.recycle = false;
    if (x.starting)
      return; // goes on when it has started
    if (x.actor || !x.wanted)
      continue;
    if (x.not_before > now) {
      self_->scheduled_send(self_, x.not_before, atom::tick_v);
      return; // later children may rely on this one
    }
    start(x);
    if (x.starting)
      return;
  }
}

void supervisor::start(child& x) {
  x.actor = x.spec.start(*self_);
  x.started = self_->clock().now();
  ++x.incarnation;
  self_->monitor(x.actor);
  if (x.spec.kind == child_kind::supervisor)
    await_start(x);
}

/// Spawning returns before the new actor has done anything, and children of a later branch would find nobody at the
/// addresses of this one. The answer to any question means that it has started its own.
void supervisor::await_start(child& x) {
  x.starting = true;
  auto id = x.actor->id();
  auto done = [this, id] {
    for (auto& c : children_)
      if (c.actor && c.actor->id() == id)
        c.starting = false;
    reconcile();
  };
  self_->request(caf::actor_cast<supervisor_actor>(x.actor), caf::infinite, atom::children_v)
    .then([done](const std::vector<child_report>&) { done(); },
          [](const caf::error&) {}); // it ended, as its down message tells
}

void supervisor::on_down(const caf::down_msg& x) {
  auto i = std::find_if(children_.begin(), children_.end(),
                        [&](const child& c) { return c.actor && c.actor->address() == x.source; });
  if (i == children_.end())
    return;
  auto commanded = std::exchange(i->stopping, false);
  i->starting = false;
  i->actor = nullptr;
  i->last_exit = x.reason ? render(x.reason) : "normal";
  if (!commanded && !closing_)
    on_unexpected_exit(static_cast<std::size_t>(i - children_.begin()), x.reason);
  reconcile();
}

void supervisor::on_unexpected_exit(std::size_t position, const caf::error& reason) {
  auto& x = children_[position];
  if (x.spec.restart == restart_rule::temporary || (x.spec.restart == restart_rule::transient && !reason)) {
    x.wanted = false;
    return;
  }
  auto now = self_->clock().now();
  if (!window_.admits(now)) {
    shut_down(make_error(errc::actor_failed, config_.name + " gave up: more than "
                                               + std::to_string(config_.restarts_max) + " restarts within "
                                               + caf::deep_to_string(config_.period) + ", the last of '" + x.spec.id
                                               + "': " + x.last_exit));
    return;
  }
  if (now - x.started >= config_.quiet_after)
    x.failures = 0;
  auto wait = config_.backoff.delay(x.failures++, random_);
  x.not_before = now + wait;
  logger_for(name)->warn("{} restarts '{}': cause={} restart_in={}", config_.name, x.spec.id, fact(x.last_exit),
                         caf::deep_to_string(wait));
  if (config_.rule == strategy::one_for_one)
    return;
  auto first = config_.rule == strategy::one_for_all ? 0 : position;
  for (auto i = first; i < children_.size(); ++i)
    children_[i].recycle = true;
}

void supervisor::on_overdue(const std::string& id, std::uint64_t actor) {
  auto i = std::find_if(children_.begin(), children_.end(), [&](const child& c) {
    return c.spec.id == id && c.actor && c.actor->id() == actor && c.stopping;
  });
  if (i == children_.end())
    return;
  if (!std::exchange(i->killed, true)) {
    logger_for(name)->warn("{} kills '{}', which didn't stop in time: waited={}", config_.name, id,
                           caf::deep_to_string(i->spec.shutdown));
    kill(i->actor);
    self_->delayed_send(self_, std::chrono::seconds{1}, atom::overdue_v, id, actor);
    return;
  }
  // A thread inside a system call can't be killed; going on without it is all that is left.
  logger_for(name)->error("{} abandons '{}', which can't be killed", config_.name, id);
  self_->demonitor(i->actor->address());
  i->last_exit = "abandoned";
  i->actor = nullptr;
  i->starting = false;
  i->stopping = false;
  reconcile();
}

void supervisor::shut_down(caf::error reason) {
  if (std::exchange(closing_, true))
    return;
  if (code_of(reason) == errc::actor_failed && reason.category() == caf::atom("swarm"))
    logger_for(name)->error("{}", render(reason));
  reason_ = std::move(reason);
  reconcile();
}

std::vector<child_report> supervisor::report() const {
  std::vector<child_report> result;
  for (auto& x : children_)
    result.push_back({x.spec.id, x.actor != nullptr, x.incarnation, x.last_exit});
  return result;
}

child_spec subtree(std::string id, supervisor_config config, std::vector<child_spec> children) {
  auto start = [config = std::move(config), children = std::move(children)](caf::scheduled_actor& parent) {
    return untyped(parent.spawn<actor_shell<supervisor>>(config, children));
  };
  return {std::move(id), std::move(start), restart_rule::permanent, std::chrono::minutes{1}, child_kind::supervisor};
}

} // namespace swarm
