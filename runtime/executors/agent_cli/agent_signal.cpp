#include "runtime/executors/agent_cli/agent_signal.hpp"

#include "runtime/executors/agent_cli/json_line.hpp"
#include "runtime/executors/agent_cli/usage_limit.hpp"
#include "runtime/executors/command/command_signal.hpp"

#include <algorithm>
#include <ctime>

namespace swarm::executors {

namespace {

/// Nobody but the CLI itself answers with so little, and some of them call it a success.
constexpr std::size_t notice_bytes_max = 400;

/// On one line and short: a sentence, not a transcript.
std::string shown(std::string_view text) {
  constexpr std::size_t bytes_max = 200;
  auto result = cut(text, bytes_max);
  std::replace_if(result.begin(), result.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return "'" + result + (text.size() > result.size() ? "...'" : "'");
}

std::string_view last_line(std::string_view text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' '))
    text.remove_suffix(1);
  return text.substr(text.find_last_of('\n') + 1);
}

/// What it said last, wherever; of several the one that speaks of a limit.
std::string_view words_of(const agent_report& x, const agent_end& end) {
  const std::string_view all[] = {x.result, x.last_error, x.last_text, last_line(end.last_errors)};
  const auto* about_limit = std::find_if(std::begin(all), std::end(all), says_usage_limit);
  if (about_limit != std::end(all) && !x.ok)
    return *about_limit;
  if (x.ended)
    return x.result.empty() ? all[1] : all[0];
  const auto* last = std::find_if(std::rbegin(all), std::rend(all), [](auto y) { return !y.empty(); }).base();
  return last == std::begin(all) ? std::string_view{} : *(last - 1);
}

std::chrono::minutes offset_of_clock(wall_time now) {
  const auto now_s = std::chrono::system_clock::to_time_t(now);
  std::tm here{};
  localtime_r(&now_s, &here);
  return std::chrono::minutes{here.tm_gmtoff / 60};
}

std::string how_it_stopped(const command_result& x) {
  switch (x.ending) {
    case command_ending::exited: return "exited with " + std::to_string(x.exit_code);
    case command_ending::signalled: return "was ended by signal " + std::to_string(x.signal);
    case command_ending::timed_out: return "was stopped by the attempt's timeout";
    case command_ending::stopped: return "was stopped";
    case command_ending::not_started: break;
  }
  return x.error_text;
}

} // namespace

cli_result signal_of(const agent_report& x, const agent_end& end) {
  cli_result result;
  result.stopped_by = end.stopped_by;
  result.has_result = x.ended && (x.ok || !end.stopped_by);
  result.subtype = x.subtype;
  result.is_error = !x.ok;
  result.api_error_status = x.api_error_status;
  result.terminal_reason = x.terminal_reason;
  result.text = words_of(x, end);
  result.tool_calls = x.tool_calls;
  result.turns = x.turns;
  result.expects_changes = end.expects_changes;
  result.limit_rejected = x.limit_rejected;
  result.resets_at = x.limit_resets_at;
  if (says_usage_limit(result.text) && (!x.ok || result.text.size() <= notice_bytes_max)) {
    result.is_error = result.limit_rejected = true;
    if (!result.resets_at)
      result.resets_at = find_limit_end(result.text, end.now);
  }
  result.utc_offset = offset_of_clock(end.now);
  result.process = facts_of(end.process);
  result.process.out_of_memory = end.out_of_memory;
  result.crashes_in_row = end.crashes_before + 1;
  return result;
}

std::string describe(const agent_report& x, const agent_end& end) {
  const auto words = words_of(x, end);
  if (x.ended)
    return "said " + shown(x.subtype) + " (turns: " + std::to_string(x.turns) + ", tool calls: "
           + std::to_string(x.tool_calls)
           + (x.api_error_status != 0 ? ", the API's answer: " + std::to_string(x.api_error_status) : "")
           + "): " + shown(words);
  auto result = how_it_stopped(end.process);
  if (end.out_of_memory)
    result += " for lack of memory";
  if (end.process.ending != command_ending::not_started)
    result += " and never told a result";
  return result + (words.empty() ? "" : "; its last words: " + shown(words));
}

} // namespace swarm::executors
