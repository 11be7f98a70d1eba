#define CAF_SUITE http_executor

#include "runtime/executors/http/http_executor.hpp"

#include "runtime/executors/http/http_client.hpp"
#include "runtime/executors/mock_executor.hpp"
#include "runtime/executors/route_report.hpp"
#include "tests/fixtures/scripted_server.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>
#include <future>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace swarm::test;
using namespace std::chrono_literals;
using nlohmann::json;
using namespace std::string_literals;

namespace {

constexpr auto patience = 30s;

struct fixture {
  std::shared_ptr<http_client> client = std::make_shared<http_client>();
  http_executor http{client};
  mock_executor mock{client};
  std::promise<outcome> promised;
  std::future<outcome> ended = promised.get_future();
  std::unique_ptr<execution> running;

  std::string continuation; ///< Of the next start.

  void start(executor& x, const json& payload, std::int16_t attempt = 1, caf::timespan timeout = caf::timespan{0}) {
    claimed_ticket ticket;
    ticket.continuation = std::exchange(continuation, "");
    ticket.payload = payload.dump();
    ticket.attempt = attempt;
    ticket.timeout = timeout;
    promised = {};
    ended = promised.get_future();
    running = x.start(ticket, [this](outcome end) { promised.set_value(std::move(end)); });
  }

  outcome wait() {
    if (ended.wait_for(patience) != std::future_status::ready)
      throw std::runtime_error("the attempt didn't end");
    return ended.get();
  }

  outcome run(const json& payload) {
    start(http, payload);
    return wait();
  }

  /// The outcome of a call that is answered so.
  outcome answered(std::vector<scripted_answer> answers, json payload = json::object()) {
    scripted_server server{std::move(answers)};
    payload["url"] = server.url("/x?secret=1");
    auto result = run(payload);
    requests = server.requests();
    return result;
  }

  std::vector<std::string> requests;
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(http_executor_tests, fixture)

CAF_TEST(a call is sent as it was written and its answer is kept) {
  setenv("SWARM_SECRET_HTTP_TEST", "s3cret", 1);
  auto x = answered({answer_with(200, "hello")},
                    {{"method", "PUT"}, {"json", {{"a", 1}}},
                     {"headers", {{"X-One", "1"}, {"Authorization", {{"env", "SWARM_SECRET_HTTP_TEST"}}}}}});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(x.output, "hello");
  CAF_CHECK(x.evidence.starts_with("PUT http://127.0.0.1:"));
  CAF_CHECK(x.evidence.ends_with("/x: answered 200")); // the query stays out of the log
  CAF_REQUIRE_EQUAL(requests.size(), 1u);
  for (auto part : {"PUT /x?secret=1 HTTP/1.1\r\n", "X-One: 1\r\n", "Authorization: s3cret\r\n",
                    "Content-Type: application/json\r\n", "\r\n\r\n{\"a\":1}"})
    CAF_CHECK(contains(requests[0], part));
}

CAF_TEST(the status decides unless others are expected) {
  CAF_CHECK_EQUAL(answered({answer_with(204)}).end, outcome_class::completed);
  CAF_CHECK_EQUAL(answered({answer_with(302, "", {"Location: http://127.0.0.1:1/"})}).end, outcome_class::content);
  CAF_CHECK_EQUAL(answered({answer_with(302)}, {{"expect", {302}}}).end, outcome_class::completed);
  CAF_CHECK_EQUAL(answered({answer_with(200)}, {{"expect", {302}}}).end, outcome_class::content);
  CAF_CHECK_EQUAL(answered({answer_with(404)}, {{"expect", {404}}}).end, outcome_class::completed);
}

CAF_TEST(what an answer that is no success means stands in the table) {
  const std::vector<std::pair<int, outcome_class>> rows{
    {400, outcome_class::permanent}, {401, outcome_class::auth},      {402, outcome_class::budget},
    {403, outcome_class::auth},      {404, outcome_class::permanent}, {422, outcome_class::permanent},
  };
  for (auto [status, end] : rows) {
    auto x = answered({answer_with(status, "<html>no</html>")});
    CAF_CHECK_EQUAL(x.end, end);
    CAF_CHECK(contains(x.evidence, "answered " + std::to_string(status) + " (row "));
    CAF_CHECK_EQUAL(x.output, "<html>no</html>");
    CAF_CHECK_EQUAL(requests.size(), 1u);
  }
}

CAF_TEST(each end says what it means for others who ask the same service) {
  setenv("SWARM_SECRET_HTTP_TEST", "s3cret", 1);
  const json secret{{"headers", {{"Authorization", {{"env", "SWARM_SECRET_HTTP_TEST"}}}}}};
  auto hash = credential_hash("s3cret");
  auto news = [&](int status, const json& payload, std::vector<std::string> headers = {}) {
    auto x = answered({answer_with(status, "", std::move(headers))}, payload).route;
    CAF_CHECK(!x.whole_kind && !x.this_node);
    return to_string(x.news) + " " + x.credential;
  };
  CAF_CHECK_EQUAL(news(200, secret), "answered " + hash);
  CAF_CHECK_EQUAL(news(200, json::object()), "answered ");
  CAF_CHECK_EQUAL(news(404, secret), "answered " + hash);
  CAF_CHECK_EQUAL(news(401, secret), "shut " + hash);
  CAF_CHECK_EQUAL(news(401, json::object()), "none "); // nobody else may have forgotten his
  CAF_CHECK_EQUAL(news(403, secret), "none ");         // of this resource
  CAF_CHECK_EQUAL(news(503, secret), "failed ");
  CAF_CHECK_EQUAL(news(429, secret, {"Retry-After: 600"}), "throttled " + hash);
  CAF_CHECK_EQUAL(to_string(run({{"url", "http://127.0.0.1:1/"}}).route.news), "failed");
  auto all = http.credentials();
  CAF_CHECK(std::find(all.begin(), all.end(), hash) != all.end());
}

CAF_TEST(a short wait is sat out and a long one gives the ticket back) {
  auto x = answered({answer_with(429, "", {"Retry-After-Ms: 20"}), answer_with(200)});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(requests.size(), 2u);
  x = answered({answer_with(429, "", {"Retry-After: 600"})});
  CAF_CHECK_EQUAL(x.end, outcome_class::throttled);
  CAF_CHECK(x.retry_after >= caf::timespan{600s});
  CAF_CHECK_EQUAL(requests.size(), 1u);
}

CAF_TEST(a wait that is sat out is told to others at once and a longer one with the end) {
  std::vector<route_report> told;
  http.tell([&](const claim_ref&, const route_report& x) { told.push_back(x); });
  auto x = answered({answer_with(429, "", {"Retry-After-Ms: 20"}), answer_with(503), answer_with(200)});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_REQUIRE_EQUAL(told.size(), 1u);
  CAF_CHECK_EQUAL(to_string(told[0].news), "throttled");
  CAF_CHECK(told[0].wait == caf::timespan{20ms});
  answered({answer_with(429, "", {"Retry-After: 600"})});
  CAF_CHECK_EQUAL(told.size(), 1u);
}

CAF_TEST(trouble of the server is repeated in place before the ticket is given back) {
  auto x = answered({answer_with(503), answer_with(503), answer_with(200)});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(requests.size(), 3u);
  x = answered({answer_with(503)});
  CAF_CHECK_EQUAL(x.end, outcome_class::transient);
  CAF_CHECK_EQUAL(requests.size(), 3u);
}

CAF_TEST(a server that is not there is no fault of the ticket) {
  std::string url;
  {
    scripted_server gone{{answer_with(200)}};
    url = gone.url();
  }
  auto x = run({{"url", url}});
  CAF_CHECK_EQUAL(x.end, outcome_class::transient);
  CAF_CHECK(contains(x.evidence, "(row 1)"));
}

CAF_TEST(an answer that breaks off is no answer) {
  auto half = answer_with(200, "0123456789");
  half.bytes.resize(half.bytes.size() - 5);
  for (auto then : {scripted_answer::ending::close, scripted_answer::ending::reset}) {
    half.then = then;
    auto x = answered({half, answer_with(200, "whole")});
    CAF_CHECK_EQUAL(x.end, outcome_class::completed);
    CAF_CHECK_EQUAL(x.output, "whole");
  }
}

CAF_TEST(the result is found in the answer) {
  auto body = R"({"build": {"id": 7}})";
  CAF_CHECK_EQUAL(answered({answer_with(200, body)}, {{"result", "/build/id"}}).details, R"({"result":7})");
  CAF_CHECK_EQUAL(answered({answer_with(200, body)}, {{"result", ""}}).details, R"({"result":{"build":{"id":7}}})");
  auto x = answered({answer_with(200, body)}, {{"result", "/build/no"}});
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK(x.evidence.ends_with("answered 200, and that has no /build/no"));
  CAF_CHECK(answered({answer_with(200, "<")}, {{"result", ""}}).evidence.ends_with("and that isn't JSON"));
  for (auto& [answer, sentence] : {std::pair{R"("\u0000")"s, "and that has a NUL in a text"s},
                                   {std::string(400'000, '[') + std::string(400'000, ']'),
                                    "and that is nested more than 100 levels deep"s}})
    CAF_CHECK(answered({answer_with(200, answer)}, {{"result", ""}}).evidence.ends_with(sentence));
}

CAF_TEST(an answer that is too long is not read to its end) {
  auto x = answered({answer_with(200, std::string(100'000, 'x'))}, {{"response_bytes_max", 1000}});
  CAF_CHECK_EQUAL(x.end, outcome_class::content);
  CAF_CHECK(x.evidence.ends_with("the answer is longer than 1000 bytes"));
}

CAF_TEST(a promise is waited for where the answer or the ticket says) {
  struct row { json poll; scripted_answer answer; std::string look_at; };
  const std::vector<row> rows{
    {json::object(), answer_with(202, "", {"Location: /jobs/7?x=1"}), "/jobs/7?x=1"},
    {json::object(), answer_with(202, "", {"Location: 7"}), "/7"},
    {{{"url_at", "/links/self"}}, answer_with(202, R"({"links": {"self": "jobs/8"}})"), "/jobs/8"},
  };
  for (auto& [poll, answer, look_at] : rows) {
    scripted_server server{{answer}};
    auto x = run({{"url", server.url("/x")}, {"method", "POST"}, {"async", {{"poll", poll}}}});
    CAF_CHECK_EQUAL(x.end, outcome_class::waiting);
    CAF_CHECK_EQUAL(x.evidence, "POST " + server.url("/x") + ": answered 202");
    CAF_CHECK_EQUAL(x.details, json({{"look_at", server.url(look_at)}}).dump());
    CAF_CHECK(x.retry_after == caf::timespan{10s});
    CAF_CHECK_EQUAL(to_string(x.route.news), "answered");
  }
  auto x = answered({answer_with(202)}, {{"async", {{"poll", {{"url", "http://other/j"}, {"interval_ms", 200}}}}}});
  CAF_CHECK_EQUAL(x.details, R"({"look_at":"http://other/j"})");
  CAF_CHECK(x.retry_after == caf::timespan{200ms});
  x = answered({answer_with(202, "", {"Location: /j", "Retry-After: 90"})}, {{"async", json::object()}});
  CAF_CHECK(x.retry_after == caf::timespan{90s});
  x = answered({answer_with(200, "now")}, {{"async", json::object()}});
  CAF_CHECK_EQUAL(x.end, outcome_class::completed); // it needn't be a promise
  x = answered({answer_with(201, "", {"Location: /j"})}, {{"async", {{"accepted", {201}}}}});
  CAF_CHECK_EQUAL(x.end, outcome_class::waiting);
}

CAF_TEST(a promise that can not be looked for fails the attempt with its sentence) {
  const std::vector<std::tuple<json, scripted_answer, std::string>> rows{
    {json::object(), answer_with(202), "has no Location to look at"},
    {json::object(), answer_with(202, "", {"Location: http://127.0.0.2/"}),
     "leads to another server; if that is right, the ticket must name it in async.poll.url"},
    {json::object(), answer_with(202, "", {"Location: https://127.0.0.1/"}), "leads to another server; "},
    {json::object(), answer_with(202, "", {"Location: http://["}), "names a URL that can't be read"},
    {{{"url_at", "/a"}}, answer_with(202, R"({"a": 1})"), "has no URL at /a"},
    {{{"url_at", "/a"}}, answer_with(202, "<"), "isn't JSON"},
  };
  for (auto& [poll, answer, sentence] : rows) {
    auto x = answered({answer}, {{"async", {{"poll", poll}}}});
    CAF_CHECK_EQUAL(x.end, outcome_class::content);
    CAF_CHECK(contains(x.evidence, "answered 202, and that " + sentence));
  }
}

CAF_TEST(a look asks again without the request and its answer decides) {
  setenv("SWARM_SECRET_HTTP_TEST", "s3cret", 1);
  const json state{{"done", {{"at", "/state"}, {"is", {"done", 7}}}}, {"failed", {{"at", "/state"}, {"is", {"error"}}}}};
  struct row { json poll; scripted_answer answer; outcome_class end; std::string sentence; };
  using enum outcome_class;
  const std::vector<row> rows{
    {json::object(), answer_with(202), waiting, "answered 202"},
    {json::object(), answer_with(200, R"({"r": 1})"), completed, "answered 200"},
    {state, answer_with(200, R"({"state": "busy"})"), waiting, R"(answered 200, and /state is "busy")"},
    {state, answer_with(200, R"({})"), waiting, "answered 200, and /state isn't there"},
    {state, answer_with(202, "soon"), waiting, "answered 202"},
    {state, answer_with(200, "soon"), content, "answered 200, and that isn't JSON"},
    {state, answer_with(200, R"({"state": "error"})"), content, R"(answered 200, and /state is "error")"},
    {state, answer_with(200, R"({"state": "done", "r": 1})"), completed, "answered 200"},
    {state, answer_with(202, R"({"state": 7, "r": 1})"), completed, "answered 202"},
    {state, answer_with(404), permanent, "answered 404 (row "},
    {state, answer_with(429, "", {"Retry-After: 600"}), throttled, "answered 429 (row "},
    {state, answer_with(503, "", {"Retry-After: 600"}), transient, "answered 503 (row "},
    {state, answer_with(302), content, "answered 302"},
  };
  for (auto& [poll, answer, end, sentence] : rows) {
    scripted_server server{{answer}};
    continuation = json{{"look_at", server.url("/jobs/7?t=1")}}.dump();
    auto x = run({{"url", server.url("/x")}, {"method", "POST"}, {"body", "once"}, {"result", "/r"}, {"async", {{"poll", poll}}},
                  {"headers", {{"Authorization", {{"env", "SWARM_SECRET_HTTP_TEST"}}}}}});
    CAF_CHECK_EQUAL(x.end, end);
    CAF_CHECK(contains(x.evidence, "GET " + server.url("/jobs/7") + ": " + sentence));
    if (end == completed)
      CAF_CHECK_EQUAL(x.details, R"({"result":1})");
    if (end == waiting)
      CAF_CHECK_EQUAL(x.details, json({{"look_at", server.url("/jobs/7?t=1")}}).dump());
    auto asked = server.requests().at(0);
    CAF_CHECK(asked.starts_with("GET /jobs/7?t=1 HTTP/1.1\r\n") && contains(asked, "Authorization: s3cret\r\n"));
    CAF_CHECK(!contains(asked, "once"));
  }
  continuation = "{}";
  CAF_CHECK_EQUAL(run({{"url", "http://127.0.0.1:1/"}, {"async", json::object()}}).end, permanent);
}

CAF_TEST(a long answer to a look is refused and its clock is that of the attempt) {
  scripted_server server{{answer_with(200, std::string(5000, 'x')), {"", scripted_answer::ending::hang}}};
  const json payload{{"url", server.url()}, {"response_bytes_max", 1000}, {"async", json::object()}};
  continuation = json{{"look_at", server.url()}}.dump();
  CAF_CHECK_EQUAL(run(payload).end, outcome_class::content);
  continuation = json{{"look_at", server.url()}}.dump();
  start(http, payload, 1, 50ms);
  CAF_CHECK_EQUAL(wait().end, outcome_class::timeout);
}

CAF_TEST(a request that may be answered by a promise is given time for it before it is stopped) {
  scripted_server server{{answer_with(202, "", {"Location: /j"}), {"", scripted_answer::ending::hang}}};
  const json payload{{"url", server.url()}, {"async", json::object()}};
  start(http, payload);
  running->stop();
  CAF_CHECK_EQUAL(wait().end, outcome_class::waiting);
  start(http, payload);
  running->kill();
  CAF_CHECK_EQUAL(wait().end, outcome_class::released);
  continuation = json{{"look_at", server.url()}}.dump();
  start(http, payload);
  running->stop();
  CAF_CHECK_EQUAL(wait().end, outcome_class::released); // whoever comes next looks again
}

CAF_TEST(a call that hangs ends by its clock or on request) {
  scripted_server server{{{"", scripted_answer::ending::hang}}};
  start(http, {{"url", server.url()}}, 1, 50ms);
  auto x = wait();
  CAF_CHECK_EQUAL(x.end, outcome_class::timeout);
  start(http, {{"url", server.url()}});
  running->stop();
  CAF_CHECK_EQUAL(wait().end, outcome_class::released);
  start(http, {{"url", server.url()}});
  running.reset(); // and nobody hears of it
  CAF_CHECK(ended.wait_for(0s) == std::future_status::timeout);
}

CAF_TEST(a secret that is missing keeps the call from being sent) {
  auto x = answered({answer_with(200)}, {{"headers", {{"Authorization", {{"env", "SWARM_SECRET_NONE"}}}}}});
  CAF_CHECK_EQUAL(x.end, outcome_class::auth);
  CAF_CHECK(contains(x.evidence, "the node's environment has no variable SWARM_SECRET_NONE"));
  CAF_CHECK(requests.empty());
}

CAF_TEST(a payload that can not be sent is refused with its place) {
  const std::vector<std::pair<json, std::string>> rows{
    {json::object(), "'url' is missing"},
    {{{"url", "ftp://x"}}, "'url' must begin with http:// or https://"},
    {{{"url", "file:///etc/passwd"}}, "'url' must begin with http:// or https://"},
    {{{"url", "http://x"}, {"headers", {{"A", "b\r\nC: d"}}}}, "the header 'A' must fit on one line"},
    {{{"url", "http://x"}, {"headers", {{"A", {{"env", "PGPASSWORD"}}}}}},
     "the header 'A' may name a variable that begins with SWARM_SECRET_ only"},
    {{{"url", "http://x"}, {"method", "G E T"}}, "'method' must be a word such as POST"},
    {{{"url", "http://x"}, {"expect", {99}}}, "'expect' must be an array of statuses from 200 to 599"},
    {{{"url", "http://x"}, {"result", "a"}}, "'result' must be a JSON pointer such as /build/id"},
    {{{"url", "http://x"}, {"body", "a"}, {"json", 1}}, "'body' and 'json' exclude each other"},
    {{{"url", "http://x"}, {"async", true}}, "'async' must be an object"},
    {{{"url", "http://x"}, {"async", {{"polls", 1}}}}, "'async' may have 'accepted', and the object 'poll'"},
    {{{"url", "http://x"}, {"async", {{"accepted", 202}}}}, "'async.accepted' must be an array of statuses from 200 to 599"},
    {{{"url", "http://x"}, {"async", {{"poll", {{"url", "/x"}}}}}}, "'async.poll.url' must begin with http:// or https://"},
    {{{"url", "http://x"}, {"async", {{"poll", {{"url_at", "x"}}}}}}, "'async.poll.url_at' must be a JSON pointer such as /build/id"},
    {{{"url", "http://x"}, {"async", {{"poll", {{"interval_ms", 99}}}}}},
     "'async.poll.interval_ms' must be a number from 100 to 86400000"},
    {{{"url", "http://x"}, {"async", {{"poll", {{"done", {{"at", "/a"}, {"is", "b"}}}}}}}},
     "'async.poll.done' must be like {\"at\": \"/state\", \"is\": [\"done\"]}"},
    {{{"url", "http://x"}, {"async", {{"poll", {{"failed", {{"at", "a"}, {"is", {1}}}}}}}}},
     "'async.poll.failed.at' must be a JSON pointer such as /build/id"},
    {{{"url", "http://x"}, {"async", {{"poll", {{"url", "http://x"}, {"url_at", "/a"}}}}}},
     "'async.poll.url' and 'async.poll.url_at' exclude each other"},
    {{{"url", "http://x"}, {"async", {{"poll", {{"every", 1}}}}}},
     "unknown member \"every\" of 'async.poll', known are done, failed, interval_ms, url and url_at"},
    {{{"url", "http://x"}, {"hedaers", 1}}, "unknown member \"hedaers\", known are async, body, expect, headers, json, method, "
                                            "response_bytes_max, result and url"},
  };
  for (auto& [payload, sentence] : rows) {
    auto x = run(payload);
    CAF_CHECK_EQUAL(x.end, outcome_class::permanent);
    CAF_CHECK_EQUAL(x.evidence, "the ticket's payload can't be read: payload of an HTTP call: " + sentence);
  }
}

CAF_TEST(a mock ends as it was told) {
  start(mock, {{"class", "throttled"}, {"evidence", "wait"}, {"retry_after_ms", 70}, {"latency_ms", 1}});
  auto x = wait();
  CAF_CHECK_EQUAL(x.end, outcome_class::throttled);
  CAF_CHECK_EQUAL(x.evidence, "wait");
  CAF_CHECK(x.retry_after == caf::timespan{70ms});
  json turns{{"attempts", {{{"class", "content"}}, {{"details", {{"result", 7}}}}}}};
  start(mock, turns, 1);
  CAF_CHECK_EQUAL(wait().end, outcome_class::content);
  for (int attempt : {2, 3}) {
    start(mock, turns, static_cast<std::int16_t>(attempt));
    x = wait();
    CAF_CHECK_EQUAL(x.end, outcome_class::completed);
    CAF_CHECK_EQUAL(x.details, R"({"result":7})");
  }
  start(mock, {{"hang", true}});
  running->stop();
  CAF_CHECK_EQUAL(wait().end, outcome_class::released);
  start(mock, {{"class", "excellent"}});
  CAF_CHECK_EQUAL(wait().evidence, "the payload of a mock can't be read: there is no class 'excellent'");
  bool crashed = false;
  try {
    start(mock, {{"crash", true}});
  } catch (const std::runtime_error&) {
    crashed = true;
  }
  CAF_CHECK(crashed);
}

CAF_TEST(a client may be let go by what it calls) {
  std::weak_ptr<http_client> gone;
  for (int i = 0; i < 20; ++i) {
    std::promise<void> called;
    auto done = called.get_future();
    auto last = std::make_shared<http_client>();
    gone = last;
    auto& it = *last;
    it.after(0ms, [&called, x = std::move(last)]() mutable {
      x.reset();
      called.set_value();
    });
    done.wait();
    CAF_CHECK(gone.expired());
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
