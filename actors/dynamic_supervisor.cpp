#include "actors/dynamic_supervisor.hpp"

#include "actors/actor_shell.hpp"

namespace swarm {

namespace {

constexpr std::chrono::seconds kill_grace{1};

} // namespace

dynamic_supervisor::dynamic_supervisor(interface::pointer self, dynamic_supervisor_config config)
  : self_(self),
    config_(std::move(config)),
    children_(self, config_.place ? config_.place : std::make_shared<census>()->root()),
    window_(config_.limits.restarts_max, config_.limits.period),
    random_(static_cast<unsigned>(self->id())) {}

dynamic_supervisor::interface::behavior_type dynamic_supervisor::make_behavior() {
  self_->set_down_handler([this](caf::down_msg& x) { on_down(x); });
  self_->set_exit_handler([this](caf::exit_msg& x) { shut_down(std::move(x.reason)); });
  return {
    [this](atom::start_child, const std::string& id, caf::message& arguments) { return start_child(id, arguments); },
    [this](atom::terminate_child, std::uint64_t life) { return terminate_child(life); },
    [this](atom::which_children) { return which_children(); },
    [this](atom::count_children) {
      auto all = children_.size() + absent_.size();
      return child_counts{1, children_.size(), 0, all};
    },
    [this](atom::stuck, std::uint64_t life, const std::string& sentence) { on_stuck(life, sentence); },
    [this](atom::tick) {
      start_absent();
      look_for_late_ends();
    },
    [this](atom::overdue, std::uint64_t life) { on_overdue(life); },
  };
}

std::vector<actor_fact> dynamic_supervisor::facts() const {
  return {{"strategy", "simple_one_for_one"}, {"children", std::to_string(children_.size())}};
}

child_report dynamic_supervisor::report(const child& x) const {
  return {x.place->id(), x.life, x.place->report()};
}

std::vector<child_report> dynamic_supervisor::which_children() const {
  std::vector<child_report> result;
  for (auto& [id, x] : children_)
    result.push_back(report(x));
  for (auto& [due, x] : absent_)
    result.push_back({x.place->id(), nullptr, x.place->report()});
  return result;
}

caf::result<caf::strong_actor_ptr> dynamic_supervisor::start_child(const std::string& id, caf::message& arguments) {
  if (closing_)
    return make_error(errc::shutting_down, children_.path() + " is stopping");
  promise<caf::strong_actor_ptr> answer{self_};
  note x{std::move(arguments)};
  x.starters.push_back(answer);
  start(children_.place_for(id), std::move(x));
  return answer;
}

void dynamic_supervisor::start(std::shared_ptr<seat> place, note x) {
  caf::strong_actor_ptr life;
  try {
    life = config_.start({*self_, place}, x.arguments);
  } catch (...) {
    auto cause = describe_exception(place->id(), "", std::current_exception());
    return ended({nullptr, std::move(place), std::move(x)}, cause);
  }
  x.starting = true;
  x.started = self_->clock().now();
  auto id = std::uint64_t{life->id()};
  children_.add(std::move(place), life, std::move(x));
  self_->request(caf::actor_cast<status_actor>(life), caf::infinite, atom::started_v)
    .then([this, id] { on_started(id); },
          [this, id](const caf::error& e) {
            if (e == caf::sec::unexpected_message)
              on_started(id);
          });
}

void dynamic_supervisor::on_started(std::uint64_t life) {
  auto* x = children_.find(life);
  if (x == nullptr)
    return;
  x->note.starting = false;
  if (x->place->state() == child_state::starting)
    x->place->becomes(child_state::running);
  for (auto& waiting : std::exchange(x->note.starters, {}))
    waiting.deliver(x->life);
}

caf::result<child_report> dynamic_supervisor::terminate_child(std::uint64_t life) {
  auto* x = children_.find(life);
  if (x == nullptr)
    return make_error(errc::not_found, children_.path() + " has no child with the number " + std::to_string(life));
  promise<child_report> answer{self_};
  x->note.stoppers.push_back(answer);
  if (!x->note.stopping) {
    stop(*x, caf::exit_reason::user_shutdown);
    if (auto* patience = std::get_if<caf::timespan>(&config_.shutdown))
      expect_end(life, *patience);
  }
  return answer;
}

void dynamic_supervisor::stop(child& x, const caf::error& reason) {
  x.note.stopping = true;
  x.place->becomes(child_state::stopping);
  if (std::holds_alternative<brutal_kill>(config_.shutdown))
    kill(x.life);
  else
    self_->send_exit(x.life, reason);
}

void dynamic_supervisor::shut_down(caf::error reason) {
  if (std::exchange(closing_, true))
    return;
  if (is_abnormal(reason))
    logger_for(name)->error("{}", render(reason));
  reason_ = std::move(reason);
  absent_.clear();
  if (children_.empty())
    return self_->quit(reason_);
  // All at once, as OTP does: one after the other would take for ever with so many, and none relies on another.
  auto to_children = is_abnormal(reason_) ? make_error(errc::shutting_down, "its supervisor gives up") : reason_;
  for (auto& [id, x] : children_)
    if (!x.note.stopping)
      stop(x, to_children);
  if (auto* patience = std::get_if<caf::timespan>(&config_.shutdown))
    self_->delayed_send(self_, *patience, atom::overdue_v, std::uint64_t{0});
}

/// Patience is the same for all, so the ends are expected in the order in which they were asked for.
void dynamic_supervisor::expect_end(std::uint64_t life, caf::timespan patience) {
  expected_ends_.emplace_back(self_->clock().now() + patience, life);
  if (!looks_at_)
    self_->scheduled_send(self_, *(looks_at_ = expected_ends_.front().first), atom::tick_v);
}

void dynamic_supervisor::look_for_late_ends() {
  auto now = self_->clock().now();
  if (!looks_at_ || now < *looks_at_)
    return;
  looks_at_.reset();
  while (!expected_ends_.empty() && expected_ends_.front().first <= now) {
    auto life = expected_ends_.front().second;
    expected_ends_.pop_front();
    on_overdue(life);
  }
  if (!expected_ends_.empty())
    self_->scheduled_send(self_, *(looks_at_ = expected_ends_.front().first), atom::tick_v);
}

/// @param life 0 for all.
void dynamic_supervisor::on_overdue(std::uint64_t life) {
  std::vector<std::uint64_t> late;
  auto* one = life == 0 ? nullptr : children_.find(life);
  if (one != nullptr && one->note.stopping)
    late.push_back(life);
  if (life == 0)
    for (auto& [id, x] : children_)
      late.push_back(id);
  if (late.empty())
    return;
  auto again = false;
  for (auto id : late) {
    auto* x = children_.find(id);
    if (std::exchange(x->note.killed, true)) {
      logger_for(name)->error("{} abandons '{}', which can't be killed", children_.path(), x->place->id());
      leave_behind(id, make_error(errc::actor_failed, "it couldn't be killed and was abandoned"));
    } else {
      kill(x->life);
      again = true;
    }
  }
  if (!again)
    return;
  logger_for(name)->warn("{} kills children that didn't stop in time: count={}", children_.path(), late.size());
  self_->delayed_send(self_, kill_grace, atom::overdue_v, life);
}

void dynamic_supervisor::on_stuck(std::uint64_t life, const std::string& sentence) {
  auto* x = children_.find(life);
  if (x == nullptr)
    return;
  if (x->note.stopping) {
    kill(x->life);
    return leave_behind(life, make_error(errc::actor_stuck, sentence));
  }
  x->place->becomes(child_state::stuck);
  shut_down(make_error(errc::actor_stuck, sentence));
}

void dynamic_supervisor::leave_behind(std::uint64_t life, const caf::error& reason) {
  auto x = children_.take(life);
  self_->demonitor(x.life->address());
  ended(std::move(x), reason);
}

void dynamic_supervisor::on_down(const caf::down_msg& x) {
  if (children_.find(x.source.id()) != nullptr)
    ended(children_.take(x.source.id()), x.reason);
}

/// What follows for a child that is no longer among the children.
void dynamic_supervisor::ended(child x, const caf::error& reason) {
  x.place->ends(describe_exit(reason), handling_of(reason));
  x.life = nullptr;
  while (!expected_ends_.empty() && children_.find(expected_ends_.front().second) == nullptr)
    expected_ends_.pop_front();
  for (auto& waiting : std::exchange(x.note.stoppers, {}))
    waiting.deliver(report(x));
  if (!x.note.starters.empty()) {
    for (auto& waiting : std::exchange(x.note.starters, {}))
      waiting.deliver(make_error(errc::actor_failed, children_.path() + " could not start '" + x.place->id()
                                                       + "': " + describe_exit(reason)));
  } else if (!x.note.stopping && !closing_ && is_restarted(config_.restart, reason)) {
    restart(std::move(x), reason);
  }
  if (closing_ && children_.empty())
    self_->quit(reason_);
}

void dynamic_supervisor::restart(child x, const caf::error& reason) {
  auto now = self_->clock().now();
  auto cause = describe_exit(reason);
  if (!window_.admits(now))
    return shut_down(gave_up(children_.path(), config_.limits, x.place->id(), cause));
  if (now - x.note.started >= config_.limits.quiet_after)
    x.note.failures = 0;
  auto wait = config_.limits.backoff.delay(x.note.failures++, random_);
  x.place->counts_restart();
  x.place->waits(wait);
  logger_for(name)->warn("{} restarts '{}': cause={} restart_in={}", children_.path(), x.place->id(), fact(cause),
                         duration_text(wait));
  absent_.emplace(now + wait, absent{std::move(x.place), std::move(x.note)});
  if (wait.count() > 0)
    self_->scheduled_send(self_, now + wait, atom::tick_v);
  else
    start_absent();
}

void dynamic_supervisor::start_absent() {
  auto now = self_->clock().now();
  while (!closing_ && !absent_.empty() && absent_.begin()->first <= now) {
    auto x = absent_.extract(absent_.begin());
    start(std::move(x.mapped().place), std::move(x.mapped().note));
  }
}

} // namespace swarm
