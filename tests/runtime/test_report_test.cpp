#define CAF_SUITE test_report

#include "runtime/checks/test_report.hpp"

#include "tests/fixtures/seed.hpp"
#include "tests/runtime/report_samples.hpp"

#include <array>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::checks;
using namespace swarm::test;
using namespace std::string_literals;

namespace {

constexpr std::array<report_format, 6> all_formats{report_format::junit,  report_format::tap, report_format::ctest,
                                                   report_format::pytest, report_format::go,  report_format::go_json};

finding judged(report_format format, std::string_view text, std::int32_t exit_code) {
  return judge_test_report(parse_test_report(format, text), exit_code, text);
}

bool has(std::string_view text, std::string_view words) {
  return text.find(words) != text.npos;
}

std::string tap_of(std::uint64_t tests) {
  std::string result;
  for (std::uint64_t i = 1; i <= tests; ++i)
    result += (i % 1'000 == 0 ? "not ok " : "ok ") + std::to_string(i) + " - case\n";
  return result + "1.." + std::to_string(tests) + "\n";
}

} // namespace

CAF_TEST(the tests in the reports of all runners are counted) {
  for (auto& row : counted_reports) {
    CAF_MESSAGE(to_string(row.format) << ": " << row.text.substr(0, 300));
    const auto counts = parse_test_report(row.format, row.text);
    CAF_REQUIRE(counts);
    CAF_CHECK_EQUAL(counts->passed, row.passed);
    CAF_CHECK_EQUAL(counts->failed, row.failed);
    CAF_CHECK_EQUAL(counts->errored, row.errored);
    CAF_CHECK_EQUAL(counts->skipped, row.skipped);
  }
}

CAF_TEST(a report passes exactly when a test ran and none failed and the runner exited with 0) {
  for (auto& row : counted_reports) {
    CAF_MESSAGE(to_string(row.format) << ": " << row.text.substr(0, 300));
    const auto is_bad = row.failed + row.errored > 0;
    const auto ran = row.passed + row.failed + row.errored > 0;
    const auto good_exit = !ran ? verdict::error : is_bad ? verdict::fail : verdict::pass;
    CAF_CHECK(judged(row.format, row.text, 0).verdict == good_exit);
    for (const auto exit_code : {1, 2, 137, -1})
      CAF_CHECK(judged(row.format, row.text, exit_code).verdict == (ran ? verdict::fail : verdict::error));
    for (const auto never_started : {126, 127})
      CAF_CHECK(judged(row.format, row.text, never_started).verdict == verdict::error);
  }
}

CAF_TEST(a report that is torn or lies or is of something else is an error that says why) {
  for (auto& row : bad_reports) {
    CAF_MESSAGE(to_string(row.format) << ": " << row.text.substr(0, 300));
    for (const auto exit_code : {0, 1}) {
      const auto x = judged(row.format, row.text, exit_code);
      CAF_CHECK(x.verdict == verdict::error);
      CAF_CHECK(has(x.evidence, row.words));
      CAF_CHECK(has(x.evidence, "the " + to_string(row.format) + " report "));
    }
  }
}

CAF_TEST(nothing and blanks and the report of another runner never pass) {
  for (const auto format : all_formats) {
    CAF_CHECK(judged(format, "", 0).verdict == verdict::error);
    CAF_CHECK(judged(format, " \n\t\n", 0).verdict == verdict::error);
    CAF_CHECK(judged(format, "all 12 tests passed\n", 0).verdict == verdict::error);
    for (auto& row : counted_reports)
      if (row.format != format)
        CAF_CHECK(judged(format, row.text + "\n", 0).verdict != verdict::pass);
  }
}

CAF_TEST(no beginning of a report that does not pass does) {
  for (auto& row : counted_reports)
    if (row.passed == 0 || row.failed + row.errored > 0)
      for (std::size_t size = 0; size < row.text.size(); ++size)
        CAF_REQUIRE(judged(row.format, row.text.substr(0, size), 0).verdict != verdict::pass);
}

CAF_TEST(the sentence tells what failed and when the exit code denies it) {
  const auto lost = judged(report_format::pytest, pytest_mixed, 0);
  CAF_CHECK_EQUAL(lost.evidence,
                  "4 of 6 tests failed or broke: 'test_a.py::test_bad', 'test_a.py::test_par[a - b]', "
                  "'test_a.py::test_par[c]' and 'test_a.py::test_err' (although the runner exited with 0)");
  CAF_CHECK(has(lost.detail, "E   assert 1 == 2"));
  CAF_CHECK_EQUAL(judged(report_format::ctest, ctest_good, 8).evidence,
                  "all of 2 tests passed, but the runner exited with 8");
  CAF_CHECK_EQUAL(judged(report_format::ctest, ctest_good, 0).evidence, "2 tests passed, 0 skipped");
  CAF_CHECK_EQUAL(judged(report_format::ctest, ctest_all_skipped, 0).evidence,
                  "no test ran, 1 skipped (the runner exited with 0)");
  CAF_CHECK_EQUAL(judged(report_format::go, go_mixed, 1).evidence,
                  "3 of 5 tests failed or broke: 'TestAdd', 'TestAdd/small' and 'example.com/broken'");
  CAF_CHECK_EQUAL(judged(report_format::ctest, ctest_mixed, 8).evidence,
                  "4 of 5 tests failed: 'beta (two)', 'eps', 'zeta' and 'eta'");
}

CAF_TEST(five failed tests are named and the others counted) {
  const auto x = judged(report_format::tap, tap_of(12'000), 1);
  CAF_CHECK(has(x.evidence, "12 of 12000 tests failed: 'case', 'case', 'case', 'case', 'case' and 7 more"));
  const auto nameless = judged(report_format::pytest, "3 failed in 0.1s\n", 1);
  CAF_CHECK_EQUAL(nameless.evidence, "3 of 3 tests failed: 3 without a name");
}

CAF_TEST(a run that failed is not made up for by one behind it) {
  for (const auto* text : {"1 failed, 2 passed in 0.1s\n1 passed in 0.1s\n",
                           "=== 1 error in 0.1s ===\n=== 2 passed in 0.1s ===\n",
                           "FAILED a.py::t - x\n=== 1 failed in 0.10s ===\n2 passed in 0.01s\n",
                           "FAILED a.py::t - x\n1 failed in 0.10s\n=== 2 passed in 0.01s ===\n"})
    CAF_CHECK(judged(report_format::pytest, text, 0).verdict == verdict::error);
  CAF_CHECK(judged(report_format::pytest, "2 passed in 0.1s\n1 passed in 0.1s\n", 0).verdict == verdict::pass);
}

CAF_TEST(a summary of ctest that forgets a failure above it is an error) {
  const auto good = "100% tests passed, 0 tests failed out of 2\n"s;
  for (const auto* ending : {"***Failed  0.1 sec", "***Exception: SegFault  0.1 sec", "***Timeout 1.0 sec",
                             "***Not Run   0.0 sec",
                             "***Failed  Required regular expression not found. [x]  0.1 sec"}) {
    const auto failed = "1/2 Test #1: a ..."s + ending + "\n";
    for (const auto& text : {failed + good, good + failed, failed + "    Test #2: b ...   Passed  0.1 sec\n" + good,
                             failed + "1/2 Test #1: a ...   Passed  0.1 sec\n" + good}) { // another run, not a repeat
      const auto x = judged(report_format::ctest, text, 0);
      CAF_CHECK(x.verdict == verdict::error);
      CAF_CHECK(has(x.evidence, "contradicts itself: 0 tests failed, and it shows 1"));
    }
  }
  CAF_CHECK(judged(report_format::ctest, "1/2 Test #1: a ...***Not Run (Disabled)   0.0 sec\n" + good, 0).verdict
            == verdict::pass);
}

CAF_TEST(attributes that praise a suite are not believed) {
  const auto x = judged(report_format::junit,
                        "<testsuites tests='100' failures='0' errors='0'><testsuite tests='100' failures='0'>"
                        "<testcase name='a'/><testcase name='b'><failure/></testcase></testsuite></testsuites>",
                        0);
  CAF_CHECK(x.verdict == verdict::fail);
  CAF_CHECK(has(x.evidence, "1 of 2 tests failed: 'b'"));
  CAF_CHECK(judged(report_format::junit, "<testsuite tests='100' failures='0'/>", 0).verdict == verdict::error);
}

CAF_TEST(names can neither break the line nor fill the page) {
  const auto x = judged(report_format::tap, "1..1\nnot ok 1 - \x1b]0;title\x07" + std::string(100'000, 'x') + "\n", 1);
  CAF_CHECK(has(x.evidence, "'\\x1b]0;title\\x07xxx"));
  CAF_CHECK(x.evidence.size() < 400);
  CAF_CHECK(x.detail.size() < 9'000);
  CAF_CHECK(has(x.detail, " bytes dropped ..."));
  const auto torn_letter = judged(report_format::tap, "1..1\nnot ok " + std::string(159, 'x') + "\xc3\xa4\n", 1);
  CAF_CHECK(has(torn_letter.evidence, "x...'"));
}

CAF_TEST(a million lines are counted) {
  const auto text = tap_of(1'000'000);
  const auto counts = parse_test_report(report_format::tap, text);
  CAF_REQUIRE(counts);
  CAF_CHECK_EQUAL(counts->passed, 999'000u);
  CAF_CHECK_EQUAL(counts->failed, 1'000u);
  for (const auto format : {report_format::ctest, report_format::pytest, report_format::go})
    CAF_CHECK(judged(format, text, 0).verdict == verdict::error);
}

CAF_TEST(a report beyond the limit is not read) {
  const auto text = "#" + std::string(report_bytes_max, 'x') + "\n1..1\nok 1\n";
  CAF_CHECK(has(judged(report_format::tap, text, 0).evidence, "the limit is 33554432"));
  CAF_CHECK(judged(report_format::tap, "#" + text.substr(100), 0).verdict == verdict::pass);
}

CAF_TEST(suites nested a hundred thousand deep are counted) {
  std::string text;
  for (int i = 0; i < 100'000; ++i)
    text += "<testsuite>";
  text += "<testcase name='deep'/>";
  CAF_CHECK(judged(report_format::junit, text, 0).verdict == verdict::error);
  for (int i = 0; i < 100'000; ++i)
    text += "</testsuite>";
  CAF_CHECK(judged(report_format::junit, text, 0).verdict == verdict::pass);
}

CAF_TEST(random bytes never pass and broken reports never crash) {
  const auto seed = choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](std::size_t max) { return std::uniform_int_distribution<std::size_t>{0, max}(random); };
  for (int round = 0; round < 3'000; ++round) {
    std::string noise(pick(300), '\0');
    for (auto& x : noise)
      x = static_cast<char>(pick(255));
    auto broken = counted_reports[pick(counted_reports.size() - 1)].text;
    for (auto edits = pick(5); edits > 0; --edits)
      broken[pick(broken.size() - 1)] = static_cast<char>(pick(255));
    for (const auto format : all_formats) {
      CAF_REQUIRE(judged(format, noise + "\n", 0).verdict != verdict::pass);
      judged(format, broken, 0);
    }
  }
}
