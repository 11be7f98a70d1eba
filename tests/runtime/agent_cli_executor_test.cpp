#define CAF_SUITE agent_cli_executor

#include "tests/runtime/agent_cli_fixture.hpp"

#include <cstdlib>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using nlohmann::json;
using enum outcome_class;

CAF_TEST_FIXTURE_SCOPE(agent_cli_executor_tests, agent_cli_fixture)

CAF_TEST(an attempt leaves what it used and where it can be gone on with) {
  const auto x = run("claude", "ok");
  const auto details = json::parse(x.details);
  CAF_CHECK_EQUAL(details["session_id"].get<std::string>(), argument("--session-id="));
  CAF_CHECK_EQUAL(details["model"].get<std::string>(), "claude-fake");
  CAF_CHECK_EQUAL(details["result"].get<std::string>(), "Done.");
  CAF_CHECK_EQUAL(details["turns"].get<int>(), 3);
  CAF_CHECK_EQUAL(details["tool_calls"].get<int>(), 1);
  CAF_CHECK_EQUAL(details["usage"].dump(), R"({"cache_creation_input_tokens":0,"cache_read_input_tokens":1000,)"
                                           R"("cost_micro_dollars":12500,"input_tokens":200,"output_tokens":80})");
  CAF_CHECK_EQUAL(x.output, "Done.");
  CAF_CHECK(x.has_exit_code);
  CAF_CHECK_EQUAL(x.evidence, "claude said 'success' (turns: 3, tool calls: 1): 'Done.' (row 2.3/1)");
  CAF_CHECK(running->progress() > 1);
}

CAF_TEST(the whole stream of an attempt stays in a file) {
  run("claude", "ok");
  CAF_CHECK(contains(transcript(), R"("subtype":"init")") && contains(transcript(), R"("type":"result")"));
  CAF_CHECK(!std::filesystem::exists(settings.attempts_folder / ("7-" + to_string(ticket.claim.fence) + ".output")));
}

CAF_TEST(the prompt comes through stdin and the last failure behind it) {
  ticket.last_failure = "the check failed";
  run("claude", "ok");
  CAF_CHECK(text_of("prompt").starts_with("Do it.\n"));
  CAF_CHECK(contains(text_of("prompt"), "\n=====\nthe check failed\n=====\n"));
  CAF_CHECK(!contains(text_of("log"), "Do it"));
}

CAF_TEST(a crash goes on with its session once and the third costs an attempt) {
  CAF_CHECK(run("claude", "no_result").evidence.ends_with("(row 2.3/9)"));
  const auto session = argument("--session-id=");
  auto x = run("claude", "no_result");
  CAF_CHECK(x.evidence.ends_with("(row 2.3/9b)"));
  CAF_CHECK_EQUAL(argument("--resume="), session);
  CAF_CHECK(!contains(text_of("prompt"), "Do it."));
  x = run("claude", "no_result");
  CAF_CHECK_EQUAL(to_string(x.end), "content");
  const auto fresh = argument("--session-id=");
  CAF_CHECK(fresh != session && fresh != "none");
  CAF_CHECK(contains(text_of("prompt"), "Do it."));
  CAF_CHECK(run("claude", "no_result").evidence.ends_with("(row 2.3/9)"));
}

CAF_TEST(another profile begins a conversation of its own) {
  const json payload{{"model", "small"}, {"profiles", {{{"model", "large"}}}}};
  run("claude", "no_result", payload);
  const auto session = argument("--session-id=");
  ticket.profile = 1;
  run("claude", "ok", payload);
  CAF_CHECK(contains(text_of("log"), "large\n"));
  CAF_CHECK(contains(text_of("prompt"), "Do it."));
  const auto fresh = argument("--session-id=");
  CAF_CHECK(fresh != session && fresh != "none");
}

CAF_TEST(a prompt that has failed is not sent again) {
  const auto hash = json::parse(run("claude", "ok").details)["prompt_hash"].get<std::string>();
  CAF_CHECK_EQUAL(hash.size(), 16u);
  argument("");
  ticket.last_prompt = hash;
  auto x = run("claude", "ok");
  CAF_CHECK_EQUAL(to_string(x.end), "review");
  CAF_CHECK(x.evidence.starts_with("nothing was done: its prompt would be the one that has failed"));
  CAF_CHECK_EQUAL(text_of("log"), "");
  ticket.last_failure = "the check failed";
  CAF_CHECK(json::parse(run("claude", "ok").details)["prompt_hash"] != hash);
  ticket.attempt = 2;
  ticket.last_failure = " \n";
  ticket.last_prompt.clear();
  CAF_CHECK_EQUAL(to_string(run("claude", "ok").end), "review");
}

CAF_TEST(an agent that chooses its session is gone on with by what it said) {
  for (std::string agent : {"codex", "gemini"}) {
    ++ticket.claim.ticket.value;
    run(agent, "exits_143");
    argument("");
    run(agent, "ok");
    const auto all = text_of("log");
    CAF_CHECK(contains(all, agent == "codex" ? "resume\n11111111-2222-4333-8444-555555555555\n-\n"
                                             : "--resume=11111111-2222-4333-8444-555555555555\n"));
  }
}

CAF_TEST(a run that dies with its node is gone on with by the next one) {
  start("claude", "hangs", with_post());
  post.read_line();
  std::filesystem::copy(settings.attempts_folder / "sessions", folder.path() / "crashed");
  const auto session = argument("--session-id=");
  restart();
  std::filesystem::copy(folder.path() / "crashed", settings.attempts_folder / "sessions",
                        std::filesystem::copy_options::overwrite_existing);
  run("claude", "ok");
  CAF_CHECK_EQUAL(argument("--resume="), session);
}

CAF_TEST(a session whose work is done is not gone on with) {
  run("claude", "ok");
  argument("");
  run("claude", "ok");
  CAF_CHECK_EQUAL(argument("--resume="), "none");
  CAF_CHECK(std::filesystem::is_empty(settings.attempts_folder / "sessions"));
}

CAF_TEST(an attempt that is stopped is handed back unless it has told its end) {
  for (auto mode : {"hangs", "exits_on_sigint", "ignores_sigterm"}) {
    start("claude", mode, with_post());
    post.read_line();
    running->stop();
    CAF_CHECK_EQUAL(to_string(wait().end), "released");
  }
  settings.after_result = 1h;
  restart();
  start("claude", "hangs_after_result", with_post());
  post.read_line();
  running->stop();
  CAF_CHECK_EQUAL(to_string(wait().end), "completed");
}

CAF_TEST(a lost attempt is killed at once and so is one that nobody holds) {
  settings.ladder = {1h, 1h};
  start("claude", "hangs", with_post());
  auto pid = std::stoi(post.read_line());
  running->kill();
  CAF_CHECK_EQUAL(to_string(wait().end), "released");
  CAF_CHECK(is_dead_before_deadline(pid));
  start("claude", "hangs", with_post());
  pid = std::stoi(post.read_line());
  running.reset();
  CAF_CHECK(is_dead_before_deadline(pid));
}

CAF_TEST(an agent sees no credential that its ticket does not name) {
  setenv("ANTHROPIC_API_KEY", "k3y-of-the-node", 1);
  setenv("SWARM_SECRET_AGENT_TEST", "s3cret", 1);
  run("claude", "environment");
  CAF_CHECK(contains(transcript(), "SWARM_TICKET=7\n") && contains(transcript(), "SWARM_ATTEMPT=1\n"));
  CAF_CHECK(contains(transcript(), "SWARM_WORKSPACE=" + (folder.path() / "work").string() + "\n"));
  CAF_CHECK(!contains(transcript(), "k3y-of-the-node") && !contains(transcript(), "s3cret"));
  run("claude", "environment", {{"secrets", {"ANTHROPIC_API_KEY", "SWARM_SECRET_AGENT_TEST"}}});
  CAF_CHECK(contains(transcript(), "ANTHROPIC_API_KEY=k3y-of-the-node\n"));
  CAF_CHECK(contains(transcript(), "SWARM_SECRET_AGENT_TEST=s3cret\n"));
  CAF_CHECK(!contains(text_of("log"), "k3y-of-the-node"));
  unsetenv("ANTHROPIC_API_KEY");
  const auto x = run("claude", "ok", {{"secrets", {"ANTHROPIC_API_KEY"}}});
  CAF_CHECK_EQUAL(to_string(x.end), "auth");
  CAF_CHECK_EQUAL(x.evidence,
                  "the node's environment has no variable ANTHROPIC_API_KEY, which the ticket's secrets name");
}

CAF_TEST(an agent may leave a result in a file) {
  const auto details = json::parse(run("claude", "writes_result_file").details);
  CAF_CHECK_EQUAL(details["result"].get<int>(), 7);
  CAF_CHECK_EQUAL(details["notes"].get<std::string>(), "slept well");
  CAF_CHECK_EQUAL(details["usage"]["input_tokens"].get<int>(), 200); // the CLI knows better
  const auto x = run("claude", "writes_wrong_file");
  CAF_CHECK_EQUAL(to_string(x.end), "content");
  CAF_CHECK(x.evidence.ends_with(", and its result file isn't JSON"));
}

CAF_TEST(a result that departs from its schema is no result) {
  const std::vector<std::tuple<std::string, json, std::string>> rows{
    {"structured", {{"required", {"ok"}}, {"type", "object"}}, "completed"},
    {"structured", {{"required", {"done"}}}, "content"},
    {"ok", {{"type", "object"}}, "content"}, // it said something instead
    {"writes_result_file", {{"type", "integer"}}, "completed"},
    {"writes_result_file", {{"type", "object"}}, "content"},
    {"max_turns", {{"type", "object"}}, "content"},
  };
  for (const auto& [mode, schema, end] : rows) {
    ++ticket.claim.ticket.value;
    const auto x = run("claude", mode, {{"schema", schema}});
    CAF_MESSAGE(x.evidence);
    CAF_CHECK_EQUAL(to_string(x.end), end);
    const auto departs = end == "content" && mode != "max_turns";
    CAF_CHECK_EQUAL(contains(x.evidence, ", and its result doesn't match its schema at '<root>'"), departs);
    CAF_CHECK_EQUAL(x.evidence.ends_with(" (row 31)"), departs);
  }
}

CAF_TEST(a silent agent makes progress by writing its result) {
  start("claude", "silent", with_post());
  post.read_line();
  for (const auto until = std::chrono::steady_clock::now() + deadline; running->progress() == 0;)
    CAF_REQUIRE(std::chrono::steady_clock::now() < until); // it runs, and the runner is about to note it
  CAF_CHECK_EQUAL(running->progress(), 1);
  folder.write("attempts/7-" + to_string(ticket.claim.fence) + ".result.json", R"({"progress": 1})");
  CAF_CHECK_EQUAL(running->progress(), 2);
  running->stop();
  wait();
}

CAF_TEST(an agent that says that nobody can do it fails its ticket for good unless something else was wrong) {
  for (const auto expects_changes : {false, true}) {
    const auto x = run("claude", "says_impossible", {{"expects_changes", expects_changes}});
    CAF_CHECK_EQUAL(to_string(x.end), "permanent");
    CAF_CHECK_EQUAL(x.evidence, "claude says that nobody can do this (spec_impossible): 2 + 2 is 4");
    CAF_CHECK_EQUAL(json::parse(x.details)["spec_impossible"].get<std::string>(), "2 + 2 is 4");
  }
  const auto x = run("claude", "says_impossible_overloaded");
  CAF_CHECK_EQUAL(to_string(x.end), to_string(run("claude", "overloaded").end));
}

CAF_TEST(what can not be run is refused with a sentence) {
  auto x = run("claude", "ok", {{"prompt", 7}});
  CAF_CHECK_EQUAL(to_string(x.end), "permanent");
  CAF_CHECK_EQUAL(x.evidence, "the ticket's payload can't be read: payload of an agent: 'prompt' must be a string that isn't "
                              "empty");
  x = run("claude", "ok", {{"working_directory", "/nowhere"}});
  CAF_CHECK_EQUAL(to_string(x.end), "permanent");
  CAF_CHECK_EQUAL(x.evidence, "cannot enter directory '/nowhere'");
}

CAF_TEST(agents run without a folder for their files) {
  settings.attempts_folder.clear();
  CAF_CHECK_EQUAL(to_string(run("claude", "ok").end), "completed");
  CAF_CHECK_EQUAL(to_string(run("claude", "no_result").end), "transient");
  argument("");
  run("claude", "ok");
  CAF_CHECK_EQUAL(argument("--resume="), "none");
}

CAF_TEST_FIXTURE_SCOPE_END()
