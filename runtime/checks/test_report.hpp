#pragma once

#include "messages/checks.hpp"
#include "runtime/checks/verdict.hpp"

#include <caf/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::checks {

struct test_counts {
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::uint64_t errored = 0;             ///< Broke before they could say so: a fixture, a build, a crash.
  std::uint64_t skipped = 0;             ///< Didn't run, or were expected to fail and did.
  std::vector<std::string> failed_names; ///< Of those that failed or errored, the first `names_max`.
};

/// A longer report isn't read.
constexpr std::size_t report_bytes_max = std::size_t{32} << 20;

/// Counts the tests in a report, as the runner wrote it: a last line without an end is taken for a torn one.
/// `errc::invalid_input` for what isn't such a report, is torn, too long, or contradicts itself.
caf::expected<test_counts> parse_test_report(report_format, std::string_view text);

/// The same, with names and reasons out of the report as it may be shown: what a redaction took away of a report counts all
/// the same, but nobody reads its name.
caf::expected<test_counts> parse_test_report(report_format, std::string_view text, std::string_view shown);

/// Says whether the tests are done well. Passes when at least one test ran, none failed, and the runner exited with 0.
/// A report that could not be read, and one by which no test ran, are errors.
/// @param text the report as it may be shown, for the finding's detail.
finding judge_test_report(const caf::expected<test_counts>& report, std::int32_t exit_code, std::string_view text);

} // namespace swarm::checks
