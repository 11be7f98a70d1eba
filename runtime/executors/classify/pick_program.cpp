#include "runtime/executors/classify/classify.hpp"
#include "runtime/executors/classify/pick.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace swarm::executors {

using rows::at;

namespace {

/// Errors of the machine, which pass; all others are errors of the ticket.
bool is_shortage(int error_number) {
  constexpr int shortages[] = {EAGAIN, ENOMEM, EMFILE, ENFILE, EIO, EINTR, ENOSPC};
  return std::find(std::begin(shortages), std::end(shortages), error_number) != std::end(shortages);
}

bool expects(const process_end& x, int code) {
  const auto& codes = x.expected_codes;
  return codes.empty() ? code == 0 : std::find(codes.begin(), codes.end(), code) != codes.end();
}

pick of_crash(const cli_result& x) {
  return {x.crashes_in_row >= agent_crashes_max ? &at("2.3/9c") : x.crashes_in_row == 2 ? &at("2.3/9b") : &at("2.3/9")};
}

/// At the beginning only: an agent's own text may be about limits.
bool says_limit(std::string_view text) {
  const auto beginning = text.substr(0, 160);
  return beginning.starts_with("You") && mentions(beginning, "hit your") && mentions(beginning, "limit")
         && mentions(beginning, "resets");
}

pick of_session_limit(const cli_result& x, const circumstances& c) {
  pick result{&at("2.3/8")};
  const auto is_ahead = x.resets_at && *x.resets_at > c.now;
  result.date = is_ahead ? std::min(*x.resets_at, c.now + access_date_ahead_max) : find_date(x.text, c.now);
  if (!result.date)
    result.date = find_reset_time(x.text, c.now, x.utc_offset);
  return result;
}

pick of_error_line(const cli_result& x, const circumstances& c) {
  for (const auto* reason : {"prompt_too_long", "blocking_limit", "rapid_refill_breaker"})
    if (x.terminal_reason == reason)
      return {&at("2.3/7")};
  if (x.subtype == "error_max_turns")
    return {&at("2.3/3")};
  if (x.subtype == "error_max_budget_usd")
    return {&at("2.3/4")};
  if (x.subtype == "error_max_structured_output_retries")
    return {&at("2.3/5")};
  if (x.api_error_status > 0) { // the CLI has made its retries itself
    auto result = pick_row_of_status(x.api_error_status, {{}, {}, x.text}, {}, std::nullopt, c);
    result.via = "2.3/6/";
    result.in_place = false;
    return result;
  }
  if (x.subtype == "error_during_execution" || x.subtype == "success")
    return of_crash(x);
  return {&at("2.3/subtype")};
}

pick of_silent_end(const cli_result& x) {
  const auto& p = x.process;
  const auto exited_with = [&](int code) { return !p.signal && p.exit_code == code; };
  if (p.start_error)
    return {is_shortage(*p.start_error) ? &at("process/shortage") : &at("2.3/11")};
  if (p.out_of_memory)
    return {p.memory_raised ? &at("2.3/12b") : &at("2.3/12")};
  if (exited_with(126) || exited_with(127))
    return {&at("2.3/11")};
  if (exited_with(128 + SIGTERM) || p.signal == SIGTERM)
    return {&at("2.3/10")};
  return of_crash(x);
}

} // namespace

pick pick_row(const own_limit& x, const circumstances&) {
  switch (x.kind) {
    case own_limit_kind::attempt_timeout: return {&at("own/attempt")};
    case own_limit_kind::start_timeout: return {&at("own/start")};
    case own_limit_kind::progress_timeout: return {&at("own/progress")};
    case own_limit_kind::deadline: return {&at("own/deadline")};
    case own_limit_kind::lost_lease: return {&at("own/lost")};
    case own_limit_kind::drain: return {&at("own/drain")};
    case own_limit_kind::cancelled: return {&at("own/cancelled")};
    case own_limit_kind::budget_refused: return {&at("33")};
  }
  return {};
}

pick pick_row(const process_end& x, const circumstances&) {
  const auto& p = x.process;
  const auto ran = !p.start_error && !p.out_of_memory && !p.signal && p.exit_code;
  const auto is_expected = ran && expects(x, *p.exit_code);
  if (x.is_check) {
    const auto found_nothing = ran && (*p.exit_code == 126 || *p.exit_code == 127); // as shells say it
    return {is_expected ? &at("check/passed") : ran && !found_nothing ? &at("check/failed") : &at("check/no_verdict")};
  }
  if (p.start_error)
    return {is_shortage(*p.start_error) ? &at("process/shortage") : &at("process/not_started")};
  if (p.out_of_memory)
    return {p.memory_raised ? &at("process/memory_again") : &at("process/memory")};
  if (p.signal)
    return {&at("process/signal")};
  if (!p.exit_code)
    return {};
  return {is_expected ? &at("process/expected") : &at("process/exit")};
}

pick pick_row(const cli_result& x, const circumstances& c) {
  // A lost lease goes before everything, any other reason of ours only before an end without a result.
  if (x.stopped_by && (!x.has_result || *x.stopped_by == own_limit_kind::lost_lease)) {
    auto result = pick_row(own_limit{*x.stopped_by}, c);
    result.via = "2.3/10/";
    return result;
  }
  const auto is_success = x.has_result && x.subtype == "success" && !x.is_error;
  if (says_limit(x.text) || (x.limit_rejected && !is_success))
    return of_session_limit(x, c);
  if (!x.has_result)
    return of_silent_end(x);
  if (!is_success)
    return of_error_line(x, c);
  const auto did_nothing = x.tool_calls <= 0 || x.turns <= 0 || !x.changed;
  return {x.expects_changes && did_nothing ? &at("2.3/2") : &at("2.3/1")};
}

} // namespace swarm::executors
