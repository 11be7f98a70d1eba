#pragma once

#include "actors/census.hpp"
#include "actors/restart_policy.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

namespace swarm {

/// Children that come and go, each found, added and removed in constant time. For an actor that is their parent and
/// knows more about each of them: a `Note`, such as the ticket it works on.
///
/// They die with this object, as children of a supervisor do.
template <class Note>
class dynamic_children {
public:
  struct child {
    caf::strong_actor_ptr life;
    std::shared_ptr<seat> place;
    Note note;
  };

  dynamic_children(caf::scheduled_actor* self, std::shared_ptr<seat> place) : self_(self), place_(std::move(place)) {}
  dynamic_children(const dynamic_children&) = delete;
  dynamic_children& operator=(const dynamic_children&) = delete;

  ~dynamic_children() {
    for (auto& [id, x] : children_)
      kill(x.life);
  }

  std::string path() const { return place_->path(); }

  /// A place for a child that is about to start.
  std::shared_ptr<seat> place_for(std::string id) { return place_->add(std::move(id), child_kind::worker); }

  /// Takes in an actor that was just spawned.
  child& add(std::shared_ptr<seat> place, caf::strong_actor_ptr life, Note note) {
    place->starts(life);
    self_->monitor(life);
    auto id = life->id();
    return children_.insert_or_assign(id, child{std::move(life), std::move(place), std::move(note)}).first->second;
  }

  /// @returns null when this is none of ours.
  child* find(caf::actor_id id) {
    auto i = children_.find(id);
    return i == children_.end() ? nullptr : &i->second;
  }

  /// Lets a child go that has ended, or that is left behind.
  child take(caf::actor_id id) {
    auto node = children_.extract(id);
    return std::move(node.mapped());
  }

  bool empty() const { return children_.empty(); }
  std::size_t size() const { return children_.size(); }
  auto begin() { return children_.begin(); }
  auto end() { return children_.end(); }
  auto begin() const { return children_.begin(); }
  auto end() const { return children_.end(); }

private:
  caf::scheduled_actor* self_;
  std::shared_ptr<seat> place_;
  std::unordered_map<caf::actor_id, child> children_;
};

} // namespace swarm
