#include "actors/ticket_worker.hpp"

#include "actors/actor_shell.hpp"
#include "runtime/executors/command/classify.hpp"

#include <algorithm>

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
  };
}

std::vector<actor_fact> ticket_worker::facts() const {
  auto doing = phase_ == phase::executing ? "executing" : phase_ == phase::checking ? "checking" : "settling";
  return {{"attempt", std::to_string(ticket_.attempt)}, {"kind", ticket_.kind}, {"phase", doing}};
}

void ticket_worker::execute() {
  if (ticket_.kind == "noop")
    return settle(outcome_class::completed, "");
  if (ticket_.kind != "command")
    return settle(outcome_class::transient, "this node has no executor '" + ticket_.kind + "'");
  auto payload = parse_command_payload(ticket_.payload);
  if (!payload)
    return settle(outcome_class::permanent, "the ticket's payload can't be read: " + render(payload.error()));
  payload_ = std::move(*payload);
  run(payload_.command, ticket_.timeout, &ticket_worker::on_executed);
  self_->delayed_send(self_, look_every(), atom::tick_v);
}

/// Often enough for the clocks that depend on it.
caf::timespan ticket_worker::look_every() const {
  auto result = context_->look_every;
  for (auto clock : {ticket_.start_timeout, ticket_.progress_timeout})
    if (clock.count() > 0)
      result = std::min<caf::timespan>(result, clock / 4);
  return std::max<caf::timespan>(result, std::chrono::milliseconds{10});
}

void ticket_worker::look() {
  if (phase_ == phase::settling || told_to_stop_ || !expired_.empty())
    return;
  // A check has a clock of its own. To those that watch the work it is a sign of life, or the reaper would end it.
  if (phase_ == phase::checking) {
    report(progress_ + 1);
    return self_->delayed_send(self_, look_every(), atom::tick_v);
  }
  self_->request(context_->executor, caf::infinite, atom::progress_v, run_)
    .then([this](std::int64_t x) { on_progress(x); },
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
  }
  self_->delayed_send(self_, look_every(), atom::tick_v);
}

void ticket_worker::report(std::int64_t progress) {
  progress_ = progress;
  self_->send(context_->ledger, atom::progress_v, ticket_.claim, progress);
}

void ticket_worker::expire(std::string clock, const std::string& sentence) {
  outcome_.clock = std::move(clock);
  expired_ = "'" + payload_.command.front() + "' " + sentence;
  self_->send(context_->executor, atom::stop_v, run_);
}

void ticket_worker::on_executed(const command_result& x) {
  outcome_.output = x.output;
  outcome_.output_bytes = x.output_bytes;
  outcome_.has_exit_code = x.ending == command_ending::exited;
  outcome_.exit_code = x.exit_code;
  if (told_to_stop_)
    return end_as_told();
  // It may have ended by itself just before it could be stopped.
  if (!expired_.empty() && x.ending == command_ending::stopped)
    return settle(outcome_class::timeout, expired_);
  outcome_.clock.clear();
  auto work = executors::classify_command(payload_.command, x);
  if (work.end != outcome_class::completed || payload_.check.empty())
    return settle(work.end, work.evidence);
  outcome_.evidence = work.evidence;
  check();
}

void ticket_worker::check() {
  phase_ = phase::checking;
  report(progress_ + 1);
  auto timeout = payload_.check_timeout;
  if (ticket_.timeout.count() > 0) {
    auto left = time_left();
    if (left.count() <= 0)
      return settle(outcome_class::check_error, "no time was left for the check");
    timeout = timeout.count() > 0 ? std::min(timeout, left) : left;
  }
  run(payload_.check, timeout, &ticket_worker::on_checked);
}

void ticket_worker::on_checked(const command_result& x) {
  if (!x.output.empty()) {
    if (!outcome_.output.empty() && !outcome_.output.ends_with('\n'))
      outcome_.output += '\n';
    outcome_.output += "--- check ---\n" + x.output;
  }
  outcome_.output_bytes += x.output_bytes;
  if (told_to_stop_)
    return end_as_told();
  auto verdict = executors::classify_check(payload_.check, x);
  if (verdict.end == outcome_class::completed)
    verdict.evidence = outcome_.evidence + "; " + verdict.evidence;
  settle(verdict.end, verdict.evidence);
}

void ticket_worker::run(const std::vector<std::string>& argv, caf::timespan timeout,
                        void (ticket_worker::*then)(const command_result&)) {
  command_spec spec;
  spec.argv = argv;
  spec.working_directory = payload_.working_directory.empty() ? context_->working_directory
                                                              : payload_.working_directory;
  spec.environment = context_->environment;
  for (auto& [key, value] : payload_.environment)
    spec.environment[key] = value;
  spec.environment["SWARM_TICKET"] = to_string(ticket_.claim.ticket);
  spec.environment["SWARM_ATTEMPT"] = std::to_string(ticket_.attempt);
  spec.environment["SWARM_FENCE"] = to_string(ticket_.claim.fence);
  spec.timeout = timeout;
  spec.output_head_bytes = context_->output_head_bytes;
  spec.output_tail_bytes = context_->output_tail_bytes;
  // Unique in this process: no other actor has our number, and we run one program after the other.
  run_ = self_->id() * 2 + (phase_ == phase::checking ? 1 : 0);
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
  if (cause == stop_cause::lost)
    self_->send(context_->executor, atom::kill_v, run_);
  else
    self_->send(context_->executor, atom::stop_v, run_);
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
  settle();
}

void ticket_worker::settle() {
  phase_ = phase::settling;
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
  // What the database refuses once it refuses always. The lease runs out, and the reaper counts it.
  if (code_of(cause) == errc::database_error || code_of(cause) == errc::constraint_violated)
    return self_->quit();
  // The completer died over it. The same settlement again, with the same fence: at worst the answer is `again`.
  self_->delayed_send(self_, context_->settle_again_after, atom::flush_v);
}

/// What is left of the attempt's clock.
caf::timespan ticket_worker::time_left() const {
  return ticket_.timeout - (self_->clock().now() - started_);
}

} // namespace swarm
