#define CAF_SUITE classify_programs

#include "runtime/executors/classify/classify.hpp"
#include "tests/runtime/classify_fixture.hpp"

#include <cerrno>
#include <climits>
#include <csignal>
#include <set>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::executors;
using namespace std::chrono_literals;
using swarm::test::noon;
using swarm::test::text_of;

namespace {

process_facts exited(int code) {
  return {.exit_code = code};
}
process_facts signalled(int number) {
  return {.signal = number};
}
process_facts not_started(int number) {
  return {.start_error = number};
}
process_facts out_of_memory(bool raised) {
  return {.signal = SIGKILL, .out_of_memory = true, .memory_raised = raised};
}

cli_result line(const std::string& subtype, const std::string& text = "done") {
  cli_result x;
  x.has_result = true;
  x.subtype = subtype;
  x.is_error = subtype != "success";
  x.text = text;
  x.tool_calls = 5;
  x.turns = 3;
  x.process = exited(x.is_error ? 1 : 0);
  return x;
}

cli_result status_line(int status, const std::string& text = "no") {
  auto x = line("error_during_execution", text);
  x.api_error_status = status;
  return x;
}

cli_result reason_line(const std::string& reason) {
  auto x = status_line(400);
  x.terminal_reason = reason;
  return x;
}

cli_result idle_line(std::int64_t tool_calls, std::int64_t turns, bool changed) {
  auto x = line("success");
  x.expects_changes = true;
  x.tool_calls = tool_calls;
  x.turns = turns;
  x.changed = changed;
  return x;
}

cli_result silent(const process_facts& process, int crashes_in_row = 1) {
  cli_result x;
  x.process = process;
  x.crashes_in_row = crashes_in_row;
  return x;
}

cli_result stopped(own_limit_kind kind) {
  auto x = silent(exited(143));
  x.stopped_by = kind;
  return x;
}

cli_result rejected(wall_time resets_at) {
  auto x = status_line(429);
  x.limit_rejected = true;
  x.resets_at = resets_at;
  return x;
}

const std::string limit_text = "You've hit your session limit · resets 3:45pm";

struct row {
  std::string_view number;
  outside_signal signal;
  std::string_view verdict;
};

// As the table of CLI results.
const std::vector<row> table{
  {"1", line("success"), "2.3/1 completed verify ticket"},
  {"2", idle_line(0, 3, true), "2.3/2 content fail_attempt ticket attempt"},
  {"2", idle_line(5, 0, true), "2.3/2 content fail_attempt ticket attempt"},
  {"2", idle_line(5, 3, false), "2.3/2 content fail_attempt ticket attempt"},
  {"3", line("error_max_turns"), "2.3/3 content fail_attempt ticket attempt more_turns"},
  {"4", line("error_max_budget_usd"), "2.3/4 budget fail_attempt ticket attempt"},
  {"5", line("error_max_structured_output_retries"), "2.3/5 content fail_attempt ticket attempt"},
  {"6", status_line(529), "2.3/6/20 transient defer 30000ms model counts"},
  {"6", status_line(401), "2.3/6/11 auth open_breaker credential opens pages"},
  {"6", status_line(429), "2.3/6/17 throttled defer 30000ms credential_and_model"},
  {"6", status_line(400), "2.3/6/10 permanent fail_ticket ticket attempt"},
  {"7", reason_line("prompt_too_long"), "2.3/7 content fail_attempt ticket attempt compact"},
  {"7", reason_line("blocking_limit"), "2.3/7 content fail_attempt ticket attempt compact"},
  {"7", reason_line("rapid_refill_breaker"), "2.3/7 content fail_attempt ticket attempt compact"},
  {"8", line("success", limit_text), "2.3/8 throttled open_breaker 13500000ms asked until+13500s credential opens"},
  {"8", rejected(noon + 2h), "2.3/8 throttled open_breaker 7200000ms asked until+7200s credential opens"},
  {"8", rejected(noon - 2h), "2.3/8 throttled open_breaker 3600000ms until+3600s credential opens"},
  {"8", rejected(wall_time::max()), "2.3/8 throttled open_breaker 2764800000ms asked until+2764800s credential opens"},
  {"9", silent(exited(1)), "2.3/9 transient defer 15000ms ticket resume_session"},
  {"9", silent(signalled(SIGKILL), 2), "2.3/9b transient defer 15000ms ticket fresh_session"},
  {"9", silent(exited(137), 3), "2.3/9c content fail_attempt ticket attempt fresh_session"},
  {"10", silent(exited(143)), "2.3/10 transient defer 15000ms executor resume_session"},
  {"10", silent(signalled(SIGTERM)), "2.3/10 transient defer 15000ms executor resume_session"},
  {"10", stopped(own_limit_kind::attempt_timeout), "2.3/10/own/attempt timeout fail_attempt ticket attempt"},
  {"10", stopped(own_limit_kind::drain), "2.3/10/own/drain released hand_back ticket"},
  {"10", stopped(own_limit_kind::lost_lease), "2.3/10/own/lost released abandon ticket"},
  {"11", silent(exited(127)), "2.3/11 transient open_breaker executor opens pages"},
  {"11", silent(exited(126)), "2.3/11 transient open_breaker executor opens pages"},
  {"11", silent(not_started(ENOENT)), "2.3/11 transient open_breaker executor opens pages"},
  {"12", silent(out_of_memory(false)), "2.3/12 content fail_attempt ticket attempt more_memory"},
  {"12", silent(out_of_memory(true)), "2.3/12b content fail_attempt ticket attempt"},
};

} // namespace

CAF_TEST(every row of the table of results has its verdict) {
  for (const auto& x : table) {
    CAF_MESSAGE("row 2.3/" << std::string{x.number});
    CAF_CHECK_EQUAL(text_of(x.signal), std::string{x.verdict});
  }
}

CAF_TEST(no row of the table of results is left out) {
  std::set<std::string> numbers;
  for (const auto& x : table)
    numbers.emplace(x.number);
  for (int i = 1; i <= 12; ++i)
    CAF_CHECK_EQUAL(numbers.count(std::to_string(i)), 1u);
  CAF_CHECK_EQUAL(numbers.size(), 12u);
}

CAF_TEST(the result line goes before how the process ended) {
  auto good = line("success");
  for (const auto& process : {exited(1), exited(127), exited(143), signalled(SIGKILL), out_of_memory(false)}) {
    good.process = process;
    CAF_CHECK_EQUAL(text_of(good), "2.3/1 completed verify ticket");
  }
  good.stopped_by = own_limit_kind::drain;
  CAF_CHECK_EQUAL(text_of(good), "2.3/1 completed verify ticket");
  good.stopped_by = own_limit_kind::lost_lease;
  CAF_CHECK_EQUAL(text_of(good), "2.3/10/own/lost released abandon ticket");
}

CAF_TEST(no end without a result line is a success) {
  CAF_CHECK_EQUAL(text_of(silent(exited(0))), "2.3/9 transient defer 15000ms ticket resume_session");
  CAF_CHECK_EQUAL(text_of(silent({})), "2.3/9 transient defer 15000ms ticket resume_session");
  CAF_CHECK_EQUAL(text_of(silent(exited(1), INT_MIN)), "2.3/9 transient defer 15000ms ticket resume_session");
  CAF_CHECK_EQUAL(text_of(silent(exited(1), INT_MAX)), "2.3/9c content fail_attempt ticket attempt fresh_session");
  CAF_CHECK_EQUAL(text_of(silent(not_started(ENOMEM))), "process/shortage transient defer 15000ms executor");
}

CAF_TEST(a line that says error is no success whatever its subtype) {
  auto odd = line("success");
  odd.is_error = true;
  CAF_CHECK_EQUAL(text_of(odd), "2.3/9 transient defer 15000ms ticket resume_session");
  odd.api_error_status = 529;
  CAF_CHECK_EQUAL(text_of(odd), "2.3/6/20 transient defer 30000ms model counts");
  CAF_CHECK_EQUAL(text_of(line("error_of_tomorrow")), "2.3/subtype content fail_attempt ticket attempt");
  CAF_CHECK_EQUAL(text_of(line("")), "2.3/subtype content fail_attempt ticket attempt");
  CAF_CHECK_EQUAL(text_of(status_line(-529)), "2.3/9 transient defer 15000ms ticket resume_session");
}

CAF_TEST(no work is a failure only where changes are expected) {
  auto answer = line("success");
  answer.tool_calls = 0;
  answer.changed = false;
  CAF_CHECK_EQUAL(text_of(answer), "2.3/1 completed verify ticket");
  CAF_CHECK_EQUAL(text_of(idle_line(1, 1, true)), "2.3/1 completed verify ticket");
  CAF_CHECK_EQUAL(text_of(idle_line(INT64_MIN, 1, true)), "2.3/2 content fail_attempt ticket attempt");
}

CAF_TEST(a limit is believed at the beginning of the text and where the line is no success) {
  CAF_CHECK_EQUAL(text_of(line("success", "I explained: " + limit_text)), "2.3/1 completed verify ticket");
  auto recovered = line("success");
  recovered.limit_rejected = true;
  CAF_CHECK_EQUAL(text_of(recovered), "2.3/1 completed verify ticket");
  auto elsewhere = line("success", limit_text);
  elsewhere.utc_offset = 120min;
  CAF_CHECK_EQUAL(text_of(elsewhere), "2.3/8 throttled open_breaker 6300000ms asked until+6300s credential opens");
  const auto curly = line("error_during_execution", "You\u2019ve hit your limit \u00b7 resets sometime");
  CAF_CHECK_EQUAL(text_of(curly), "2.3/8 throttled open_breaker 3600000ms until+3600s credential opens");
}

CAF_TEST(a spending limit in the text of a result opens the breaker until its date) {
  const auto x =
    status_line(400, "API Error: 400 You have reached your specified API usage limits. You will regain access "
                     "on 2026-11-30 at 00:00 UTC.");
  CAF_CHECK_EQUAL(text_of(x), "2.3/6/8 budget open_breaker 43200000ms asked until+43200s credential opens pages");
}

CAF_TEST(a command ends as its exit code and what is expected of it say) {
  const auto of = [](const process_facts& process, std::vector<int> codes = {}) {
    return text_of(process_end{process, std::move(codes), false});
  };
  CAF_CHECK_EQUAL(of(exited(0)), "process/expected completed verify ticket");
  CAF_CHECK_EQUAL(of(exited(3), {1, 3}), "process/expected completed verify ticket");
  for (const auto code : {1, 126, 127, 143, -1, INT_MAX, INT_MIN})
    CAF_CHECK_EQUAL(of(exited(code)), "process/exit content fail_attempt ticket attempt");
  CAF_CHECK_EQUAL(of(exited(0), {1}), "process/exit content fail_attempt ticket attempt");
  CAF_CHECK_EQUAL(of(signalled(SIGSEGV)), "process/signal crash fail_attempt ticket attempt");
  CAF_CHECK_EQUAL(of(out_of_memory(false)), "process/memory content fail_attempt ticket attempt more_memory");
  CAF_CHECK_EQUAL(of(out_of_memory(true)), "process/memory_again content fail_attempt ticket attempt");
  for (const auto number : {EAGAIN, ENOMEM, EMFILE, ENFILE, EIO, EINTR, ENOSPC})
    CAF_CHECK_EQUAL(of(not_started(number)), "process/shortage transient defer 15000ms executor");
  for (const auto number : {ENOENT, EACCES, E2BIG, -1, INT_MAX})
    CAF_CHECK_EQUAL(of(not_started(number)), "process/not_started permanent fail_ticket ticket attempt");
  CAF_CHECK_EQUAL(of({}), "unknown transient defer 15000ms call");
}

CAF_TEST(a check passes by its exit code alone and fails only when it ran) {
  const auto of = [](const process_facts& process) { return text_of(process_end{process, {}, true}); };
  CAF_CHECK_EQUAL(of(exited(0)), "check/passed completed finish ticket");
  for (const auto code : {1, 2, 125, 128, 255, -1})
    CAF_CHECK_EQUAL(of(exited(code)), "check/failed check_failed fail_attempt ticket attempt");
  for (const auto& x : {exited(126), exited(127), signalled(SIGKILL), not_started(ENOENT), out_of_memory(false), {}})
    CAF_CHECK_EQUAL(of(x), "check/no_verdict check_error defer ticket");
  CAF_CHECK_EQUAL(of({.exit_code = 0, .signal = SIGKILL}), "check/no_verdict check_error defer ticket");
}

CAF_TEST(every limit of our own has its verdict) {
  const auto of = [](own_limit_kind kind) { return text_of(own_limit{kind}); };
  CAF_CHECK_EQUAL(of(own_limit_kind::attempt_timeout), "own/attempt timeout fail_attempt ticket attempt");
  CAF_CHECK_EQUAL(of(own_limit_kind::start_timeout), "own/start timeout fail_attempt ticket attempt");
  CAF_CHECK_EQUAL(of(own_limit_kind::progress_timeout), "own/progress timeout fail_attempt ticket attempt");
  CAF_CHECK_EQUAL(of(own_limit_kind::deadline), "own/deadline timeout fail_ticket ticket attempt");
  CAF_CHECK_EQUAL(of(own_limit_kind::lost_lease), "own/lost released abandon ticket");
  CAF_CHECK_EQUAL(of(own_limit_kind::drain), "own/drain released hand_back ticket");
  CAF_CHECK_EQUAL(of(own_limit_kind::cancelled), "own/cancelled cancelled hand_back ticket");
  CAF_CHECK_EQUAL(of(own_limit_kind::budget_refused), "33 budget defer own_budget");
  CAF_CHECK_EQUAL(of(static_cast<own_limit_kind>(99)), "unknown transient defer 15000ms call");
}
