#define CAF_SUITE messages_payload

#include "messages/payload.hpp"

#include "messages/error.hpp"

#include <chrono>
#include <random>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace std::string_literals;

namespace {

std::string refusal(std::string_view text) {
  const auto payload = parse_command_payload(text);
  if (payload)
    return "accepted";
  CAF_CHECK_EQUAL(code_of(payload.error()), errc::invalid_input);
  return render(payload.error());
}

} // namespace

CAF_TEST(every member survives the way through JSON) {
  command_payload x;
  x.command = {"make", "-j2", "", "two words", "\"quoted\"\n\t\\", "\xC3\xA9\xF0\x9F\x90\x9D"};
  x.working_directory = "/src/h\xC3\xA9llo world";
  x.environment = {{"CC", "gcc"}, {"EMPTY", ""}, {"_1", "a=b"}};
  x.check = {"test", "-x", "hello"};
  x.check_timeout = std::chrono::milliseconds{90'001};
  const auto y = parse_command_payload(to_json(x));
  CAF_REQUIRE(y);
  CAF_CHECK(y->command == x.command);
  CAF_CHECK_EQUAL(y->working_directory, x.working_directory);
  CAF_CHECK(y->environment == x.environment);
  CAF_CHECK(y->check == x.check);
  CAF_CHECK(y->check_timeout == x.check_timeout);
}

CAF_TEST(what few commands have survives the way through JSON) {
  command_payload x;
  x.command = {"cat | wc", "a"};
  x.shell = true;
  x.input = "1\n\0two"s;
  x.exit_codes = {3, 0};
  x.limits = {std::chrono::seconds{5}, 1, 2, 3, 0};
  const auto y = parse_command_payload(to_json(x));
  CAF_REQUIRE(y);
  CAF_CHECK_EQUAL(to_json(*y), to_json(x));
  CAF_CHECK_EQUAL(y->input, x.input);
  CAF_CHECK(y->exit_codes == x.exit_codes && y->shell);
  CAF_CHECK(y->limits.cpu == x.limits.cpu && y->limits.memory_bytes == 1 && y->limits.core_bytes == 0);
  CAF_CHECK_EQUAL(argv_of(*y), (std::vector<std::string>{"/bin/sh", "-c", "cat | wc", "sh", "a"}));
}

CAF_TEST(the JSON is what the documentation says) {
  command_payload x;
  x.command = {"make", "-j2"};
  x.environment = {{"CC", "gcc"}};
  CAF_CHECK_EQUAL(to_json(x), R"({"check":[],"check_timeout_ms":0,"command":["make","-j2"],)"
                              R"("environment":{"CC":"gcc"},"working_directory":""})");
}

CAF_TEST(only the command must be there) {
  const auto x = parse_command_payload(R"({"command": ["true"]})");
  CAF_REQUIRE(x);
  CAF_CHECK(x->working_directory.empty() && x->environment.empty() && x->check.empty());
  CAF_CHECK_EQUAL(x->check_timeout.count(), 0);
}

CAF_TEST(a timeout below a millisecond becomes one and not none) {
  command_payload x;
  x.command = {"true"};
  x.check_timeout = std::chrono::nanoseconds{1};
  const auto y = parse_command_payload(to_json(x));
  CAF_REQUIRE(y);
  CAF_CHECK(y->check_timeout == std::chrono::milliseconds{1});
  x.check_timeout = caf::timespan::max();
  CAF_CHECK(to_json(x).find("9223372036855") != std::string::npos);
}

CAF_TEST(bytes that are not UTF8 are replaced) {
  command_payload x;
  x.command = {"a\xFF\xC3"};
  x.environment = {{"X", "\x80"}};
  const auto y = parse_command_payload(to_json(x));
  CAF_REQUIRE(y);
  CAF_CHECK_EQUAL(y->command.front(), "a\xEF\xBF\xBD\xEF\xBF\xBD");
}

CAF_TEST(a refusal names the member) {
  const auto p = "payload: "s;
  CAF_CHECK_EQUAL(refusal(""), p + "must be a JSON object");
  CAF_CHECK_EQUAL(refusal("[1]"), p + "must be a JSON object");
  CAF_CHECK_EQUAL(refusal(R"({"command": )"), p + "must be a JSON object");
  const auto no_command = p + "'command' is missing or empty; it must hold the program and its arguments";
  CAF_CHECK_EQUAL(refusal("{}"), no_command);
  CAF_CHECK_EQUAL(refusal(R"({"command": []})"), no_command);
  CAF_CHECK_EQUAL(refusal(R"({"command": [""]})"),
                  p + "'command' begins with an empty string; the first is the program");
  for (const auto* wrong : {R"("make")", "null", "[1]", R"(["a\u0000"])", R"({"0": "a"})"})
    CAF_CHECK_EQUAL(refusal(R"({"command": )"s + wrong + "}"), p + "'command' must be an array of strings without NUL");
  const auto with = [&](const std::string& member) { return refusal(R"({"command": ["a"], )" + member + "}"); };
  CAF_CHECK_EQUAL(with(R"("check": "a")"), p + "'check' must be an array of strings without NUL");
  CAF_CHECK_EQUAL(with(R"("working_directory": 1)"), p + "'working_directory' must be a string without NUL");
  CAF_CHECK_EQUAL(with(R"("working_directory": "src")"), p + "'working_directory' must be an absolute path or empty");
  CAF_CHECK_EQUAL(with(R"("environment": {"A": 1})"), p + "'environment' must be an object with strings without NUL");
  CAF_CHECK_EQUAL(with(R"("environment": {"A=B": "1"})"),
                  p + "'environment' has a name that is empty or holds '=' or NUL");
  for (const auto* wrong : {"-1", "1.5", "1e300", R"("1m")", "true", "9223372036855", "18446744073709551616"})
    CAF_CHECK_EQUAL(with(R"("check_timeout_ms": )"s + wrong),
                    p + "'check_timeout_ms' must be a whole number of milliseconds, 0 for no limit of its own");
  CAF_CHECK_EQUAL(with(R"("cwd": "/")"), p + "unknown member \"cwd\", known are check, check_timeout_ms, checks, "
                                             "command, environment, exit_codes, limits, route, secrets, shell, stdin, stdin_file, "
                                             "working_directory and workspace");
  for (const auto* wrong : {"0", "[]", "[256]", "[-1]", R"(["0"])"})
    CAF_CHECK_EQUAL(with(R"("exit_codes": )"s + wrong), p + "'exit_codes' must be an array of numbers from 0 to 255");
  CAF_CHECK_EQUAL(with(R"("limits": {"cpu_ms": -1})"), p + "'limits' must hold whole numbers, and 'cpu_ms' is none");
  CAF_CHECK_EQUAL(with(R"("limits": {"disk": 1})"), p + "'limits' has no \"disk\", known are core_bytes, cpu_ms, files, "
                                                       "memory_bytes and processes");
  CAF_CHECK_EQUAL(with(R"("stdin": "a", "stdin_file": "b")"), p + "'stdin' and 'stdin_file' exclude each other");
}

CAF_TEST(checks have a short form and a list and never both) {
  const auto plain = parse_command_payload(R"({"command": ["a"], "check": ["b"], "check_timeout_ms": 5})");
  CAF_REQUIRE(plain);
  CAF_REQUIRE_EQUAL(checks_of(*plain).size(), 1u);
  CAF_CHECK(checks_of(*plain)[0].command == plain->check && checks_of(*plain)[0].timeout == std::chrono::milliseconds{5});
  const auto list = parse_command_payload(R"({"command": ["a"], "checks": [{"kind": "diff"}, {"kind": "human"}]})");
  CAF_REQUIRE(list);
  CAF_CHECK_EQUAL(checks_of(*list).size(), 2u);
  CAF_CHECK_EQUAL(to_json(*parse_command_payload(to_json(*list))), to_json(*list));
  CAF_CHECK(checks_of(*parse_command_payload(R"({"command": ["a"]})")).empty());
  CAF_CHECK_EQUAL(refusal(R"({"command": ["a"], "check": ["b"], "checks": [{"kind": "diff"}]})"),
                  "payload: 'check' and 'checks' exclude each other");
  CAF_CHECK_EQUAL(refusal(R"({"command": ["a"], "checks": [{"kind": "diffs"}]})"),
                  "payload: check 1: 'kind' must be one of files, diff, command, tests, model_review, human");
}

CAF_TEST(a workspace survives the way through JSON and excludes a directory) {
  const auto text = R"({"command": ["a"], "workspace": {"kind": "git_worktree", "repository": "/r", "on_retry": "reset"}})"s;
  const auto x = parse_command_payload(text);
  CAF_REQUIRE(x);
  CAF_CHECK(x->workspace.kind == workspace_kind::git_worktree && x->workspace.on_retry == retry_rule::reset);
  CAF_CHECK_EQUAL(to_json(*parse_command_payload(to_json(*x))), to_json(*x));
  const auto both = R"({"command": ["a"], "working_directory": "/w", "workspace": {"kind": "dir"}})";
  CAF_CHECK_EQUAL(refusal(both), "payload: 'workspace' and 'working_directory' exclude each other");
  CAF_CHECK(!take_checks(both));
  CAF_CHECK_EQUAL(refusal(R"({"command": ["a"], "working_directory": "/w", "workspace": {"kind": "none"}})"), "accepted");
  CAF_CHECK_EQUAL(refusal(R"({"command": ["a"], "workspace": {"kind": "folder"}})"),
                  "payload: workspace: 'kind' must be none, dir or git_worktree");
  const auto taken = take_checks(R"({"prompt": "p", "workspace": {"kind": "dir"}})");
  CAF_REQUIRE(taken);
  CAF_CHECK(taken->workspace.kind == workspace_kind::dir);
  CAF_CHECK_EQUAL(taken->rest, R"({"prompt":"p"})");
}

CAF_TEST(checks are taken out of any payload and the rest is left) {
  const auto taken = take_checks(R"({"url": "x", "checks": [{"kind": "diff"}], "check_timeout_ms": 1})");
  CAF_REQUIRE(taken);
  CAF_CHECK_EQUAL(taken->rest, R"({"url":"x"})");
  CAF_CHECK_EQUAL(taken->checks.size(), 1u);
  CAF_CHECK(!take_checks(R"({"check": ["a"], "checks": [{"kind": "diff"}]})"));
  CAF_CHECK(!take_checks(R"({"checks": 1})"));
  CAF_CHECK(!take_checks("[]"));
}

CAF_TEST(mutated payloads are read or refused) {
  const auto seed = 77u;
  CAF_MESSAGE("seed " << seed);
  std::mt19937 random{seed};
  const auto right = R"({"command":["make","-j2"],"environment":{"CC":"gcc"},"working_directory":"/","check":["a"],)"
                     R"("check_timeout_ms":5})"s;
  int accepted = 0;
  for (int round = 0; round < 20'000; ++round) {
    auto text = right;
    for (int i = 0; i <= round % 3; ++i)
      text[random() % text.size()] = static_cast<char>(random() % 256);
    const auto payload = parse_command_payload(text);
    accepted += payload ? 1 : 0;
    if (!payload)
      CAF_REQUIRE(render(payload.error()).starts_with("payload: "));
  }
  CAF_CHECK_GREATER(accepted, 0);
}

CAF_TEST(a deep nest is refused without recursion) {
  CAF_CHECK_EQUAL(refusal(std::string(1'000'000, '[')), "payload: must be a JSON object");
}
