#define CAF_SUITE messages_claude_payload

#include "messages/claude_payload.hpp"

#include "messages/error.hpp"
#include "messages/payload.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace std::string_literals;

namespace {

std::string refusal(const std::string& text) {
  const auto x = parse_claude_payload(text);
  return x ? "accepted" : render(x.error());
}

} // namespace

CAF_TEST(every member is read) {
  const auto x = parse_claude_payload(
    R"({"prompt": "p", "system": "s", "model": "m", "fallback_model": "f", "max_tokens": 5, "effort": "xhigh",
        "working_directory": "/w", "expects_changes": true,
        "tools": {"run_command": ["make", "cc"], "read_file": true, "write_file": true, "list_files": true, "finish": true},
        "limits": {"turns": 1, "output_tokens": 2, "cost_micro_dollars": 3, "command_ms": 4}})");
  CAF_REQUIRE(x);
  CAF_CHECK_EQUAL(x->prompt + x->system + x->model + x->fallback_model + x->effort + x->working_directory, "psmfxhigh/w");
  CAF_CHECK_EQUAL(x->max_tokens, 5);
  CAF_CHECK(x->expects_changes);
  CAF_CHECK_EQUAL(x->tools.run_command, (std::vector<std::string>{"make", "cc"}));
  CAF_CHECK(x->tools.read_file && x->tools.write_file && x->tools.list_files && x->tools.finish);
  CAF_CHECK_EQUAL(x->limits.turns, 1);
  CAF_CHECK_EQUAL(x->limits.output_tokens, 2);
  CAF_CHECK_EQUAL(x->limits.cost_micro_dollars, 3);
  CAF_CHECK(x->limits.command == std::chrono::milliseconds{4});
}

CAF_TEST(a prompt is enough and allows nothing) {
  const auto x = parse_claude_payload(R"({"prompt": "p"})");
  CAF_REQUIRE(x);
  CAF_CHECK(x->tools.run_command.empty());
  CAF_CHECK(!x->tools.read_file && !x->tools.write_file && !x->tools.list_files && !x->tools.finish);
  CAF_CHECK_EQUAL(x->limits.turns, 50);
}

CAF_TEST(what is wrong is named) {
  const std::vector<std::pair<std::string, std::string>> rows{
    {"[]", "must be a JSON object"},
    {"{", "isn't JSON"},
    {"{}", "'prompt' is missing or blank"},
    {R"({"prompt": " \n"})", "'prompt' is missing or blank"},
    {R"({"prompt": 7})", "'prompt' must be a string"},
    {R"({"prompt": "p", "model": "a b"})", "'model' must be a model's name such as claude-sonnet-5-5"},
    {R"({"prompt": "p", "effort": "some"})", "'effort' must be low, medium, high, xhigh or max"},
    {R"({"prompt": "p", "max_tokens": 0})", "'max_tokens' must be a whole number from 1 to 1000000"},
    {R"({"prompt": "p", "max_tokens": 1e3})", "'max_tokens' must be a whole number from 1 to 1000000"},
    {R"({"prompt": "p", "working_directory": "w"})", "'working_directory' must be an absolute path"},
    {R"({"prompt": "p", "schema": "x"})", "'schema' must be a JSON Schema, an object"},
    {R"({"prompt": "p", "schema": {"properties": {"a": {"typ": "x"}}}})",
     "'schema' has the keyword 'typ' at '#/properties/a/typ', which isn't judged here; leave it out or say it by others"},
    {R"({"prompt": "p", "expects_changes": 1})", "'expects_changes' must be true or false"},
    {R"({"prompt": "p", "tools": {"run_command": "make"}})",
     R"('run_command' must be a list of the programs that may be run, as in ["make"])"},
    {R"({"prompt": "p", "tools": {"run_command": []}})",
     R"('run_command' must be a list of the programs that may be run, as in ["make"])"},
    {R"({"prompt": "p", "tools": {"fly": true}})",
     "there is no tool \"fly\", known are finish, list_files, read_file, run_command and write_file"},
    {R"({"prompt": "p", "tools": {"read_file": true}})", "'working_directory' is missing, and its tools need one"},
    {R"({"prompt": "p", "limits": {"turns": -1}})", "'turns' must be a whole number from 1 to 10000"},
    {R"({"prompt": "p", "limits": {"dollars": 1}})",
     "there is no limit \"dollars\", known are command_ms, cost_micro_dollars, output_tokens and turns"},
    {R"({"prompt": "p", "temperature": 1})",
     "unknown member \"temperature\", known are batch, effort, expects_changes, fallback_model, limits, max_tokens, model, "
     "profiles, prompt, schema, system, tools and working_directory"},
  };
  for (const auto& [text, sentence] : rows)
    CAF_CHECK_EQUAL(refusal(text), "payload of a call of Claude: " + sentence);
}

CAF_TEST(a batch is one turn and refuses what needs more) {
  const auto x = parse_claude_payload(R"({"prompt": "p", "batch": true, "schema": {}, "working_directory": "/w"})");
  CAF_REQUIRE(x);
  CAF_CHECK(x->batch);
  const std::vector<std::pair<std::string, std::string>> rows{
    {R"("tools": {"finish": true})", "'batch' and 'tools' don't go together: a batch is a single turn"},
    {R"("tools": {"read_file": true}, "working_directory": "/w")",
     "'batch' and 'tools' don't go together: a batch is a single turn"},
    {R"("expects_changes": true)", "'batch' and 'expects_changes' don't go together: without tools nothing changes"},
    {R"("fallback_model": "m")",
     "'batch' and 'fallback_model' don't go together: a batch is a single turn; name the other model in a profile"},
  };
  for (const auto& [member, sentence] : rows)
    CAF_CHECK_EQUAL(refusal(R"({"prompt": "p", "batch": true, )" + member + "}"), "payload of a call of Claude: " + sentence);
  CAF_CHECK_EQUAL(refusal(R"({"prompt": "p", "batch": 1})"), "payload of a call of Claude: 'batch' must be true or false");
  CAF_CHECK_EQUAL(refusal(R"({"prompt": "p", "batch": true, "profiles": [{"effort": "low"}, {"fallback_model": "m"}]})"),
                  "profile 2 in the payload of a call of Claude: " + rows.back().second);
}

CAF_TEST(every model that may be asked is known beforehand) {
  const auto x = parse_claude_payload(
    R"({"prompt": "p", "model": "m", "profiles": [{"effort": "low"}, {"model": "a", "fallback_model": "z"}]})");
  CAF_REQUIRE(x);
  CAF_CHECK_EQUAL(x->models, (std::vector<std::string>{"a", "m", "z"}));
  CAF_CHECK(parse_claude_payload(R"({"prompt": "p"})")->models.empty());
}

CAF_TEST(a profile changes what it names and leaves the rest) {
  const auto* text = R"({"prompt": "p", "model": "m", "effort": "low", "limits": {"turns": 7, "output_tokens": 8},
                         "profiles": [{"effort": "high", "limits": {"turns": 70}}, {"model": "n", "max_tokens": 5}]})";
  struct row {
    std::size_t profile;
    std::string model, effort;
    std::int64_t max_tokens, turns;
  };
  for (const auto& x : std::vector<row>{{0, "m", "low", 16'000, 7}, {1, "m", "high", 16'000, 70}, {2, "n", "low", 5, 7},
                                        {3, "n", "low", 5, 7}}) {
    const auto read = parse_claude_payload(text, x.profile);
    CAF_REQUIRE(read);
    CAF_CHECK_EQUAL(read->model, x.model);
    CAF_CHECK_EQUAL(read->effort, x.effort);
    CAF_CHECK_EQUAL(read->max_tokens, x.max_tokens);
    CAF_CHECK_EQUAL(read->limits.turns, x.turns);
    CAF_CHECK_EQUAL(read->limits.output_tokens, 8);
  }
}

CAF_TEST(a profile that is wrong is named by its place) {
  const std::string list = "'profiles' must be a list of 1 to 10 objects, as in [{\"effort\": \"high\"}]";
  const std::vector<std::pair<std::string, std::string>> rows{
    {"{}", list},
    {"[]", list},
    {"[{},{},{},{},{},{},{},{},{},{},{}]", list},
    {"[7]", "profile 1 must be an object that changes something"},
    {R"([{"effort": "low"}, {}])", "profile 2 must be an object that changes something"},
    {R"([{"effort": "low"}, {"prompt": "q"}])",
     R"(profile 2 may not change "prompt", but effort, fallback_model, limits, max_tokens, model)"},
    {R"([{"effort": "some"}])",
     "profile 1 in the payload of a call of Claude: 'effort' must be low, medium, high, xhigh or max"},
  };
  for (const auto& [profiles, sentence] : rows)
    CAF_CHECK_EQUAL(refusal(R"({"prompt": "p", "profiles": )" + profiles + "}"), sentence);
}

CAF_TEST(the check of an agent runs where the agent worked) {
  const auto x = take_checks(R"({"prompt": "p", "working_directory": "/w", "check": ["make"]})");
  CAF_REQUIRE(x);
  CAF_CHECK_EQUAL(x->working_directory, "/w");
  CAF_CHECK_EQUAL(x->rest, R"({"prompt":"p","working_directory":"/w"})");
}
