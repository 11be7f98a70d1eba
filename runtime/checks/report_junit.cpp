#include "runtime/checks/evidence.hpp"
#include "runtime/checks/report_formats.hpp"

#include <pugixml.hpp>

#include <algorithm>
#include <cctype>
#include <cstring>
#include <vector>

namespace swarm::checks {

namespace {

enum class fate : std::uint8_t { passed, failed, errored, skipped, unknown };

/// What runners write into the attributes `status` and `result`, which some use instead of elements.
fate fate_in_attribute(std::string_view value) {
  std::string word{value};
  std::transform(word.begin(), word.end(), word.begin(), [](unsigned char x) { return std::tolower(x); });
  const auto is_one_of = [&](std::initializer_list<std::string_view> words) {
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  if (is_one_of({"", "run", "completed", "pass", "passed", "ok", "success", "successful"}))
    return fate::passed;
  if (is_one_of({"notrun", "not run", "disabled", "skip", "skipped", "suppressed", "ignored", "pending", "untested"}))
    return fate::skipped;
  if (is_one_of({"fail", "failed", "failure"}))
    return fate::failed;
  if (is_one_of({"error", "errored", "broken", "interrupted", "undefined", "timeout", "timedout", "aborted"}))
    return fate::errored;
  return fate::unknown;
}

bool is_suite(std::string_view element) {
  return element == "testsuite" || element == "testsuites";
}

/// Of Catch2 and doctest, in whose reports `tests` is the number of assertions.
bool counts_assertions(const pugi::xml_node& suite) {
  return suite.attribute("doctest_version") || std::string_view{suite.attribute("hostname").value()} == "tbd";
}

class junit_counter : public pugi::xml_tree_walker {
public:
  bool for_each(pugi::xml_node& node) override {
    if (node.type() == pugi::node_doctype)
      return stop("has a document type declaration, in which entities could hide; no runner writes one");
    if (node.type() != pugi::node_element)
      return true;
    const std::string_view element = node.name();
    close_suites(depth());
    if (depth() == 0 && !is_suite(element) && element != "testcase")
      return stop("isn't one: its root is " + in_quotes(element));
    if (element == "testcase")
      return count(node);
    if (is_suite(element))
      open_suite(node);
    else if ((element == "error" || element == "failure") && is_suite(node.parent().name()))
      add(element == "error" ? fate::errored : fate::failed, node.parent()); // of a suite that couldn't start
    return true;
  }

  caf::expected<test_counts> result() && {
    close_suites(0);
    if (problem_.empty() && counts_.failed + counts_.errored == 0)
      problem_ = missing_;
    if (problem_.empty() && claims_failures_ && counts_.failed + counts_.errored == 0)
      problem_ = "contradicts itself: it claims failures, and none of its tests has failed";
    if (!problem_.empty())
      return report_error(report_format::junit, problem_);
    return std::move(counts_);
  }

private:
  /// A suite whose end wasn't reached yet, and how many tests stand in it by its own account.
  struct unfinished {
    int depth;
    std::uint64_t tests_claimed;
    std::uint64_t tests_before; ///< That were found before it began.
    std::string name;
  };

  void open_suite(const pugi::xml_node& node) {
    claims_failures_ |= claims(node, "failures") || claims(node, "errors");
    const auto tests = number_in(without_blanks(node.attribute("tests").value()));
    if (tests && !counts_assertions(node))
      suites_.push_back({depth(), *tests, tests_, node.attribute("name").value()});
  }

  /// Those that end where something begins at that depth.
  void close_suites(int depth_reached) {
    for (; !suites_.empty() && suites_.back().depth >= depth_reached; suites_.pop_back()) {
      const auto& x = suites_.back();
      const auto found = tests_ - x.tests_before;
      if (found < x.tests_claimed && missing_.empty())
        missing_ = "claims " + counted(x.tests_claimed, "test") + " in the suite " + in_quotes(x.name) + " and has "
                   + std::to_string(found) + ", so it is torn; keep it as the runner wrote it";
    }
  }

  bool stop(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  /// Whether an attribute that holds a count isn't zero.
  static bool claims(const pugi::xml_node& suite, const char* attribute) {
    return std::strspn(suite.attribute(attribute).value(), " 0") != std::strlen(suite.attribute(attribute).value());
  }

  bool count(const pugi::xml_node& test) {
    ++tests_;
    const auto skipped = test.child("skipped");
    // A test that is still to do is run, fails, and is reported with both.
    const auto is_todo = std::string_view{skipped.attribute("type").value()} == "todo";
    if (test.child("error") && !is_todo)
      return add(fate::errored, test);
    if (test.child("failure") && !is_todo)
      return add(fate::failed, test);
    const auto status = fate_in_attribute(test.attribute("status").value());
    const auto result = fate_in_attribute(test.attribute("result").value());
    for (const auto bad : {fate::unknown, fate::errored, fate::failed})
      if (status == bad || result == bad)
        return add(bad, test);
    const auto is_skipped = skipped || test.child("disabled") || status == fate::skipped || result == fate::skipped;
    return add(is_skipped ? fate::skipped : fate::passed, test);
  }

  bool add(fate x, const pugi::xml_node& named) {
    const std::string class_name = named.attribute("classname").value();
    const auto name = (class_name.empty() ? "" : class_name + ".") + named.attribute("name").value();
    switch (x) {
      case fate::passed: ++counts_.passed; return true;
      case fate::skipped: ++counts_.skipped; return true;
      case fate::failed: ++counts_.failed; break;
      case fate::errored: ++counts_.errored; break;
      case fate::unknown:
        return stop("can't be judged: the test " + in_quotes(name) + " has the status "
                    + in_quotes(named.attribute("status").value()) + " and the result "
                    + in_quotes(named.attribute("result").value()));
    }
    add_failed_name(counts_, name);
    return true;
  }

  test_counts counts_;
  std::string problem_;
  std::string missing_; ///< What stands in no suite that says it has it.
  std::vector<unfinished> suites_;
  std::uint64_t tests_ = 0;
  bool claims_failures_ = false;
};

} // namespace

caf::expected<test_counts> parse_junit(std::string_view text) {
  // The parser would take it for the end. UTF-16 has them everywhere.
  if (const auto at = text.find('\0'); at != text.npos)
    return report_error(report_format::junit, "has a NUL byte at " + std::to_string(at) + "; have it written as UTF-8");
  pugi::xml_document document;
  // It never expands entities of a document's own; here it is told to show where they are declared.
  const auto parsed =
    document.load_buffer(text.data(), text.size(), pugi::parse_default | pugi::parse_doctype, pugi::encoding_utf8);
  if (!parsed)
    return report_error(report_format::junit, "isn't XML, or torn: " + std::string{parsed.description()} + " at byte "
                                                + std::to_string(parsed.offset));
  junit_counter counter;
  document.traverse(counter);
  return std::move(counter).result();
}

} // namespace swarm::checks
