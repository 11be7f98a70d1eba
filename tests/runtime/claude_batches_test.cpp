#define CAF_SUITE claude_batches

#include "messages/error.hpp"
#include "runtime/executors/claude/batch.hpp"
#include "runtime/executors/route_report.hpp"
#include "tests/runtime/claude_fixture.hpp"

#include <algorithm>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace swarm::executors::claude;
using namespace std::chrono_literals;
using json = nlohmann::json;
using ending = scripted_answer::ending;

namespace {

constexpr auto mine = "ticket-7-attempt-1";

struct fixture : claude_fixture {
  fixture() {
    ticket.claim = {ticket_id{7}, fence{41}};
    ticket.continuation.clear();
  }

  /// The end of one claim of the ticket that is answered so.
  outcome ask(std::vector<scripted_answer> answers, json payload = json::object()) {
    scripted_server server{std::move(answers)};
    payload["batch"] = true;
    start(server.url(""), payload);
    auto result = wait();
    requests = server.requests();
    return result;
  }

  /// The end of the claim that finds the batch ended with these results.
  outcome fetch(const std::string& lines, const json& payload = json::object()) {
    ticket.continuation = to_json({"msgbatch_1", mine, "", "h4sh", "claude-sonnet-5-5", 16'000, 50, 3});
    return ask({answer_with(200, batch("ended")), answer_with(200, lines)}, payload);
  }

  static std::string batch(const std::string& status) {
    return json{{"id", "msgbatch_1"}, {"processing_status", status}, {"results_url", "http://example.org/steal"}}.dump();
  }
};

std::string result_line(const std::string& request, const json& result) {
  return json{{"custom_id", request}, {"result", result}}.dump() + "\n";
}

json succeeded(const std::string& text, const std::string& reason = "end_turn") {
  return {{"type", "succeeded"},
          {"message",
           {{"id", "msg_1"},
            {"model", "claude-sonnet-5-5"},
            {"content", {{{"type", "text"}, {"text", text}}}},
            {"stop_reason", reason},
            {"usage", {{"input_tokens", 1'000'000}, {"output_tokens", 100'000}}}}}};
}

json errored(const std::string& type, const std::string& message = "no") {
  return {{"type", "errored"}, {"error", {{"type", "error"}, {"error", {{"type", type}, {"message", message}}}}}};
}

std::string kind_of(std::string_view lines) {
  const auto x = find_batch_result(lines, mine);
  if (!x)
    return render(x.error());
  if (const auto* message = std::get_if<streamed_message>(&*x))
    return "message " + message->id;
  if (const auto* error = std::get_if<executors::api_error>(&*x))
    return "error " + error->type;
  switch (std::get<executors::batch_loss>(*x).kind) {
    case executors::batch_loss_kind::canceled: return "canceled";
    case executors::batch_loss_kind::expired: return "expired";
    default: return "missing";
  }
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(claude_batches_tests, fixture)

CAF_TEST(a result is found by its request in whatever order and what is not there is missing) {
  const auto other = result_line("ticket-7-attempt-10", succeeded("not mine"));
  const auto good = result_line(mine, succeeded("mine"));
  const std::vector<std::pair<std::string, std::string>> rows{
    {good + other, "message msg_1"},
    {other + good, "message msg_1"},
    {other + good.substr(0, good.size() - 1), "message msg_1"}, // the last line has no end
    {"\n<html>\n{}\n[7]\n" + good, "message msg_1"},
    {other, "missing"},
    {"", "missing"},
    {good.substr(0, good.size() / 2), "missing"},
    {good + other + good, "is there twice"},
    {result_line(mine, errored("overloaded_error")), "error overloaded_error"},
    {result_line(mine, {{"type", "errored"}, {"error", {{"type", "api_error"}, {"message", "x"}}}}), "error api_error"},
    {result_line(mine, {{"type", "errored"}}), "error "},
    {result_line(mine, {{"type", "canceled"}}), "canceled"},
    {result_line(mine, {{"type", "expired"}}), "expired"},
    {result_line(mine, {{"type", "succeeded"}}), "has no message with a list of blocks"},
    {result_line(mine, {{"type", "succeeded"}, {"message", {{"content", {7}}}}}), "has no message with a list of blocks"},
    {result_line(mine, {{"type", "new_type"}}), "is of a type that nobody knows"},
    {result_line(mine, nullptr), "is of a type that nobody knows"},
  };
  for (const auto& [lines, kind] : rows)
    CAF_CHECK_EQUAL(kind_of(lines), kind);
}

CAF_TEST(looks come further and further apart) {
  CAF_CHECK(look_after(0) == 15s);
  CAF_CHECK(look_after(1) == 30s);
  CAF_CHECK(look_after(4) == 240s);
  CAF_CHECK(look_after(5) == 5min);
  CAF_CHECK(look_after(1'000'000) == 5min);
}

CAF_TEST(the first claim makes a batch of one request and leaves what finds it) {
  setenv("SWARM_TEST_CLAUDE_KEY", "k3y", 1);
  values.api_key_env = "SWARM_TEST_CLAUDE_KEY";
  const auto x = ask({answer_with(200, batch("in_progress"), {"request-id: req_1"})}, {{"system", "Be brief."}});
  CAF_CHECK_EQUAL(x.end, outcome_class::waiting);
  CAF_CHECK_EQUAL(x.evidence, "its batch msgbatch_1 is in_progress");
  CAF_CHECK(x.retry_after == caf::timespan{15s});
  CAF_CHECK_EQUAL(to_string(x.route.news), "answered");
  CAF_REQUIRE_EQUAL(requests.size(), 1u);
  CAF_CHECK(requests[0].starts_with("POST /v1/messages/batches HTTP"));
  CAF_CHECK(holds(requests[0], "x-api-key: k3y\r\n"));
  const auto body = json::parse(requests[0].substr(requests[0].find("\r\n\r\n") + 4));
  CAF_REQUIRE_EQUAL(body["requests"].size(), 1u);
  CAF_CHECK_EQUAL(body["requests"][0]["custom_id"], mine);
  const auto& asked = body["requests"][0]["params"];
  CAF_CHECK_EQUAL(asked["model"], "claude-sonnet-5-5");
  CAF_CHECK_EQUAL(asked["max_tokens"], 16'000);
  CAF_CHECK_EQUAL(asked["messages"][0]["content"][0]["text"], "Do it.");
  CAF_CHECK(!asked.contains("stream"));
  CAF_CHECK(!holds(asked.dump(), "cache_control")); // nobody comes back while it would be cached
  const auto kept = read_kept_batch(x.details);
  CAF_REQUIRE(kept);
  CAF_CHECK_EQUAL(kept->id, "msgbatch_1");
  CAF_CHECK_EQUAL(kept->request_id, mine);
  CAF_CHECK_EQUAL(kept->credential, executors::credential_hash("k3y"));
  CAF_CHECK(!holds(x.details, "k3y"));
}

CAF_TEST(a look asks for nothing again and waits longer each time and as long as it is told) {
  auto kept = ask({answer_with(200, batch("in_progress"))}).details;
  const std::vector<std::pair<scripted_answer, caf::timespan>> rows{
    {answer_with(200, batch("in_progress")), 30s},
    {answer_with(200, batch("canceling")), 60s},
    {answer_with(200, batch("new_status"), {"Retry-After: 500"}), 500s},
  };
  for (const auto& [answer, wait] : rows) {
    ticket.continuation = kept;
    const auto x = ask({answer});
    CAF_CHECK_EQUAL(x.end, outcome_class::waiting);
    CAF_CHECK(x.retry_after == wait);
    CAF_REQUIRE_EQUAL(requests.size(), 1u);
    CAF_CHECK(requests[0].starts_with("GET /v1/messages/batches/msgbatch_1 HTTP"));
    kept = x.details;
  }
}

CAF_TEST(script 27 results in reversed order are matched by their request and cost half) {
  const auto x = fetch(result_line("ticket-9-attempt-1", errored("api_error"))
                       + result_line("ticket-8-attempt-1", {{"type", "expired"}}) + result_line(mine, succeeded("done")));
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(x.evidence, "it answered in the batch msgbatch_1");
  CAF_CHECK(holds(x.output, "done"));
  const auto details = json::parse(x.details);
  CAF_CHECK_EQUAL(details["result"], "done");
  CAF_CHECK_EQUAL(details["usage"]["input_tokens"], 1'000'000);
  CAF_CHECK_EQUAL(details["cost_micro_dollars"], (2'000'000 + 1'000'000) / 2);
  CAF_CHECK_EQUAL(details["prompt_hash"], "h4sh");
  CAF_REQUIRE_EQUAL(requests.size(), 2u);
  // Whatever the API names as its place: the key goes with it.
  CAF_CHECK(requests[1].starts_with("GET /v1/messages/batches/msgbatch_1/results HTTP"));
}

CAF_TEST(each kind of result ends as it would elsewhere and what brought nothing begins anew) {
  struct row {
    json result;
    outcome_class end;
    const char* evidence;
    bool begins_anew, is_paid;
  };
  const std::vector<row> rows{
    {succeeded("x", "max_tokens"), outcome_class::content, "stopped with 'max_tokens' (row 27)", false, true},
    {succeeded("x", "refusal"), outcome_class::review, "stopped with 'refusal' (row 26)", false, true},
    {succeeded("", "end_turn"), outcome_class::content, "stopped with 'end_turn' (row 29)", false, true},
    {succeeded("x", "tool_use"), outcome_class::content, "stopped with 'tool_use' (row 1.3/3)", false, true},
    {succeeded("x", "pause_turn"), outcome_class::content, "stopped with 'pause_turn' (row 30b)", false, true},
    {errored("invalid_request_error", "max_tokens: too large"), outcome_class::permanent,
     "its batch met invalid_request_error: max_tokens: too large (row 6/10)", true, false},
    {errored("overloaded_error"), outcome_class::transient, "(row 6/20)", true, false},
    {errored("api_error"), outcome_class::transient, "(row 6/18)", true, false},
    {errored("error_of_tomorrow"), outcome_class::transient, "(row 6/32/18)", true, false},
    {{{"type", "expired"}}, outcome_class::transient, "wasn't begun within a day (row batch/expired)", true, false},
    {{{"type", "canceled"}}, outcome_class::transient, "was canceled (row batch/canceled)", true, false},
    {{{"type", "new_type"}}, outcome_class::content, "is of a type that nobody knows", false, false},
  };
  for (const auto& x : rows) {
    const auto result = fetch(result_line(mine, x.result));
    CAF_CHECK_EQUAL(result.end, x.end);
    if (!holds(result.evidence, x.evidence))
      CAF_FAIL("ended with: " << result.evidence << ", not " << x.evidence);
    CAF_CHECK_EQUAL(requests.size(), 2u); // never asked again in place
    const auto details = json::parse(result.details);
    CAF_CHECK_EQUAL(details.contains("begins_anew"), x.begins_anew);
    CAF_CHECK_EQUAL(details["cost_micro_dollars"] > 0, x.is_paid);
  }
}

CAF_TEST(results without the request are no success) {
  const auto x = fetch(result_line("ticket-8-attempt-1", succeeded("not mine")));
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK_EQUAL(x.evidence, "the results of its batch msgbatch_1 have none for ticket-7-attempt-1 (row batch/missing)");
}

CAF_TEST(a schema decides what is an answer) {
  const json schema{{"schema", {{"type", "object"}}}};
  const auto details = json::parse(fetch(result_line(mine, succeeded(R"({"a": 7})")), schema).details);
  CAF_CHECK_EQUAL(details["result"]["a"], 7);
  const auto x = fetch(result_line(mine, succeeded("no")), schema);
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK(holds(x.evidence, "(row 31)"));
}

CAF_TEST(results that are longer than any answer are refused) {
  const auto x = fetch(std::string((32u << 20) + 1, 'x'));
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK(holds(x.evidence, "is longer than 33554432 bytes"));
}

CAF_TEST(trouble on the way is repeated in place and what is left of it leaves the batch) {
  CAF_CHECK_EQUAL(ask({answer_with(503), answer_with(200, batch("in_progress"))}).end, outcome_class::waiting);
  CAF_CHECK_EQUAL(requests.size(), 2u);
  struct row {
    scripted_answer answer;
    outcome_class end;
    const char* evidence;
  };
  const std::vector<row> rows{
    {fails(529, "overloaded_error", "busy"), outcome_class::transient, "answered 529 overloaded_error: busy (row 20)"},
    {fails(401, "authentication_error", "no"), outcome_class::auth, "(row 11)"},
    {fails(404, "not_found_error", "no"), outcome_class::permanent, "(row 22)"},
    {answer_with(200, "<html>"), outcome_class::transient, "(row http/no_error)"},
    {answer_with(200, "{}"), outcome_class::transient, "names no batch with a state (row http/no_error)"},
  };
  for (const auto& x : rows) {
    ticket.continuation = to_json({"msgbatch_1", mine, "", "", "m", 1, 1, 0});
    const auto result = ask({x.answer});
    CAF_CHECK_EQUAL(result.end, x.end);
    if (!holds(result.evidence, x.evidence))
      CAF_FAIL("ended with: " << result.evidence << ", not " << x.evidence);
    CAF_CHECK(!json::parse(result.details).contains("begins_anew"));
  }
}

CAF_TEST(a batch that another key made is left to the nodes that have it) {
  ticket.continuation = to_json({"msgbatch_1", mine, "another", "", "m", 1, 1, 0});
  const auto x = ask({fails(404, "not_found_error", "no")});
  CAF_CHECK_EQUAL(x.end, outcome_class::auth);
  CAF_CHECK(holds(x.evidence, "made with another key"));
}

CAF_TEST(a batch that can not be named is made no second time in place) {
  const auto x = ask({answer_with(200, R"({"id": "../models", "processing_status": "in_progress"})")});
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK_EQUAL(requests.size(), 1u);
}

CAF_TEST(what was kept of a batch must name it) {
  for (const auto* kept : {"{", "[]", "{}", R"({"batch": "a/b", "request": "r", "model": "m", "max_tokens": 1, "prompt_tokens": 1})",
                           R"({"batch": "b", "request": "r", "model": "m", "max_tokens": 0, "prompt_tokens": 1})"}) {
    ticket.continuation = kept;
    CAF_CHECK_EQUAL(ask({answer_with(200)}).end, outcome_class::permanent);
    CAF_CHECK(requests.empty());
  }
}

CAF_TEST(a model without a price and a prompt that has failed make no batch) {
  CAF_CHECK_EQUAL(ask({answer_with(200)}, {{"model", "claude-novel-1"}}).end, outcome_class::permanent);
  CAF_CHECK(requests.empty());
  ticket.attempt = 2;
  CAF_CHECK_EQUAL(ask({answer_with(200)}).end, outcome_class::review);
  CAF_CHECK(requests.empty());
}

CAF_TEST(one that is stopped ends unless its batch is being made) {
  scripted_server silent{{{"", ending::hang}}};
  ticket.continuation = to_json({"msgbatch_1", mine, "", "", "m", 1, 1, 0});
  start(silent.url(""), {{"batch", true}});
  running->stop();
  CAF_CHECK_EQUAL(wait().end, outcome_class::released);
}

CAF_TEST_FIXTURE_SCOPE_END()
