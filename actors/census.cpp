#include "actors/census.hpp"

#include <caf/abstract_actor.hpp>
#include <caf/actor_cast.hpp>

#include <algorithm>
#include <unordered_map>

namespace swarm {

std::shared_ptr<const seat> vitals::place() const {
  std::lock_guard guard{mutex_};
  return place_.lock();
}

void vitals::take(const std::shared_ptr<const seat>& x) {
  std::lock_guard guard{mutex_};
  place_ = x;
}

std::chrono::nanoseconds vitals::busy_for() const {
  auto since = busy_since.load(std::memory_order_relaxed);
  if (since == 0)
    return std::chrono::nanoseconds{0};
  auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::max(std::chrono::nanoseconds{1}, now - std::chrono::nanoseconds{since});
}

std::string vitals::verb() const {
  auto number = handling.load(std::memory_order_relaxed);
  return number == 0 ? std::string{} : caf::to_string(static_cast<caf::atom_value>(number));
}

std::shared_ptr<vitals> vitals_of(const caf::strong_actor_ptr& x) {
  auto* actor = x ? dynamic_cast<observed*>(x->get()) : nullptr;
  return actor ? actor->life_signs() : nullptr;
}

seat::seat(std::shared_ptr<census> all, std::shared_ptr<const seat> parent, std::string id, child_kind kind)
  : census_(std::move(all)), parent_(std::move(parent)), id_(std::move(id)), kind_(kind) {}

seat::~seat() {
  std::lock_guard guard{census_->mutex_};
  census_->seats_.erase(position_);
}

std::string seat::path() const {
  return parent_ ? parent_->path() + "/" + id_ : id_;
}

std::shared_ptr<seat> seat::add(std::string id, child_kind kind) {
  return census_->add(shared_from_this(), std::move(id), kind);
}

void seat::starts(const caf::strong_actor_ptr& life) {
  auto signs = vitals_of(life);
  if (signs)
    signs->take(shared_from_this());
  std::lock_guard guard{mutex_};
  life_ = caf::actor_cast<caf::weak_actor_ptr>(life);
  signs_ = std::move(signs);
  state_ = child_state::starting;
  ++incarnation_;
}

void seat::becomes(child_state x) {
  std::lock_guard guard{mutex_};
  state_ = x;
}

void seat::ends(std::string cause, std::string handling) {
  std::lock_guard guard{mutex_};
  last_exit_ = std::make_unique<exit_report>(
    exit_report{std::move(cause), std::move(handling), incarnation_, caf::make_timestamp()});
  life_.reset();
  signs_ = nullptr;
  state_ = child_state::down;
}

void seat::waits(caf::timespan until_restart) {
  std::lock_guard guard{mutex_};
  state_ = child_state::waiting;
  restart_at_ = std::chrono::steady_clock::now() + until_restart;
}

void seat::counts_restart() {
  std::lock_guard guard{mutex_};
  ++restarts_;
}

actor_report seat::report() const {
  actor_report result;
  result.path = path();
  result.parent = parent_ ? parent_->path() : std::string{};
  result.kind = kind_;
  std::lock_guard guard{mutex_};
  result.state = state_;
  result.incarnation = incarnation_;
  result.restarts = restarts_;
  if (last_exit_)
    result.last_exit = *last_exit_;
  if (state_ == child_state::waiting)
    result.restart_in = std::max(caf::timespan{0}, caf::timespan{restart_at_ - std::chrono::steady_clock::now()});
  if (auto life = life_.lock())
    result.actor = life->id();
  if (signs_) {
    result.name = signs_->name;
    result.handled = signs_->handled.load(std::memory_order_relaxed);
    // Two counters that are read one after the other: the difference may be off by what happens in between.
    auto received = signs_->received.load(std::memory_order_relaxed);
    result.mailbox = received > result.handled ? received - result.handled : 0;
    result.busy_for = signs_->busy_for();
    if (result.busy_for.count() > 0)
      result.handling = signs_->verb();
  }
  return result;
}

child_state seat::state() const {
  std::lock_guard guard{mutex_};
  return state_;
}

std::shared_ptr<const vitals> seat::signs() const {
  std::lock_guard guard{mutex_};
  return signs_;
}

caf::strong_actor_ptr seat::life() const {
  std::lock_guard guard{mutex_};
  return life_.lock();
}

std::shared_ptr<seat> census::root(std::string id) {
  return add(nullptr, std::move(id), child_kind::supervisor);
}

std::shared_ptr<seat> census::add(std::shared_ptr<const seat> parent, std::string id, child_kind kind) {
  auto result = std::make_shared<seat>(shared_from_this(), std::move(parent), std::move(id), kind);
  std::lock_guard guard{mutex_};
  result->position_ = seats_.insert(seats_.end(), result.get());
  return result;
}

std::vector<std::shared_ptr<seat>> census::seats() const {
  std::vector<std::shared_ptr<seat>> result;
  std::lock_guard guard{mutex_};
  result.reserve(seats_.size());
  for (auto* x : seats_)
    if (auto alive = x->weak_from_this().lock()) // null for one that is just being destroyed
      result.push_back(std::move(alive));
  return result;
}

std::size_t census::size() const {
  std::lock_guard guard{mutex_};
  return seats_.size();
}

std::vector<census::entry> census::tree(std::size_t children_max) const {
  auto all = seats();
  std::unordered_map<const seat*, std::vector<std::shared_ptr<const seat>>> children;
  for (auto& x : all)
    children[x->parent().get()].push_back(x);
  std::vector<entry> result;
  // Depth first, with a stack of our own: what is to be shown next lies on top.
  std::vector<entry> next;
  auto push = [&](const seat* parent) {
    auto& xs = children[parent];
    auto shown = std::min(xs.size(), children_max);
    for (auto i = shown; i > 0; --i)
      next.push_back({xs[i - 1], i == shown ? xs.size() - shown : 0});
  };
  push(nullptr);
  while (!next.empty()) {
    auto x = std::move(next.back());
    next.pop_back();
    auto* place = x.place.get();
    result.push_back(std::move(x));
    push(place);
  }
  return result;
}

} // namespace swarm
