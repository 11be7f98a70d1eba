#include "runtime/checks/test_report.hpp"

#include "runtime/checks/evidence.hpp"
#include "runtime/checks/report_formats.hpp"

#include <algorithm>

namespace swarm::checks {

namespace {

/// Terminals' sequences "ESC [ ... letter", which runners write into the middle of words that count.
std::string without_colours(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto start = std::min(text.find("\x1b["), text.size());
    result += text.substr(0, start);
    text.remove_prefix(start);
    if (text.empty())
      break;
    const auto end = std::find_if_not(text.begin() + 2, text.end(), [](char x) { return x >= 0x20 && x <= 0x3F; });
    text.remove_prefix(static_cast<std::size_t>(end - text.begin()));
    if (!text.empty() && text.front() >= 0x40 && text.front() <= 0x7E)
      text.remove_prefix(1);
  }
  return result;
}

/// Whether our own output_buffer has dropped the middle of an output.
bool has_gap(std::string_view text) {
  constexpr std::string_view start = "\n... ";
  constexpr std::string_view end = " bytes dropped ...\n";
  for (auto at = text.find(start); at != text.npos; at = text.find(start, at + 1)) {
    const auto line = text.substr(at + start.size());
    const auto digits = line.find_first_not_of("0123456789,");
    if (digits != 0 && digits != line.npos && line.substr(digits).starts_with(end))
      return true;
  }
  return false;
}

caf::expected<test_counts> parse_lines(report_format format, std::string_view text) {
  switch (format) {
    case report_format::junit: break;
    case report_format::tap: return parse_tap(text);
    case report_format::ctest: return parse_ctest(text);
    case report_format::pytest: return parse_pytest(text);
    case report_format::go: return parse_go(text);
    case report_format::go_json: return parse_go_json(text);
  }
  return report_error(format, "isn't one that is read line by line");
}

std::string failures(const test_counts& x, std::uint64_t ran) {
  auto result = std::to_string(x.failed + x.errored) + " of " + counted(ran, "test");
  result += x.errored == 0 ? " failed" : x.failed == 0 ? " broke" : " failed or broke";
  return result + ": " + listed(x.failed_names, x.failed + x.errored);
}

} // namespace

caf::expected<test_counts> parse_test_report(report_format format, std::string_view text) {
  if (text.size() > report_bytes_max)
    return report_error(format, "has " + std::to_string(text.size()) + " bytes, the limit is "
                                  + std::to_string(report_bytes_max) + "; make its tests quieter or split it");
  if (without_blanks(text).empty())
    return report_error(format, "is empty; have the runner write one");
  if (format == report_format::junit)
    return parse_junit(text);
  if (text.back() != '\n')
    return report_error(format, "ends in the middle of a line, so it is torn; keep it as the runner wrote it");
  // These two end with a summary that tells all; of the others every line counts.
  if (format != report_format::ctest && format != report_format::pytest && has_gap(text))
    return report_error(format, "has a gap: its middle was dropped; have the runner write less, or a file");
  return parse_lines(format, without_colours(text));
}

caf::expected<test_counts> parse_test_report(report_format format, std::string_view text, std::string_view shown) {
  auto result = parse_test_report(format, text);
  if (text == shown)
    return result;
  auto words = parse_test_report(format, shown);
  if (result)
    result->failed_names = words ? std::move(words->failed_names) : std::vector<std::string>{};
  else if (words)
    return report_error(format, "can't be read, and the reason lies where it holds a secret");
  else
    return words;
  return result;
}

finding judge_test_report(const caf::expected<test_counts>& report, std::int32_t exit_code, std::string_view text) {
  const auto exit_text = "the runner exited with " + std::to_string(exit_code);
  // Then nothing ran, and a report is one of former times. Shells say so by these two.
  if (exit_code == 126 || exit_code == 127)
    return {verdict::error, exit_text + ", which says that it couldn't be started", head_and_tail(text)};
  if (!report)
    return {verdict::error, render(report.error()) + " (" + exit_text + ")", head_and_tail(text)};
  const auto ran = report->passed + report->failed + report->errored;
  if (ran == 0)
    return {verdict::error, "no test ran, " + std::to_string(report->skipped) + " skipped (" + exit_text + ")",
            head_and_tail(text)};
  // A test that failed has failed, even if a pipe or a script around the runner lost its exit code.
  if (report->failed + report->errored > 0)
    return {verdict::fail, failures(*report, ran) + (exit_code == 0 ? " (although " + exit_text + ")" : ""),
            head_and_tail(text)};
  // The runner knows of something that no test shows: coverage, a leak, a crash at the end. It isn't a pass, and asking
  // again would give the same answer, so it isn't an error either.
  if (exit_code != 0)
    return {verdict::fail, "all of " + counted(ran, "test") + " passed, but " + exit_text, head_and_tail(text)};
  return {verdict::pass, counted(ran, "test") + " passed, " + std::to_string(report->skipped) + " skipped", {}};
}

std::optional<std::string_view> line_reader::next() {
  if (rest_.empty())
    return std::nullopt;
  const auto size = std::min(rest_.find('\n'), rest_.size());
  auto line = rest_.substr(0, size);
  rest_.remove_prefix(std::min(size + 1, rest_.size()));
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  return line;
}

std::optional<std::uint64_t> number_in(std::string_view text) {
  constexpr std::size_t digits_max = 9;
  if (text.empty() || text.size() > digits_max || text.find_first_not_of("0123456789") != text.npos)
    return std::nullopt;
  std::uint64_t result = 0;
  for (const auto x : text)
    result = result * 10 + static_cast<std::uint64_t>(x - '0');
  return result;
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
  const auto size = std::min(text.find_first_not_of("0123456789"), text.size());
  const auto result = number_in(text.substr(0, size));
  if (result)
    text.remove_prefix(size);
  return result;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix))
    return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string_view without_blanks(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\f\v";
  const auto start = text.find_first_not_of(blanks);
  return start == text.npos ? std::string_view{} : text.substr(start, text.find_last_not_of(blanks) - start + 1);
}

void add_failed_name(test_counts& counts, std::string_view name) {
  constexpr std::size_t name_bytes_max = 1024; // more than a sentence shows
  if (counts.failed_names.size() < names_max)
    counts.failed_names.emplace_back(name.substr(0, name_bytes_max));
}

caf::error report_error(report_format format, const std::string& what) {
  return make_error(errc::invalid_input, "the " + to_string(format) + " report " + what);
}

} // namespace swarm::checks
