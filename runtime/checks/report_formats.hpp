#pragma once

#include "runtime/checks/test_report.hpp"

#include <optional>

namespace swarm::checks {

// The formats one by one, for test_report.cpp. The text has no colours and, but for JUnit, ends with a line end.

caf::expected<test_counts> parse_junit(std::string_view text);
caf::expected<test_counts> parse_tap(std::string_view text);
caf::expected<test_counts> parse_ctest(std::string_view text);
caf::expected<test_counts> parse_pytest(std::string_view text);
caf::expected<test_counts> parse_go(std::string_view text);
caf::expected<test_counts> parse_go_json(std::string_view text);

/// Gives one line after the other, without its end.
class line_reader {
public:
  explicit line_reader(std::string_view text) : rest_(text) {}

  std::optional<std::string_view> next();

private:
  std::string_view rest_;
};

/// A number that is all of `text` and not absurd: at most nine digits, so that sums can't overflow.
std::optional<std::uint64_t> number_in(std::string_view text);

/// Takes the digits at the beginning of `text` away; nothing, and `text` as it was, when `number_in` has none.
std::optional<std::uint64_t> take_number(std::string_view& text);

/// Takes `prefix` away from the beginning of `text`, if it is there.
bool take(std::string_view& text, std::string_view prefix);

std::string_view without_blanks(std::string_view text);

/// Remembers who failed, within bounds.
void add_failed_name(test_counts&, std::string_view name);

/// `errc::invalid_input`: "the tap report ...".
caf::error report_error(report_format, const std::string& what);

} // namespace swarm::checks
