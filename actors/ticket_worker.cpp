#include "actors/ticket_worker.hpp"

#include "actors/actor_shell.hpp"
#include "actors/attempt_spec.hpp"
#include "runtime/checks/evidence.hpp"
#include "runtime/checks/failure_signature.hpp"
#include "runtime/executors/command/command_signal.hpp"
#include "runtime/executors/redact/redact_json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace swarm {

ticket_worker::ticket_worker(interface::pointer self, claimed_ticket ticket,
                             std::shared_ptr<const worker_context> context)
  : self_(self), ticket_(std::move(ticket)), context_(std::move(context)), started_(self->clock().now()), progressed_(started_) {}

ticket_worker::interface::behavior_type ticket_worker::make_behavior() {
  execute();
  return {
    [this](atom::stop, stop_cause x) { stop(x); },
    [this](atom::flush) { settle(); },
    [this](atom::tick) { look(); },
    [this](atom::wake) {
      if (phase_ == phase::checking && !told_to_stop_)
        follow(checks_.next());
    },
    [this](atom::ended, outcome& x) { on_ended(std::move(x)); },
    [this](atom::found) {
      if (phase_ == phase::settling || told_to_stop_)
        return;
      if (phase_ == phase::furnishing)
        on_workspace();
      else
        follow(checks_.on_found(std::move(*found_)));
    },
  };
}

std::vector<actor_fact> ticket_worker::facts() const {
  auto doing = phase_ == phase::furnishing  ? "furnishing"
               : phase_ == phase::preparing ? "preparing"
               : phase_ == phase::executing ? "executing"
               : phase_ == phase::settling  ? "settling"
                                            : "checking";
  return {{"attempt", std::to_string(ticket_.attempt)}, {"kind", ticket_.kind}, {"phase", doing}};
}

void ticket_worker::execute() {
  if (ticket_.kind == "noop")
    return settle(outcome_class::completed, "");
  if (ticket_.checks_changed)
    return settle(outcome_class::permanent, "its checks aren't those that it was created with: somebody has changed its "
                                            "payload; cancel it and create it anew");
  if (ticket_.kind != "command" && !context_->executors.contains(ticket_.kind))
    return settle(outcome_class::transient, "this node has no executor '" + ticket_.kind + "'");
  auto plan = read_payload(ticket_, payload_, *context_, static_cast<unsigned>(self_->id()));
  if (!plan)
    return settle(outcome_class::permanent, render(plan.error()));
  checks_ = std::move(*plan);
  if (payload_.workspace.kind == workspace_kind::none)
    return prepare_checks();
  if (!context_->workspaces.prepare)
    return settle(outcome_class::transient, "this node has no place for workspaces");
  make_workspace();
}

void ticket_worker::make_workspace() {
  phase_ = phase::furnishing;
  waits_for_checks_ = true;
  made_ = std::make_shared<caf::expected<workspace::prepared_workspace>>(caf::error{});
  do_aside([to = made_, prepare = context_->workspaces.prepare,
            wanted = workspace::workspace_spec{ticket_.claim.ticket, ticket_.attempt, payload_.workspace}] {
    *to = prepare(wanted);
  });
}

void ticket_worker::on_workspace() {
  waits_for_checks_ = false;
  auto made = std::move(*std::exchange(made_, nullptr));
  if (!made)
    return settle(class_of_workspace_failure(made.error()), "its workspace can't be made: " + render(made.error()));
  workspace_ = std::move(*made);
  prepare_checks();
}

void ticket_worker::prepare_checks() {
  phase_ = phase::preparing;
  follow(checks_.prepare());
}

void ticket_worker::begin_work() {
  if (!checks_.trouble().empty())
    return settle(outcome_class::permanent, "its checks could never judge the work: " + checks_.trouble());
  phase_ = phase::executing;
  if (ticket_.kind == "command")
    execute_command();
  else
    execute_with(*context_->executors.at(ticket_.kind), ticket_);
  if (phase_ == phase::executing)
    self_->delayed_send(self_, look_every(), atom::tick_v);
}

void ticket_worker::execute_command() {
  if (!context_->attempts_folder.empty()) {
    auto files = executors::attempt_files::make(context_->attempts_folder, ticket_.claim, ticket_.last_failure);
    if (!files)
      return settle(outcome_class::transient, render(files.error()));
    files_ = std::move(*files);
    result_ = executors::result_watch{files_.result_file()};
  }
  auto spec = command_of(ticket_, payload_, *context_, files_);
  if (!spec)
    return settle(outcome_class::auth, render(spec.error()));
  run(std::move(*spec), &ticket_worker::on_executed);
}

void ticket_worker::execute_with(executors::executor& x, const claimed_ticket& what) {
  // By address: we own the execution, so it must not own us.
  execution_ = x.start(what, [me = self_->address()](outcome end) {
    if (auto worker = caf::actor_cast<caf::actor>(me))
      caf::anon_send(worker, atom::ended_v, std::move(end));
  });
}

void ticket_worker::on_ended(outcome x) {
  execution_.reset();
  // Handed back, it would begin anew.
  const auto goes_on = x.end == outcome_class::waiting && told_to_stop_ == stop_cause::drain;
  if (told_to_stop_ && !goes_on)
    return end_as_told();
  if (phase_ == phase::checking) {
    note_review(std::move(x.route));
    return follow(checks_.on_answered(x));
  }
  if (!expired_.empty() && x.end == outcome_class::released) {
    outcome_.output = std::move(x.output);
    outcome_.output_bytes = x.output_bytes;
    return settle(outcome_class::timeout, expired_);
  }
  outcome_ = std::move(x);
  if (outcome_.end != outcome_class::completed || checks_.is_empty())
    return settle(outcome_.end, outcome_.evidence);
  check();
}

/// Often enough for the clocks that depend on it.
caf::timespan ticket_worker::look_every() const {
  auto result = context_->look_every;
  for (auto clock : {ticket_.start_timeout, ticket_.progress_timeout})
    if (clock.count() > 0)
      result = std::min<caf::timespan>(result, clock / 4);
  // Programs have a clock of their own, and so have some executors: they are given a moment to end by it.
  if (execution_ && ticket_.timeout.count() > 0)
    result = std::min<caf::timespan>(result, std::max<caf::timespan>(time_left(), ticket_.timeout / 8));
  return std::max<caf::timespan>(result, std::chrono::milliseconds{10});
}

void ticket_worker::look() {
  if (phase_ == phase::settling || told_to_stop_ || !expired_.empty())
    return;
  // A check has a clock of its own. To those that watch the work it is a sign of life, or the reaper would end it.
  if (phase_ != phase::executing) {
    // Programs are stopped in time; a look at files may wait for a disk as long as that likes.
    if (waits_for_checks_ && ticket_.timeout.count() > 0 && time_left().count() <= 0)
      return settle(outcome_class::check_error, "no time was left for the check");
    report(progress_ + 1);
    return self_->delayed_send(self_, look_every(), atom::tick_v);
  }
  if (execution_)
    return on_progress(execution_->progress());
  self_->request(context_->executor, caf::infinite, atom::progress_v, run_)
    .then([this](std::int64_t x) { on_progress(x + result_.look()); },
          [this](const caf::error&) { on_progress(progress_); }); // no executor, no progress
}

void ticket_worker::on_progress(std::int64_t progress) {
  if (phase_ != phase::executing)
    return look(); // the work has ended meanwhile
  if (told_to_stop_)
    return;
  auto now = self_->clock().now();
  if (progress > progress_) {
    progressed_ = now;
    report(progress);
  } else if (progress == 0 && ticket_.start_timeout.count() > 0 && now - started_ >= ticket_.start_timeout) {
    return expire("start", "showed no sign of work within " + duration_text(ticket_.start_timeout));
  } else if (ticket_.progress_timeout.count() > 0 && now - progressed_ >= ticket_.progress_timeout) {
    return expire("progress", "made no progress for " + duration_text(ticket_.progress_timeout));
  } else if (execution_ && ticket_.timeout.count() > 0 && time_left().count() <= 0) {
    return expire(ticket_.deadline_clock, "wasn't done within " + duration_text(ticket_.timeout));
  }
  self_->delayed_send(self_, look_every(), atom::tick_v);
}

void ticket_worker::report(std::int64_t progress) {
  progress_ = progress;
  self_->send(context_->ledger, atom::progress_v, ticket_.claim, progress);
}

void ticket_worker::expire(std::string clock, const std::string& sentence) {
  outcome_.clock = std::move(clock);
  expired_ = (payload_.command.empty() ? "the " + ticket_.kind + " executor " : "'" + payload_.command.front() + "' ") + sentence;
  stop_work();
}

void ticket_worker::stop_work() {
  if (execution_)
    execution_->stop();
  else
    self_->send(context_->executor, atom::stop_v, run_);
}

void ticket_worker::kill_work() {
  if (execution_)
    execution_->kill();
  else
    self_->send(context_->executor, atom::kill_v, run_);
}

void ticket_worker::on_executed(const command_result& x) {
  outcome_.output = x.output;
  outcome_.output_bytes = x.output_bytes;
  if (x.output_bytes > context_->output_head_bytes + context_->output_tail_bytes && x.output_file_bytes > 0)
    files_.keep_output(context_->outputs_bytes_max);
  outcome_.has_exit_code = x.ending == command_ending::exited;
  outcome_.exit_code = x.exit_code;
  if (told_to_stop_)
    return end_as_told();
  // It may have ended by itself just before it could be stopped.
  if (!expired_.empty() && x.ending == command_ending::stopped)
    return settle(outcome_class::timeout, expired_);
  outcome_.clock.clear();
  auto work = executors::judge_work(payload_.command, x, payload_.exit_codes);
  outcome_.retry_after = work.wait;
  auto result = files_.read_result();
  const auto why = result && x.ending == command_ending::exited ? executors::why_impossible(*result) : "";
  if (result)
    outcome_.details = std::move(*result);
  if (!why.empty())
    return settle(outcome_class::permanent, "its command says that nobody can do this (spec_impossible): " + why);
  if (!result && work.end == outcome_class::completed) // whoever depends on it would miss it
    return settle(outcome_class::content, work.evidence + ", and " + render(result.error()));
  if (work.end != outcome_class::completed || checks_.is_empty())
    return settle(work.end, work.evidence);
  outcome_.evidence = work.evidence;
  check();
}

void ticket_worker::check() {
  phase_ = phase::checking;
  report(progress_ + 1);
  follow(checks_.next());
}

void ticket_worker::follow(checks::demand x) {
  using enum checks::demand::kind;
  waits_for_checks_ = x.what == look || x.what == pause;
  switch (x.what) {
    case program: return run_check(std::move(x.program));
    case ask: return ask_model(std::move(x.question), x.timeout);
    case look: return look_aside(std::move(x.look));
    case pause: return self_->delayed_send(self_, x.pause, atom::wake_v);
    case nothing: break;
  }
  if (phase_ == phase::preparing)
    return begin_work();
  checks_.judge(outcome_);
  redact_outcome();
  settle();
}

void ticket_worker::run_check(command_spec spec) {
  if (ticket_.timeout.count() > 0) {
    auto left = time_left();
    if (left.count() <= 0)
      return phase_ == phase::preparing ? settle(outcome_class::timeout, "no time was left for the work")
                                        : settle(outcome_class::check_error, "no time was left for the check");
    spec.timeout = spec.timeout.count() > 0 ? std::min(spec.timeout, left) : left;
  }
  run(std::move(spec), &ticket_worker::on_checked);
}

/// As an attempt of its own at Claude, which knows nothing of this one but what stands in the question.
void ticket_worker::ask_model(std::string question, caf::timespan timeout) {
  outcome refused;
  refused.end = outcome_class::transient;
  auto claude = context_->executors.find("claude");
  if (claude == context_->executors.end()) {
    refused.evidence = "this node has no executor 'claude'";
    return follow(checks_.on_answered(refused));
  }
  claimed_ticket asked;
  asked.claim = ticket_.claim;
  asked.kind = claude->first;
  asked.route = "claude " + nlohmann::json::parse(question).value("model", "default"); // as route_of.sql names it
  asked.payload = context_->redactor ? context_->redactor->redact(question) : std::move(question);
  asked.timeout = timeout;
  if (ticket_.timeout.count() > 0) {
    const auto left = time_left();
    if (left.count() <= 0)
      return settle(outcome_class::check_error, "no time was left for the check");
    asked.timeout = timeout.count() > 0 ? std::min(timeout, left) : left;
  }
  execute_with(*claude->second, asked);
}

/// For the breakers and limits of its model, and its repeats together with it.
void ticket_worker::note_review(route_report x) {
  auto& all = outcome_.review;
  if (x.route.empty())
    return; // nobody was asked
  // The ticket's claim has taken no request of this model from any limit, so the first one counts like all others.
  x.requests += x.route == all.route ? all.requests : 1;
  x.input_tokens += x.route == all.route ? all.input_tokens : 0;
  x.output_tokens += x.route == all.route ? all.output_tokens : 0;
  all = std::move(x);
}

void ticket_worker::on_checked(const command_result& x) {
  if (told_to_stop_)
    return end_as_told();
  follow(checks_.on_ended(x));
}

void ticket_worker::look_aside(std::function<checks::finding()> look) {
  found_ = std::make_shared<checks::finding>();
  do_aside([look = std::move(look), to = found_] { *to = look(); });
}

void ticket_worker::do_aside(std::function<void()> job) {
  // By address: a job that takes long must not keep a worker that is gone.
  context_->aside([job = std::move(job), me = self_->address()] {
    job();
    if (auto worker = caf::actor_cast<caf::actor>(me))
      caf::anon_send(worker, atom::found_v);
  });
}

void ticket_worker::run(command_spec spec, void (ticket_worker::*then)(const command_result&)) {
  // Unique in this process: no other actor has our number, and none runs so many programs.
  run_ = self_->id() * 1'000'000 + programs_++;
  self_->request(context_->executor, caf::infinite, atom::execute_v, run_, std::move(spec))
    .then([this, then](const command_result& x) { (this->*then)(x); },
          [this](const caf::error& x) {
            if (told_to_stop_)
              return end_as_told();
            settle(outcome_class::transient, "the command executor failed: " + render(x));
          });
}

void ticket_worker::stop(stop_cause cause) {
  if (phase_ == phase::settling)
    return; // the work is over; the settlement's answer tells the rest
  // A lost lease can't be had back, whatever else we are told.
  if (told_to_stop_ != stop_cause::lost)
    told_to_stop_ = cause;
  // Somebody else may begin with a lost ticket at any moment: its program gets no time to say goodbye.
  if (waits_for_checks_)
    return end_as_told(); // nothing runs
  if (cause == stop_cause::lost)
    kill_work();
  else
    stop_work();
}

void ticket_worker::end_as_told() {
  switch (*told_to_stop_) {
    case stop_cause::lost:
      logger_for(name)->warn("a ticket was lost to another worker, its work is stopped: ticket={} attempt={}",
                             to_string(ticket_.claim.ticket), ticket_.attempt);
      return self_->quit();
    case stop_cause::cancelled:
      return settle(outcome_class::cancelled, "stopped on request");
    case stop_cause::drain:
      return settle(outcome_class::released, "handed back, because the node is going down");
  }
}

void ticket_worker::settle(outcome_class end, std::string evidence) {
  outcome_.end = end;
  if (end == outcome_class::timeout && outcome_.clock.empty())
    outcome_.clock = ticket_.deadline_clock;
  outcome_.evidence = std::move(evidence);
  redact_outcome();
  settle();
}

/// Before anything of it is stored or logged. What a program writes was redacted on its way, where secrets can't be cut.
void ticket_worker::redact_outcome() {
  if (!context_->redactor)
    return;
  auto details = outcome_.details.empty() ? "" : redact::redact_json(*context_->redactor, outcome_.details);
  if (outcome_.end == outcome_class::waiting && details != nlohmann::json::parse(outcome_.details, nullptr, false).dump()) {
    outcome_.end = outcome_class::permanent;
    outcome_.evidence += "; it must wait, and what it needs to go on holds a secret, which is stored nowhere";
  }
  outcome_.details = std::move(details);
  for (auto* text : {&outcome_.evidence, &outcome_.output})
    if (!text->empty())
      *text = context_->redactor->redact(*text);
}

/// What a model says differs each time, so of its work only the sentence counts, and what a check says of it.
void ticket_worker::sign_failure() {
  if (outcome_.end == outcome_class::check_failed)
    outcome_.signature = checks::failure_signature(outcome_.evidence + '\n' + std::string{checks_.failure_detail()});
  else if (outcome_.end == outcome_class::content)
    outcome_.signature = checks::failure_signature(
      outcome_.evidence + '\n' + (ticket_.kind == "command" ? checks::head_and_tail(outcome_.output) : ""));
  else if (outcome_.end == outcome_class::timeout)
    outcome_.signature = checks::failure_signature(outcome_.evidence);
}

void ticket_worker::settle() {
  if (phase_ != phase::settling)
    sign_failure();
  phase_ = phase::settling;
  waits_for_checks_ = false;
  if (workspace_)
    outcome_.details = with_workspace(outcome_.details, *workspace_);
  // The next attempt may come at once, and must find nobody in there.
  workspace_.reset();
  made_.reset();
  self_->request(context_->completer, caf::infinite, atom::settle_v, settlement{ticket_.claim, outcome_})
    .then(
      [this](const settled_ticket& x) {
        if (x.answer == settle_answer::lost)
          logger_for(name)->warn("a ticket was lost before it could be settled: ticket={} attempt={}",
                                 to_string(ticket_.claim.ticket), ticket_.attempt);
        else if (!outcome_.evidence.empty())
          logger_for(name)->info("attempt ended: ticket={} key={} attempt={} class={} evidence={}",
                                 to_string(ticket_.claim.ticket), fact(ticket_.key), ticket_.attempt,
                                 to_string(outcome_.end), fact(outcome_.evidence));
        self_->quit();
      },
      [this](const caf::error& x) { on_not_settled(x); });
}

void ticket_worker::on_not_settled(const caf::error& cause) {
  if (code_of(cause) == errc::database_error || code_of(cause) == errc::constraint_violated) {
    // What the database refuses once it refuses always: without what it can't take, or the work would be done again and
    // again. When it doesn't take that either, the lease runs out, and the reaper counts it.
    if (std::exchange(is_bare_, true))
      return self_->quit();
    outcome bare;
    bare.end = outcome_class::permanent;
    bare.evidence = "what came of it (" + to_string(outcome_.end) + ") was refused by the database: " + fact(render(cause));
    outcome_ = std::move(bare);
    return settle();
  }
  // The completer died over it. The same settlement again, with the same fence: at worst the answer is `again`.
  self_->delayed_send(self_, context_->settle_again_after, atom::flush_v);
}

/// What is left of the attempt's clock.
caf::timespan ticket_worker::time_left() const {
  return ticket_.timeout - (self_->clock().now() - started_);
}

} // namespace swarm
