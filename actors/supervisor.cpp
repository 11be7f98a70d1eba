#include "actors/supervisor.hpp"

#include "actors/actor_shell.hpp"
#include "actors/invariant.hpp"

#include <algorithm>

namespace swarm {

namespace {

/// How long a killed child may take to be gone. A handler that doesn't come back can't be killed at all.
constexpr std::chrono::seconds kill_grace{1};

std::string to_string(strategy x) {
  return x == strategy::one_for_one ? "one_for_one" : x == strategy::one_for_all ? "one_for_all" : "rest_for_one";
}

/// All other reasons come from a tree that starts anew or gives up.
bool is_order_of_people(const caf::error& reason) {
  return !reason || reason == caf::exit_reason::user_shutdown;
}

caf::error no_such_child(const std::string& supervisor, const std::string& id) {
  return make_error(errc::not_found, supervisor + " has no child '" + id + "'");
}

caf::error stopping_now(const std::string& supervisor) {
  return make_error(errc::shutting_down, supervisor + " is stopping");
}

} // namespace

supervisor::supervisor(interface::pointer self, supervisor_config config, std::vector<child_spec> children)
  : self_(self),
    config_(std::move(config)),
    window_(config_.limits.restarts_max, config_.limits.period),
    random_(static_cast<unsigned>(self->id())) {
  if (!config_.place)
    config_.place = std::make_shared<census>()->root();
  for (auto& x : children) {
    auto objection = refuse(x);
    invariant(objection.empty(), objection);
    add(std::move(x));
  }
}

supervisor::~supervisor() {
  // Children are left only when this supervisor itself was killed or crashed.
  for (auto i = children_.rbegin(); i != children_.rend(); ++i)
    if (i->life)
      kill(i->life);
}

supervisor::interface::behavior_type supervisor::make_behavior() {
  self_->set_down_handler([this](caf::down_msg& x) { on_down(x); });
  self_->set_exit_handler([this](caf::exit_msg& x) { shut_down(std::move(x.reason)); });
  reconcile();
  return {
    [this](atom::start_child, child_spec& x) { return start_child(x); },
    [this](atom::terminate_child, const std::string& id) { return terminate_child(id); },
    [this](atom::restart_child, const std::string& id) { return restart_child(id); },
    [this](atom::delete_child, const std::string& id) { return delete_child(id); },
    [this](atom::which_children) { return which_children(); },
    [this](atom::count_children) { return count_children(); },
    [this](atom::stuck, std::uint64_t life, const std::string& sentence) { on_stuck(life, sentence); },
    [this](atom::tick) { reconcile(); },
    [this](atom::overdue, std::uint64_t life) { on_overdue(life); },
  };
}

// -- what may be asked of it --------------------------------------------------

caf::result<caf::strong_actor_ptr> supervisor::start_child(child_spec& x) {
  if (closing_)
    return stopping_now(config_.place->path());
  if (auto objection = refuse(x); !objection.empty())
    return make_error(errc::conflict, objection);
  promise<caf::strong_actor_ptr> answer{self_};
  add(std::move(x));
  children_.back().starters.push_back(answer);
  children_.back().forgotten = true; // unless it starts
  reconcile();
  return answer;
}

caf::result<caf::strong_actor_ptr> supervisor::restart_child(const std::string& id) {
  if (closing_)
    return stopping_now(config_.place->path());
  auto i = find(id);
  if (i == children_.end())
    return no_such_child(config_.place->path(), id);
  if (i->wanted)
    return make_error(errc::conflict, "'" + id + "' is " + to_string(i->place->state()) + " already");
  promise<caf::strong_actor_ptr> answer{self_};
  i->starters.push_back(answer);
  i->wanted = true;
  i->not_before = {};
  reconcile();
  return answer;
}

caf::result<child_report> supervisor::terminate_child(const std::string& id) {
  auto i = find(id);
  if (i == children_.end())
    return no_such_child(config_.place->path(), id);
  promise<child_report> answer{self_};
  i->wanted = false;
  i->forgotten = i->forgotten || i->spec.restart == restart_rule::temporary;
  for (auto& waiting : std::exchange(i->starters, {}))
    waiting.deliver(make_error(errc::conflict, config_.place->path() + "/" + id + " was terminated before it had started"));
  if (i->life) {
    i->stoppers.push_back(answer);
  } else {
    i->place->becomes(child_state::down);
    answer.deliver(report(*i));
    if (i->forgotten)
      children_.erase(i);
  }
  reconcile();
  return answer;
}

caf::result<child_report> supervisor::delete_child(const std::string& id) {
  auto i = find(id);
  if (i == children_.end())
    return no_such_child(config_.place->path(), id);
  if (i->life || i->wanted)
    return make_error(errc::conflict, "'" + id + "' is " + to_string(i->place->state()) + "; terminate it first");
  auto last = report(*i);
  children_.erase(i);
  return last;
}

caf::result<std::vector<child_report>> supervisor::which_children() {
  if (!rising_)
    return report();
  promise<std::vector<child_report>> answer{self_};
  spectators_.push_back(answer);
  return answer;
}

std::vector<child_report> supervisor::report() const {
  std::vector<child_report> result;
  for (auto& x : children_)
    result.push_back(report(x));
  return result;
}

child_counts supervisor::count_children() const {
  child_counts result;
  for (auto& x : children_) {
    ++result.specs;
    result.active += std::uint64_t{x.life != nullptr};
    ++(x.spec.kind == child_kind::supervisor ? result.supervisors : result.workers);
  }
  return result;
}

std::vector<actor_fact> supervisor::facts() const {
  return {{"strategy", to_string(config_.rule)}, {"children", std::to_string(children_.size())}};
}

child_report supervisor::report(const child& x) const {
  return {x.spec.id, x.life, x.place->report()};
}

/// @returns why this specification can't be taken; empty when it can.
std::string supervisor::refuse(const child_spec& x) const {
  auto path = [&] { return config_.place->path() + "/" + x.id; };
  if (std::any_of(children_.begin(), children_.end(), [&](const auto& c) { return c.spec.id == x.id; }))
    return path() + " exists already";
  if (x.significant && config_.ends == auto_shutdown::never)
    return path() + " is significant, but its supervisor never shuts down by itself";
  if (x.significant && x.restart == restart_rule::permanent)
    return path() + " is significant and permanent; a permanent child never ends for good";
  return {};
}

void supervisor::add(child_spec x) {
  auto place = config_.place->add(x.id, x.kind);
  children_.push_back(child{std::move(x), std::move(place)});
}

// -- reconciliation -----------------------------------------------------------

/// Takes the next step towards what is wanted; safe to call at any time.
void supervisor::reconcile() {
  auto stops = stop_next();
  if (closing_) {
    if (!stops)
      self_->quit(reason_);
  } else if (!stops || config_.rule == strategy::one_for_one) { // there, nobody relies on a sibling
    start_ready();
  }
}

/// Stops one child at a time, the last started first. @returns whether one is on its way out.
bool supervisor::stop_next() {
  for (auto i = children_.rbegin(); i != children_.rend(); ++i) {
    if (i->stopping)
      return true;
    if (i->life && (!i->wanted || i->recycle || closing_)) {
      stop(*i);
      return true;
    }
  }
  return false;
}

void supervisor::stop(child& x) {
  auto is_stuck = x.place->state() == child_state::stuck;
  x.stopping = true;
  x.starting = false;
  x.place->becomes(child_state::stopping);
  x.killed = is_stuck || std::holds_alternative<brutal_kill>(x.spec.shutdown);
  if (x.killed) {
    kill(x.life);
    self_->delayed_send(self_, kill_grace, atom::overdue_v, std::uint64_t{x.life->id()});
    return;
  }
  // A child may take its time when people stop it, and shall be quick when it is restarted or its supervisor gives up.
  auto patient = closing_ ? is_order_of_people(reason_) : !x.recycle;
  self_->send_exit(x.life, patient ? caf::error{caf::exit_reason::user_shutdown}
                                   : make_error(errc::shutting_down, "its supervisor starts anew or gives up"));
  if (auto* patience = std::get_if<caf::timespan>(&x.spec.shutdown))
    self_->delayed_send(self_, patient ? *patience : std::min<caf::timespan>(*patience, hurried_shutdown),
                        atom::overdue_v, std::uint64_t{x.life->id()});
}

void supervisor::start_ready() {
  const auto now = self_->clock().now();
  const auto in_order = rising_ || config_.rule != strategy::one_for_one;
  auto complete = true;
  // A start that fails at once may end and forget its child, so the next one is found before.
  for (auto i = children_.begin(); i != children_.end() && !closing_;) {
    auto current = i++;
    auto& x = *current;
    x.recycle = false;
    if (!x.life && x.wanted && x.not_before <= now) {
      start(x);
      if (x.forgotten && !x.wanted) { // it failed at once
        children_.erase(current);
        continue;
      }
    } else if (!x.life && x.wanted && x.tick_at != x.not_before) {
      x.tick_at = x.not_before;
      self_->scheduled_send(self_, x.not_before, atom::tick_v);
    }
    const auto is_missing = x.wanted && (!x.life || x.starting);
    complete = complete && !is_missing;
    if (is_missing && in_order)
      return; // later ones may rely on it
  }
  if (!complete || closing_)
    return;
  rising_ = false;
  for (auto& x : std::exchange(spectators_, {}))
    x.deliver(report());
}

void supervisor::start(child& x) {
  try {
    x.life = x.spec.start({*self_, x.place});
  } catch (...) {
    auto cause = describe_exception(x.spec.id, "", std::current_exception());
    x.place->ends(render(cause), "");
    return start_failed(x, cause);
  }
  x.starting = true;
  x.started = self_->clock().now();
  x.place->starts(x.life);
  self_->monitor(x.life);
  await_start(x);
}

/// Spawning returns before the new actor has done anything; an answer of any kind means that it has.
void supervisor::await_start(const child& x) {
  auto id = std::uint64_t{x.life->id()};
  auto on_error = [this, id](const caf::error& e) {
    // An actor without a shell doesn't know the question, but it answers. All other errors mean that it has ended, which
    // its down message tells.
    if (e == caf::sec::unexpected_message)
      on_started(id);
  };
  if (x.spec.kind == child_kind::supervisor)
    self_->request(caf::actor_cast<supervisor_actor>(x.life), caf::infinite, atom::which_children_v)
      .then([this, id](const std::vector<child_report>&) { on_started(id); }, on_error);
  else
    self_->request(caf::actor_cast<status_actor>(x.life), caf::infinite, atom::started_v)
      .then([this, id] { on_started(id); }, on_error);
}

void supervisor::on_started(std::uint64_t life) {
  auto i = find(life);
  if (i == children_.end() || !std::exchange(i->starting, false))
    return;
  if (i->place->state() == child_state::starting)
    i->place->becomes(child_state::running);
  i->forgotten = i->forgotten && i->starters.empty();
  for (auto& x : std::exchange(i->starters, {}))
    x.deliver(i->life);
  reconcile();
}

// -- what happens to children -------------------------------------------------

void supervisor::on_down(const caf::down_msg& x) {
  if (auto i = find(std::uint64_t{x.source.id()}); i != children_.end())
    ended(i, x.reason);
}

void supervisor::ended(position i, const caf::error& reason) {
  auto& x = *i;
  // One that was about to be stopped for a sibling's sake has spared us the trouble; that is no failure of its own.
  const auto expected = std::exchange(x.stopping, false) || x.recycle || closing_;
  const auto was_starting = std::exchange(x.starting, false);
  x.life = nullptr;
  x.place->ends(describe_exit(reason), handling_of(reason));
  for (auto& waiting : std::exchange(x.stoppers, {}))
    waiting.deliver(report(x));
  if (!expected && was_starting)
    start_failed(x, reason);
  else if (!expected)
    ended_by_itself(x, reason);
  if (x.forgotten && !x.wanted)
    children_.erase(i);
  reconcile();
}

void supervisor::start_failed(child& x, const caf::error& reason) {
  auto sentence = config_.place->path() + " could not start '" + x.spec.id + "': " + describe_exit(reason);
  if (!x.starters.empty()) {
    x.wanted = false;
    for (auto& waiting : std::exchange(x.starters, {}))
      waiting.deliver(make_error(errc::actor_failed, sentence));
  } else if (rising_) {
    shut_down(make_error(errc::actor_failed, sentence));
  } else {
    restart(x, reason);
  }
}

void supervisor::ended_by_itself(child& x, const caf::error& reason) {
  if (code_of(reason) == errc::actor_stuck && x.spec.when_stuck == stuck_rule::escalate)
    return shut_down(reason); // a blocked thread isn't freed by a new life
  if (is_restarted(x.spec.restart, reason))
    return restart(x, reason);
  x.wanted = false;
  x.forgotten = x.spec.restart == restart_rule::temporary;
  if (is_abnormal(reason))
    logger_for(name)->warn("{} lets '{}' go: cause={}", config_.place->path(), x.spec.id, fact(describe_exit(reason)));
  if (is_significant_end(x))
    shut_down(caf::exit_reason::user_shutdown);
}

bool supervisor::is_significant_end(const child& x) const {
  if (!x.spec.significant || config_.ends == auto_shutdown::never)
    return false;
  return config_.ends == auto_shutdown::any_significant
         || std::none_of(children_.begin(), children_.end(), [](const child& c) { return c.spec.significant && c.wanted; });
}

void supervisor::restart(child& x, const caf::error& reason) {
  auto now = self_->clock().now();
  auto cause = describe_exit(reason);
  if (!window_.admits(now))
    return shut_down(gave_up(config_.place->path(), config_.limits, x.spec.id, cause));
  if (now - x.started >= config_.limits.quiet_after)
    x.failures = 0;
  auto wait = config_.limits.backoff.delay(x.failures++, random_);
  x.not_before = now + wait;
  x.place->counts_restart();
  x.place->waits(wait);
  logger_for(name)->warn("{} restarts '{}': cause={} restart_in={}", config_.place->path(), x.spec.id, fact(cause),
                         duration_text(wait));
  auto concerned = config_.rule == strategy::one_for_all;
  for (auto& c : children_) {
    if (&c == &x) {
      concerned = config_.rule != strategy::one_for_one;
    } else if (concerned) {
      // As in OTP: all but the temporary ones come back, also those that had ended or been stopped before.
      c.wanted = c.spec.restart != restart_rule::temporary;
      c.forgotten = !c.wanted;
      c.recycle = c.life != nullptr;
    }
  }
}

void supervisor::on_overdue(std::uint64_t life) {
  auto i = find(life);
  if (i == children_.end() || !i->stopping)
    return;
  if (std::exchange(i->killed, true)) {
    logger_for(name)->error("{} abandons '{}', which can't be killed", config_.place->path(), i->spec.id);
    return leave_behind(i, make_error(errc::actor_failed, "it couldn't be killed and was abandoned"));
  }
  logger_for(name)->warn("{} kills '{}', which didn't stop in time", config_.place->path(), i->spec.id);
  kill(i->life);
  self_->delayed_send(self_, kill_grace, atom::overdue_v, life);
}

void supervisor::on_stuck(std::uint64_t life, const std::string& sentence) {
  auto i = find(life);
  if (i == children_.end())
    return;
  auto cause = make_error(errc::actor_stuck, sentence);
  if (i->stopping || i->spec.when_stuck == stuck_rule::restart) {
    logger_for(name)->error("{} goes on without it: cause={}", config_.place->path(), fact(sentence));
    kill(i->life); // for the moment when its handler comes back
    return leave_behind(i, cause);
  }
  i->place->becomes(child_state::stuck);
  shut_down(std::move(cause));
}

/// From now on this life is nobody's child. Its thread may still be at work.
void supervisor::leave_behind(position i, const caf::error& reason) {
  self_->demonitor(i->life->address());
  auto place = i->place;
  ended(i, reason);
  if (place->state() == child_state::down)
    place->becomes(child_state::abandoned);
}

void supervisor::shut_down(caf::error reason) {
  if (std::exchange(closing_, true))
    return;
  if (is_abnormal(reason))
    logger_for(name)->error("{}", render(reason));
  reason_ = std::move(reason);
  for (auto& x : children_)
    for (auto& waiting : std::exchange(x.starters, {}))
      waiting.deliver(stopping_now(config_.place->path()));
  reconcile();
}

supervisor::position supervisor::find(const std::string& id) {
  return std::find_if(children_.begin(), children_.end(), [&](const child& c) { return c.spec.id == id; });
}

supervisor::position supervisor::find(std::uint64_t life) {
  return std::find_if(children_.begin(), children_.end(),
                      [&](const child& c) { return c.life && c.life->id() == life; });
}

child_spec subtree(std::string id, supervisor_config config, std::vector<child_spec> children) {
  auto start = [config = std::move(config), children = std::move(children)](const birth& x) mutable {
    config.place = x.place;
    return untyped(x.parent.spawn<actor_shell<supervisor>>(config, children));
  };
  child_spec result{std::move(id), std::move(start)};
  result.shutdown = infinity{};
  result.kind = child_kind::supervisor;
  return result;
}

} // namespace swarm
