#define CAF_SUITE agent_argv

#include "runtime/executors/agent_cli/agent_adapter.hpp"

#include "tests/runtime/agent_transcripts.hpp"

#include <algorithm>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace std::string_literals;

namespace {

using arguments = std::vector<std::string>;

const auto session = "11111111-2222-4333-8444-555555555555"s;

arguments argv_of(std::string_view adapter, const agent_payload& x, const agent_session& y = {session, ""}) {
  return adapter_named(adapter).argv(x, y);
}

bool holds(const arguments& argv, std::string_view x) {
  return std::find(argv.begin(), argv.end(), x) != argv.end();
}

} // namespace

CAF_TEST(command lines hold what the payload says) {
  agent_payload x;
  x.prompt = "never an argument";
  x.model = "opus";
  x.effort = "high";
  x.max_turns = 60;
  x.max_budget_micro_dollars = 4'050'000;
  x.allowed_tools = {"Read", "Bash(make:*)"};
  x.permission_mode = "acceptEdits";
  x.schema = R"({"type":"object"})";
  CAF_CHECK_EQUAL(argv_of("claude", x),
                  (arguments{"claude", "--bare", "-p", "--output-format", "stream-json", "--verbose",
                             "--strict-mcp-config", "--session-id=" + session, "--model=opus", "--effort=high",
                             "--max-turns=60", "--max-budget-usd=4.050000", "--permission-mode=acceptEdits",
                             "--allowedTools=Read,Bash(make:*)", "--json-schema={\"type\":\"object\"}"}));
  CAF_CHECK_EQUAL(argv_of("codex", x), (arguments{"codex", "exec", "--json", "--skip-git-repo-check",
                                                  "--sandbox=acceptEdits", "--model=opus",
                                                  "--config=model_reasoning_effort=high", "-"}));
  CAF_CHECK_EQUAL(argv_of("gemini", x),
                  (arguments{"gemini", "--output-format", "stream-json", "--model=opus", "--approval-mode=acceptEdits",
                             "--allowed-tools=Read,Bash(make:*)"}));
  x.argv = {"/usr/bin/aider", "--yes"};
  CAF_CHECK_EQUAL(argv_of("generic", x), x.argv);
}

CAF_TEST(the least command lines name a session and no limits) {
  const agent_payload x;
  CAF_CHECK_EQUAL(argv_of("claude", x),
                  (arguments{"claude", "--bare", "-p", "--output-format", "stream-json", "--verbose",
                             "--strict-mcp-config", "--session-id=" + session, "--permission-mode=dontAsk"}));
  CAF_CHECK_EQUAL(argv_of("codex", x),
                  (arguments{"codex", "exec", "--json", "--skip-git-repo-check", "--sandbox=workspace-write", "-"}));
  CAF_CHECK_EQUAL(argv_of("gemini", x),
                  (arguments{"gemini", "--output-format", "stream-json", "--approval-mode=auto_edit"}));
}

CAF_TEST(a session is resumed by its id and never by a new one too) {
  const agent_session resumed{session, "0199-a.b_c"};
  const auto claude = argv_of("claude", {}, resumed);
  CAF_CHECK(holds(claude, "--resume=0199-a.b_c"));
  CAF_CHECK(std::none_of(claude.begin(), claude.end(), [](auto& x) { return x.starts_with("--session-id"); }));
  CAF_CHECK(holds(argv_of("gemini", {}, resumed), "--resume=0199-a.b_c"));
  const auto codex = argv_of("codex", {}, resumed);
  CAF_CHECK_EQUAL(arguments(codex.end() - 3, codex.end()), (arguments{"resume", "0199-a.b_c", "-"}));
}

CAF_TEST(a value that looks like an option stays the value of its own) {
  agent_payload x;
  x.model = x.permission_mode = "--dangerously";
  for (auto name : {"claude", "codex", "gemini"})
    CAF_CHECK(!holds(argv_of(name, x), "--dangerously"));
}
