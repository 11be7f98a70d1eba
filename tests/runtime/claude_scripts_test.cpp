#define CAF_SUITE claude_scripts

#include "runtime/executors/route_report.hpp"
#include "tests/fixtures/self_signed_server.hpp"
#include "tests/runtime/claude_fixture.hpp"

#include <algorithm>
#include <ctime>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::chrono_literals;
using json = nlohmann::json;
using ending = scripted_answer::ending;

// What the API may do, by numbers of the reference's list of scripts. What follows for other tickets (9, 11 to 15, 18, 28) is
// played in tests/store/claude_scripts_test.cpp, batches (27) in claude_batches_test.cpp.

namespace {

constexpr auto html = "<html><body>no</body></html>";

json delta(int index, const std::string& text) {
  return text_block(index, text)[1];
}

/// Begun, with some text whose block has no end.
std::vector<json> cut_in_block() {
  return {begin_message(), text_block(0, "")[0], delta(0, "a"), delta(0, "b")};
}

json error_event(const std::string& type) {
  return {{"type", "error"}, {"error", {{"type", type}, {"message", "no"}}}};
}

/// A whole message, but for its `message_stop`.
std::vector<json> without_stop(std::vector<json> x) {
  x.pop_back();
  return x;
}

/// With other ends of lines, and the data of each event in as many lines as it has members.
std::string in_many_lines(const std::vector<json>& all) {
  std::string result;
  for (const auto& x : all) {
    result += ": a comment\r\nevent: " + x["type"].get<std::string>() + "\r\ndata: ";
    for (const auto c : x.dump(0))
      c == '\n' ? result += "\r\ndata: " : result += c;
    result += "\r\n\r\n";
  }
  return result;
}

std::string http_date(std::time_t x) {
  char text[64];
  std::tm parts{};
  gmtime_r(&x, &parts);
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return text;
}

std::string day_in(std::chrono::hours ahead) {
  const auto x = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + ahead);
  char text[64];
  std::tm parts{};
  gmtime_r(&x, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%d at %H:%M UTC", &parts);
  return text;
}

struct row {
  const char* script;
  std::vector<scripted_answer> answers;
  outcome_class end;
  const char* evidence; ///< A part of it.
  std::size_t requests;
};

std::vector<scripted_answer> twice(const scripted_answer& x, const scripted_answer& then) {
  return {x, x, then};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(claude_scripts_tests, claude_fixture)

CAF_TEST(each script ends as the table says) {
  const auto good = says("done");
  const auto work = message("end_turn", {text_block(0, "done")});
  const auto cut = stream(events(cut_in_block()));
  auto with_noise = work;
  with_noise.insert(with_noise.begin() + 1, {ping, {{"type", "new_event"}, {"index", "x"}}, ping});
  const std::string date = http_date(std::time(nullptr) + 3'600);
  const std::vector<row> rows{
    {"1", {stream(events(with_noise))}, outcome_class::completed, "it ended its turn", 1},
    {"2, once", {cut, good}, outcome_class::completed, "it ended its turn", 2},
    {"2, twice", {cut, cut}, outcome_class::transient, "the stream broke off (row 4)", 2},
    {"3", {stream(events(without_stop(work)))}, outcome_class::completed, "it ended its turn", 1},
    {"4", {stream(events(work), ending::hang)}, outcome_class::completed, "it ended its turn", 1},
    {"5", {stream(events({error_event("overloaded_error")})), good}, outcome_class::completed, "it ended its turn", 2},
    {"5, half done", {stream(events({begin_message(), error_event("new_error")})), good}, outcome_class::completed,
     "it ended its turn", 2},
    {"6", {stream(in_many_lines(work))}, outcome_class::completed, "it ended its turn", 1},
    {"6, byte by byte", {{stream(in_many_lines(work)).bytes, ending::close, true}}, outcome_class::completed,
     "it ended its turn", 1},
    {"6, 12 MB", {says(std::string(12u << 20, 'x'))}, outcome_class::completed, "it ended its turn", 1},
    {"8, once", {fails(429, "rate_limit_error", "slow", {"Retry-After-Ms: 20"}), good}, outcome_class::completed,
     "it ended its turn", 2},
    {"8, thrice", {fails(429, "rate_limit_error", "slow", {"Retry-After-Ms: 20"})}, outcome_class::throttled, "(row 14)", 3},
    {"9", {fails(429, "rate_limit_error", "slow", {"Retry-After: 600"})}, outcome_class::throttled, "(row 15)", 1},
    {"10, date", {fails(429, "rate_limit_error", "slow", {"Retry-After: " + date})}, outcome_class::throttled, "(row 15)", 1},
    {"10, ms", {fails(429, "rate_limit_error", "slow", {"Retry-After-Ms: 20"}), good}, outcome_class::completed,
     "it ended its turn", 2},
    {"10, garbage", {fails(429, "rate_limit_error", "slow", {"Retry-After: soon"}), good}, outcome_class::completed,
     "it ended its turn", 2},
    {"10, negative", {fails(429, "rate_limit_error", "slow", {"Retry-After: -5"})}, outcome_class::throttled, "(row 17)", 2},
    {"10, date that has passed",
     {fails(429, "rate_limit_error", "slow", {"Retry-After: " + http_date(std::time(nullptr) - 60)}), good},
     outcome_class::completed, "it ended its turn", 2},
    {"12", {fails(429, "billing_error", "cap", {"x-should-retry: false"})}, outcome_class::budget, "(row 17b/12)", 1},
    {"13", {fails(400, "invalid_request_error", "You have reached your specified API usage limits.")},
     outcome_class::budget, "(row 8)", 1},
    {"14", {fails(400, "invalid_request_error", "max_tokens: too large")}, outcome_class::permanent,
     "answered 400 invalid_request_error: max_tokens: too large (row 10)", 1},
    {"15, 401", {fails(401, "authentication_error", "no")}, outcome_class::auth, "(row 11)", 1},
    {"15, 402", {fails(402, "billing_error", "no")}, outcome_class::budget, "(row 12)", 1},
    {"15, 403", {fails(403, "permission_error", "no")}, outcome_class::auth, "(row 13)", 1},
    {"15, 404", {fails(404, "not_found_error", "model: x")}, outcome_class::transient, "(row 21)", 1},
    {"16, 413", {answer_with(413, html)}, outcome_class::content, "answered 413: <html>", 1},
    {"16, 502", twice(answer_with(502, html), good), outcome_class::completed, "it ended its turn", 3},
    {"16, empty", {answer_with(502)}, outcome_class::transient, "answered 502 (row 18)", 3},
    {"17, 500", twice(fails(500, "api_error", "x"), good), outcome_class::completed, "it ended its turn", 3},
    {"17, 503", twice(fails(503, "api_error", "x"), good), outcome_class::completed, "it ended its turn", 3},
    {"17, 504", {fails(504, "timeout_error", "x"), good}, outcome_class::completed, "it ended its turn", 2},
    {"17, 529", twice(fails(529, "overloaded_error", "x"), good), outcome_class::completed, "it ended its turn", 3},
    {"19", {fails(418, "teapot_error", "short and stout")}, outcome_class::permanent, "(row 32/25)", 1},
    {"20, before output", {stream(events(message("refusal")))}, outcome_class::review, "stopped with 'refusal' (row 26)", 1},
    {"23, again", {stream(events(message("end_turn")))}, outcome_class::content, "stopped with 'end_turn' (row 29)", 2},
    {"26, before headers", {{"", ending::reset}, good}, outcome_class::completed, "it ended its turn", 2},
    {"26, after headers", {stream("", ending::reset), good}, outcome_class::completed, "it ended its turn", 2},
    {"no stream", {answer_with(200, html)}, outcome_class::transient, "the stream broke off (row 4)", 2},
    {"no protocol", {stream("event: message_start\ndata: {\"type\":7\n\n")}, outcome_class::transient, "isn't JSON (row 4)", 2},
    {"no such reason", {stream(events(message("new_reason", {text_block(0, "x")})))}, outcome_class::content,
     "stopped with 'new_reason' (row 1.3/9)", 1},
  };
  for (const auto& x : rows) {
    CAF_MESSAGE("script " << x.script);
    const auto result = run(x.answers);
    CAF_CHECK_EQUAL(result.end, x.end);
    if (!holds(result.evidence, x.evidence))
      CAF_FAIL("script " << x.script << " ended with: " << result.evidence);
    CAF_CHECK_EQUAL(requests.size(), x.requests);
  }
}

CAF_TEST(script 17 a third timeout in a row counts those of earlier claims and uses an attempt) {
  const auto late = fails(504, "timeout_error", "x");
  auto in_row = [](const outcome& x) { return json::parse(x.details).value("timeouts_in_row", 0); };
  auto x = run({late});
  CAF_CHECK_EQUAL(requests.size(), 2u);
  CAF_CHECK_EQUAL(x.end, outcome_class::transient);
  CAF_CHECK_EQUAL(in_row(x), 2);
  ticket.timeouts_in_row = 2; // as the next claim brings it
  x = run({fails(529, "overloaded_error", "x")});
  CAF_CHECK_EQUAL(x.end, outcome_class::transient);
  CAF_CHECK_EQUAL(in_row(x), 2); // other trouble says nothing about the length of the work
  x = run({late});
  CAF_CHECK_EQUAL(requests.size(), 1u);
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK(holds(x.evidence, "answered 504 timeout_error: x (row 19c)"));
  CAF_CHECK_EQUAL(in_row(x), 0); // the next attempt begins a new row
  x = run({stream(events({error_event("timeout_error")}))});
  CAF_CHECK(holds(x.evidence, "(row 6/19c)"));
  x = run({calls("fly", json::object()), late}); // it got through meanwhile
  CAF_CHECK_EQUAL(requests.size(), 3u);
  CAF_CHECK_EQUAL(x.end, outcome_class::transient);
  CAF_CHECK_EQUAL(in_row(x), 2);
}

CAF_TEST(script 2 where a text was complete goes on behind it) {
  auto part = text_block(0, "The first half.");
  part.insert(part.begin(), begin_message());
  const auto x = run({stream(events(part)), says("The second.")});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_REQUIRE_EQUAL(requests.size(), 2u);
  const auto messages = body(1)["messages"];
  CAF_REQUIRE_EQUAL(messages.size(), 3u);
  CAF_CHECK_EQUAL(messages[1]["content"][0]["text"], "The first half.");
  CAF_CHECK(holds(messages[2]["content"][0]["text"], "Your previous response was interrupted."));
}

CAF_TEST(script 2 again and again is given up) {
  auto part = text_block(0, "The first half.");
  part.insert(part.begin(), begin_message());
  const auto x = run({stream(events(part))});
  CAF_CHECK_EQUAL(x.end, outcome_class::transient);
  CAF_CHECK_EQUAL(requests.size(), 4u);
}

CAF_TEST(script 7 a stream that falls silent is asked for again) {
  values.idle_timeout = 50ms;
  const auto x = run({stream(events({begin_message()}), ending::hang), says("done")});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(requests.size(), 2u);
}

CAF_TEST(an answer that never begins is asked for again) {
  values.first_byte_timeout = 50ms;
  const auto x = run({{"", ending::hang}, says("done")});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(requests.size(), 2u);
}

CAF_TEST(script 8 a short wait is sat out) {
  const auto begun = std::chrono::steady_clock::now();
  const auto x = run({fails(429, "rate_limit_error", "slow", {"Retry-After: 3"}), says("done")});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(requests.size(), 2u);
  CAF_CHECK(std::chrono::steady_clock::now() - begun >= 3s);
}

CAF_TEST(scripts 9 and 11 say when to come back) {
  CAF_CHECK(run({fails(429, "rate_limit_error", "slow", {"Retry-After: 600"})}).retry_after >= caf::timespan{600s});
  const auto x = run({fails(429, "rate_limit_error", "You will regain access on " + day_in(48h) + ".", {},
                            {{"error_code", "enforced_spend_limit_reached"}})});
  CAF_CHECK_EQUAL(x.end, outcome_class::budget);
  CAF_CHECK(holds(x.evidence, "(row 16)"));
  CAF_CHECK(x.retry_after > caf::timespan{47h});
  CAF_CHECK_EQUAL(requests.size(), 1u);
}

CAF_TEST(each end says what it means for others who use the same model or key) {
  setenv("SWARM_TEST_CLAUDE_KEY", "k3y", 1);
  values.api_key_env = "SWARM_TEST_CLAUDE_KEY";
  const auto hash = executors::credential_hash("k3y");
  auto news = [&](std::vector<scripted_answer> answers, const json& payload = json::object()) {
    auto x = run(std::move(answers), payload).route;
    return to_string(x.news) + (x.whole_kind ? " whole_kind " : " ") + x.credential;
  };
  CAF_CHECK_EQUAL(news({says("done")}), "answered " + hash);
  CAF_CHECK_EQUAL(news({fails(401, "authentication_error", "no")}), "shut whole_kind " + hash);
  CAF_CHECK_EQUAL(news({fails(429, "rate_limit_error", "slow", {"Retry-After: 600"})}), "throttled " + hash);
  CAF_CHECK_EQUAL(news({fails(500, "api_error", "oops")}), "failed ");
  CAF_CHECK_EQUAL(news({fails(400, "invalid_request_error", "max_tokens: too large")}), "refused " + hash);
  CAF_CHECK(claude->credentials() == std::vector<std::string>{hash});
  // What the first model met, whatever another one did then.
  CAF_CHECK_EQUAL(news({fails(403, "permission_error", "not this one"), says("done")}, {{"fallback_model", "claude-opus-5-5"}}),
                  "shut " + hash);
  const auto x = run({fails(429, "rate_limit_error", "slow", {"Retry-After: 600", "anthropic-ratelimit-requests-remaining: 0",
                                                              "anthropic-ratelimit-input-tokens-remaining: 1000",
                                                              "anthropic-ratelimit-output-tokens-remaining: x"})}).route;
  CAF_CHECK_EQUAL(x.requests, 1);
  CAF_CHECK_EQUAL(x.requests_left, 0);
  CAF_CHECK_EQUAL(x.input_tokens_left, 1000);
  CAF_CHECK_EQUAL(x.output_tokens_left, -1);
}

CAF_TEST(a wait that is sat out is told to others at once and a longer one with the end) {
  setenv("SWARM_TEST_CLAUDE_KEY", "k3y", 1);
  values.api_key_env = "SWARM_TEST_CLAUDE_KEY";
  ticket.claim = {ticket_id{7}, fence{41}};
  auto x = run({fails(429, "rate_limit_error", "slow", {"Retry-After-Ms: 20"}), fails(500, "api_error", "oops"), says("done")});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_REQUIRE_EQUAL(told.size(), 1u);
  CAF_CHECK(told[0].first == ticket.claim);
  CAF_CHECK_EQUAL(to_string(told[0].second.news), "throttled");
  CAF_CHECK_EQUAL(told[0].second.credential, executors::credential_hash("k3y"));
  CAF_CHECK(told[0].second.wait >= caf::timespan{std::chrono::milliseconds{20}});
  run({fails(429, "rate_limit_error", "slow", {"Retry-After: 600"})});
  CAF_CHECK_EQUAL(told.size(), 1u);
  // Of a conversation beside the ticket's own work, for its own service.
  ticket.route = "claude m";
  x = run({fails(429, "rate_limit_error", "slow", {"Retry-After-Ms: 20"}), says("done")});
  CAF_CHECK_EQUAL(told.at(1).second.route, "claude m");
  CAF_CHECK_EQUAL(x.route.route, "claude m");
}

CAF_TEST(script 20 no tool of a refused answer runs and the fallback begins anew) {
  const auto refused = message("refusal", {text_block(0, "Well"), tool_block(1, "write_file", R"({"path":"x","content":""})")});
  const json tools{{"write_file", true}};
  auto x = run({stream(events(refused))}, {{"tools", tools}});
  CAF_CHECK_EQUAL(x.end, outcome_class::review); // asked again, it would refuse again
  x = run({stream(events(refused)), says("done")}, {{"tools", tools}, {"fallback_model", "claude-opus-5-5"}});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_REQUIRE_EQUAL(requests.size(), 2u);
  CAF_CHECK_EQUAL(body(1)["model"], "claude-opus-5-5");
  CAF_CHECK_EQUAL(body(1)["messages"], body(0)["messages"]);
  CAF_CHECK(!std::filesystem::exists(folder.path() / "x"));
  run({stream(events(refused))}, {{"fallback_model", "claude-opus-5-5"}});
  CAF_CHECK_EQUAL(requests.size(), 2u);
}

CAF_TEST(script 15 a model that is not there is replaced by the fallback) {
  const auto x = run({fails(404, "not_found_error", "model: x"), says("done")}, {{"fallback_model", "claude-opus-5-5"}});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(body(1)["model"], "claude-opus-5-5");
}

CAF_TEST(script 21 a call that was cut is not run and asked for with more room) {
  auto cut = message("max_tokens", {tool_block(0, "write_file", R"({"path":"x","content":")")});
  const json payload{{"tools", {{"write_file", true}}}, {"max_tokens", 1'000}};
  auto x = run({stream(events(cut)), says("done")}, payload);
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(body(1)["max_tokens"], 2'000);
  CAF_CHECK_EQUAL(body(1)["messages"], body(0)["messages"]);
  x = run({stream(events(cut))}, payload);
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK_EQUAL(requests.size(), 2u);
  CAF_CHECK(!std::filesystem::exists(folder.path() / "x"));
}

CAF_TEST(an answer that was cut at the longest there is is not asked for again) {
  const auto x = run({stream(events(message("max_tokens", {text_block(0, "half")})))}, {{"max_tokens", 128'000}});
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK_EQUAL(requests.size(), 1u);
}

CAF_TEST(what came of an answer that broke off is charged) {
  const auto broken = stream(events({begin_message(), text_block(0, "")[0], delta(0, std::string(3'000, 'x'))}));
  const auto details = json::parse(run({broken, says("done")}).details);
  CAF_CHECK_EQUAL(details["usage"]["estimated"], true);
  CAF_CHECK_EQUAL(details["usage"]["input_tokens"], 200);
  CAF_CHECK_EQUAL(details["usage"]["output_tokens"], 1'001 + 20);
}

CAF_TEST(script 22 a pause is gone on from ten times) {
  const auto x = run({stream(events(message("pause_turn", {text_block(0, "wait")})))});
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK(holds(x.evidence, "(row 30b)"));
  CAF_CHECK_EQUAL(requests.size(), 11u);
  CAF_CHECK_EQUAL(body(1)["messages"][1]["role"], "assistant");
}

CAF_TEST(script 23 an empty answer is nudged once) {
  const auto x = run({stream(events(message("end_turn"))), says("done")});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(body(1)["messages"].back()["content"].back()["text"], "Please continue.");
}

CAF_TEST(script 24 what is not told is charged as it was reserved) {
  auto silent = message("end_turn", {text_block(0, "done")});
  silent.front()["message"].erase("usage");
  silent[silent.size() - 2]["usage"] = nullptr;
  auto stranger = message("end_turn", {text_block(0, "done")});
  stranger.front()["message"]["model"] = "claude-novel-1";
  for (const auto& answer : {silent, stranger}) {
    const auto details = json::parse(run({stream(events(answer))}, {{"max_tokens", 1'000}}).details);
    CAF_CHECK_EQUAL(details["usage"]["estimated"], true);
    CAF_CHECK_EQUAL(details["usage"]["output_tokens"], 1'000);
    CAF_CHECK(details["cost_micro_dollars"] > 10'000);
  }
  auto snapshot = message("end_turn", {text_block(0, "done")});
  snapshot.front()["message"]["model"] = "claude-sonnet-5-5-20261007";
  const auto details = json::parse(run({stream(events(snapshot))}).details);
  CAF_CHECK_EQUAL(details["cost_micro_dollars"], 400);
}

CAF_TEST(script 25 every call is answered in one message and an unknown tool by an error) {
  const auto two = message("tool_use", {tool_block(0, "list_files", "{}"), tool_block(1, "fly", "{}")});
  const auto x = run({stream(events(two)), says("done")}, {{"tools", {{"list_files", true}}}});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  const auto content = body(1)["messages"].back()["content"];
  CAF_REQUIRE_EQUAL(content.size(), 2u);
  CAF_CHECK_EQUAL(content[0]["tool_use_id"], "toolu_0");
  CAF_CHECK(!content[0].contains("is_error"));
  CAF_CHECK_EQUAL(content[1]["tool_use_id"], "toolu_1");
  CAF_CHECK_EQUAL(content[1]["is_error"], true);
}

CAF_TEST(script 26 a server that is not there or speaks no TLS is no fault of the ticket) {
  std::string gone;
  {
    scripted_server server{{says("done")}};
    gone = server.url("");
  }
  scripted_server plain{{answer_with(400)}};
  values.api_key_env = "HOME"; // any key will do
  for (const auto& url : {gone, "https" + plain.url("").substr(4)}) {
    start(url);
    const auto x = wait();
    CAF_CHECK_EQUAL(x.end, outcome_class::transient);
    CAF_CHECK(holds(x.evidence, "(row 1)"));
  }
}

CAF_TEST(script 26 a certificate that can not be trusted is for people and not tried again) {
  self_signed_server stranger;
  values.api_key_env = "HOME";
  start(stranger.url());
  const auto x = wait();
  CAF_CHECK_EQUAL(x.end, outcome_class::transient);
  CAF_CHECK(holds(x.evidence, "(row 2)"));
  CAF_CHECK_EQUAL(to_string(x.route.news), "shut");
  CAF_CHECK_EQUAL(stranger.handshakes(), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
