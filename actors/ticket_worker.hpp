#pragma once

#include "messages/interfaces.hpp"
#include "messages/payload.hpp"

#include <map>
#include <optional>
#include <string>

namespace swarm {

/// What all workers of a node have in common.
struct worker_context {
  completer_actor completer;
  command_executor_actor executor;
  ticket_workers_actor ledger; ///< Who is told of progress.
  std::map<std::string, std::string> environment; ///< The allow-listed variables of the node that commands may see.
  std::string working_directory;                  ///< For commands that name none.
  std::uint64_t output_head_bytes = 64u << 10;
  std::uint64_t output_tail_bytes = 192u << 10;
  caf::timespan look_every{std::chrono::seconds{10}}; ///< How far the work is; sooner where a clock demands it.
  caf::timespan settle_again_after{std::chrono::seconds{1}}; ///< When the completer died over our settlement.
};

/// A TICKET WORKER: one attempt of one ticket: execute, check, settle. It owns the attempt and ends with it.
///
/// Only the check, or the exit code where there is none, completes a ticket. A worker that is told that its lease is
/// lost kills its program and writes nothing; the fence would refuse it anyway.
class ticket_worker {
public:
  using interface = ticket_worker_actor::extend<caf::reacts_to<atom::flush>, caf::reacts_to<atom::tick>>;
  static constexpr const char* name = "ticket_worker";

  ticket_worker(interface::pointer self, claimed_ticket ticket, std::shared_ptr<const worker_context> context);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  enum class phase { executing, checking, settling };

  void execute();
  void on_executed(const command_result&);
  void check();
  void on_checked(const command_result&);
  void run(const std::vector<std::string>& argv, caf::timespan timeout, void (ticket_worker::*then)(const command_result&));
  void look();
  void on_progress(std::int64_t);
  void report(std::int64_t progress);
  void expire(std::string clock, const std::string& sentence);
  void stop(stop_cause);
  void end_as_told();
  void settle(outcome_class, std::string evidence);
  void settle();
  void on_not_settled(const caf::error& cause);
  caf::timespan time_left() const;
  caf::timespan look_every() const;

  interface::pointer self_;
  claimed_ticket ticket_;
  std::shared_ptr<const worker_context> context_;
  command_payload payload_;
  caf::actor_clock::time_point started_;
  phase phase_ = phase::executing;
  std::uint64_t run_ = 0; ///< Number of the program that runs now.
  std::optional<stop_cause> told_to_stop_;
  std::int64_t progress_ = 0; ///< 0 until the first sign of work.
  caf::actor_clock::time_point progressed_;
  std::string expired_; ///< The sentence for the clock that ran out, of those that this worker watches.
  outcome outcome_;
};

} // namespace swarm
