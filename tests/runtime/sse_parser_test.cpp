#define CAF_SUITE sse_parser

#include "runtime/executors/claude/sse_parser.hpp"

#include "messages/error.hpp"
#include "tests/fixtures/seed.hpp"

#include <random>
#include <string>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::executors::claude;
using namespace std::string_literals;

namespace {

struct reading {
  std::vector<std::string> events; ///< "name|data"
  std::string error;

  bool operator==(const reading&) const = default;
};

std::string to_string(const reading& x) {
  std::string result = "error '" + x.error + "'";
  for (const auto& event : x.events)
    result += " [" + event + "]";
  return result;
}

template <class Pieces>
reading read(const Pieces& pieces, sse_limits limits = {}) {
  reading result;
  const auto keep = [&](const sse_event& x) {
    result.events.push_back(std::string{x.name} + "|" + std::string{x.data});
  };
  sse_parser parser{keep, limits};
  for (std::string_view piece : pieces) {
    if (auto done = parser.feed(piece); !done)
      result.error = swarm::render(done.error());
  }
  return result;
}

reading read_whole(std::string_view text, sse_limits limits = {}) {
  return read(std::vector{text}, limits);
}

/// In pieces of random sizes, empty ones included.
std::vector<std::string_view> cut(std::string_view text, std::mt19937_64& random, std::size_t piece_bytes_max) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const auto size = std::min(text.size(), std::uniform_int_distribution<std::size_t>{0, piece_bytes_max}(random));
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return pieces;
}

std::string with_line_ends(std::string_view text, std::string_view line_end) {
  std::string result;
  for (const auto x : text)
    x == '\n' ? result += line_end : result += x;
  return result;
}

const auto plain_sample = "\xEF\xBB\xBF"
                          "event: a\ndata: 1\n\n"
                          ": a comment\n"
                          "data: first\ndata:  second\ndata\nid: 7\nretry: 5\n\n"
                          "event: no data\n\n"
                          "event:c\ndata:{\"x\": \"\xC3\xA4:\"}\nunknown: x\n\n\n"
                          "data: never finished"s;

const std::vector<std::string> sample_events{"a|1", "|first\n second\n", "c|{\"x\": \"\xC3\xA4:\"}"};

/// With all line ends in one text.
const auto mixed_sample = "\xEF\xBB\xBF"
                          "event: a\rdata: 1\r\n\r\n"
                          ": a comment\r"
                          "data: first\r\ndata:  second\ndata\rid: 7\r\nretry: 5\r\r"
                          "event: no data\n\r"
                          "event:c\r\ndata:{\"x\": \"\xC3\xA4:\"}\nunknown: x\r\r\n\n"
                          "data: never finished"s;

} // namespace

CAF_TEST(events are read as the standard has it) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> rows{
    {"", {}},
    {"\n\n", {}},
    {"data: x\n\n", {"|x"}},
    {"data:x\n\n", {"|x"}},
    {"data:  x \n\n", {"| x "}},
    {"data\n\n", {"|"}},
    {"data:\n\n", {"|"}},
    {"data\ndata\n\n", {"|\n"}},
    {"data: a\n\ndata: b\n\n", {"|a", "|b"}},
    {"event: ping\n\n", {}},
    {"event: old\nevent: new\ndata: x\n\n", {"new|x"}},
    {"event: a\ndata: x\n\ndata: y\n\n", {"a|x", "|y"}},
    {"event: a\n\ndata: y\n\n", {"|y"}},
    {"data: x", {}},
    {"data: x\n", {}},
    {": data: x\n\n", {}},
    {"Data: x\n data: y\ndatax: z\n\n", {}},
    {"data: a:b: c\n\n", {"|a:b: c"}},
    {"data: \"\0\xFF\"\n\n"s, {"|\"\0\xFF\""s}},
    {"\xEF\xBB\xBF"
     "data: x\n\n",
     {"|x"}},
    {"\xEF\xBB\xBF\n\xEF\xBB\xBF"
     "data: x\n\n",
     {}},
    {"\xEF\xBB"
     "data: x\n\n",
     {}},
  };
  for (const auto& [text, events] : rows)
    CAF_CHECK_EQUAL(to_string(read_whole(text)), to_string({events, ""}));
}

CAF_TEST(every kind of line end gives the same events) {
  for (const auto* line_end : {"\n", "\r\n", "\r"})
    CAF_CHECK_EQUAL(to_string(read_whole(with_line_ends(plain_sample, line_end))), to_string({sample_events, ""}));
  CAF_CHECK_EQUAL(to_string(read_whole(mixed_sample)), to_string({sample_events, ""}));
}

CAF_TEST(an event ends with its empty line and not with the byte behind it) {
  CAF_CHECK_EQUAL(to_string(read_whole("data: x\r\r")), to_string({{"|x"}, ""}));
  CAF_CHECK_EQUAL(to_string(read_whole("data: x\r\n\r")), to_string({{"|x"}, ""}));
}

CAF_TEST(the events are the same for every way to cut a text in three) {
  const std::string_view text = mixed_sample;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (auto j = i; j <= text.size(); ++j)
      CAF_REQUIRE_EQUAL(to_string(read(std::vector{text.substr(0, i), text.substr(i, j - i), text.substr(j)})),
                        to_string({sample_events, ""}));
  }
}

CAF_TEST(the events are the same when each byte comes alone) {
  for (const auto& text : {plain_sample, mixed_sample, with_line_ends(plain_sample, "\r\n")}) {
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < text.size(); ++i)
      bytes.push_back(std::string_view{text}.substr(i, 1));
    CAF_CHECK_EQUAL(to_string(read(bytes)), to_string({sample_events, ""}));
  }
}

CAF_TEST(a line of twelve megabytes is read whole in one piece and in many) {
  const std::string value(12 * 1024 * 1024, 'x');
  const auto text = "event: big\ndata: " + value + "\n\ndata: next\n\n";
  const reading expected{{"big|" + value, "|next"}, ""};
  CAF_CHECK(read_whole(text) == expected);
  for (const auto piece_bytes : {std::size_t{61}, std::size_t{16'384}}) {
    std::vector<std::string_view> pieces;
    for (std::size_t i = 0; i < text.size(); i += piece_bytes)
      pieces.push_back(std::string_view{text}.substr(i, piece_bytes));
    CAF_CHECK(read(pieces) == expected);
  }
}

CAF_TEST(a line that is too long is refused and named) {
  const auto refusal = "the response can't be read: its event stream has a line of more than 8 bytes"s;
  const std::vector<std::pair<std::string, reading>> rows{
    {"data: 12\n\n", {{"|12"}, ""}},
    {"data: 123\n\n", {{}, refusal}},
    {"data: 123", {{}, refusal}},
    {": comment that is long\n", {{}, refusal}},
    {"data: 1\n\ndata: 123\n\ndata: 2\n\n", {{"|1"}, refusal}},
    {"data: 12\ndata: 34\n\n", {{"|12\n34"}, ""}},
  };
  for (const auto& [text, expected] : rows) {
    for (std::size_t i = 0; i <= text.size(); ++i) {
      const std::string_view whole = text;
      CAF_CHECK_EQUAL(to_string(read(std::vector{whole.substr(0, i), whole.substr(i)}, {8, 100})), to_string(expected));
    }
  }
}

CAF_TEST(an event that is too long is refused and named) {
  const auto refusal = "the response can't be read: its event stream has an event of more than 8 bytes"s;
  const std::vector<std::pair<std::string, reading>> rows{
    {"event: abc\ndata: 12345\n\n", {{"abc|12345"}, ""}},
    {"event: abc\ndata: 123456\n\n", {{}, refusal}},
    {"data: 123\ndata: 4567\n\n", {{"|123\n4567"}, ""}},
    {"data: 123\ndata: 45678\n\n", {{}, refusal}},
    {"data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n", {{"|\n\n\n\n\n\n\n\n"}, ""}},
    {"data\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\ndata\n\n", {{}, refusal}},
    {"event: 123456789\n", {{}, refusal}},
    {"data: 12345678\n\ndata: 12345678\n\n", {{"|12345678", "|12345678"}, ""}},
    {": a comment of any length\nid: and other fields\n\n", {{}, ""}},
  };
  for (const auto& [text, expected] : rows)
    CAF_CHECK_EQUAL(to_string(read_whole(text, {100, 8})), to_string(expected));
}

CAF_TEST(a parser that refused once stays failed) {
  int events = 0;
  sse_parser parser{[&](const sse_event&) { ++events; }, {8, 8}};
  const auto first = parser.feed("data: too long\n\n");
  const auto second = parser.feed("\n\ndata: 1\n\n");
  const auto third = parser.feed("");
  CAF_REQUIRE(!first && !second && !third);
  CAF_CHECK(swarm::code_of(first.error()) == swarm::errc::io_failed);
  CAF_CHECK_EQUAL(swarm::render(second.error()), swarm::render(first.error()));
  CAF_CHECK_EQUAL(events, 0);
}

CAF_TEST(damaged streams give the same result for any two ways to cut them) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](std::size_t max) { return std::uniform_int_distribution<std::size_t>{0, max}(random); };
  const std::string_view alphabet{"\r\n: daten\0\xEF\xBB\xBF\xFF", 14};
  int refused = 0;
  for (int round = 0; round < 5'000; ++round) {
    auto text = pick(1) == 0 ? mixed_sample : with_line_ends(plain_sample, pick(1) == 0 ? "\r\n" : "\n");
    for (auto damages = pick(12); damages > 0; --damages) {
      const auto at = pick(text.size() - 1);
      switch (pick(3)) {
        case 0: text[at] = alphabet[pick(alphabet.size() - 1)]; break;
        case 1: text.insert(at, 1 + pick(3), alphabet[pick(alphabet.size() - 1)]); break;
        case 2: text.erase(at, 1 + pick(3)); break;
        default: text.insert(at, text.substr(pick(text.size() - 1), pick(20))); break;
      }
    }
    const sse_limits limits{20 + pick(40), 10 + pick(40)};
    const auto expected = read_whole(text, limits);
    refused += expected.error.empty() ? 0 : 1;
    CAF_REQUIRE_EQUAL(to_string(read(cut(text, random, 1 + pick(30)), limits)), to_string(expected));
    CAF_REQUIRE_EQUAL(to_string(read(cut(text, random, 1), limits)), to_string(expected));
  }
  CAF_CHECK(refused > 100);
}
