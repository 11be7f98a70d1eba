#include "runtime/checks/evidence.hpp"
#include "runtime/checks/report_formats.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace swarm::checks {

namespace {

struct summary {
  std::uint64_t failed = 0;
  std::uint64_t total = 0;
};

/// "67% tests passed, 1 tests failed out of 3".
std::optional<summary> summary_in(std::string_view line) {
  if (!take_number(line) || !take(line, "% tests passed, "))
    return std::nullopt;
  const auto failed = take_number(line);
  if (!failed || !(take(line, " tests failed out of ") || take(line, " test failed out of ")))
    return std::nullopt;
  const auto total = number_in(line);
  if (!total)
    return std::nullopt;
  return summary{*failed, *total};
}

/// Of a line "\t  2 - name (Failed)" in one of the lists at the end: name and status.
std::optional<std::pair<std::string_view, std::string_view>> entry_in(std::string_view line) {
  if (!line.starts_with('\t'))
    return std::nullopt;
  line = without_blanks(line);
  if (!take_number(line) || !take(line, " - "))
    return std::nullopt;
  const auto status = line.rfind(" (");
  if (status == line.npos)
    return std::nullopt;
  return std::pair{line.substr(0, status), line.substr(status + 2)};
}

constexpr std::array<std::string_view, 4> failed_statuses{"Failed", "Exception", "Timeout", "Not Run"};

/// The tests that a run shows as failed while it goes on.
class progress {
public:
  /// Looks at a line " 1/12 Test  #1: name ....***Failed    0.02 sec", or one of a repeat, which has no "1/12".
  void see(std::string_view line) {
    line = without_blanks(line);
    const auto is_first = take_number(line) && take(line, "/") && take_number(line);
    line = without_blanks(line);
    if (!take(line, "Test "))
      return;
    line = without_blanks(line);
    const auto number = take(line, "#") ? take_number(line) : std::nullopt;
    if (!number || !take(line, ": "))
      return;
    if (has_failed(line))
      failed_.insert(*number);
    else if (!is_first)
      failed_.erase(*number);
  }

  /// A summary ends a run, and the next one numbers its tests anew.
  void end_run() {
    failed_before_ += failed_.size();
    failed_.clear();
  }

  std::uint64_t failed() const {
    return failed_before_ + failed_.size();
  }

private:
  static bool has_failed(std::string_view line) {
    const auto stars = line.rfind("***");
    if (stars == line.npos)
      return false;
    const auto status = line.substr(stars + 3);
    return !status.starts_with("Not Run (Disabled)")
           && std::any_of(failed_statuses.begin(), failed_statuses.end(),
                          [&](auto x) { return status.starts_with(x); });
  }

  std::set<std::uint64_t> failed_;
  std::uint64_t failed_before_ = 0;
};

} // namespace

caf::expected<test_counts> parse_ctest(std::string_view text) {
  const auto error = [](const std::string& what) { return report_error(report_format::ctest, what); };
  enum class list : std::uint8_t { none, not_run, failed } current = list::none;
  test_counts counts;
  std::optional<std::uint64_t> total;
  std::uint64_t skipped_by_progress = 0;
  std::uint64_t listed_as_failed = 0;
  progress shown;
  line_reader lines{text};
  while (auto line = lines.next()) {
    if (line->starts_with("No tests were found!!!"))
      return error("says that no tests were found; look at the filter and whether they were built");
    if (const auto found = summary_in(*line)) {
      // A script may run it twice, and the second time must not hide the first.
      shown.end_run();
      counts.failed += found->failed;
      total = total.value_or(0) + found->total;
    } else if (*line == "The following tests did not run:") {
      current = list::not_run;
    } else if (*line == "The following tests FAILED:") {
      current = list::failed;
    } else if (const auto entry = entry_in(*line); entry && current != list::none) {
      if (current == list::failed) {
        ++listed_as_failed;
        add_failed_name(counts, entry->first);
      } else if (!entry->second.starts_with("Disabled")) // these aren't in the total
        ++counts.skipped;
    } else {
      current = list::none;
      if (line->find("***Skipped") != line->npos)
        ++skipped_by_progress;
      shown.see(*line);
    }
  }
  if (!total)
    return error("has no summary '100% tests passed, 0 tests failed out of N', so it is torn or of a quiet run");
  // The summary counts those that skipped themselves as passed. Either way to know of them may be cut off.
  counts.skipped = std::max(counts.skipped, skipped_by_progress);
  if (counts.failed + counts.skipped > *total)
    return error("contradicts itself: of " + counted(*total, "test") + " " + std::to_string(counts.failed)
                 + " failed and " + std::to_string(counts.skipped) + " were skipped");
  if (listed_as_failed > counts.failed)
    return error("contradicts itself: " + counted(counts.failed, "test") + " failed, and it lists "
                 + std::to_string(listed_as_failed));
  if (shown.failed() > counts.failed)
    return error("contradicts itself: " + counted(counts.failed, "test") + " failed, and it shows "
                 + std::to_string(shown.failed()));
  counts.passed = *total - counts.failed - counts.skipped;
  return counts;
}

} // namespace swarm::checks
