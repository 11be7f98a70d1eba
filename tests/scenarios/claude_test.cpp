#define CAF_SUITE scenario_claude

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"
#include "tests/runtime/claude_script.hpp"

#include <set>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  scratch_database database;
  user me{database.conninfo()};
};

constexpr auto hello_c = "#include <stdio.h>\nint main(void) { puts(\"hello, world\"); return 0; }\n";

scripted_answer finishes(const std::string& summary) {
  return calls("finish", {{"status", "done"}, {"summary", summary}});
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_claude_tests, fixture)

CAF_TEST(the example of an agent runs against a scripted server without a key and its check decides) {
  scripted_server api{{finishes("Nothing to do."), // the first attempt does nothing
                       calls("write_file", {{"path", "hello.c"}, {"content", hello_c}}),
                       calls("run_command", {{"argv", {"cc", "-Wall", "-Wextra", "-Werror", "-o", "hello", "hello.c"}}}),
                       finishes("Wrote and built it.")}};
  me.write("claude.yaml", read_all(SWARM_SOURCE_DIR "/tools/examples/claude.yaml"));
  me.environment["SWARM_CLAUDE_BASE_URL"] = api.url("");
  me.environment["SWARM_RETRY_BACKOFF_FIRST"] = "1ms";
  const auto said = me.run({"run", "claude.yaml", "--json"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK_EQUAL(said.out, "{\"graph\":1,\"completed\":2,\"failed\":0,\"cancelled\":0,\"blocked\":0,\"in_review\":0}\n");
  const auto shown = me.run({"show", me.ticket("write")}).out;
  for (const auto* part : {"(no_work)", "it finished: Wrote and built it., after 3 turns", "cost_micro_dollars", "req_1",
                           "| > write_file"})
    CAF_CHECK(contains(shown, part));
  const auto requests = api.requests();
  CAF_REQUIRE_EQUAL(requests.size(), 4u);
  CAF_CHECK(contains(requests[1], "This is attempt 2 of 2."));
  CAF_CHECK(contains(requests[1], "(no_work)"));
  CAF_CHECK_EQUAL(violations(database.conninfo()), "");
}

CAF_TEST(an agent that fails twice in the same way goes on with its next profile and then waits for a person) {
  scripted_server api{{says("Done.")}};
  me.write("stuck.yaml", R"(
graph: stuck
tickets:
  stuck:
    claude: {prompt: Do it., model: claude-sonnet-5-5, profiles: [{model: claude-opus-5-5, effort: high}]}
    check: {command: [ls, missing]}
    attempts: 9
)");
  me.environment["SWARM_CLAUDE_BASE_URL"] = api.url("");
  me.environment["SWARM_RETRY_BACKOFF_FIRST"] = "1ms";
  me.run({"run", "stuck.yaml"});
  const auto shown = me.run({"show", me.ticket("stuck")}).out;
  for (const auto* part : {"'stuck': in_review", "profile     number 1 of its payload", "signature", "prompt_hash",
                           "it failed twice in the same way"})
    CAF_CHECK(contains(shown, part));
  std::vector<nlohmann::json> bodies;
  for (const auto& x : api.requests())
    bodies.push_back(nlohmann::json::parse(x.substr(x.find("\r\n\r\n") + 4)));
  CAF_REQUIRE_EQUAL(bodies.size(), 3u);
  CAF_CHECK_EQUAL(bodies[1]["model"], "claude-sonnet-5-5");
  CAF_CHECK_EQUAL(bodies[2]["model"], "claude-opus-5-5");
  std::set<std::string> prompts;
  for (const auto& x : bodies) {
    CAF_CHECK_EQUAL(x["messages"].size(), 1u); // a conversation of its own
    CAF_CHECK_EQUAL(x["messages"][0]["content"][0]["text"], "Do it.");
    prompts.insert(x["messages"].dump());
  }
  CAF_CHECK_EQUAL(prompts.size(), 3u);
  CAF_CHECK_EQUAL(me.run({"reject", me.ticket("stuck"), "--why", "Make the file."}).code, 0);
  CAF_CHECK_EQUAL(violations(database.conninfo()), "");
}

CAF_TEST(a batch of a graph waits without a slot until it has ended and its answer goes to who needs it) {
  const auto state = [](const char* status) {
    return answer_with(200, nlohmann::json{{"id", "msgbatch_1"}, {"processing_status", status}}.dump());
  };
  const nlohmann::json answer{{"id", "msg_1"},
                              {"model", "claude-sonnet-5-5"},
                              {"content", {{{"type", "text"}, {"text", R"({"word": "Moin"})"}}}},
                              {"stop_reason", "end_turn"},
                              {"usage", {{"input_tokens", 100}, {"output_tokens", 20}}}};
  const auto line = [](const char* request, const nlohmann::json& result) {
    return nlohmann::json{{"custom_id", request}, {"result", result}}.dump() + "\n";
  };
  scripted_server api{{state("in_progress"), state("ended"),
                       answer_with(200, line("ticket-9-attempt-1", {{"type", "expired"}})
                                          + line("ticket-1-attempt-1", {{"type", "succeeded"}, {"message", answer}}))}};
  me.write("batch.yaml", R"(
graph: batch
tickets:
  translation:
    claude: {prompt: Translate it., model: claude-sonnet-5-5, schema: {type: object}, batch: true}
    check: {command: ['true']}
  reader: {command: [echo, 'it says ${ticket.translation.result.word}'], needs: [translation]}
)");
  me.environment["SWARM_CLAUDE_BASE_URL"] = api.url("");
  auto node = me.start_node({"--node.slots", "1", "--scheduler.interval", "20ms"});
  auto running = me.start({"run", "batch.yaml"});
  CAF_REQUIRE(within(30s, [&] { return api.requests().size() == 1 && me.state("translation") == "waiting"; }));
  CAF_CHECK_EQUAL(me.ticket("translation"), "1");
  CAF_CHECK(contains(me.run({"show", "1"}).out, "its batch msgbatch_1 is in_progress"));
  ask(database.conninfo(), "UPDATE swarm.scheduled SET run_at = clock_timestamp()"); // it isn't due yet
  CAF_CHECK_EQUAL(running.end().code, 0);
  CAF_CHECK(contains(me.run({"show", me.ticket("reader")}).out, "| it says Moin"));
  CAF_CHECK_EQUAL(me.history("translation"), "submitted claimed waiting promoted claimed completed");
  CAF_CHECK_EQUAL(api.requests().size(), 3u);
  CAF_CHECK_EQUAL(violations(database.conninfo()), "");
}

CAF_TEST(a node does not start with an address that the key must not go to or with prices that can not be read) {
  me.write("claude.yaml", "graph: g\ntickets: {x: {claude: {prompt: p}, check: {command: [\"true\"]}}}\n");
  auto said = me.run({"run", "claude.yaml", "--claude.base_url", "http://example.org"});
  CAF_CHECK(said.code != 0);
  CAF_CHECK(contains(said.err, "claude.base_url must begin with https://"));
  said = me.run({"run", "claude.yaml", "--claude.price_file", "none.yaml"});
  CAF_CHECK(said.code != 0);
  CAF_CHECK(contains(said.err, "the prices for claude can't be used: "));
}

CAF_TEST_FIXTURE_SCOPE_END()
