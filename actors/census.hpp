#pragma once

#include "messages/reports.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/atom.hpp>

#include <atomic>
#include <chrono>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace swarm {

class seat;

/// What an actor's shell notes about the life it runs: written on the way, read by anybody at any time, also while the
/// actor is stuck and answers nothing.
struct vitals {
  explicit vitals(const char* class_name) : name(class_name) {}

  const char* const name;
  std::atomic<std::uint64_t> received{0};
  std::atomic<std::uint64_t> handled{0};
  std::atomic<std::int64_t> busy_since{0}; ///< Nanoseconds of the steady clock; 0 while idle.
  std::atomic<std::uint64_t> handling{0};  ///< The verb of the newest message, as a number; 0 before the first.
  std::atomic<std::uint64_t> crash_on{0};  ///< For tests: it throws instead of handling this verb.

  /// Where this life sits; null outside a supervision tree. Set once, by the supervisor.
  std::shared_ptr<const seat> place() const;
  void take(const std::shared_ptr<const seat>&);

  std::chrono::nanoseconds busy_for() const;
  std::string verb() const;

private:
  mutable std::mutex mutex_;
  std::weak_ptr<const seat> place_;
};

/// An actor that has vitals: every actor in a shell.
class observed {
public:
  virtual ~observed() = default;
  virtual const std::shared_ptr<vitals>& life_signs() const = 0;
};

/// @returns null for an actor without a shell.
std::shared_ptr<vitals> vitals_of(const caf::strong_actor_ptr&);

class census;

/// A place in the supervision tree: what is known of a child across its lives. Its supervisor writes it; the watchdog
/// and those who look at the tree read it, without a message and without waiting for anybody.
class seat : public std::enable_shared_from_this<seat> {
public:
  seat(std::shared_ptr<census>, std::shared_ptr<const seat> parent, std::string id, child_kind);
  ~seat();
  seat(const seat&) = delete;
  seat& operator=(const seat&) = delete;

  const std::string& id() const { return id_; }
  const std::shared_ptr<const seat>& parent() const { return parent_; }
  std::string path() const; ///< "root/work/dispatcher/default"

  /// A place below this one.
  std::shared_ptr<seat> add(std::string id, child_kind);

  void starts(const caf::strong_actor_ptr& life);
  void becomes(child_state);
  void ends(std::string cause, std::string handling);
  void waits(caf::timespan until_restart);
  void counts_restart();

  actor_report report() const;
  child_state state() const;
  /// Null while it is down.
  std::shared_ptr<const vitals> signs() const;
  caf::strong_actor_ptr life() const;

private:
  friend class census;

  const std::shared_ptr<census> census_;
  const std::shared_ptr<const seat> parent_;
  const std::string id_;
  const child_kind kind_;
  std::list<seat*>::iterator position_; ///< In the census.

  mutable std::mutex mutex_;
  child_state state_ = child_state::down;
  caf::weak_actor_ptr life_;
  std::shared_ptr<const vitals> signs_;
  std::uint32_t incarnation_ = 0;
  std::uint32_t restarts_ = 0;
  std::unique_ptr<exit_report> last_exit_; ///< Most children never have one.
  std::chrono::steady_clock::time_point restart_at_{};
};

/// All seats of a node. Without it nobody could say what an actor does that doesn't answer.
class census : public std::enable_shared_from_this<census> {
public:
  /// The place of the root; all others are added below it. A seat lives as long as somebody holds it.
  std::shared_ptr<seat> root(std::string id = "root");

  struct entry {
    std::shared_ptr<const seat> place;
    std::size_t omitted = 0; ///< Children that were left out after this one, because a supervisor has so many.
  };

  /// The tree from the root down, each supervisor before its children, children in start order.
  std::vector<entry> tree(std::size_t children_max = 1000) const;

  /// Every seat, in no particular order.
  std::vector<std::shared_ptr<seat>> seats() const;

  std::size_t size() const;

private:
  friend class seat;
  std::shared_ptr<seat> add(std::shared_ptr<const seat> parent, std::string id, child_kind);

  mutable std::mutex mutex_;
  std::list<seat*> seats_; ///< In the order in which they were added, so siblings in start order.
};

} // namespace swarm
