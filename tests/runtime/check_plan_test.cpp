#define CAF_SUITE check_plan

#include "runtime/checks/check_plan.hpp"

#include "tests/fixtures/scratch_folder.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::checks;
using namespace std::chrono_literals;
using namespace std::string_literals;
using nlohmann::json;

namespace {

using enum demand::kind;

command_result exited(std::int32_t code, std::string output = "") {
  command_result result;
  result.exit_code = code;
  result.output_bytes = output.size();
  result.output = std::move(output);
  return result;
}

command_result ended(command_ending how) {
  command_result result;
  result.ending = how;
  return result;
}

struct fixture {
  swarm::test::scratch_folder scratch;
  check_site site;
  check_plan plan;

  fixture() { site.directory = scratch.path().string(); }

  void make(const std::string& list) {
    auto checks = read_checks(json::parse(list));
    CAF_REQUIRE(checks);
    auto made = check_plan::make(std::move(*checks), site, 1);
    CAF_REQUIRE(made);
    plan = std::move(*made);
  }

  /// Does what needs no program, until one is wanted or it is over.
  demand look_on(demand x) {
    while (x.what == look)
      x = plan.on_found(x.look());
    return x;
  }

  demand prepare() { return look_on(plan.prepare()); }
  demand begin() { return look_on(plan.next()); }
  demand end(const command_result& x) { return look_on(plan.on_ended(x)); }

  /// "completed: it worked; ..."
  std::string verdict() {
    outcome x;
    x.evidence = "it worked";
    x.details = R"({"result": 1, "checks": "all fine, says the work"})";
    plan.judge(x);
    last = x;
    return to_string(x.end) + ": " + x.evidence;
  }

  json records() { return json::parse(last.details)["checks"]; }

  /// A member of the record of a check; nothing when it has none.
  std::string record(std::size_t i, const char* member) {
    auto all = records();
    return all.at(i).contains(member) ? all[i][member].is_string() ? all[i][member].get<std::string>() : all[i][member].dump()
                                      : "";
  }

  outcome last;
};

bool has(std::string_view text, std::string_view words) {
  return text.find(words) != text.npos;
}

const auto command = R"({"kind": "command", "command": ["check"]})"s;

} // namespace

CAF_TEST_FIXTURE_SCOPE(check_plan_tests, fixture)

CAF_TEST(only a program that exits with 0 passes and what gives no verdict is an error) {
  const std::vector<std::pair<command_result, std::string>> table{
    {exited(0), "completed: it worked; check 'check' passed"},
    {exited(1), "check_failed: check 'check' failed: exit code 1"},
    {exited(126), "check_error: check 'check' couldn't run: exit code 126"},
    {exited(127), "check_error: check 'check' couldn't run: exit code 127"},
    {exited(137), "check_error: check 'check' gave no verdict: exit code 137, with which a shell says that a program was killed"},
    {exited(143), "check_error: check 'check' gave no verdict: exit code 143, with which a shell says that a program was killed"},
    {ended(command_ending::signalled), "check_error: check 'check' gave no verdict: ended by signal 0"},
    {ended(command_ending::timed_out), "check_error: check 'check' gave no verdict in time: stopped after 0.0 s"},
    {ended(command_ending::stopped), "check_error: check 'check' gave no verdict: stopped with its node"},
    {ended(command_ending::not_started), "check_error: the check couldn't run: "},
  };
  for (auto& [result, expected] : table) {
    make("[" + command + "]");
    CAF_CHECK(prepare().what == nothing);
    CAF_REQUIRE(begin().what == program);
    CAF_CHECK(end(result).what == nothing);
    CAF_CHECK_EQUAL(verdict(), expected);
  }
}

CAF_TEST(the first check that does not pass is the last one and each has its record) {
  make(R"([{"kind": "command", "name": "lint", "command": ["lint"], "timeout_ms": 7}, )"
       R"({"kind": "command", "command": ["check"]}, {"kind": "command", "command": ["never"]}])");
  auto first = begin();
  CAF_CHECK_EQUAL(first.program.argv.at(0), "lint");
  CAF_CHECK(first.program.timeout == 7ms);
  auto second = end(exited(0, "fine"));
  CAF_CHECK_EQUAL(second.program.argv.at(0), "check");
  CAF_CHECK(end(exited(2, "b\0ad\xFF"s)).what == nothing);
  CAF_CHECK_EQUAL(verdict(), "check_failed: check 'check' failed: exit code 2");
  CAF_CHECK_EQUAL(last.output, "--- check lint ---\nfine\n--- check ---\nb\0ad\xFF"s);
  CAF_CHECK_EQUAL(last.output_bytes, 9u);
  CAF_REQUIRE_EQUAL(records().size(), 2u);
  CAF_CHECK_EQUAL(record(0, "name"), "lint");
  CAF_CHECK_EQUAL(record(0, "verdict"), "pass");
  CAF_CHECK_EQUAL(record(1, "verdict"), "fail");
  CAF_CHECK_EQUAL(record(1, "detail"), "b\xEF\xBF\xBD" "ad\xEF\xBF\xBD");
  CAF_CHECK(has(last.details, R"("result":1)"));
}

CAF_TEST(a check without a verdict is repeated and then a person must judge) {
  site.repeats_max = 2;
  make("[" + command + ", " + command + "]");
  begin();
  end(exited(0));
  for (auto most : {1s, 2s}) {
    auto x = end(exited(127));
    CAF_REQUIRE(x.what == demand::kind::pause);
    CAF_CHECK(x.pause >= most / 2 && x.pause <= most);
    CAF_CHECK(begin().what == program);
  }
  CAF_CHECK(end(exited(127)).what == nothing);
  CAF_CHECK(verdict().starts_with("check_error: "));
  CAF_CHECK_EQUAL(record(1, "repeats"), "2");
  CAF_CHECK_EQUAL(record(0, "repeats"), "");
}

CAF_TEST(an error ends the checks as a failure does and only an error is repeated) {
  for (auto& [code, expected] : {std::pair{1, "check_failed: "}, {127, "check_error: "}}) {
    make("[" + command + ", " + command + "]");
    begin();
    CAF_CHECK(end(exited(code)).what == nothing); // nothing that the other one says could make up for it
    CAF_CHECK(verdict().starts_with(expected));
  }
  site.repeats_max = 2;
  make("[" + command + "]");
  begin();
  CAF_CHECK(end(exited(1)).what == nothing);
}

CAF_TEST(repeats are counted for each check by itself) {
  site.repeats_max = 1;
  make("[" + command + ", " + command + "]");
  begin();
  for (int i = 0; i < 2; ++i) {
    CAF_CHECK(end(exited(127)).what == demand::kind::pause);
    CAF_CHECK(begin().what == program);
    end(exited(0));
  }
  CAF_CHECK(verdict().starts_with("completed: "));
}

CAF_TEST(a program gets no credentials) {
  site.environment = {{"PATH", "/bin"},         {"SWARM_SECRET_DB", "x"}, {"ANTHROPIC_API_KEY", "x"}, {"GH_TOKEN", "x"},
                      {"db_password", "x"},     {"PGPASSWD", "x"},        {"AWS_CREDENTIALS", "x"},   {"KEYBOARD", "us"},
                      {"CLIENT_SECRET_ID", "x"}, {"MONKEY", "y"},          {"SWARM_TICKET", "1"},      {"APIKEY2", "x"},
                      {"GITHUB_PAT", "x"},      {"DB_PASS", "x"},         {"AUTH", "x"},              {"GIT_AUTHOR", "me"}};
  make(R"([{"kind": "diff"}, )" + command + "]");
  std::string names;
  for (auto& [name, value] : prepare().program.environment)
    names += name + " ";
  CAF_CHECK_EQUAL(names, "GIT_AUTHOR KEYBOARD MONKEY PATH SWARM_TICKET ");
}

CAF_TEST(a person is asked when all others have passed and only then) {
  make(R"([{"kind": "human", "question": "Is it good?", "expires_ms": 5000}, )" + command + "]");
  begin();
  CAF_CHECK(end(exited(0)).what == nothing);
  CAF_CHECK_EQUAL(verdict(), "review: it worked; check 'check' passed; Is it good?");
  CAF_CHECK(last.retry_after == 5s);
  make(R"([{"kind": "human"}, )" + command + "]");
  begin();
  end(exited(1));
  CAF_CHECK(verdict().starts_with("check_failed"));
  make(R"([{"kind": "human"}])");
  CAF_CHECK(begin().what == nothing);
  CAF_CHECK_EQUAL(verdict(), "review: it worked; a person must approve it");
  CAF_CHECK_EQUAL(last.retry_after.count(), 0);
}

CAF_TEST(tests pass by their report and not by their exit code) {
  const auto one = [](const std::string& more) {
    return R"([{"kind": "tests", "command": ["run"], "format": "tap")" + more + "}]";
  };
  const std::vector<std::pair<command_result, std::string>> table{
    {exited(0, "1..1\nok 1 - a\n"), "completed: it worked; 1 test passed, 0 skipped"},
    {exited(0, "1..1\nnot ok 1 - a\n"), "check_failed: 1 of 1 test failed: 'a' (although the runner exited with 0)"},
    {exited(0, "1..0\n"), "check_error: no test ran, 0 skipped (the runner exited with 0)"},
    {exited(0, "hello\n"), "check_error: the tap report has no plan '1..N'"},
    {exited(0), "check_error: the tap report is empty"},
    {exited(127, "1..1\nok 1 - a\n"), "check_error: check 'run' couldn't run: exit code 127"},
    {ended(command_ending::timed_out), "check_error: check 'run' gave no verdict in time"},
  };
  for (auto& [result, expected] : table) {
    make(one(""));
    begin();
    CAF_CHECK(end(result).what == nothing);
    CAF_MESSAGE(verdict());
    CAF_CHECK(verdict().starts_with(expected));
    make(one(R"(, "report": "out.tap")"));
    CAF_REQUIRE(begin().what == program);
    if (!result.output.empty())
      scratch.write("out.tap", result.output);
    auto silent = result;
    silent.output = "what the runner says";
    CAF_CHECK(end(silent).what == nothing);
    CAF_CHECK(verdict().starts_with(result.output.empty() && result.ending == command_ending::exited
                                      ? "check_error: there is no report of tests: 'out.tap' doesn't exist" : expected));
  }
}

CAF_TEST(what is redacted counts all the same and is told to nobody) {
  const auto secret = "correct horse"s;
  site.redact = [&](std::string_view text) {
    std::string result{text};
    for (auto at = result.find(secret); at != result.npos; at = result.find(secret))
      result.replace(at, secret.size(), "[redacted]");
    return result;
  };
  const auto tests = R"([{"kind": "tests", "command": ["run"], "format": "tap")"s;
  const auto diff = R"([{"kind": "diff", "protected": ["**horse"]}])"s;
  struct row {
    std::string checks, raw, redacted, expected;
  };
  const std::vector<row> table{
    {tests + "}]", "1..2\nok 1 - a\nnot ok 2 - correct horse\n", "1..2\nok 1 - a\n[redacted]\n",
     "check_failed: 1 of 2 tests failed: 1 without a name"},
    {tests + "}]", "1..2\nok 1 - a\nnot ok 2 - correct horse\n", "1..2\nok 1 - a\nnot ok 2 - [redacted]\n",
     "check_failed: 1 of 2 tests failed: '[redacted]'"},
    {tests + "}]", "Bail out! correct horse\n", "Bail out! [redacted]\n",
     "check_error: the tap report says that the tests were given up: 'Bail out! [redacted]'"},
    {tests + "}]", "1..1\nok 1\nBail out! correct horse\n", "1..1\nok 1\n[redacted]\n",
     "check_error: the tap report can't be read, and the reason lies where it holds a secret"},
    {diff, "M\0a correct horse\0"s, "M\0a [redacted]\0"s,
     "check_failed: 1 changed path is protected: 'a [redacted]'"},
    {diff, "M\0a correct horse\0"s, "M\0a [redacted", "check_failed: 1 changed path is protected: 'a [redacted]'"},
  };
  for (auto& x : table) {
    make(x.checks);
    if (prepare().what == program)
      end(exited(0, std::string(40, 'a') + "\n"));
    const auto asked = begin();
    CAF_CHECK(asked.program.keeps_raw_output);
    auto result = exited(0, x.redacted);
    result.output_bytes = x.raw.size();
    result.raw_output = x.raw;
    end(result);
    CAF_MESSAGE(verdict());
    CAF_CHECK(verdict().starts_with(x.expected));
    CAF_CHECK(!has(last.evidence + last.output + last.details, "horse"));
  }
  make("[" + command + "]");
  CAF_CHECK(!begin().program.keeps_raw_output);
}

CAF_TEST(what stands in a file is redacted before it is cut) {
  const auto secret = std::string(300, 's');
  site.redact = [&](std::string_view text) {
    std::string result{text};
    for (auto at = result.find(secret); at != result.npos; at = result.find(secret))
      result.replace(at, secret.size(), "[redacted]");
    return result;
  };
  const auto tap = "1..1\nnot ok 1 - " + std::string(100, 'x') + secret + "\n# " + std::string(9'000, 'y') + "\n";
  scratch.write("schema.json", json{{secret, {{"deep", 1}}}}.dump());
  const std::vector<std::pair<std::string, std::string>> table{
    {R"([{"kind": "tests", "command": ["run"], "format": "tap", "report": "out"}])", "1 of 1 test failed: 'xxx"},
    {R"([{"kind": "files", "files": [{"path": "schema.json", "json_schema": {"additionalProperties": {"maxProperties": 0}}}]}])",
     "'schema.json': the document doesn't match the schema at "},
  };
  for (auto& [checks, expected] : table) {
    make(checks);
    auto x = begin();
    if (x.what == program) {
      CAF_CHECK(!x.program.keeps_raw_output);
      scratch.write("out", tap);
      end(exited(1));
    }
    CAF_MESSAGE(verdict());
    CAF_CHECK(has(verdict(), expected));
    CAF_CHECK(has(verdict(), "[redacted]"));
    CAF_CHECK(!has(last.evidence + last.output + last.details, "sss"));
  }
  scratch.write("out", std::string(24 * 1024 - 100, 'x') + secret + std::string(10'000, 'y'));
  make(R"([{"kind": "model_review", "files": ["out"]}])");
  const auto asked = begin();
  CAF_CHECK(has(asked.question, "[redacted]"));
  CAF_CHECK(!has(asked.question, "sss"));
}

CAF_TEST(a report of former times is no report) {
  scratch.write("out.tap", "1..1\nok 1 - a\n");
  make(R"([{"kind": "tests", "command": ["run"], "format": "tap", "report": "out.tap"}])");
  begin();
  end(exited(0));
  CAF_CHECK(verdict().starts_with("check_error: there is no report of tests"));
}

CAF_TEST(a protected file that the work has changed fails the check and is named) {
  scratch.write("spec", "1");
  make(R"([{"kind": "files", "files": [{"path": "spec", "protected": true}]}])");
  CAF_CHECK(prepare().what == nothing);
  CAF_CHECK_EQUAL(plan.trouble(), "");
  scratch.write("spec", "2");
  CAF_CHECK(begin().what == nothing);
  CAF_CHECK_EQUAL(verdict(), "check_failed: 'spec' is protected, and the work has changed it");
  CAF_CHECK(has(last.output, "--- check ---\n'spec' is protected"));
}

CAF_TEST(a directory that the work has put in the place of its own is looked into by no check) {
  const auto work = scratch.path() / "work", other = scratch.path() / "other";
  site.directory = work.string();
  const std::vector<std::string> table{
    R"([{"kind": "files", "files": [{"path": "out"}]}])",
    R"([{"kind": "files", "files": [{"path": "none", "protected": true}]}])",
    R"([{"kind": "tests", "command": ["run"], "format": "tap", "report": "out"}])",
    R"([{"kind": "diff"}])",
    R"([{"kind": "model_review", "files": ["out"]}])",
  };
  for (const bool is_link : {true, false})
    for (auto& checks : table) {
      std::filesystem::remove_all(scratch.path());
      std::filesystem::create_directories(work);
      std::filesystem::create_directories(other);
      scratch.write("other/out", "1..1\nok 1\n");
      make(checks);
      if (prepare().what == program)
        end(exited(0, std::string(40, 'a') + "\n"));
      CAF_CHECK_EQUAL(plan.trouble(), "");
      std::filesystem::rename(work, scratch.path() / "away");
      if (is_link)
        std::filesystem::create_directory_symlink(other, work);
      else
        std::filesystem::rename(other, work);
      CAF_CHECK(begin().what == nothing);
      CAF_MESSAGE(checks << ": " << verdict());
      CAF_CHECK(verdict().starts_with("check_error: "));
      CAF_CHECK(has(verdict(), "isn't the one that the attempt began in"));
      CAF_CHECK(!has(last.output, "ok 1"));
      CAF_CHECK(std::filesystem::exists(work / "out")); // no report of former times
    }
}

CAF_TEST(a report is not read where the runner of tests leads) {
  const auto work = scratch.path() / "work";
  site.directory = work.string();
  std::filesystem::create_directory(work);
  std::filesystem::create_directory(scratch.path() / "other");
  scratch.write("other/out", "1..1\nok 1\n");
  make(R"([{"kind": "tests", "command": ["run"], "format": "tap", "report": "out"}])");
  prepare();
  CAF_REQUIRE(begin().what == program);
  std::filesystem::rename(work, scratch.path() / "away");
  std::filesystem::create_directory_symlink(scratch.path() / "other", work);
  end(exited(0));
  CAF_CHECK(verdict().starts_with("check_error: there is no report of tests: the directory "));
}

CAF_TEST(a directory that comes with the work or by a link of its owner is looked into) {
  site.directory = (scratch.path() / "work").string();
  make(R"([{"kind": "files", "files": [{"path": "out"}]}])");
  CAF_CHECK(prepare().what == nothing);
  std::filesystem::create_directory(scratch.path() / "real");
  std::filesystem::create_directory_symlink(scratch.path() / "real", scratch.path() / "work");
  scratch.write("real/out", "");
  begin();
  CAF_CHECK(verdict().starts_with("completed: "));
  make(R"([{"kind": "files", "files": [{"path": "out"}]}])");
  prepare();
  begin();
  CAF_CHECK(verdict().starts_with("completed: "));
}

CAF_TEST(checks that could never judge say so before the work) {
  make(R"([{"kind": "diff"}])");
  CAF_REQUIRE(prepare().what == program);
  CAF_CHECK(end(exited(128, "fatal: not a git repository\n")).what == nothing);
  CAF_CHECK(has(plan.trouble(), "git exited with 128: 'fatal: not a git repository'"));
  std::filesystem::create_directory(scratch.path() / "folder");
  make(R"([{"kind": "files", "files": [{"path": "folder", "protected": true}]}])");
  CAF_CHECK(prepare().what == nothing);
  CAF_CHECK_EQUAL(plan.trouble(), "'folder' isn't a regular file");
  auto checks = *read_checks(json::parse(R"([{"kind": "diff", "allowed": ["a//b"]}])"));
  CAF_CHECK(!check_plan::make(checks, site, 1));
}

CAF_TEST(a diff is judged against what was noted before the work) {
  make(R"([{"kind": "diff", "protected": ["tests/**"]}])");
  prepare();
  const auto base = std::string(40, 'a');
  CAF_CHECK(end(exited(0, base + "\n")).what == nothing);
  auto x = begin();
  CAF_CHECK_EQUAL(x.program.argv.back(), base);
  end(exited(0, "M\0src/a\0"s));
  CAF_CHECK(verdict().starts_with("completed: "));
  make(R"([{"kind": "diff", "protected": ["tests/**"]}])");
  prepare();
  end(exited(0, base + "\n"));
  begin();
  end(exited(0));
  CAF_CHECK_EQUAL(verdict(), "check_failed: no_work: nothing was changed");
}

CAF_TEST_FIXTURE_SCOPE_END()
