#include "runtime/checks/evidence.hpp"
#include "runtime/checks/report_formats.hpp"

#include <nlohmann/json.hpp>

#include <map>

namespace swarm::checks {

namespace {

/// What is known of a package whose result is still to come.
struct package_so_far {
  test_counts counts;
  bool has_ended = false;
};

bool has_lines_of_tests(const test_counts& x) {
  return x.passed + x.failed + x.skipped > 0;
}

void add(test_counts& sum, const test_counts& x) {
  sum.passed += x.passed;
  sum.failed += x.failed;
  sum.errored += x.errored;
  sum.skipped += x.skipped;
  for (auto& name : x.failed_names)
    add_failed_name(sum, name);
}

/// "--- FAIL: TestX/part (0.01s)", which is indented for a part of a test.
bool count_test(test_counts& counts, std::string_view line) {
  line = without_blanks(line);
  if (take(line, "--- PASS: ")) {
    ++counts.passed;
  } else if (take(line, "--- SKIP: ")) {
    ++counts.skipped;
  } else if (take(line, "--- FAIL: ")) {
    ++counts.failed;
    add_failed_name(counts, line.substr(0, line.rfind(" (")));
  } else {
    return false;
  }
  return true;
}

/// A package that failed without a test that did: it wasn't built, or its process ended in the middle.
void add_failed_package(test_counts& counts, std::string_view name) {
  if (counts.failed > 0)
    return;
  ++counts.errored;
  add_failed_name(counts, name);
}

/// The result of a package, "ok  \tname\t0.01s", with which its lines are complete. Whether it was one.
bool end_package(test_counts& package, std::string_view line) {
  if (take(line, "ok  \t")) {
    if (line.find("[no tests to run]") != line.npos)
      package.passed = 0;
    else if (!has_lines_of_tests(package))
      package.passed = 1; // not verbose: the package stands for its tests
    return true;
  }
  if (take(line, "FAIL\t")) {
    add_failed_package(package, line.substr(0, line.find_first_of("\t ")));
    return true;
  }
  return line.starts_with("?   \t");
}

caf::error contradiction(report_format format) {
  return report_error(format, "contradicts itself: it says FAIL, and no test or package has failed");
}

/// Adds an event to its package. `action` is "run", "output", "pass", "fail", "skip" and others; `test` is empty for
/// the package's own.
void count_event(package_so_far& package, const std::string& name, const std::string& action, const std::string& test) {
  auto& counts = package.counts;
  if (test.empty()) {
    package.has_ended |= action == "pass" || action == "fail" || action == "skip";
    if (action == "fail")
      add_failed_package(counts, name);
  } else if (action == "pass") {
    ++counts.passed;
  } else if (action == "skip") {
    ++counts.skipped;
  } else if (action == "fail") {
    ++counts.failed;
    add_failed_name(counts, test);
  }
}

/// The text of a member, empty if there is none.
std::string text_in(const nlohmann::json& event, const char* member) {
  const auto found = event.find(member);
  return found != event.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

} // namespace

caf::expected<test_counts> parse_go(std::string_view text) {
  const auto error = [](const std::string& what) { return report_error(report_format::go, what); };
  test_counts counts;
  test_counts package;
  auto has_packages = false;
  auto is_amid_package = false;
  auto says_fail = false;
  line_reader lines{text};
  while (auto line = lines.next()) {
    if (end_package(package, *line)) {
      add(counts, package);
      package = {};
      has_packages = true;
      is_amid_package = false;
    } else if (count_test(package, *line) || line->starts_with("=== RUN ")) {
      is_amid_package = true;
    } else {
      says_fail |= *line == "FAIL";
    }
  }
  if (!has_packages)
    return error("has no line 'ok', 'FAIL' or '?' for a package; keep all that 'go test' writes");
  if (is_amid_package)
    return error("ends before the result of its last package, so it is torn");
  if (says_fail && counts.failed + counts.errored == 0)
    return contradiction(report_format::go);
  return counts;
}

caf::expected<test_counts> parse_go_json(std::string_view text) {
  const auto error = [](const std::string& what) { return report_error(report_format::go_json, what); };
  std::map<std::string, package_so_far> packages;
  test_counts counts;
  auto says_fail = false;
  line_reader lines{text};
  while (auto line = lines.next()) {
    if (!line->starts_with('{')) {
      // What go says beside the events: what it downloads and, before Go 1.24, what it couldn't build.
      if (line->starts_with("FAIL\t"))
        end_package(counts, *line);
      continue;
    }
    const auto event = nlohmann::json::parse(*line, nullptr, false);
    const auto action = event.is_object() ? text_in(event, "Action") : std::string{};
    if (action.empty())
      return error("has a line that is no event, so it is torn: " + in_quotes(*line));
    says_fail |= action == "build-fail";
    if (const auto name = text_in(event, "Package"); !name.empty())
      count_event(packages[name], name, action, text_in(event, "Test"));
  }
  if (packages.empty() && counts.errored == 0)
    return error("has no events of packages; keep all that 'go test -json' writes");
  for (auto& [name, package] : packages) {
    if (!package.has_ended)
      return error("ends before the result of the package " + in_quotes(name) + ", so it is torn");
    add(counts, package.counts);
  }
  if (says_fail && counts.failed + counts.errored == 0)
    return contradiction(report_format::go_json);
  return counts;
}

} // namespace swarm::checks
