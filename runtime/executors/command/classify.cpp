#include "runtime/executors/command/classify.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
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

/// Errors of the machine, which pass; all others are errors of the ticket.
bool is_shortage(int error_number) {
  return error_number == EAGAIN || error_number == ENOMEM || error_number == EMFILE || error_number == ENFILE
         || error_number == EIO || error_number == EINTR || error_number == ENOSPC;
}

} // namespace

classification classify_command(const std::vector<std::string>& argv, const command_result& x,
                                const std::vector<std::int32_t>& exit_codes) {
  switch (x.ending) {
    case command_ending::exited:
      return {std::find(exit_codes.begin(), exit_codes.end(), x.exit_code) != exit_codes.end() ? outcome_class::completed
                                                                                              : outcome_class::content,
              quoted(argv) + " exited with " + std::to_string(x.exit_code) + " after " + seconds(x.duration)};
    case command_ending::signalled:
      return {outcome_class::crash,
              quoted(argv) + " was ended by signal " + std::to_string(x.signal) + " after " + seconds(x.duration)};
    case command_ending::timed_out:
      return {outcome_class::timeout, quoted(argv) + " was stopped by the attempt's timeout after " + seconds(x.duration)};
    case command_ending::stopped:
      return {outcome_class::transient, quoted(argv) + " was stopped with its node"};
    case command_ending::not_started:
      return {is_shortage(x.error_number) ? outcome_class::transient : outcome_class::permanent, x.error_text};
  }
  return {outcome_class::transient, quoted(argv) + " ended in an unknown way"};
}

classification classify_check(const std::vector<std::string>& argv, const command_result& x) {
  auto check = "check " + quoted(argv);
  switch (x.ending) {
    case command_ending::exited:
      if (x.exit_code == 0)
        return {outcome_class::completed, check + " passed"};
      if (x.exit_code == 126 || x.exit_code == 127)
        return {outcome_class::check_error, check + " couldn't run: exit code " + std::to_string(x.exit_code)};
      return {outcome_class::check_failed, check + " failed: exit code " + std::to_string(x.exit_code)};
    case command_ending::signalled:
      return {outcome_class::check_error, check + " gave no verdict: ended by signal " + std::to_string(x.signal)};
    case command_ending::timed_out:
      return {outcome_class::check_error, check + " gave no verdict in time: stopped after " + seconds(x.duration)};
    case command_ending::stopped:
      return {outcome_class::check_error, check + " gave no verdict: stopped with its node"};
    case command_ending::not_started:
      return {outcome_class::check_error, "the check couldn't run: " + x.error_text};
  }
  return {outcome_class::check_error, check + " ended in an unknown way"};
}

} // namespace swarm::executors
