#include "runtime/checks/evidence.hpp"
#include "runtime/checks/report_formats.hpp"

#include <cctype>

namespace swarm::checks {

namespace {

struct test_point {
  bool is_ok = false;
  bool is_skipped = false; ///< Or still to do and, as expected, failing.
  std::optional<std::uint64_t> number;
  std::string_view name;
};

/// Whether `text` begins with `word`, in capitals or not, as a word of its own.
bool begins_with_word(std::string_view text, std::string_view word) {
  if (text.size() < word.size())
    return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (std::toupper(static_cast<unsigned char>(text[i])) != word[i])
      return false;
  return text.size() == word.size() || std::isalnum(static_cast<unsigned char>(text[word.size()])) == 0;
}

/// Cuts " # SKIP why" or " # TODO why" off and says which it was. A hash behind a backslash is part of the name. In
/// doubt a test that is ok was skipped, and one that is not ok wasn't: its hash must stand behind a blank.
std::string_view take_directive(std::string_view& name, bool is_ok) {
  for (auto hash = name.find('#'); hash != name.npos; hash = name.find('#', hash + 1)) {
    const auto before = hash > 0 ? name[hash - 1] : ' ';
    if (before == '\\' || (!is_ok && before != ' ' && before != '\t'))
      continue;
    const auto directive = without_blanks(name.substr(hash + 1));
    for (const std::string_view word : {"SKIP", "SKIPPED", "TODO"})
      if (begins_with_word(directive, word)) {
        name = name.substr(0, hash);
        return word;
      }
  }
  return {};
}

std::optional<test_point> test_point_in(std::string_view line) {
  test_point result;
  result.is_ok = !take(line, "not ");
  if (!take(line, "ok") || (!line.empty() && line.front() != ' ' && line.front() != '\t'))
    return std::nullopt;
  line = without_blanks(line);
  auto behind = line;
  if (const auto number = take_number(behind); number && (behind.empty() || behind.find_first_of(" \t#") == 0)) {
    result.number = number;
    line = without_blanks(behind);
  }
  const auto directive = take_directive(line, result.is_ok);
  result.is_skipped = directive.starts_with("SKIP") || (directive == "TODO" && !result.is_ok);
  take(line, "- ");
  result.name = without_blanks(line);
  return result;
}

/// The N of a line "1..N", behind which a comment may stand.
std::optional<std::uint64_t> plan_in(std::string_view line) {
  if (!take(line, "1.."))
    return std::nullopt;
  const auto result = take_number(line);
  line = without_blanks(line);
  return line.empty() || line.starts_with('#') ? result : std::nullopt;
}

void add(test_counts& counts, const test_point& x, std::uint64_t position) {
  if (x.is_skipped) {
    ++counts.skipped;
  } else if (x.is_ok) {
    ++counts.passed;
  } else {
    ++counts.failed;
    add_failed_name(counts, x.name.empty() ? "test " + std::to_string(position) : x.name);
  }
}

} // namespace

caf::expected<test_counts> parse_tap(std::string_view text) {
  const auto error = [](const std::string& what) { return report_error(report_format::tap, what); };
  test_counts counts;
  std::optional<std::uint64_t> planned;
  std::uint64_t seen = 0;
  std::uint64_t seen_before_plan = 0;
  line_reader lines{text};
  // Subtests are indented, and so is what explains a failure; the test point behind them says how they ended.
  while (auto line = lines.next()) {
    if (line->starts_with("Bail out!"))
      return error("says that the tests were given up: " + in_quotes(*line));
    if (const auto plan = plan_in(*line)) {
      if (planned)
        return error("has two plans, so it is more than one; judge them one by one");
      planned = plan;
      seen_before_plan = seen;
    } else if (const auto point = test_point_in(*line)) {
      ++seen;
      if (point->number && *point->number != seen)
        return error("counts " + std::to_string(*point->number) + " where test " + std::to_string(seen)
                     + " should be: lines are missing or of several reports");
      add(counts, *point, seen);
    }
  }
  if (!planned)
    return error("has no plan '1..N', so nobody knows whether it is complete");
  if (*planned != seen || (seen_before_plan != 0 && seen_before_plan != seen))
    return error("plans " + counted(*planned, "test") + " and has " + std::to_string(seen) + ", of which "
                 + std::to_string(seen_before_plan) + " stand before the plan");
  return counts;
}

} // namespace swarm::checks
