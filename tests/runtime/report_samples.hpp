#pragma once

#include "runtime/checks/test_report.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

// What test runners write, as it is, and what only looks like it.
namespace swarm::test {

using namespace std::string_literals;

struct counted_report {
  report_format format;
  std::string text;
  std::uint64_t passed, failed, errored, skipped;
};

inline const std::string junit_of_pytest =
  R"(<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="1" failures="1" skipped="1" tests="4">
<testcase classname="test_a" name="test_ok" time="0.000" />
<testcase classname="test_a" name="test_bad" time="0.001">
  <failure message="assert 1 == 2">def test_bad(): assert 1 == 2</failure></testcase>
<testcase classname="test_a" name="test_skip"><skipped type="pytest.skip" message="no">a.py:4: no</skipped></testcase>
<testcase classname="" name="e.test_c"><error message="collection failure">ModuleNotFoundError</error></testcase>
</testsuite></testsuites>)";

inline const std::string junit_of_ctest = R"xml(<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="(empty)"
	tests="4"
	failures="1"
	disabled="1"
	skipped="1"
	>
	<testcase name="alpha" classname="alpha" time="0.002" status="run">
		<system-out>&lt;failure/&gt;</system-out>
	</testcase>
	<testcase name="beta (two)" classname="beta (two)" time="0.002" status="fail">
		<failure message=""/>
		<system-out></system-out>
	</testcase>
	<testcase name="gamma" classname="gamma" time="0.001" status="notrun">
		<skipped message="SKIP_RETURN_CODE=77"/>
	</testcase>
	<testcase name="delta" classname="delta" time="0" status="disabled">
		<system-out>Disabled</system-out>
	</testcase>
</testsuite>
)xml";

inline const std::string junit_of_gtest = R"(<testsuites tests="3" failures="0" disabled="1" errors="0" name="AllTests">
  <testsuite name="Outer" tests="3">
    <testsuite name="Inner" tests="1">
      <testcase name="Adds" status="run" result="completed" time="0" classname="Inner" />
    </testsuite>
    <testcase name="DISABLED_Later" status="notrun" result="suppressed" time="0" classname="Outer" />
    <testcase name="Elsewhere" status="run" result="skipped" time="0" classname="Outer" />
  </testsuite>
</testsuites>
)";

inline const std::string junit_of_node = R"(<?xml version="1.0" encoding="utf-8"?>
<testsuites>
	<testcase name="fine" time="0.001025" classname="test"/>
	<testcase name="later" time="0.000109" classname="test" failure="x">
		<skipped type="todo" message="one day"/>
		<failure type="testCodeFailure" message="x">[Error [ERR_TEST_FAILURE]: x]</failure>
	</testcase>
	<!-- tests 2 -->
</testsuites>
)";

inline const std::string tap_of_node = R"(TAP version 13
# Subtest: fine
ok 1 - fine
  ---
  duration_ms: 1.145837
  ...
# Subtest: bad \# TODO not really
not ok 2 - bad \# TODO not really
  ---
  stack: |-
    not ok 7 - in a stack
  ...
# Subtest: later
not ok 3 - later # TODO one day
# Subtest: skipped
ok 4 - skipped # SKIP no
# Subtest: parent
    # Subtest: child
    not ok 1 - child
    1..1
not ok 5 - parent
1..5
# tests 7
)";

inline const std::string tap_of_perl = R"(ok 1 - a
not ok 2 - b # TODO later
#   Failed (TODO) test 'b'
ok 3 - b2 # TODO later
ok 4 # skip no
1..4
)";

inline const std::string ctest_mixed = R"(Test project /home/me/build
    Start 1: alpha
1/7 Test #1: alpha ............................   Passed    0.00 sec
    Start 2: beta (two)
2/7 Test #2: beta (two) .......................***Failed    0.00 sec
    Start 3: gamma
3/7 Test #3: gamma ............................***Skipped   0.00 sec
    Start 4: delta
4/7 Test #4: delta ............................***Not Run (Disabled)   0.00 sec
    Start 5: eps
Could not find executable no-such-program
5/7 Test #5: eps ..............................***Not Run   0.00 sec
    Start 6: zeta
6/7 Test #6: zeta .............................***Timeout   1.01 sec
    Start 7: eta
7/7 Test #7: eta ..............................***Exception: SegFault  0.00 sec

33% tests passed, 4 tests failed out of 6

Label Time Summary:
slow    =   1.01 sec*proc (1 test)

Total Test time (real) =   1.02 sec

The following tests did not run:
	  3 - gamma (Skipped)
	  4 - delta (Disabled)

The following tests FAILED:
	  2 - beta (two) (Failed)
	  5 - eps (Not Run)
	  6 - zeta (Timeout)
	  7 - eta (SEGFAULT)
Errors while running CTest
)";

inline const std::string ctest_all_skipped = R"(Test project /home/me/build
    Start 3: gamma
1/1 Test #3: gamma ............................***Skipped   0.01 sec

100% tests passed, 0 tests failed out of 1

Total Test time (real) =   0.01 sec

The following tests did not run:
	  3 - gamma (Skipped)
)";

inline const std::string ctest_good = R"(Test project /home/me/build
    Start 1: alpha
1/2 Test #1: alpha ............................   Passed    0.01 sec
    Start 2: beta
2/2 Test #2: beta .............................   Passed    0.01 sec

100% tests passed, 0 tests failed out of 2

Total Test time (real) =   0.02 sec
)";

inline const std::string pytest_mixed = R"(
============================= test session starts ==============================
platform linux -- Python 3.11.2, pytest-7.2.1, pluggy-1.0.0
collected 8 items

test_a.py .FsxXFFE                                                       [100%]

=================================== FAILURES ===================================
E   assert 1 == 2
=========================== short test summary info ============================
FAILED test_a.py::test_bad - assert 1 == 2
FAILED test_a.py::test_par[a - b] - assert 0
FAILED test_a.py::test_par[c] - assert 0
ERROR test_a.py::test_err - RuntimeError: x
==== 3 failed, 1 passed, 1 skipped, 1 xfailed, 1 xpassed, 1 error in 0.02s =====
)";

inline const std::string go_mixed = "--- FAIL: TestAdd (0.00s)\n"
                             "    add_test.go:8: 1 + 1 = 3\n"
                             "    --- FAIL: TestAdd/small (0.00s)\n"
                             "FAIL\n"
                             "FAIL\texample.com/calc\t0.003s\n"
                             "ok  \texample.com/good\t0.002s\n"
                             "ok  \texample.com/cached\t(cached)\n"
                             "ok  \texample.com/none\t0.002s [no tests to run]\n"
                             "?   \texample.com/cmd\t[no test files]\n"
                             "# example.com/broken\n"
                             "broken/broken.go:3:1: syntax error\n"
                             "FAIL\texample.com/broken [build failed]\n"
                             "FAIL\n";

inline const std::string go_verbose = "=== RUN   TestOne\n"
                               "--- PASS: TestOne (0.00s)\n"
                               "=== RUN   TestTwo\n"
                               "=== RUN   TestTwo/part\n"
                               "--- PASS: TestTwo (0.00s)\n"
                               "    --- PASS: TestTwo/part (0.00s)\n"
                               "=== RUN   TestLater\n"
                               "    a_test.go:9: not here\n"
                               "--- SKIP: TestLater (0.00s)\n"
                               "PASS\n"
                               "ok  \texample.com/a\t0.002s\tcoverage: 50.0% of statements\n";

inline std::string go_events(std::initializer_list<std::string_view> events) {
  std::string result;
  for (const auto event : events)
    result += R"({"Time":"2026-01-02T03:04:05Z",)" + std::string{event} + "}\n";
  return result;
}

inline const std::string go_json_mixed =
  "go: downloading example.com/x v1.2.3\n"
  + go_events({R"("Action":"start","Package":"a")", R"("Action":"run","Package":"a","Test":"TestOne")",
               R"("Action":"output","Package":"a","Test":"TestOne","Output":"--- FAIL: no\n")",
               R"("Action":"pass","Package":"a","Test":"TestOne","Elapsed":0)",
               R"("Action":"fail","Package":"a","Test":"TestTwo","Elapsed":0)",
               R"("Action":"skip","Package":"a","Test":"TestLater","Elapsed":0)",
               R"("Action":"fail","Package":"a","Elapsed":0.1)", R"("Action":"skip","Package":"no/files","Elapsed":0)",
               R"("ImportPath":"b","Action":"build-fail")",
               R"("Action":"fail","Package":"b","Elapsed":0,"FailedBuild":"b")"});

inline const std::vector<counted_report> counted_reports{
  {report_format::junit, junit_of_pytest, 1, 1, 1, 1},
  {report_format::junit, junit_of_ctest, 1, 1, 0, 2},
  {report_format::junit, junit_of_gtest, 1, 0, 0, 2},
  {report_format::junit, junit_of_node, 1, 0, 0, 1},
  {report_format::junit, junit_of_pytest + "\n" + junit_of_ctest, 2, 2, 1, 3},
  {report_format::junit, R"(<testsuite><error message="no database"/><testcase name="a"/></testsuite>)", 1, 0, 1, 0},
  {report_format::junit, R"(<testsuite><testcase name="a"><error/><failure/><failure/></testcase></testsuite>)", 0, 0,
   1, 0},
  {report_format::junit, R"(<testsuite><testcase name="a" status="failed"/></testsuite>)", 0, 1, 0, 0},
  {report_format::junit, R"(<testsuite tests="1"><testcase name="a"/><testcase name="b"/></testsuite>)", 2, 0, 0, 0},
  {report_format::junit, R"(<testsuite tests="many"><testcase name="a"/></testsuite>)", 1, 0, 0, 0},
  {report_format::junit, R"(<testsuites><testsuite name="catch2" tests="9" hostname="tbd"><testcase name="a"/></testsuite>)"
                         R"(<testsuite name="doctest" tests="7" doctest_version="2.4.9"><testcase name="b"/></testsuite></testsuites>)",
   2, 0, 0, 0},
  {report_format::tap, tap_of_node, 1, 2, 0, 2},
  {report_format::tap, tap_of_perl, 2, 0, 0, 2},
  {report_format::tap, "1..2\r\nok 1 one\r\nnot ok 2 two\r\n", 1, 1, 0, 0},
  {report_format::tap, "1..3\nok\nok 2# SKIP\nnot ok - x#SKIP\n", 1, 1, 0, 1},
  {report_format::tap, "1..2\nok 1 - skipper # skipper\nok 2 - a # b # todo c\nokay\nnotes\n", 2, 0, 0, 0},
  {report_format::tap, "1..1\nok 1 - a \\# SKIP b\n", 1, 0, 0, 0},
  {report_format::tap, "1..0 # SKIP no database\n", 0, 0, 0, 0},
  {report_format::ctest, ctest_mixed, 1, 4, 0, 1},
  {report_format::ctest, ctest_all_skipped, 0, 0, 0, 1},
  {report_format::ctest, ctest_mixed + ctest_good, 3, 4, 0, 1},
  {report_format::ctest, // --repeat until-pass
   " 1/12 Test  #1: a ...***Failed  0.1 sec\n       Test  #1: a ...   Passed  0.1 sec\n"
   "100% tests passed, 0 tests failed out of 1\n",
   1, 0, 0, 0},
  {report_format::pytest, pytest_mixed, 2, 3, 1, 2},
  {report_format::pytest, ".\n3 passed, 1 failed, 2 skipped in 0.12s\n", 3, 1, 0, 2},
  {report_format::pytest, "=== 5 passed, 2 deselected, 1 warning, 1 rerun in 61.20s (0:01:01) ===\n", 5, 0, 0, 0},
  {report_format::pytest, "== 5 passed, 1 warnings in 0.12 seconds ==\n", 5, 0, 0, 0},
  {report_format::pytest, "=== 1 failed, 1 passed, 1 subtests passed, 2 subtests failed in 0.1s ===\n", 1, 3, 0, 0},
  {report_format::pytest, "collected 0 items\n\n=== no tests ran in 0.00s ===\nERROR: file not found: x.py\n", 0, 0, 0,
   0},
  {report_format::pytest, "collected 1 item\n=== 1 test collected in 0.00s ===\n", 0, 0, 0, 0},
  {report_format::pytest, "=== 1 error in 0.03s ===\n", 0, 0, 1, 0},
  {report_format::pytest, "7 passed in 0.01s\n12 apples in 3s\n=== 2 passed in 0.01s ===\nbye\n", 2, 0, 0, 0},
  {report_format::pytest,
   "\x1b[32m====== \x1b[32m\x1b[1m1 passed\x1b[0m, \x1b[33m2 skipped\x1b[0m\x1b[32m in 0.00s\x1b[0m\x1b[32m "
   "======\x1b[0m\n",
   1, 0, 0, 2},
  {report_format::go, go_mixed, 2, 2, 1, 0},
  {report_format::go, go_verbose, 3, 0, 0, 1},
  {report_format::go, "--- PASS: TestOne (0.00s)\npanic: boom\nFAIL\texample.com/a\t0.002s\nFAIL\n", 1, 0, 1, 0},
  {report_format::go, "--- PASS: fake (0.00s)\nPASS\nok  \ta\t0.1s [no tests to run]\n", 0, 0, 0, 0},
  {report_format::go, "?   \texample.com/cmd\t[no test files]\n", 0, 0, 0, 0},
  {report_format::go_json, go_json_mixed, 1, 1, 1, 1},
  {report_format::go_json, "FAIL\tb [build failed]\n" + go_events({R"("Action":"skip","Package":"a")"}), 0, 0, 1, 0},
  {report_format::go_json, go_events({R"("Action":"pass","Package":"a")"}), 0, 0, 0, 0},
};

struct bad_report {
  report_format format;
  std::string text;
  std::string_view words; ///< Of the sentence.
};

inline std::string entity_bomb() {
  return R"(<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;"><!ENTITY c "&b;&b;">]>
<testsuite><testcase name="&c;"/></testsuite>)";
}

inline const std::vector<bad_report> bad_reports{
  {report_format::junit, junit_of_pytest.substr(0, 300), "torn"},
  {report_format::junit, "3 passed", "isn't XML"},
  {report_format::junit, "<html><testcase/></html>", "its root is 'html'"},
  {report_format::junit, "<testsuite><testcase/></testsuite>\0"s, "NUL byte at 34"},
  {report_format::junit, "<testsuite failures='2'><testcase name='a'/></testsuite>", "contradicts itself"},
  {report_format::junit, "<testsuite><testcase name='a' status='odd'/></testsuite>", "the status 'odd'"},
  {report_format::junit, "<testsuite name='x' tests='2'><testcase name='a'/></testsuite>",
   "claims 2 tests in the suite 'x' and has 1"},
  {report_format::junit,
   "<testsuites tests='3'><testsuite tests='1'><testcase name='a'/></testsuite>"
   "<testsuite tests='1'><testcase name='b'/></testsuite></testsuites>",
   "claims 3 tests in the suite '' and has 2"},
  {report_format::junit,
   "<testsuites><testsuite name='x' tests='2'><testcase name='a'/></testsuite>"
   "<testsuite name='y' tests='1'><testcase name='b'/><testcase name='c'/></testsuite></testsuites>",
   "claims 2 tests in the suite 'x' and has 1"},
  {report_format::junit, entity_bomb(), "document type declaration"},
  {report_format::tap, "ok 1\nok 2\n", "no plan"},
  {report_format::tap, "1..3\nok 1\nok 2\n", "plans 3 tests and has 2"},
  {report_format::tap, "1..1\nok 1\nok 2\n", "plans 1 test and has 2"},
  {report_format::tap, "ok 1\n1..2\nok 2\n", "1 stand before the plan"},
  {report_format::tap, "1..2\nok 1\nok 3\n", "counts 3 where test 2 should be"},
  {report_format::tap, "1..1\nok 1\n1..1\nok 1\n", "two plans"},
  {report_format::tap, "1..2\nok 1\nBail out!  no disk\n", "given up: 'Bail out!  no disk'"},
  {report_format::tap, "1..99999999999999999999\nok 1\n", "no plan"},
  {report_format::tap, "1..1\nok 1 - cut", "middle of a line"},
  {report_format::tap, "1..2\nok 1\n... 1,234 bytes dropped ...\nok 2\n", "gap"},
  {report_format::ctest, "Test project /x\nNo tests were found!!!\n", "no tests were found"},
  {report_format::ctest, ctest_good + "No tests were found!!!\n", "no tests were found"},
  {report_format::ctest, "Test project /x\n  Test #1: alpha\n\nTotal Tests: 1\n", "no summary"},
  {report_format::ctest, ctest_mixed.substr(0, 500) + "\n", "no summary"},
  {report_format::ctest, "100% tests passed, 3 tests failed out of 2\n", "contradicts itself"},
  {report_format::ctest, ctest_good + "The following tests FAILED:\n\t  1 - alpha (Failed)\n", "lists 1"},
  {report_format::ctest,
   "1/1 Test #1: a ...***Skipped\n2/1 Test ***Skipped\n100% tests passed, 0 tests failed out of 1\n",
   "contradicts itself"},
  {report_format::pytest, "test_b.py .   [100%]\n", "no summary"},
  {report_format::pytest, "=== 3 passed in 0.12\n", "no summary"},
  {report_format::pytest, "=== 3 passed in 0.12s\n", "no summary"},
  {report_format::pytest, "3 passed, 1 flaky in 0.12s\n", "'flaky'"},
  {report_format::pytest, "99999999999999999999 passed in 0.12s\n", "no summary"},
  {report_format::go, "PASS\n", "no line 'ok'"},
  {report_format::go, "ok  \ta\t0.1s\n=== RUN   TestX\n--- PASS: TestX (0.00s)\n", "torn"},
  {report_format::go, "ok  \ta\t0.1s\nFAIL\n", "contradicts itself"},
  {report_format::go_json, "ok  \ta\t0.1s\n", "no events"},
  {report_format::go_json, go_json_mixed + "{\"Action\":\"pa\n", "no event"},
  {report_format::go_json, "{\"Action\":3}\n", "no event"},
  {report_format::go_json, go_events({R"("Action":"pass","Package":"a","Test":"TestOne")"}),
   "package 'a', so it is torn"},
  {report_format::go_json,
   go_events({R"("Action":"build-fail","ImportPath":"b")", R"("Action":"pass","Package":"a","Test":"T")",
              R"("Action":"pass","Package":"a")"}),
   "contradicts itself"},
};

} // namespace swarm::test
