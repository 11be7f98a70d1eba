#define CAF_SUITE line_splitter

#include "runtime/executors/agent_cli/line_splitter.hpp"

#include "tests/fixtures/seed.hpp"

#include <string>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using swarm::executors::line_splitter;
using namespace std::string_literals;

namespace {

struct outcome_of_split {
  std::vector<std::string> lines;
  std::uint64_t dropped = 0;

  friend bool operator==(const outcome_of_split&, const outcome_of_split&) = default;
};

outcome_of_split split(std::size_t line_bytes_max, const std::vector<std::string>& pieces) {
  line_splitter splitter{line_bytes_max};
  outcome_of_split result;
  const auto keep = [&](std::string_view line) { result.lines.emplace_back(line); };
  for (auto& piece : pieces)
    splitter.append(piece, keep);
  splitter.finish(keep);
  result.dropped = splitter.dropped_lines();
  return result;
}

/// What it should be, by looking at the whole text.
outcome_of_split expected(std::size_t line_bytes_max, const std::string& text) {
  outcome_of_split result;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    auto line = text.substr(at, end - at);
    if (line.ends_with('\r'))
      line.pop_back();
    if (line.size() > line_bytes_max)
      ++result.dropped;
    else
      result.lines.push_back(line);
    at = end + 1;
  }
  return result;
}

using lines = std::vector<std::string>;

} // namespace

CAF_TEST(lines end with a newline with or without a carriage return) {
  CAF_CHECK_EQUAL(split(9, {"a\nbc\r\n\nd"}).lines, (lines{"a", "bc", "", "d"}));
  CAF_CHECK_EQUAL(split(9, {}).lines, lines{});
  CAF_CHECK_EQUAL(split(9, {""}).lines, lines{});
  CAF_CHECK_EQUAL(split(9, {"\n"}).lines, lines{""});
  CAF_CHECK_EQUAL(split(9, {"a\n"}).lines, lines{"a"});
  CAF_CHECK_EQUAL(split(9, {"a\rb\r\r\n"}).lines, lines{"a\rb\r"});
  CAF_CHECK_EQUAL(split(9, {"a", "b\r", "\nc\r"}).lines, (lines{"ab", "c"}));
  CAF_CHECK_EQUAL(split(9, {"\0\xff\n"s}).lines, lines{"\0\xff"s});
}

CAF_TEST(a line beyond the bound is dropped whole and counted and its neighbours are kept) {
  CAF_CHECK(split(3, {"abc\nabcd\nx\n"}) == (outcome_of_split{{"abc", "x"}, 1}));
  CAF_CHECK(split(3, {"abc\r\nabcd\r\nabc\r\r\nx"}) == (outcome_of_split{{"abc", "x"}, 2}));
  CAF_CHECK(split(3, {"ab", "cd", "ef", "gh\nx\n"}) == (outcome_of_split{{"x"}, 1}));
  CAF_CHECK(split(3, {"abc", "d"}) == (outcome_of_split{{}, 1}));
  CAF_CHECK(split(3, {"abcdef", "gh"}) == (outcome_of_split{{}, 1}));
  CAF_CHECK(split(3, {"abcdef\n", "abcdef\n"}) == (outcome_of_split{{}, 2}));
  CAF_CHECK(split(0, {"\n\r\na\n"}) == (outcome_of_split{{"", ""}, 1}));
}

CAF_TEST(the default takes a line of 16 MiB and no longer one) {
  const auto longest = std::string(line_splitter::default_line_bytes_max, 'x');
  std::size_t bytes = 0;
  line_splitter splitter;
  for (auto& piece : {longest, "\r\n"s, longest, "x\n"s, longest + "\n", longest + "x\n", "end\n"s})
    splitter.append(piece, [&](std::string_view line) { bytes += line.size(); });
  CAF_CHECK_EQUAL(bytes, 2 * longest.size() + 3);
  CAF_CHECK_EQUAL(splitter.dropped_lines(), 2u);
}

CAF_TEST(a text that comes byte by byte gives the same lines) {
  const auto text = "{\"a\":1}\r\n\nlong long line\r\n\r\r\nend\r"s;
  std::vector<std::string> bytes;
  for (auto c : text)
    bytes.emplace_back(1, c);
  for (std::size_t bound = 0; bound < 20; ++bound)
    CAF_CHECK(split(bound, bytes) == expected(bound, text));
}

CAF_TEST(lines are the same for every way to cut a text into pieces) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](std::size_t max) { return std::uniform_int_distribution<std::size_t>{0, max}(random); };
  for (int round = 0; round < 5'000; ++round) {
    const auto bound = pick(12);
    std::string text;
    std::vector<std::string> pieces;
    for (auto count = pick(8); count > 0; --count) {
      std::string piece;
      for (auto length = pick(15); length > 0; --length)
        piece += "ab\r\n\n"[pick(4)];
      text += piece;
      pieces.push_back(piece);
    }
    CAF_REQUIRE(split(bound, pieces) == expected(bound, text));
  }
}
