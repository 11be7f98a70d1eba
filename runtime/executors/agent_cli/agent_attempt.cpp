#include "runtime/executors/agent_cli/agent_attempt.hpp"

#include "messages/error.hpp"
#include "messages/json_schema.hpp"
#include "runtime/executors/agent_cli/json_line.hpp"
#include "runtime/executors/classify/classify.hpp"
#include "runtime/executors/route_report.hpp"

#include <csignal>
#include <fstream>

namespace swarm::executors {

using nlohmann::json;

namespace {

constexpr std::size_t errors_bytes_max = 4u << 10;

/// How often the kernel has killed a process of the control group for lack of memory; 0 when nobody knows.
std::int64_t count_oom_kills(const std::filesystem::path& memory_events) {
  if (memory_events.empty())
    return 0;
  std::ifstream in{memory_events};
  std::string name;
  std::int64_t count = 0;
  while (in >> name >> count)
    if (name == "oom_kill")
      return count;
  return 0;
}

bool was_killed(const command_result& x) {
  return (x.ending == command_ending::signalled && x.signal == SIGKILL)
         || (x.ending == command_ending::exited && x.exit_code == 128 + SIGKILL);
}

json as_json(const token_usage& x) {
  return {{"input_tokens", x.input},
          {"output_tokens", x.output},
          {"cache_creation_input_tokens", x.cache_write},
          {"cache_read_input_tokens", x.cache_read}};
}

/// What it said, for people and for the next attempt; the whole stream is in the attempt's file.
std::string words_of(const agent_report& x, const agent_end& end) {
  if (!x.ended)
    return end.process.output;
  auto result = x.result.empty() ? x.last_error : x.result;
  if (!result.empty() && !end.last_errors.empty())
    result += "\n--- stderr ---\n";
  return result + end.last_errors;
}

} // namespace

agent_attempt::agent_attempt(parts x, on_outcome done)
  : x_(std::move(x)), end_(std::move(done)), errors_(0, errors_bytes_max), result_(x_.files.result_file()) {}

void agent_attempt::begin(command_spec spec) {
  oom_kills_before_ = count_oom_kills(x_.settings.memory_events);
  auto me = shared_from_this();
  progress_ = x_.runner.start(
    x_.run, std::move(spec), [me](command_result x) { me->on_end(std::move(x)); },
    [me](bool is_error, std::string_view bytes) { me->take(is_error, bytes); });
}

std::int64_t agent_attempt::progress() const {
  const std::lock_guard guard{mutex_};
  return progress_->load(std::memory_order_relaxed) + result_.look();
}

void agent_attempt::stop(own_limit_kind why) {
  const auto is_lost = why == own_limit_kind::lost_lease;
  {
    std::lock_guard guard{mutex_};
    // What has told its end is only sent home.
    if (is_lost || (!has_told_its_end_ && !stopped_by_))
      stopped_by_ = why;
  }
  if (is_lost)
    x_.runner.kill(x_.run);
  else
    x_.runner.stop(x_.run);
}

void agent_attempt::forget() {
  end_.forget();
  x_.runner.kill(x_.run);
}

void agent_attempt::take(bool is_error, std::string_view bytes) {
  if (is_error)
    return errors_.append(bytes);
  lines_.append(bytes, [this](std::string_view line) { take_line(line); });
}

void agent_attempt::take_line(std::string_view line) {
  const auto had_ended = report_.ended;
  x_.adapter.consume(line, report_);
  if (!report_.session_id.empty() && report_.session_id != x_.memory.session_id) {
    x_.memory.session_id = report_.session_id; // of a CLI that chooses it
    (void) x_.sessions.save(x_.claim.ticket, x_.memory);
  }
  if (had_ended || !report_.ended)
    return;
  {
    std::lock_guard guard{mutex_};
    has_told_its_end_ = true;
  }
  x_.runner.stop(x_.run, x_.settings.after_result);
}

void agent_attempt::on_end(command_result x) {
  try {
    settle(std::move(x));
  } catch (const std::exception& e) { // no memory; without an outcome the ticket would stay open
    end_.deliver(outcome_class::transient, std::string{"the end of an agent couldn't be read: "} + e.what());
  }
}

void agent_attempt::settle(command_result x) {
  lines_.finish([this](std::string_view line) { take_line(line); });
  if (x.ending == command_ending::exited && !report_.ended && x_.adapter.at_exit)
    x_.adapter.at_exit(x.exit_code, report_);
  const auto end = end_of(std::move(x));
  const auto verdict = classify(signal_of(report_, end), end.now);
  // Only a session that the CLI knows can be gone on with.
  x_.memory.session_id = report_.session_id;
  x_.sessions.close(x_.claim.ticket, x_.claim.fence, remember(x_.memory, verdict));
  auto result = outcome_of(end, verdict);
  if (end.process.output_file_bytes > 0)
    x_.files.keep_output(x_.settings.outputs_bytes_max);
  x_.files = {};
  end_.deliver(std::move(result));
}

agent_end agent_attempt::end_of(command_result x) {
  agent_end result;
  result.last_errors = errors_.take();
  result.expects_changes = x_.expects_changes;
  result.crashes_before = x_.memory.crashes;
  result.now = std::chrono::system_clock::now();
  result.out_of_memory = was_killed(x) && count_oom_kills(x_.settings.memory_events) > oom_kills_before_;
  {
    std::lock_guard guard{mutex_};
    // What had ended by itself when the order came isn't stopped.
    if (x.ending == command_ending::stopped || stopped_by_ == own_limit_kind::lost_lease)
      result.stopped_by = stopped_by_;
    if (x.ending == command_ending::timed_out)
      result.stopped_by = own_limit_kind::attempt_timeout;
    else if (x.ending == command_ending::stopped && !stopped_by_ && !has_told_its_end_)
      result.stopped_by = own_limit_kind::drain; // with the runner
  }
  result.process = std::move(x);
  return result;
}

outcome agent_attempt::outcome_of(const agent_end& end, const verdict& v) {
  outcome result;
  // A budget of the ticket's own: put off, it would only be spent again.
  result.end = v.end == outcome_class::budget && v.uses_attempt ? outcome_class::content : v.end;
  result.evidence = std::string{x_.adapter.name} + " " + describe(report_, end) + " (row " + v.row + ")";
  result.retry_after = v.wait;
  result.route = news_of(v);
  result.has_exit_code = end.process.ending == command_ending::exited;
  result.exit_code = end.process.exit_code;
  result.output = words_of(report_, end);
  result.output_bytes = end.process.output_bytes;
  auto facts = details();
  auto written = x_.files.read_result();
  const auto own = written && !written->empty() ? json::parse(*written) : json::object();
  for (const auto& [name, value] : own.items())
    if (name != "usage" || !facts.contains(name)) // the CLI knows better than the agent
      facts[name] = value;
  facts["prompt_hash"] = x_.prompt_hash; // whatever the agent says
  const auto has_judged = result.end == outcome_class::completed || result.end == outcome_class::content;
  if (const auto why = written && has_judged ? why_impossible(*written) : ""; !why.empty()) {
    result.end = outcome_class::permanent;
    result.evidence = std::string{x_.adapter.name} + " says that nobody can do this (spec_impossible): " + why;
  }
  if (!written && result.end == outcome_class::completed) { // whoever depends on it would miss it
    result.end = outcome_class::content;
    result.evidence += ", and " + render(written.error());
  }
  if (result.end == outcome_class::completed && !x_.schema.empty())
    if (const auto departure = departure_from(x_.schema, facts["result"]); !departure.empty()) {
      result.end = outcome_class::content;
      result.evidence += ", and its result " + departure + " (row 31)";
    }
  result.details = dump(facts);
  return result;
}

/// For the breakers and limits of its provider. A run that never told its end says nothing of that having answered.
route_report agent_attempt::news_of(const verdict& v) const {
  auto result = report_of(v, x_.credential, true);
  if (result.news == route_news::answered && !report_.ended)
    result = {};
  // Reads from the cache don't count to the limit of input tokens.
  result.input_tokens = report_.usage.input + report_.usage.cache_write;
  result.output_tokens = report_.usage.output;
  return result;
}

json agent_attempt::details() const {
  json result{{"agent", x_.adapter.name}};
  if (report_.ok)
    result["result"] = report_.structured_output.empty() ? json(report_.result)
                                                          : json::parse(report_.structured_output);
  for (auto [name, text] : {std::pair{"session_id", &report_.session_id}, {"model", &report_.model}})
    if (!text->empty())
      result[name] = *text;
  for (auto [name, count] : {std::pair{"turns", report_.turns}, {"tool_calls", report_.tool_calls},
                             {"permission_denials", report_.permission_denials}, {"api_retries", report_.api_retries}})
    if (count > 0)
      result[name] = count;
  if (report_.usage != token_usage{} || report_.cost_micro_dollars)
    result["usage"] = as_json(report_.usage);
  if (report_.cost_micro_dollars)
    result["usage"]["cost_micro_dollars"] = *report_.cost_micro_dollars;
  return result;
}

} // namespace swarm::executors
