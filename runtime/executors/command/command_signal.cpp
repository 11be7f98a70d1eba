#include "runtime/executors/command/command_signal.hpp"

#include "runtime/executors/classify/classify.hpp"

#include <csignal>
#include <cstdio>

namespace swarm::executors {

namespace {

std::string quoted(const std::vector<std::string>& argv) {
  std::string result = "'";
  for (auto& x : argv)
    result += (result.size() > 1 ? " " : "") + x;
  constexpr std::size_t shown_max = 200; // a sentence, not a transcript
  if (result.size() > shown_max)
    result = result.substr(0, shown_max) + "...";
  return result + "'";
}

std::string seconds(caf::timespan x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(x).count());
  return text;
}

/// No program ends with a number below 0: the runner says so when somebody else has taken the status away.
bool is_lost(const command_result& x) {
  return x.ending == command_ending::exited && x.exit_code < 0;
}

/// Who was left behind, of what has run.
std::string survivors(const command_result& x) {
  return x.error_text.empty() ? "" : "; " + x.error_text;
}

outside_signal signal_of_work(const command_result& x, const std::vector<std::int32_t>& exit_codes) {
  switch (x.ending) {
    case command_ending::timed_out: return own_limit{own_limit_kind::attempt_timeout};
    case command_ending::stopped: return own_limit{own_limit_kind::drain};
    default: return process_end{facts_of(x), {exit_codes.begin(), exit_codes.end()}, false};
  }
}

std::string how_work_ended(const command_result& x) {
  if (is_lost(x))
    return " ended, and " + x.error_text;
  switch (x.ending) {
    case command_ending::exited: return " exited with " + std::to_string(x.exit_code) + " after " + seconds(x.duration);
    case command_ending::signalled:
      return " was ended by signal " + std::to_string(x.signal) + " after " + seconds(x.duration);
    case command_ending::timed_out: return " was stopped by the attempt's timeout after " + seconds(x.duration);
    case command_ending::stopped: return " was stopped with its node";
    default: return " ended in an unknown way";
  }
}

std::string why_no_verdict(const command_result& x) {
  if (is_lost(x))
    return " gave no verdict: " + x.error_text;
  switch (x.ending) {
    case command_ending::exited: return " couldn't run: exit code " + std::to_string(x.exit_code);
    case command_ending::signalled: return " gave no verdict: ended by signal " + std::to_string(x.signal);
    case command_ending::timed_out: return " gave no verdict in time: stopped after " + seconds(x.duration);
    case command_ending::stopped: return " gave no verdict: stopped with its node";
    default: return " ended in an unknown way";
  }
}

verdict judge(const outside_signal& x) {
  return classify(x, std::chrono::system_clock::now());
}

} // namespace

process_facts facts_of(const command_result& x) {
  process_facts result;
  switch (x.ending) {
    case command_ending::exited:
      if (!is_lost(x))
        result.exit_code = x.exit_code;
      break;
    case command_ending::signalled: result.signal = x.signal; break;
    case command_ending::not_started: result.start_error = x.error_number; break;
    case command_ending::timed_out:
    case command_ending::stopped: break;
  }
  return result;
}

command_verdict judge_work(const std::vector<std::string>& argv, const command_result& x,
                           const std::vector<std::int32_t>& exit_codes) {
  const auto v = judge(signal_of_work(x, exit_codes));
  auto evidence = x.ending == command_ending::not_started ? x.error_text : quoted(argv) + how_work_ended(x);
  if (x.ending != command_ending::not_started && !is_lost(x))
    evidence += survivors(x);
  if (v.end != outcome_class::completed)
    evidence += " (row " + v.row + ")";
  return {v.end, std::move(evidence), v.wait};
}

bool tells_of_a_kill(const command_result& x) {
  return x.ending == command_ending::exited && (x.exit_code == 128 + SIGKILL || x.exit_code == 128 + SIGTERM);
}

command_verdict judge_check(const std::vector<std::string>& argv, const command_result& x) {
  const auto v = judge(process_end{facts_of(x), {}, true});
  const auto check = "check " + quoted(argv);
  if (tells_of_a_kill(x))
    return {outcome_class::check_error, check + " gave no verdict: exit code " + std::to_string(x.exit_code)
                                          + ", with which a shell says that a program was killed"};
  switch (v.end) {
    case outcome_class::completed: return {v.end, check + " passed" + survivors(x)};
    case outcome_class::check_failed:
      return {v.end, check + " failed: exit code " + std::to_string(x.exit_code) + survivors(x)};
    default:
      return {v.end, x.ending == command_ending::not_started ? "the check couldn't run: " + x.error_text
                                                             : check + why_no_verdict(x)};
  }
}

} // namespace swarm::executors
