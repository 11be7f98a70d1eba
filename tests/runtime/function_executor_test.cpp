#define CAF_SUITE function_executor

#include "runtime/executors/function_executor.hpp"

#include <future>
#include <stdexcept>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace std::chrono_literals;

namespace {

struct fixture {
  std::promise<void> released; ///< For functions that wait.
  std::shared_future<void> release = released.get_future().share();
  std::promise<bool> was_told;
  function_table functions{
    {"echo", [](const function_call& x) { return result_of(x.arguments); }},
    {"fence", [](const function_call& x) { return result_of(to_string(x.claim.fence)); }},
    {"nonsense", [](const function_call&) { return result_of("{"); }},
    {"throws", [](const function_call&) -> outcome { throw std::runtime_error("boom"); }},
    {"waits", [this](const function_call& x) {
       x.progress();
       release.wait();
       was_told.set_value(x.stop.stop_requested());
       return result_of("1");
     }},
  };
  function_executor it{functions};
  std::promise<outcome> promised;
  std::future<outcome> ended = promised.get_future();
  std::unique_ptr<execution> running;

  void start(const std::string& payload) {
    claimed_ticket ticket;
    ticket.claim = {ticket_id{1}, fence{42}};
    ticket.payload = payload;
    promised = {};
    ended = promised.get_future();
    running = it.start(ticket, [this](outcome x) { promised.set_value(std::move(x)); });
  }

  outcome run(const std::string& payload) {
    start(payload);
    if (ended.wait_for(30s) != std::future_status::ready)
      throw std::runtime_error("the attempt didn't end");
    return ended.get();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(function_executor_tests, fixture)

CAF_TEST(a function gets its arguments and its fence and gives its result) {
  auto x = run(R"({"function": "echo", "arguments": {"b": [1], "a": null}})");
  CAF_CHECK_EQUAL(x.end, outcome_class::completed);
  CAF_CHECK_EQUAL(x.details, R"({"result":{"a":null,"b":[1]}})");
  CAF_CHECK_EQUAL(run(R"({"function": "echo"})").details, R"({"result":{}})");
  CAF_CHECK_EQUAL(run(R"({"function": "fence"})").details, R"({"result":42})");
}

CAF_TEST(what a function throws or can not say fails the attempt) {
  CAF_CHECK_EQUAL(run(R"({"function": "throws"})").evidence, "the function threw: boom");
  CAF_CHECK_EQUAL(run(R"({"function": "nonsense"})").evidence, "the function's result isn't JSON");
  CAF_CHECK_EQUAL(run(R"({"function": "nonsense"})").end, outcome_class::content);
}

CAF_TEST(a payload without a function of this program can never succeed) {
  for (auto [payload, sentence] : {
         std::pair{"[]", "must be a JSON object"}, {"{}", "'function' must be the name of one"},
         {R"({"function": "nowhere"})", "this program has no function \"nowhere\""},
         {R"({"function": "echo", "argument": 1})", "unknown member \"argument\", known are arguments and function"}}) {
    auto x = run(payload);
    CAF_CHECK_EQUAL(x.end, outcome_class::permanent);
    CAF_CHECK_EQUAL(x.evidence, std::string{"the ticket's payload can't be read: payload of a function: "} + sentence);
  }
}

CAF_TEST(a function that is stopped is told so and what it says later is not heard) {
  start(R"({"function": "waits"})");
  running->stop();
  auto x = ended.get();
  CAF_CHECK_EQUAL(x.end, outcome_class::released);
  released.set_value();
  CAF_CHECK(was_told.get_future().get());
  CAF_CHECK(running->progress() >= 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
