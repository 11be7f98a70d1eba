#define CAF_SUITE classify

#include "runtime/executors/classify/classify.hpp"
#include "tests/runtime/classify_fixture.hpp"

#include <climits>
#include <set>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::executors;
using swarm::test::noon;
using swarm::test::text_of;

namespace {

std::string body(const std::string& type, const std::string& message = "no", const std::string& code = "") {
  return R"({"type":"error","error":{"type":")" + type + R"(","message":")" + message + R"(")"
         + (code.empty() ? "" : R"(,"details":{"error_code":")" + code + R"("})") + R"(},"request_id":"req_1"})";
}

http_failure http(int status, const std::string& text = "", const std::string& retry_after = "",
                  const std::string& should_retry = "") {
  http_failure x;
  x.status = status;
  x.body = text;
  x.retry_after = retry_after;
  x.should_retry = should_retry;
  return x;
}

http_failure http(int status, const request_facts& request, const std::string& text = "") {
  auto x = http(status, text);
  x.request = request;
  return x;
}

transport_failure transport(transport_error x) {
  return {x};
}

stream_failure stream(stream_ending ending, bool anything_complete, const std::string& type = "",
                      const std::string& message = "") {
  return {ending, {type, "", message}, anything_complete, {}};
}

stream_failure sse(const std::string& type, bool anything_complete = false) {
  return stream(stream_ending::error_event, anything_complete, type, "no");
}

model_stop stop(const std::string& reason, int answered = 0) {
  model_stop x;
  x.reason = reason;
  x.answered = answered;
  return x;
}

model_stop empty_stop(const std::string& reason, int answered = 0) {
  auto x = stop(reason, answered);
  x.content_empty = true;
  return x;
}

model_stop invalid_stop(int answered) {
  auto x = stop("end_turn", answered);
  x.output_invalid = true;
  return x;
}

model_stop refusal(bool fallback_left, int answered) {
  auto x = stop("refusal", answered);
  x.fallback_left = fallback_left;
  return x;
}

const request_facts refreshable{.token_refreshable = true};
const request_facts not_streaming{.streaming = false};
const request_facts reduced{.reduced = true};
const request_facts elsewhere{.to_model = false};
const request_facts twice_too_long{.timeouts_before = 2};
const std::string too_long = body("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum");
const std::string cap =
  body("rate_limit_error", "You will regain access on 2026-12-01 at 00:00 UTC.", "enforced_spend_limit_reached");
const std::string own_cap = body("invalid_request_error", "You have reached your specified API usage limits. You will "
                                                          "regain access on 2026-12-01 at 00:00 UTC.");

struct row {
  std::string_view number;
  outside_signal signal;
  std::string_view first;     ///< The verdict at once.
  std::string_view then = {}; ///< The one after all retries in place; empty: the same.
};

// As the table of the API's errors.
const std::vector<row> table{
  {"1", transport(transport_error::connect), "1 transient retry_in_place x3 500ms endpoint counts",
   "1 transient defer 15000ms endpoint counts"},
  {"2", transport(transport_error::tls_certificate), "2 transient open_breaker endpoint opens pages"},
  {"3", transport(transport_error::timeout_first_byte), "3 transient retry_in_place x1 500ms endpoint counts",
   "3 transient defer 15000ms endpoint counts"},
  {"4", stream(stream_ending::cut, false), "4 transient retry_in_place x1 500ms call",
   "4 transient defer 15000ms call"},
  {"4", stream(stream_ending::idle, false), "4 transient retry_in_place x1 500ms call",
   "4 transient defer 15000ms call"},
  {"5", stream(stream_ending::cut, true), "5 transient go_on call say_interrupted"},
  {"5", stream(stream_ending::idle, true), "5 transient go_on call say_interrupted"},
  {"6", sse("overloaded_error"), "6/20 transient retry_in_place x2 1000ms model counts",
   "6/20 transient defer 30000ms model counts"},
  {"6", sse("api_error"), "6/18 transient retry_in_place x2 500ms model counts",
   "6/18 transient defer 15000ms model counts"},
  {"6", sse("timeout_error"), "6/19 transient retry_in_place x1 500ms ticket", "6/19 transient defer 15000ms ticket"},
  {"7", sse("rate_limit_error"), "7/17 throttled retry_in_place x1 5000ms credential_and_model",
   "7/17 throttled defer 30000ms credential_and_model"},
  {"8", http(400, own_cap), "8 budget open_breaker 129600000ms asked until+129600s credential opens pages"},
  {"8", http(400, body("invalid_request_error", "You have reached your specified workspace API usage limits.")),
   "8 budget open_breaker 3600000ms until+3600s credential opens pages"},
  {"9", http(400, too_long), "9 content fail_attempt ticket attempt compact"},
  {"9", http(400, reduced, too_long), "9b permanent fail_ticket ticket attempt"},
  {"10", http(400, body("invalid_request_error", "messages: roles must alternate")),
   "10 permanent fail_ticket ticket attempt"},
  {"11", http(401), "11 auth open_breaker credential opens pages"},
  {"11", http(401, refreshable), "11 auth retry_in_place x1 credential refresh_token"},
  {"12", http(402, body("billing_error")), "12 budget open_breaker credential opens pages"},
  {"12", http(400, body("invalid_request_error", "Your credit balance is too low to access the API.")),
   "12 budget open_breaker credential opens pages"},
  {"13", http(403, body("permission_error")), "13 auth open_breaker credential_and_model opens pages fallback_model"},
  {"14", http(429, body("rate_limit_error"), "3"), "14 throttled retry_in_place x2 3000ms asked credential_and_model",
   "14 throttled defer 3000ms asked until+3s credential_and_model"},
  {"14", http(429, body("rate_limit_error"), "10"), "14 throttled retry_in_place x2 10000ms asked credential_and_model",
   "14 throttled defer 10000ms asked until+10s credential_and_model"},
  {"15", http(429, body("rate_limit_error"), "10.001"),
   "15 throttled defer 10001ms asked until+10s credential_and_model"},
  {"15", http(429, body("rate_limit_error"), "600"),
   "15 throttled defer 600000ms asked until+600s credential_and_model"},
  {"16", http(429, cap), "16 budget open_breaker 129600000ms asked until+129600s organisation opens pages"},
  {"16", http(429, body("rate_limit_error", "no date", "enforced_spend_limit_reached")),
   "16 budget open_breaker 3600000ms until+3600s organisation opens pages"},
  {"17", http(429, body("rate_limit_error")), "17 throttled retry_in_place x1 5000ms credential_and_model",
   "17 throttled defer 30000ms credential_and_model"},
  {"17b", http(429, body("billing_error"), "", "false"), "17b/12 budget open_breaker credential opens pages"},
  {"17b", http(529, body("overloaded_error"), "", "false"), "17b/20 transient defer 30000ms model counts"},
  {"17b", http(429, body("rate_limit_error"), "3", "false"),
   "17b/14 throttled defer 3000ms asked until+3s credential_and_model"},
  {"17b", http(400, body("overloaded_error"), "", "false"), "17b/20 transient defer 30000ms model counts"},
  {"17b", http(503, "", "", "false"), "17b/18 transient defer 15000ms model counts"},
  {"18", http(500, body("api_error")), "18 transient retry_in_place x2 500ms model counts",
   "18 transient defer 15000ms model counts"},
  {"18", http(502), "18 transient retry_in_place x2 500ms model counts", "18 transient defer 15000ms model counts"},
  {"18", http(503), "18 transient retry_in_place x2 500ms model counts", "18 transient defer 15000ms model counts"},
  {"19", http(504, body("timeout_error")), "19 transient retry_in_place x1 500ms ticket",
   "19 transient defer 15000ms ticket"},
  {"19", http(504, not_streaming), "19b transient defer 15000ms ticket use_streaming"},
  {"19", http(504, twice_too_long), "19c content fail_attempt ticket attempt"},
  {"20", http(529, body("overloaded_error")), "20 transient retry_in_place x2 1000ms model counts",
   "20 transient defer 30000ms model counts"},
  {"21", http(404, body("not_found_error")), "21 transient open_breaker model opens pages fallback_model"},
  {"22", http(404, elsewhere), "22 permanent fail_ticket ticket attempt"},
  {"23", http(408), "23 transient retry_in_place x2 500ms call", "23 transient defer 15000ms call"},
  {"23", http(409, body("conflict_error")), "23 transient retry_in_place x2 500ms call",
   "23 transient defer 15000ms call"},
  {"24", http(413, "<html><title>413 Request Entity Too Large</title>"),
   "24 content fail_attempt ticket attempt trim_attachments"},
  {"24", http(413, reduced), "24b permanent fail_ticket ticket attempt"},
  {"25", http(422), "25 permanent fail_ticket ticket attempt"},
  {"25", http(418, body("invalid_request_error")), "25 permanent fail_ticket ticket attempt"},
  {"26", refusal(true, 0), "26 content retry_in_place x1 ticket attempt fallback_model"},
  {"26", refusal(true, 1), "26 content ask_human ticket attempt"},
  {"26", refusal(false, 0), "26 content ask_human ticket attempt"},
  {"27", stop("max_tokens"), "27 content retry_in_place x1 ticket attempt double_max_tokens"},
  {"27", stop("max_tokens", 1), "27 content fail_attempt ticket attempt"},
  {"28", stop("model_context_window_exceeded"), "28 content fail_attempt ticket attempt compact"},
  {"28", stop("model_context_window_exceeded", 1), "28b permanent fail_ticket ticket attempt"},
  {"29", empty_stop("end_turn"), "29 content retry_in_place x1 ticket attempt say_continue"},
  {"29", empty_stop("end_turn", 1), "29 content fail_attempt ticket attempt"},
  {"30", stop("pause_turn"), "30 transient go_on ticket"},
  {"30", stop("pause_turn", 9), "30 transient go_on ticket"},
  {"30", stop("pause_turn", 10), "30b content fail_attempt ticket attempt"},
  {"31", invalid_stop(0), "31 content retry_in_place x1 ticket attempt show_parse_error"},
  {"31", invalid_stop(1), "31 content fail_attempt ticket attempt"},
  {"32", http(418, body("new_error")), "32/25 permanent fail_ticket ticket attempt"},
  {"32", http(507, body("new_error")), "32/18 transient retry_in_place x2 500ms model counts",
   "32/18 transient defer 15000ms model counts"},
  {"33", own_limit{own_limit_kind::budget_refused}, "33 budget defer own_budget"},
};

} // namespace

CAF_TEST(every row of the table of errors has its verdict) {
  for (const auto& x : table) {
    CAF_MESSAGE("row " << std::string{x.number});
    CAF_CHECK_EQUAL(text_of(x.signal), std::string{x.first});
    const auto then = std::holds_alternative<model_stop>(x.signal) || x.then.empty() ? x.first : x.then;
    if (x.first.find("refresh_token") == std::string_view::npos) // is counted by the signal itself
      CAF_CHECK_EQUAL(text_of(x.signal, 3), std::string{then});
  }
}

CAF_TEST(no row of the table of errors is left out) {
  std::set<std::string> numbers;
  for (const auto& x : table)
    numbers.emplace(x.number);
  for (int i = 1; i <= 33; ++i)
    CAF_CHECK_EQUAL(numbers.count(std::to_string(i)), 1u);
  CAF_CHECK_EQUAL(numbers.count("17b"), 1u);
  CAF_CHECK_EQUAL(numbers.size(), 34u);
}

CAF_TEST(pauses in place double and end with the retries) {
  const auto connect = transport(transport_error::connect);
  CAF_CHECK_EQUAL(text_of(connect, 1), "1 transient retry_in_place x2 1000ms endpoint counts");
  CAF_CHECK_EQUAL(text_of(connect, 2), "1 transient retry_in_place x1 2000ms endpoint counts");
  CAF_CHECK_EQUAL(text_of(connect, 3), "1 transient defer 15000ms endpoint counts");
  CAF_CHECK_EQUAL(text_of(connect, INT_MAX), "1 transient defer 15000ms endpoint counts");
  CAF_CHECK_EQUAL(text_of(connect, INT_MIN), "1 transient retry_in_place x3 500ms endpoint counts");
}

CAF_TEST(whatever asks for a wait gets it and a long one releases the worker) {
  CAF_CHECK_EQUAL(text_of(http(503, "", "4")), "18 transient retry_in_place x2 4000ms asked model counts");
  CAF_CHECK_EQUAL(text_of(http(503, "", "40")), "18 transient defer 40000ms asked until+40s model counts");
  CAF_CHECK_EQUAL(text_of(http(529, "", "20")), "20 transient defer 30000ms asked until+30s model counts");
  CAF_CHECK_EQUAL(text_of(http(500, "", "0.1")), "18 transient retry_in_place x2 500ms asked model counts");
  CAF_CHECK_EQUAL(text_of(http(429, "", "soon")), "17 throttled retry_in_place x1 5000ms credential_and_model");
  CAF_CHECK_EQUAL(text_of(http(429, "", "-3")), "17 throttled retry_in_place x1 5000ms credential_and_model");
  CAF_CHECK_EQUAL(text_of(http(429, "", "Sun, 29 Nov 2026 12:00:07 GMT")),
                  "14 throttled retry_in_place x2 7000ms asked credential_and_model");
  auto precise = http(429, "", "60");
  precise.retry_after_ms = "250";
  CAF_CHECK_EQUAL(text_of(precise), "14 throttled retry_in_place x2 250ms asked credential_and_model");
  precise.retry_after_ms = "1";
  CAF_CHECK_EQUAL(text_of(precise), "14 throttled retry_in_place x2 1ms asked credential_and_model");
}

CAF_TEST(what a row names by its status keeps it under a type that nobody knows) {
  CAF_CHECK_EQUAL(text_of(http(429, body("acceleration_error"), "3")),
                  "32/14 throttled retry_in_place x2 3000ms asked credential_and_model");
  CAF_CHECK_EQUAL(text_of(http(400, body("odd_error"))), "32/10 permanent fail_ticket ticket attempt");
  CAF_CHECK_EQUAL(text_of(http(529, body("odd_error"), "", "false")), "17b/32/20 transient defer 30000ms model counts");
}

CAF_TEST(a status that is no error holds nothing against the ticket) {
  for (const auto status : {INT_MIN, -1, 0, 100, 200, 204, 302, 399})
    CAF_CHECK_EQUAL(text_of(http(status, "<html>login</html>")),
                    "http/no_error transient defer 15000ms endpoint counts");
  CAF_CHECK_EQUAL(text_of(http(200, body("rate_limit_error"), "3")),
                  "14 throttled retry_in_place x2 3000ms asked credential_and_model");
  CAF_CHECK_EQUAL(text_of(http(INT_MAX)), "18 transient retry_in_place x2 500ms model counts");
  CAF_CHECK_EQUAL(text_of(http(599)), "18 transient retry_in_place x2 500ms model counts");
  CAF_CHECK_EQUAL(text_of(http(499)), "25 permanent fail_ticket ticket attempt");
}

CAF_TEST(an error in a stream goes by its type and never repeats what is complete) {
  CAF_CHECK_EQUAL(text_of(sse("overloaded_error", true)), "6/20 transient defer 30000ms model counts say_interrupted");
  CAF_CHECK_EQUAL(text_of(sse("rate_limit_error", true)),
                  "7/17 throttled defer 30000ms credential_and_model say_interrupted");
  CAF_CHECK_EQUAL(text_of(sse("authentication_error")), "6/11 auth open_breaker credential opens pages");
  CAF_CHECK_EQUAL(text_of(sse("invalid_request_error", true)), "6/10 permanent fail_ticket ticket attempt");
  CAF_CHECK_EQUAL(text_of(sse("new_error")), "6/32/18 transient retry_in_place x2 500ms model counts");
  CAF_CHECK_EQUAL(text_of(sse("")), "6/18 transient retry_in_place x2 500ms model counts");
}

CAF_TEST(a message is done only when it ended by itself with something complete) {
  auto incomplete = stop("tool_use");
  incomplete.tool_use_incomplete = true;
  CAF_CHECK_EQUAL(text_of(stop("end_turn")), "1.3/1 completed verify ticket");
  CAF_CHECK_EQUAL(text_of(stop("stop_sequence")), "1.3/1 completed verify ticket");
  CAF_CHECK_EQUAL(text_of(empty_stop("stop_sequence")), "29 content retry_in_place x1 ticket attempt say_continue");
  CAF_CHECK_EQUAL(text_of(stop("tool_use")), "1.3/3 transient go_on ticket");
  CAF_CHECK_EQUAL(text_of(incomplete), "31 content retry_in_place x1 ticket attempt show_parse_error");
  CAF_CHECK_EQUAL(text_of(stop("compaction")), "1.3/8 transient go_on ticket");
  for (const auto* reason : {"", "End_turn", "new_reason"})
    CAF_CHECK_EQUAL(text_of(stop(reason)), "1.3/9 content fail_attempt ticket attempt");
}

CAF_TEST(what a batch has lost is no fault of the ticket unless its results deny it) {
  CAF_CHECK_EQUAL(text_of(batch_loss{batch_loss_kind::canceled}), "batch/canceled transient defer 15000ms call");
  CAF_CHECK_EQUAL(text_of(batch_loss{batch_loss_kind::expired}), "batch/expired transient defer 15000ms call");
  for (const auto x : {batch_loss_kind::missing, static_cast<batch_loss_kind>(99)})
    CAF_CHECK_EQUAL(text_of(batch_loss{x}), "batch/missing content fail_attempt ticket attempt");
}

CAF_TEST(every way to get no response has its row) {
  using enum transport_error;
  for (const auto x :
       {resolve, connect, proxy, tls_handshake, reset, protocol, other, static_cast<transport_error>(99)})
    CAF_CHECK_EQUAL(text_of(transport(x), 3), "1 transient defer 15000ms endpoint counts");
  CAF_CHECK_EQUAL(text_of(transport(misconfigured)),
                  "transport/misconfigured transient open_breaker executor opens pages");
  CAF_CHECK_EQUAL(text_of(transport(out_of_memory)), "transport/memory transient defer 15000ms executor");
}

CAF_TEST(no moment is too strange to judge at) {
  for (const auto now : {wall_time::min(), wall_time{}, wall_time::max()}) {
    CAF_CHECK_EQUAL(classify(http(429, cap), now).row, "16");
    CAF_CHECK_EQUAL(classify(http(429, "", "600"), now).wait.count(), 600'000);
    CAF_CHECK_EQUAL(classify(http(400, own_cap), now).row, "8");
  }
}
