#define CAF_SUITE classify_random

#include "runtime/executors/classify/classify.hpp"
#include "runtime/executors/classify/rows.hpp"
#include "tests/runtime/classify_fixture.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <random>
#include <set>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace std::chrono_literals;
using swarm::test::noon;
using swarm::test::text_of;

namespace {

/// Signals of all kinds: mostly values that mean something, and among them those that mean nothing.
class dice {
public:
  outside_signal signal() {
    switch (below(8)) {
      case 0: return transport_failure{enumerator<transport_error>(13)};
      case 1: return http();
      case 2: return stream_failure{enumerator<stream_ending>(4), {type(), code(), text()}, flag(), request()};
      case 3: return model_stop{reason(), flag(), flag(), flag(), number(), flag()};
      case 4: return cli();
      case 5: return process_end{process(), flag() ? std::vector<int>{} : std::vector<int>{number(), number()}, flag()};
      case 6: return batch_loss{enumerator<batch_loss_kind>(4)};
      default: return own_limit{enumerator<own_limit_kind>(10)};
    }
  }

  int number() { return one_of({0, 0, 1, 2, 3, 9, 10, -1, 126, 127, 137, 143, INT_MAX, INT_MIN, ENOENT, EAGAIN}); }

private:
  unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
  bool flag() { return below(2) == 0; }

  template <class T>
  T one_of(std::initializer_list<T> x) {
    return x.begin()[below(static_cast<unsigned>(x.size()))];
  }

  template <class Enum>
  Enum enumerator(unsigned end) {
    return static_cast<Enum>(below(end));
  }

  int status() {
    return flag() ? one_of({400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 429, 500, 503, 504, 529, 599})
                  : one_of({0, -1, 200, 302, 399, 999, INT_MAX, INT_MIN});
  }

  std::string type() {
    return one_of<const char*>({"", "invalid_request_error", "authentication_error", "billing_error",
                                "permission_error", "not_found_error", "conflict_error", "request_too_large",
                                "rate_limit_error", "api_error", "timeout_error", "overloaded_error",
                                "error_of_tomorrow"});
  }

  std::string code() { return one_of<const char*>({"", "", "", "enforced_spend_limit_reached", "code_of_tomorrow"}); }

  std::string text() {
    return one_of<const char*>(
      {"", "no", "You have reached your specified API usage limits on 2026-12-01 at 00:00 UTC.",
       "You have reached your specified workspace API usage limits", "prompt is too long: 5 > 4",
       "Your credit balance is too low", "You've hit your session limit, resets 3:45pm",
       "You've hit your limit, resets 9999-12-31", "<html>\xff"});
  }

  std::string header() {
    return one_of<const char*>({"", "", "", "3", "9.9999", "10", "11", "600", "1e300", "-1", "0", "soon", "false",
                                "true", "Sun, 29 Nov 2026 12:00:05 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"});
  }

  std::string reason() {
    return one_of<const char*>({"end_turn", "stop_sequence", "tool_use", "max_tokens", "pause_turn", "refusal",
                                "model_context_window_exceeded", "compaction", "", "reason_of_tomorrow"});
  }

  request_facts request() { return {flag(), flag(), flag(), flag(), number()}; }

  http_failure http() {
    auto body = R"({"error":{"type":")" + type() + R"(","message":")" + text() + R"(","details":{"error_code":")"
                + code() + R"("}}})";
    if (below(4) == 0)
      body = text();
    return {status(), body, header(), header(), below(3) == 0 ? "false" : header(), request()};
  }

  process_facts process() {
    process_facts x{number(), {}, {}, below(8) == 0, flag()};
    if (below(4) == 0)
      x.exit_code.reset();
    if (below(4) == 0)
      x.signal = one_of({9, 11, 15, -1, INT_MAX});
    if (below(8) == 0)
      x.start_error = number();
    return x;
  }

  cli_result cli() {
    cli_result x;
    x.has_result = flag();
    x.subtype =
      one_of<const char*>({"success", "success", "error_max_turns", "error_max_budget_usd", "error_during_execution",
                           "error_max_structured_output_retries", "", "subtype_of_tomorrow"});
    x.is_error = flag();
    x.api_error_status = flag() ? 0 : status();
    x.terminal_reason = one_of<const char*>({"", "", "", "prompt_too_long", "blocking_limit", "reason_of_tomorrow"});
    x.text = text();
    x.tool_calls = number();
    x.turns = number();
    x.expects_changes = flag();
    x.changed = flag();
    x.limit_rejected = below(4) == 0;
    if (below(4) == 0)
      x.resets_at = one_of({wall_time::min(), noon - 1s, noon + 1h, wall_time::max()});
    x.utc_offset = one_of({0min, 60min, -300min, std::chrono::minutes::min(), std::chrono::minutes::max()});
    x.process = process();
    if (below(3) == 0)
      x.stopped_by = enumerator<own_limit_kind>(10);
    x.crashes_in_row = number();
    return x;
  }

  std::mt19937 random_{20261129}; // fixed: what it finds, it finds always
};

/// As settle.sql counts.
bool costs_an_attempt(outcome_class x) {
  using enum outcome_class;
  return x == content || x == crash || x == timeout || x == check_failed || x == permanent;
}

bool is_success(const outside_signal& x) {
  const auto* stop = std::get_if<model_stop>(&x);
  const auto* cli = std::get_if<cli_result>(&x);
  const auto* process = std::get_if<process_end>(&x);
  return (stop && (stop->reason == "end_turn" || stop->reason == "stop_sequence") && !stop->content_empty
          && !stop->tool_use_incomplete && !stop->output_invalid)
         || (cli && cli->has_result && cli->subtype == "success" && !cli->is_error)
         || (process && process->process.exit_code && !process->process.signal && !process->process.start_error
             && !process->process.out_of_memory);
}

bool must_not_be_repeated(const outside_signal& x) {
  const auto* http = std::get_if<http_failure>(&x);
  const auto* stream = std::get_if<stream_failure>(&x);
  return (http && http->should_retry == "false") || (stream && stream->anything_complete)
         || std::holds_alternative<cli_result>(x) || std::holds_alternative<process_end>(x)
         || std::holds_alternative<own_limit>(x);
}

/// The rule of waits that a verdict breaks; empty: none.
std::string_view broken_rule_of_waits(const verdict& v) {
  const auto is_retry = v.action == verdict_action::retry_in_place;
  const auto waits = is_retry || v.action == verdict_action::defer || v.action == verdict_action::open_breaker;
  if (v.wait < 0ms || v.wait > access_date_ahead_max)
    return "a wait is within bounds";
  if (!waits && v.wait != 0ms)
    return "only a retry, a deferral and a breaker wait";
  if (is_retry && v.wait > in_place_wait_max)
    return "a wait in place is short";
  if (v.action == verdict_action::defer && v.wait > retry_after_max)
    return "a deferral ends within a day";
  if ((v.in_place_retries > 0) != is_retry || v.in_place_retries < 0 || v.in_place_retries > 3)
    return "retries in place are few, and none are left without one";
  if (is_retry && v.until)
    return "a retry in place concerns nobody else";
  if (v.until && (*v.until - noon > v.wait || v.wait >= *v.until - noon + 1ms))
    return "moment and wait agree";
  if (v.asked && v.wait == 0ms)
    return "what was asked for is a wait";
  return {};
}

/// The same for attempts, breakers and pages.
std::string_view broken_rule_of_effects(const outside_signal& x, const verdict& v) {
  const auto counts_own_way = v.row == "2.3/4"; // a budget that the ticket itself used up
  const auto is_success_verdict = v.action == verdict_action::verify || v.action == verdict_action::finish;
  const auto* cli = std::get_if<cli_result>(&x);
  if (v.uses_attempt != (costs_an_attempt(v.end) || counts_own_way))
    return "infrastructure uses no attempt, and content does";
  if (v.opens_breaker != (v.action == verdict_action::open_breaker))
    return "a breaker opens when that is the action";
  if (v.pages && !v.opens_breaker)
    return "people are called to what is blocked";
  if (v.counts_for_breaker && v.end != outcome_class::transient)
    return "a breaker counts infrastructure";
  if ((v.end == outcome_class::completed) != is_success_verdict)
    return "only what goes to a check, or comes from it, completes";
  if (is_success_verdict && !is_success(x))
    return "a failure is no success";
  if (v.action == verdict_action::retry_in_place && must_not_be_repeated(x))
    return "what must not be repeated isn't";
  if (v.action == verdict_action::abandon && !v.row.ends_with("own/lost"))
    return "only what is lost is abandoned";
  if (cli && cli->stopped_by == own_limit_kind::lost_lease && v.action != verdict_action::abandon)
    return "what is lost is abandoned";
  return {};
}

std::string last_part(const std::string& row) {
  std::string result;
  for (const auto& x : rows::table)
    if (row.ends_with(x.name) && x.name.size() > result.size())
      result = x.name;
  return result;
}

} // namespace

CAF_TEST(no signal breaks a rule of waits and attempts and every row is met) {
  dice random;
  std::set<std::string> met;
  for (int round = 0; round < 50'000; ++round) {
    const auto x = random.signal();
    const auto retries_done = random.number();
    const auto v = classify(x, noon, retries_done);
    for (const auto rule : {broken_rule_of_waits(v), broken_rule_of_effects(x, v)})
      if (!rule.empty())
        CAF_FAIL(std::string{rule} + ": " + text_of(v));
    if (round % 100 == 0)
      CAF_REQUIRE_EQUAL(text_of(classify(x, noon, retries_done)), text_of(v)); // the same each time
    met.insert(v.row);
  }
  std::set<std::string> rows_met;
  for (const auto& row : met)
    rows_met.insert(last_part(row));
  for (const auto& x : rows::table)
    CAF_CHECK_EQUAL(rows_met.count(std::string{x.name}), 1u);
}

CAF_TEST(whoever does as told comes to an end) {
  dice random;
  int longest = 0;
  for (int round = 0; round < 20'000; ++round) {
    const auto x = random.signal();
    // These say themselves how often they were answered.
    if (std::holds_alternative<model_stop>(x) || classify(x, noon).remedy == verdict_remedy::refresh_token)
      continue;
    int retries = 0;
    while (retries < 10 && classify(x, noon, retries).action == verdict_action::retry_in_place)
      ++retries;
    longest = std::max(longest, retries);
  }
  CAF_CHECK_EQUAL(longest, 3);
}

CAF_TEST(the rows of the table agree with themselves) {
  std::set<std::string_view> names;
  for (const auto& x : rows::table) {
    CAF_MESSAGE(std::string{x.name});
    CAF_CHECK(names.insert(x.name).second);
    CAF_CHECK_EQUAL(x.breaker == rows::opens, x.then == verdict_action::open_breaker);
    CAF_CHECK(x.retries == 0 || x.first_pause * (1 << (x.retries - 1)) <= in_place_wait_max);
    CAF_CHECK(x.put_off == 0ms || x.put_off > in_place_wait_max);
    CAF_CHECK(x.put_off == 0ms || x.then == verdict_action::defer || x.then == verdict_action::open_breaker);
  }
}
