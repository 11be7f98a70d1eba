#pragma once

#include "messages/interfaces.hpp"
#include "messages/payload.hpp"
#include "runtime/checks/check_plan.hpp"
#include "runtime/executors/attempt_files.hpp"
#include "runtime/executors/executor.hpp"
#include "runtime/executors/redact/redactor.hpp"
#include "runtime/workspace/workspace.hpp"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace swarm {

/// How a worker gets a workspace. Both are empty on a node without workspaces.
struct workspace_access {
  /// Also before it is made.
  std::function<std::string(ticket_id)> path_of;
  /// Takes its time.
  std::function<caf::expected<workspace::prepared_workspace>(const workspace::workspace_spec&)> prepare;
};

/// What all workers of a node have in common.
struct worker_context {
  completer_actor completer;
  command_executor_actor executor;
  ticket_workers_actor ledger; ///< Who is told of progress.
  std::map<std::string, std::string> environment; ///< The allow-listed variables of the node that commands may see.
  std::string working_directory;                  ///< For commands that name none.
  workspace_access workspaces;
  std::shared_ptr<const redact::redactor> redactor; ///< For all that an attempt leaves behind; may be absent.
  executors::executor_table executors;            ///< Of all kinds but command, whose programs `executor` runs.
  std::filesystem::path attempts_folder;          ///< For files that programs share with us; empty: there are none.
  std::uint64_t output_head_bytes = 64u << 10;
  std::uint64_t output_tail_bytes = 192u << 10;
  std::uint64_t output_file_bytes_max = 0; ///< Of the file with the whole output of an attempt, in `attempts_folder`.
  std::uint64_t outputs_bytes_max = 0;     ///< Of all such files that stay after their attempts.
  caf::timespan look_every{std::chrono::seconds{10}}; ///< How far the work is; sooner where a clock demands it.
  caf::timespan settle_again_after{std::chrono::seconds{1}}; ///< When the completer died over our settlement.
  std::int32_t check_repeats = 0; ///< Of a check that gave no verdict, before its attempt is given back.
  std::function<void(std::function<void()>)> aside = [](auto job) { job(); }; ///< Runs what reads files where nobody waits.
};

/// A TICKET WORKER: one attempt of one ticket: execute, check, settle. It owns the attempt and ends with it.
///
/// Only the checks, or the exit code where there are none, complete a ticket; what they want done is known to `check_plan`.
/// A worker that is told that its lease is
/// lost kills its program and writes nothing; the fence would refuse it anyway.
class ticket_worker {
public:
  using interface = ticket_worker_actor::extend<caf::reacts_to<atom::flush>, caf::reacts_to<atom::tick>,
                                               caf::reacts_to<atom::wake>,
                                               caf::reacts_to<atom::ended, outcome>, caf::reacts_to<atom::found>>;
  static constexpr const char* name = "ticket_worker";

  ticket_worker(interface::pointer self, claimed_ticket ticket, std::shared_ptr<const worker_context> context);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  /// `furnishing`: its workspace is made. `preparing`: the checks look before the work.
  enum class phase { furnishing, preparing, executing, checking, settling };

  void execute();
  void make_workspace();
  void on_workspace();
  void prepare_checks();
  void begin_work();
  void execute_command();
  void execute_with(executors::executor&, const claimed_ticket&);
  void on_ended(outcome);
  void on_executed(const command_result&);
  void check();
  void follow(checks::demand);
  void run_check(command_spec);
  void ask_model(std::string question, caf::timespan timeout);
  void note_review(route_report);
  void on_checked(const command_result&);
  void look_aside(std::function<checks::finding()>);
  void do_aside(std::function<void()> job);
  void run(command_spec, void (ticket_worker::*then)(const command_result&));
  void look();
  void on_progress(std::int64_t);
  void report(std::int64_t progress);
  void expire(std::string clock, const std::string& sentence);
  void stop(stop_cause);
  void stop_work();
  void kill_work();
  void end_as_told();
  void settle(outcome_class, std::string evidence);
  void redact_outcome();
  void sign_failure();
  void settle();
  void on_not_settled(const caf::error& cause);
  caf::timespan time_left() const;
  caf::timespan look_every() const;

  interface::pointer self_;
  claimed_ticket ticket_;
  std::shared_ptr<const worker_context> context_;
  command_payload payload_;
  checks::check_plan checks_;
  std::shared_ptr<checks::finding> found_; ///< Where a look of the checks leaves what it finds.
  std::shared_ptr<caf::expected<workspace::prepared_workspace>> made_; ///< Where the making of a workspace leaves it.
  std::optional<workspace::prepared_workspace> workspace_;
  executors::attempt_files files_;
  executors::result_watch result_; ///< Of a command.
  std::unique_ptr<executors::execution> execution_; ///< Of all kinds but command.
  caf::actor_clock::time_point started_;
  phase phase_ = phase::executing;
  std::uint64_t run_ = 0; ///< Number of the program that runs now, or ran last.
  std::uint64_t programs_ = 0; ///< How many were run.
  bool waits_for_checks_ = false; ///< For a look, a pause or a workspace: nothing runs that could be stopped.
  std::optional<stop_cause> told_to_stop_;
  std::int64_t progress_ = 0; ///< 0 until the first sign of work.
  caf::actor_clock::time_point progressed_;
  std::string expired_; ///< The sentence for the clock that ran out, of those that this worker watches.
  outcome outcome_;
  bool is_bare_ = false; ///< The outcome is what is left of one that the database refused.
};

} // namespace swarm
