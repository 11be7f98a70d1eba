#include "runtime/checks/evidence.hpp"
#include "runtime/checks/report_formats.hpp"

#include <algorithm>
#include <array>

namespace swarm::checks {

namespace {

/// What a word of the summary is added to; null for words that count no tests of their own.
struct outcome_word {
  std::string_view word;
  std::uint64_t test_counts::*member;
};

constexpr std::array<outcome_word, 19> outcome_words{{
  {"passed", &test_counts::passed},
  {"xpassed", &test_counts::passed},
  {"failed", &test_counts::failed},
  {"subtest failed", &test_counts::failed},
  {"subtests failed", &test_counts::failed},
  {"error", &test_counts::errored},
  {"errors", &test_counts::errored},
  {"skipped", &test_counts::skipped},
  {"xfailed", &test_counts::skipped},
  {"subtest passed", nullptr},
  {"subtests passed", nullptr},
  {"subtest skipped", nullptr},
  {"subtests skipped", nullptr},
  {"deselected", nullptr},
  {"warning", nullptr},
  {"warnings", nullptr},
  {"rerun", nullptr},
  {"test collected", nullptr},
  {"tests collected", nullptr},
}};

/// Whether `text` is a time as in "0.12s", "61.20s (0:01:01)" or, of old, "0.12 seconds".
bool is_duration(std::string_view text) {
  const auto digits = text.find_first_not_of("0123456789.");
  if (digits == 0 || digits == text.npos)
    return false;
  text.remove_prefix(digits);
  const auto has_unit = take(text, "s") || take(text, " seconds");
  return has_unit && (text.empty() || (text.starts_with(" (") && text.ends_with(')')));
}

/// The part before the time in "=== 3 passed, 1 failed in 0.12s ===", which with -q has no frame.
std::optional<std::string_view> tally_in(std::string_view line) {
  const auto is_framed = line.starts_with('=');
  if (is_framed != line.ends_with('='))
    return std::nullopt;
  if (is_framed) {
    const auto start = line.find_first_not_of('=');
    if (start == line.npos)
      return std::nullopt;
    line = without_blanks(line.substr(start, line.find_last_not_of('=') - start + 1));
  }
  const auto in = line.rfind(" in ");
  if (in == line.npos || !is_duration(line.substr(in + 4)))
    return std::nullopt;
  return line.substr(0, in);
}

/// Adds up "3 passed, 1 failed". Nothing if none of it is pytest's; an error if only a part is, because a plugin's word
/// may well mean a failure.
std::optional<caf::expected<test_counts>> counts_in(std::string_view tally) {
  test_counts counts;
  if (tally == "no tests ran" || tally.starts_with("no tests collected"))
    return counts;
  auto is_pytest = false;
  std::string unknown;
  while (!tally.empty()) {
    auto part = tally.substr(0, tally.find(", "));
    tally.remove_prefix(std::min(part.size() + 2, tally.size()));
    const auto count = take_number(part);
    const auto word = without_blanks(part);
    const auto found =
      std::find_if(outcome_words.begin(), outcome_words.end(), [&](auto& x) { return x.word == word; });
    if (!count || found == outcome_words.end()) {
      unknown = word;
      continue;
    }
    is_pytest = true;
    if (found->member != nullptr)
      counts.*found->member += *count;
  }
  if (!is_pytest)
    return std::nullopt;
  if (!unknown.empty())
    return report_error(report_format::pytest, "has a summary with " + in_quotes(unknown) + ", which isn't known here");
  return counts;
}

/// Of a line "FAILED tests/test_a.py::test_x[a - b] - assert 1 == 2": the test.
std::string_view failed_name_in(std::string_view line) {
  if (!take(line, "FAILED ") && !take(line, "ERROR "))
    return {};
  const auto bracket = line.find("] - ");
  return bracket != line.npos ? line.substr(0, bracket + 1) : line.substr(0, line.find(" - "));
}

} // namespace

caf::expected<test_counts> parse_pytest(std::string_view text) {
  // What comes before the last summary may be what a test wrote, or a test of pytest's own plugins.
  std::optional<caf::expected<test_counts>> last;
  bool was_bad = false;
  test_counts names;
  line_reader lines{text};
  while (auto line = lines.next()) {
    if (const auto name = failed_name_in(*line); !name.empty())
      add_failed_name(names, name);
    else if (const auto tally = tally_in(*line))
      if (auto counts = counts_in(*tally)) {
        was_bad = was_bad || !*counts || (*counts)->failed + (*counts)->errored > 0;
        last = std::move(counts);
      }
  }
  if (!last)
    return report_error(report_format::pytest,
                        "has no summary '3 passed in 0.12s', so it is torn or of a run with -qq");
  if (was_bad && *last && (*last)->failed + (*last)->errored == 0)
    return report_error(report_format::pytest, "has a summary with failures before its last one, so it isn't of one run");
  if (*last)
    (*last)->failed_names = std::move(names.failed_names);
  return *std::move(last);
}

} // namespace swarm::checks
