#define CAF_SUITE checks

#include "messages/checks.hpp"

#include <nlohmann/json.hpp>

#include <random>
#include <string>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace std::string_literals;
using nlohmann::json;

namespace {

std::string refusal(const std::string& list) {
  const auto checks = read_checks(json::parse(list));
  return checks ? "accepted" : render(checks.error());
}

const auto everything = R"([
  {"kind": "human", "question": "Good?", "expires_ms": 1000},
  {"kind": "tests", "name": "all", "command": ["ctest"], "format": "ctest", "timeout_ms": 5},
  {"kind": "command", "command": ["true", ""]},
  {"kind": "tests", "command": ["run"], "format": "junit", "report": "out/report.xml"},
  {"kind": "diff", "must_change": false, "allowed": ["src/**"], "protected": ["tests/**"], "base": "main"},
  {"kind": "diff"},
  {"kind": "model_review", "model": "m", "instructions": "i", "files": ["a", "b/c"], "max_tokens": 5, "timeout_ms": 7},
  {"kind": "model_review"},
  {"kind": "files", "files": [{"path": "a", "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                               "bytes_min": 0, "bytes_max": 4, "json_schema": {"type": "object"}},
                              {"path": "b", "exists": false}, {"path": "c/d", "protected": true}]}])"s;

} // namespace

CAF_TEST(cheap checks come first and stay in order within a kind) {
  const auto checks = read_checks(json::parse(everything));
  CAF_REQUIRE(checks);
  std::string kinds;
  for (auto& x : *checks)
    kinds += to_string(x.kind) + (x.name.empty() ? "" : "=" + x.name) + " ";
  CAF_CHECK_EQUAL(kinds, "files diff diff tests=all command tests model_review model_review human ");
}

CAF_TEST(every member survives the way through JSON) {
  const auto checks = read_checks(json::parse(everything));
  CAF_REQUIRE(checks);
  const auto text = to_json(*checks).dump();
  const auto again = read_checks(json::parse(text));
  CAF_REQUIRE(again);
  CAF_CHECK_EQUAL(to_json(*again).dump(), text);
  auto expected = json::parse(everything);
  for (auto& x : expected)
    CAF_CHECK(text.find(x.dump()) != text.npos || x["files"].size() == 3);
  auto& file = (*again)[0].files[0];
  CAF_CHECK(file.bytes_min == 0u && file.bytes_max == 4u && file.sha256 && file.json_schema == R"({"type":"object"})");
  CAF_CHECK((*again)[0].files[2].must_stay && !(*again)[0].files[1].must_exist);
}

CAF_TEST(a refusal names the place and what is wrong) {
  const std::pair<std::string, std::string> rows[]{
    {"[]", "'checks' must be a list of 1 to 100 checks"},
    {"{}", "'checks' must be a list"},
    {R"(["a"])", "check 1: 'kind' must be one of files, diff, command, tests, model_review, human"},
    {R"([{"kind": "commands"}])", "check 1: 'kind' must be one of"},
    {R"([{"kind": "command", "command": ["a"]}, {"kind": "command"}])", "check 2: 'command' must hold the program"},
    {R"([{"kind": "command", "command": [""]}])", "'command' must hold the program"},
    {R"([{"kind": "command", "command": ["a"], "report": "x"}])", R"(check 1: has no "report", known are command, kind)"},
    {R"([{"kind": "command", "command": ["a"], "timeout_ms": 1e300}])", "'timeout_ms' must be a whole number"},
    {R"([{"kind": "tests", "command": ["a"]}])", "'format' must be one of junit, tap, ctest, pytest, go, go_json"},
    {R"([{"kind": "tests", "command": ["a"], "format": "junit"}])", "'report' is missing"},
    {R"([{"kind": "tests", "command": ["a"], "format": "tap", "report": "../x"}])", "'report' must lie in"},
    {R"([{"kind": "files"}])", "'files' must be a list of 1 to 1000 files"},
    {R"([{"kind": "files", "files": [{"path": "a"}, {"path": "/a"}]}])", "file 2: 'path' must lie in"},
    {R"([{"kind": "files", "files": [{"path": "a/../../b"}]}])", "'path' must lie in"},
    {R"([{"kind": "files", "files": [{"path": ""}]}])", "'path' must lie in"},
    {R"([{"kind": "files", "files": [{"path": "a", "sha256": "12"}]}])", "'sha256' must be 64"},
    {R"([{"kind": "files", "files": [{"path": "a", "exists": false, "bytes_min": 1}]}])", "must not exist"},
    {R"([{"kind": "files", "files": [{"path": "a", "protected": true, "bytes_min": 1}]}])", "a protected file is as it was"},
    {R"([{"kind": "files", "files": [{"path": "a", "bytes_min": 2, "bytes_max": 1}]}])", "above 'bytes_max'"},
    {R"([{"kind": "files", "files": [{"path": "a", "json_schema": true}]}])", "'json_schema' must be an object"},
    {R"x([{"kind": "files", "files": [{"path": "a", "json_schema": {"pattern": "a(?=b)"}}]}])x",
     "file 1: 'json_schema' has the pattern 'a(?=b)' at '#/pattern', which RE2 doesn't take"},
    {R"([{"kind": "files", "files": [{"path": "a", "json_schema": {"format": "date"}}]}])",
     "'json_schema' has the keyword 'format' at '#/format', which isn't judged here"},
    {R"([{"kind": "files", "files": [{"path": "a", "size": 1}]}])", R"(has no "size")"},
    {R"([{"kind": "diff", "must_change": false}])", "it demands nothing"},
    {R"([{"kind": "diff", "base": "--output=x"}])", "'base' must name"},
    {R"([{"kind": "diff", "allowed": []}])", "'allowed' must be a list of 1 to"},
    {R"([{"kind": "model_review", "files": ["/a"]}])", "each of 'files' must lie in"},
    {R"([{"kind": "model_review", "files": [{"path": "a"}]}])", "'files' must be a list of 1 to 20 texts"},
    {R"([{"kind": "model_review", "model": "a b"}])", "'model' must be a model's name"},
    {R"([{"kind": "model_review", "max_tokens": 0}])", "'max_tokens' must be at least 1"},
    {R"([{"kind": "model_review", "command": ["a"]}])", R"(has no "command", known are files, instructions, kind)"},
    {R"([{"kind": "human"}, {"kind": "human"}])", "more than one of kind human"},
    {R"([{"kind": "human", "question": "a\u0000b"}])", "'question' must be a text"},
  };
  for (auto& [list, words] : rows) {
    CAF_MESSAGE(list << " " << refusal(list));
    CAF_CHECK(refusal(list).find(words) != std::string::npos);
  }
}

CAF_TEST(mutated checks are read or refused) {
  std::mt19937 random{77};
  int read = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto text = everything;
    text[random() % text.size()] = static_cast<char>(random() % 128);
    const auto value = json::parse(text, nullptr, false);
    if (value.is_discarded())
      continue;
    if (const auto checks = read_checks(value)) {
      ++read;
      const auto again = read_checks(to_json(*checks));
      CAF_MESSAGE((again ? "" : render(again.error()) + text));
      CAF_REQUIRE(again);
    }
  }
  CAF_CHECK_GREATER(read, 0);
}
