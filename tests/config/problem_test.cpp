#define CAF_SUITE config_problem

#include "config/problem.hpp"
#include "config/utf8.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::config;

CAF_TEST(a problem shows its place and one without lines shows its source only) {
  CAF_CHECK_EQUAL(to_string(problem{"graph.yaml", 3, 9, "is wrong"}), "graph.yaml:3:9: is wrong");
  CAF_CHECK_EQUAL(to_string(problem{"--node.slots", 0, 0, "is wrong"}), "--node.slots: is wrong");
}

CAF_TEST(problems are listed in the order of their places) {
  const problems found{{"b", 1, 1, "last"}, {"a", 10, 2, "third"}, {"a", 2, 9, "first"}, {"a", 2, 10, "second"}};
  CAF_CHECK_EQUAL(to_string(found), "a:2:9: first\na:2:10: second\na:10:2: third\nb:1:1: last");
}

CAF_TEST(beyond a hundred problems are counted) {
  const auto text = to_string(problems(1'101, problem{"a", 1, 1, "x"}));
  CAF_CHECK_EQUAL(std::count(text.begin(), text.end(), '\n'), 100);
  CAF_CHECK(text.ends_with("\n... and 1,001 more"));
  CAF_CHECK_EQUAL(to_string(problems{}), "");
}

CAF_TEST(the nearest name is the one with the fewest typing mistakes up to a third of its length) {
  const std::vector<std::string_view> known{"command", "check", "cwd", "env", "needs", "timeout"};
  CAF_CHECK_EQUAL(nearest("comand", known), "command");
  CAF_CHECK_EQUAL(nearest("commnad", known), "command");
  CAF_CHECK_EQUAL(nearest("timeuots", known), "timeout");
  CAF_CHECK_EQUAL(nearest("env", known), "env");
  CAF_CHECK_EQUAL(nearest("evn", known), "env");
  CAF_CHECK_EQUAL(nearest("vne", known), "");
  CAF_CHECK_EQUAL(nearest("need", known), "needs");
  CAF_CHECK_EQUAL(nearest("nxxd", known), "");
  CAF_CHECK_EQUAL(nearest("", known), "");
  CAF_CHECK_EQUAL(nearest("x", known), "");
  CAF_CHECK_EQUAL(nearest("command", {}), "");
}

CAF_TEST(of two near names the nearer wins wherever it stands) {
  CAF_CHECK_EQUAL(nearest("builds", {"boild", "build"}), "build");
  CAF_CHECK_EQUAL(nearest("builds", {"build", "boild"}), "build");
}

CAF_TEST(numbers are grouped by thousands) {
  CAF_CHECK_EQUAL(grouped(0), "0");
  CAF_CHECK_EQUAL(grouped(999), "999");
  CAF_CHECK_EQUAL(grouped(1'000), "1,000");
  CAF_CHECK_EQUAL(grouped(16'777'216), "16,777,216");
}

CAF_TEST(only well formed UTF8 counts as text) {
  using namespace std::string_view_literals;
  for (const auto right : {""sv, "a"sv, "\xC3\xA9"sv, "\xE2\x82\xAC"sv, "\xF0\x9F\x90\x9D"sv, "\xED\x9F\xBF"sv,
                           "\xEF\xBF\xBF"sv, "\xF4\x8F\xBF\xBF"sv, "a\0b"sv})
    CAF_CHECK_EQUAL(utf8_prefix(right), right.size());
  // A lone continuation, overlong forms, surrogates, beyond the last character, cut off.
  for (const auto wrong : {"\x80"sv, "\xC0\x80"sv, "\xC1\xBF"sv, "\xE0\x80\x80"sv, "\xF0\x80\x80\x80"sv,
                           "\xED\xA0\x80"sv, "\xF4\x90\x80\x80"sv, "\xF5\x80\x80\x80"sv, "\xFF"sv, "\xC3"sv,
                           "\xE2\x82"sv, "\xF0\x9F\x90"sv, "\xC3("sv})
    CAF_CHECK_EQUAL(utf8_prefix(wrong), 0u);
  CAF_CHECK_EQUAL(utf8_prefix("ab\xFF"), 2u);
}
