#define CAF_SUITE agent_cli_rows

#include "runtime/executors/route_report.hpp"
#include "tests/runtime/agent_cli_fixture.hpp"

#include <algorithm>
#include <cstdlib>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using nlohmann::json;
using enum outcome_class;

namespace {

struct row {
  std::string agent;
  std::string mode;
  outcome_class end;
  std::string number; ///< Of the classifier's table, whose part 2.3 is that of CLI results.
};

const json changes{{"expects_changes", true}};

struct fixture : agent_cli_fixture {
  /// Each with a ticket of its own, so that no crash counts for another.
  void check(const std::vector<row>& rows, const json& more = json::object()) {
    for (auto& x : rows) {
      ++ticket.claim.ticket.value;
      const auto result = run(x.agent, x.mode, more);
      CAF_MESSAGE(x.agent << " " << x.mode << ": " << result.evidence);
      CAF_CHECK_EQUAL(to_string(result.end), to_string(x.end));
      CAF_CHECK(result.evidence.ends_with(" (row " + x.number + ")"));
      CAF_CHECK_EQUAL(result.evidence.find('\n'), std::string::npos);
    }
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(agent_cli_rows_tests, fixture)

CAF_TEST(row 1 a success by its result line is done however the process ended) {
  for (std::string agent : {"claude", "codex", "gemini"})
    check({{agent, "ok", completed, "2.3/1"},
           {agent, "hangs_after_result", completed, "2.3/1"},
           {agent, "ok_exit_1", completed, "2.3/1"},
           {agent, "noise_first", completed, "2.3/1"},
           {agent, "torn", completed, "2.3/1"},
           {agent, "carriage_returns", completed, "2.3/1"},
           {agent, "long_line", completed, "2.3/1"},
           {agent, "daemon", completed, "2.3/1"}});
  check({{"claude", "too_long_line", completed, "2.3/1"},
         {"claude", "retries", completed, "2.3/1"},
         {"claude", "edits_tests", completed, "2.3/1"},
         {"claude", "fills_disk", completed, "2.3/1"},
         {"generic", "ok", completed, "2.3/1"},
         {"claude", "no_tools", completed, "2.3/1"}});
}

CAF_TEST(row 2 a success without a tool call is no work where changes were expected) {
  for (std::string agent : {"claude", "codex", "gemini"})
    check({{agent, "no_tools", content, "2.3/2"}, {agent, "ok", completed, "2.3/1"}}, changes);
}

CAF_TEST(rows 3 to 5 limits of the run are told by its result line) {
  check({{"claude", "max_turns", content, "2.3/3"},
         {"claude", "max_budget", content, "2.3/4"}, // the ticket's own: put off, it would only be spent again
         {"claude", "structured_retries", content, "2.3/5"}});
}

CAF_TEST(row 6 an error of the API goes by its status) {
  for (std::string agent : {"claude", "codex", "gemini"})
    check({{agent, "overloaded", transient, "2.3/6/20"}, {agent, "not_authenticated", auth, "2.3/6/11"}});
  check({{"codex", "fails_exit_0", transient, "2.3/9"}, // a failure in spite of its exit code, and nobody says why
         {"generic", "exits_3", content, "2.3/subtype"}});
}

CAF_TEST(each end says what it means for others who use the same provider) {
  ::setenv("ANTHROPIC_API_KEY", "sk-test", 1);
  const json key{{"secrets", {"ANTHROPIC_API_KEY"}}};
  const auto hash = credential_hash("sk-test");
  auto news = [&](const std::string& mode, const json& more) {
    ++ticket.claim.ticket.value;
    const auto x = run("claude", mode, more).route;
    return to_string(x.news) + (x.whole_kind ? " whole_kind" : "") + (x.this_node ? " this_node" : "")
           + (x.credential.empty() ? "" : " " + x.credential);
  };
  CAF_CHECK_EQUAL(news("ok", key), "answered " + hash);
  CAF_CHECK_EQUAL(news("max_turns", key), "answered " + hash);
  CAF_CHECK_EQUAL(news("not_authenticated", key), "shut whole_kind " + hash);
  CAF_CHECK_EQUAL(news("not_authenticated", json::object()), "shut whole_kind this_node"); // the login of its user
  CAF_CHECK_EQUAL(news("session_limit", key), "shut whole_kind " + hash);
  CAF_CHECK_EQUAL(news("overloaded", key), "failed");
  CAF_CHECK_EQUAL(news("exits_127", key), "shut whole_kind this_node");
  CAF_CHECK_EQUAL(news("max_budget", key), "none"); // the ticket's own
  CAF_CHECK_EQUAL(news("no_result", key), "none");
  CAF_CHECK_EQUAL(news("out_of_memory", key), "none");
  const auto all = it->credentials();
  CAF_CHECK(std::find(all.begin(), all.end(), hash) != all.end());
}

CAF_TEST(row 7 a full context fails the attempt) {
  check({{"claude", "context_full", content, "2.3/7"}});
}

CAF_TEST(row 8 a usage limit puts the ticket off) {
  for (std::string agent : {"claude", "codex", "gemini"})
    check({{agent, "session_limit", throttled, "2.3/8"}, {agent, "session_limit_text", throttled, "2.3/8"}});
  const auto in_two_hours = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + 2h);
  const json until{{"environment", {{"FAKE_AGENT_RESETS_AT", std::to_string(in_two_hours)}}}};
  check({{"claude", "limit_rejected", throttled, "2.3/8"}}, until);
  const auto x = run("claude", "limit_rejected", until);
  CAF_CHECK(x.retry_after > caf::timespan{1h} && x.retry_after <= caf::timespan{2h});
}

CAF_TEST(row 9 an end without a result line is a crash) {
  for (std::string agent : {"claude", "codex", "gemini"})
    check({{agent, "no_result", transient, "2.3/9"},
           {agent, "no_result_exit_1", transient, "2.3/9"},
           {agent, "dies_137", transient, "2.3/9"},
           {agent, "exits_137", transient, "2.3/9"}});
  CAF_CHECK(contains(run("claude", "no_result_exit_1").evidence,
                     "claude exited with 1 and never told a result; its last words: 'the reason is only here'"));
}

CAF_TEST(row 10 a foreign SIGTERM costs nothing and our own stop has our own reason) {
  for (std::string agent : {"claude", "codex", "gemini"})
    check({{agent, "exits_143", transient, "2.3/10"}});
  ticket.timeout = 300ms;
  check({{"claude", "hangs", timeout, "2.3/10/own/attempt"},
         {"claude", "silent", timeout, "2.3/10/own/attempt"},
         {"claude", "ignores_sigterm", timeout, "2.3/10/own/attempt"},
         {"claude", "exits_on_sigint", timeout, "2.3/10/own/attempt"}, // with a result that calls it an error
         {"claude", "busy_tool", timeout, "2.3/10/own/attempt"},
         {"claude", "floods", timeout, "2.3/10/own/attempt"}});
}

CAF_TEST(row 11 an agent that can not be run here is nothing of the ticket) {
  check({{"claude", "exits_127", transient, "2.3/11"}});
  check({{"claude", "ok", transient, "2.3/11"}}, {{"environment", {{"PATH", "/nowhere"}}}});
}

CAF_TEST(row 12 a kill for lack of memory fails the attempt) {
  check({{"claude", "out_of_memory", content, "2.3/12"}});
  check({{"claude", "dies_137", transient, "2.3/9"}}); // no kill since it began
}

CAF_TEST_FIXTURE_SCOPE_END()
