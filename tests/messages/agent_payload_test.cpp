#define CAF_SUITE messages_agent_payload

#include "messages/agent_payload.hpp"

#include "messages/error.hpp"

#include <nlohmann/json.hpp>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using nlohmann::json;
using namespace std::string_literals;

namespace {

json base(const std::string& agent) {
  json result{{"agent", agent}, {"prompt", "p"}};
  if (agent == "generic")
    result["argv"] = {"aider"};
  return result;
}

std::string refusal(const std::string& agent, const json& more) {
  auto text = base(agent);
  text.update(more);
  const auto payload = parse_agent_payload(text.dump());
  if (payload)
    return "accepted";
  CAF_CHECK_EQUAL(code_of(payload.error()), errc::invalid_input);
  const auto sentence = render(payload.error());
  CAF_CHECK(sentence.starts_with("payload of an agent: "));
  return sentence.substr(sentence.find(": ") + 2);
}

} // namespace

CAF_TEST(every member of the documentation is read) {
  const auto x = parse_agent_payload(R"(
    {"agent": "claude", "prompt": "Make the tests pass.", "model": "opus", "effort": "high", "max_turns": 60,
     "max_budget_micro_dollars": 4000000, "allowed_tools": ["Read", "Edit"], "permission_mode": "dontAsk",
     "schema": {"type": "object"}, "expects_changes": true, "working_directory": "/src",
     "environment": {"CI": "1"}, "secrets": ["ANTHROPIC_API_KEY", "SWARM_SECRET_X"]})");
  CAF_REQUIRE(x);
  CAF_CHECK_EQUAL(x->agent, "claude");
  CAF_CHECK_EQUAL(x->prompt, "Make the tests pass.");
  CAF_CHECK_EQUAL(x->model, "opus");
  CAF_CHECK_EQUAL(x->effort, "high");
  CAF_CHECK_EQUAL(x->max_turns, 60);
  CAF_CHECK_EQUAL(x->max_budget_micro_dollars, 4'000'000);
  CAF_CHECK_EQUAL(x->allowed_tools, (std::vector<std::string>{"Read", "Edit"}));
  CAF_CHECK_EQUAL(x->permission_mode, "dontAsk");
  CAF_CHECK_EQUAL(x->schema, R"({"type":"object"})");
  CAF_CHECK(x->expects_changes);
  CAF_CHECK_EQUAL(x->working_directory, "/src");
  CAF_CHECK_EQUAL(x->environment.at("CI"), "1");
  CAF_CHECK_EQUAL(x->secrets, (std::vector<std::string>{"ANTHROPIC_API_KEY", "SWARM_SECRET_X"}));
  const auto y = parse_agent_payload(R"({"agent": "generic", "argv": ["aider", "", "--yes"], "prompt": "p"})");
  CAF_REQUIRE(y);
  CAF_CHECK_EQUAL(y->argv, (std::vector<std::string>{"aider", "", "--yes"}));
}

CAF_TEST(what has no meaning is refused and named) {
  struct row {
    std::string agent;
    json more;
    std::string sentence;
  };
  for (auto& x : std::vector<row>{
         {"claude", {{"prompt", ""}}, "'prompt' must be a string that isn't empty"},
         {"claude", {{"prompt", std::string((8u << 20) + 1, 'x')}}, "'prompt' is longer than 8 MiB"},
         {"claude", {{"agent", "clod"}}, "'agent' must be one of claude, codex, gemini and generic"},
         {"claude", {{"agent", 1}}, "'agent' must be one of claude, codex, gemini and generic"},
         {"claude", {{"max_turns", -1}}, "'max_turns' must be a whole number up to 1000000, 0 for no limit"},
         {"claude", {{"max_turns", 1.5}}, "'max_turns' must be a whole number up to 1000000, 0 for no limit"},
         {"claude", {{"max_budget_micro_dollars", 1e300}},
          "'max_budget_micro_dollars' must be a whole number up to 1000000000000, 0 for no limit"},
         {"claude", {{"allowed_tools", {"a", ""}}}, "'allowed_tools' must be an array of strings that aren't empty"},
         {"claude", {{"schema", "x"}}, "'schema' must be a JSON Schema, an object"},
         {"claude", {{"schema", {{"type", "x"}}}}, "'schema' has a value that 'type' can't have, at '#/type': '\"x\"'"},
         {"claude", {{"expects_changes", 1}}, "'expects_changes' must be true or false"},
         {"claude", {{"working_directory", "src"}}, "'working_directory' must be an absolute path"},
         {"claude", {{"environment", {{"A=B", "1"}}}}, "'environment' has a name that is empty or holds '='"},
         {"claude", {{"environment", {{"A", 1}}}}, "'environment' must be an object with strings"},
         {"generic", {{"argv", {""}}}, "'argv' must be an array of strings, the program first"},
         {"generic", {{"argv", json::array()}}, "'argv' must be an array of strings, the program first"},
         {"claude", {{"model", "a\0b"s}}, "has a NUL in a text"},
       })
    CAF_CHECK_EQUAL(refusal(x.agent, x.more), x.sentence);
  CAF_CHECK(!parse_agent_payload("[]"));
  CAF_CHECK(!parse_agent_payload(R"({"agent": "claude"})"));
  CAF_CHECK(!parse_agent_payload(R"({"agent": "generic", "prompt": "p"})"));
}

CAF_TEST(what a CLI has no option for is refused) {
  const json everything{{"model", "m"}, {"effort", "e"}, {"max_turns", 1}, {"max_budget_micro_dollars", 1},
                        {"allowed_tools", {"t"}}, {"permission_mode", "m"}, {"schema", json::object()},
                        {"expects_changes", true}, {"argv", {"p"}}, {"unknown", 1},
                        {"profiles", {{{"model", "n"}}}}};
  const std::vector<std::pair<std::string, std::string>> taken{
    {"claude", "allowed_tools effort expects_changes max_budget_micro_dollars max_turns model permission_mode "
               "profiles schema "},
    {"codex", "effort expects_changes model permission_mode profiles "},
    {"gemini", "allowed_tools expects_changes model permission_mode profiles "},
    {"generic", "argv "}};
  for (auto& [agent, options] : taken) {
    std::string accepted;
    for (auto& [name, value] : everything.items())
      if (refusal(agent, {{name, value}}) == "accepted")
        accepted += name + " ";
    CAF_CHECK_EQUAL(accepted, options);
  }
  CAF_CHECK_EQUAL(refusal("generic", {{"model", "m"}}),
                  "\"model\" is nothing that generic has an option for; known are agent, environment, prompt, secrets and "
                  "working_directory, and argv");
}

CAF_TEST(a profile changes what it names as far as the CLI has an option for it) {
  auto text = base("claude");
  text["effort"] = "low";
  text["profiles"] = {{{"effort", "max"}, {"max_turns", 9}}, {{"model", "m"}, {"max_budget_micro_dollars", 5}}};
  const auto first = parse_agent_payload(text.dump(), 1), second = parse_agent_payload(text.dump(), 2);
  CAF_REQUIRE(first && second);
  CAF_CHECK_EQUAL(first->effort + " " + std::to_string(first->max_turns) + " " + first->model, "max 9 ");
  CAF_CHECK_EQUAL(second->effort + " " + std::to_string(second->max_turns) + " " + second->model, "low 0 m");
  CAF_CHECK_EQUAL(second->max_budget_micro_dollars, 5);
  text = base("gemini");
  text["profiles"] = {{{"effort", "max"}}};
  const auto refused = parse_agent_payload(text.dump());
  CAF_REQUIRE(!refused);
  CAF_CHECK_EQUAL(render(refused.error()), "profile 1 may not change \"effort\", but model");
}

CAF_TEST(only credentials of the agent and secrets that are named so may be asked for) {
  const std::vector<std::pair<std::string, std::string>> allowed{
    {"claude", "ANTHROPIC_API_KEY"}, {"codex", "OPENAI_API_KEY"}, {"gemini", "GEMINI_API_KEY"}};
  for (auto agent : {"claude", "codex", "gemini", "generic"}) {
    CAF_CHECK_EQUAL(refusal(agent, {{"secrets", {"SWARM_SECRET_A"}}}), "accepted");
    for (auto& [owner, name] : allowed)
      CAF_CHECK_EQUAL(refusal(agent, {{"secrets", {name}}}) == "accepted", owner == agent);
    for (auto name : {"PGPASSWORD", "AWS_SECRET_ACCESS_KEY", "SWARM_DATABASE_URL"})
      CAF_CHECK(refusal(agent, {{"secrets", {name}}}) != "accepted");
  }
  CAF_CHECK_EQUAL(refusal("gemini", {{"secrets", {"PGPASSWORD"}}}),
                  "'secrets' may not name \"PGPASSWORD\"; gemini may be given variables that begin with SWARM_SECRET_, and "
                  "GEMINI_API_KEY and GOOGLE_API_KEY");
}
