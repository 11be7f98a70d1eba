#include "actors/ticket_worker.hpp"

#include "actors/actor_shell.hpp"
#include "messages/foreign_json.hpp"
#include "messages/references.hpp"
#include "runtime/executors/command/classify.hpp"

#include <algorithm>
#include <cstdlib>

namespace swarm {

namespace {

/// Of a payload with the results that it refers to.
constexpr std::size_t resolved_bytes_max = 4u << 20;

} // namespace

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
      if (phase_ == phase::pausing)
        check();
    },
    [this](atom::ended, outcome& x) { on_ended(std::move(x)); },
  };
}

std::vector<actor_fact> ticket_worker::facts() const {
  auto doing = phase_ == phase::executing  ? "executing"
               : phase_ == phase::settling ? "settling"
                                           : "checking";
  return {{"attempt", std::to_string(ticket_.attempt)}, {"kind", ticket_.kind}, {"phase", doing}};
}

void ticket_worker::execute() {
  if (ticket_.kind == "noop")
    return settle(outcome_class::completed, "");
  if (auto resolved = resolve_payload(); !resolved)
    return settle(outcome_class::permanent, render(resolved.error()));
  if (ticket_.kind == "command")
    return execute_command();
  if (auto executor = context_->executors.find(ticket_.kind); executor != context_->executors.end())
    return execute_with(*executor->second);
  settle(outcome_class::transient, "this node has no executor '" + ticket_.kind + "'");
}

/// Puts the results of the tickets that this one needs where its payload refers to them.
caf::expected<void> ticket_worker::resolve_payload() {
  if (!mentions_references(ticket_.payload))
    return caf::unit;
  auto results = read_foreign_json(ticket_.results.empty() ? "{}" : ticket_.results);
  if (!results)
    return make_error(errc::invalid_input, "the results of its dependencies: " + render(results.error()));
  auto result_of = [&](const std::string& key) -> std::optional<std::string> {
    auto found = results->find(key);
    return found == results->end() ? std::nullopt : std::optional{found->dump()};
  };
  auto resolved = resolve_references(ticket_.payload, result_of,
                                     {resolved_bytes_max, [](const std::string& place) { return place.starts_with("/json"); }});
  if (!resolved)
    return std::move(resolved.error());
  ticket_.payload = std::move(*resolved);
  return caf::unit;
}

void ticket_worker::execute_command() {
  auto payload = parse_command_payload(ticket_.payload);
  if (!payload)
    return settle(outcome_class::permanent, "the ticket's payload can't be read: " + render(payload.error()));
  payload_ = std::move(*payload);
  if (!context_->attempts_folder.empty()) {
    auto files = executors::attempt_files::make(context_->attempts_folder, ticket_.claim, ticket_.last_failure);
    if (!files)
      return settle(outcome_class::transient, render(files.error()));
    files_ = std::move(*files);
  }
  auto spec = spec_for(argv_of(payload_), ticket_.timeout);
  spec.input = payload_.input;
  spec.input_file = payload_.input_file;
  // Only here: a check never sees them.
  for (auto& variable : payload_.secrets) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr)
      return settle(outcome_class::auth, "the node's environment has no variable " + variable + ", which the ticket needs");
    spec.environment[variable] = value;
  }
  if (auto file = files_.last_failure_file(); !file.empty())
    spec.environment["SWARM_LAST_FAILURE"] = file;
  spec.output_file = files_.output_file();
  spec.output_file_bytes_max = context_->output_file_bytes_max;
  run(std::move(spec), &ticket_worker::on_executed);
  self_->delayed_send(self_, look_every(), atom::tick_v);
}

void ticket_worker::execute_with(executors::executor& x) {
  auto taken = take_check(ticket_.payload);
  if (!taken)
    return settle(outcome_class::permanent, "the ticket's payload can't be read: " + render(taken.error()));
  payload_.check = taken->check;
  payload_.check_timeout = taken->check_timeout;
  payload_.working_directory = taken->working_directory;
  auto ticket = ticket_;
  ticket.payload = taken->rest;
  // By address: we own the execution, so it must not own us.
  execution_ = x.start(ticket, [me = self_->address()](outcome end) {
    if (auto worker = caf::actor_cast<caf::actor>(me))
      caf::anon_send(worker, atom::ended_v, std::move(end));
  });
  self_->delayed_send(self_, look_every(), atom::tick_v);
}

void ticket_worker::on_ended(outcome x) {
  execution_.reset();
  if (told_to_stop_)
    return end_as_told();
  if (!expired_.empty() && x.end == outcome_class::released) {
    outcome_.output = std::move(x.output);
    outcome_.output_bytes = x.output_bytes;
    return settle(outcome_class::timeout, expired_);
  }
  outcome_ = std::move(x);
  if (outcome_.end != outcome_class::completed || payload_.check.empty())
    return settle(outcome_.end, outcome_.evidence);
  check();
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
  if (phase_ != phase::executing) {
    report(progress_ + 1);
    return self_->delayed_send(self_, look_every(), atom::tick_v);
  }
  if (execution_)
    return on_progress(execution_->progress());
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
  auto work = executors::classify_command(payload_.command, x, payload_.exit_codes);
  auto result = files_.read_result();
  if (result)
    outcome_.details = std::move(*result);
  else if (work.end == outcome_class::completed) // whoever depends on it would miss it
    return settle(outcome_class::content, work.evidence + ", and " + render(result.error()));
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
  run(spec_for(payload_.check, timeout), &ticket_worker::on_checked);
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
  if (repeats_check(verdict.end))
    return;
  if (verdict.end == outcome_class::completed)
    verdict.evidence = outcome_.evidence + "; " + verdict.evidence;
  settle(verdict.end, verdict.evidence);
}

/// The work is done and stays so: only the check is repeated when it gave no verdict.
bool ticket_worker::repeats_check(outcome_class verdict) {
  if (verdict != outcome_class::check_error || check_repeats_ >= context_->check_repeats)
    return false;
  ++check_repeats_;
  phase_ = phase::pausing;
  std::minstd_rand random{static_cast<unsigned>(self_->id())};
  self_->delayed_send(self_, context_->check_pause.delay(static_cast<unsigned>(check_repeats_), random), atom::wake_v);
  return true;
}

command_spec ticket_worker::spec_for(std::vector<std::string> argv, caf::timespan timeout) const {
  command_spec spec;
  spec.argv = std::move(argv);
  spec.working_directory = payload_.working_directory.empty() ? context_->working_directory
                                                              : payload_.working_directory;
  spec.environment = context_->environment;
  for (auto& [key, value] : payload_.environment)
    spec.environment[key] = value;
  spec.environment["SWARM_TICKET"] = to_string(ticket_.claim.ticket);
  spec.environment["SWARM_ATTEMPT"] = std::to_string(ticket_.attempt);
  spec.environment["SWARM_FENCE"] = to_string(ticket_.claim.fence);
  if (auto file = files_.result_file(); !file.empty())
    spec.environment["SWARM_RESULT_FILE"] = file;
  spec.timeout = timeout;
  spec.output_head_bytes = context_->output_head_bytes;
  spec.output_tail_bytes = context_->output_tail_bytes;
  spec.limits = payload_.limits;
  return spec;
}

void ticket_worker::run(command_spec spec, void (ticket_worker::*then)(const command_result&)) {
  // Unique in this process: no other actor has our number, and we run one program after the other.
  run_ = self_->id() * 1000 + (phase_ == phase::checking ? 1 + static_cast<std::uint64_t>(check_repeats_) : 0);
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
  if (phase_ == phase::pausing)
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
  for (auto* text : {&outcome_.evidence, &outcome_.output, &outcome_.details})
    *text = context_->redactor->redact(*text);
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
