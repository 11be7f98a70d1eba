#pragma once

#include "messages/error.hpp"

#include <caf/expected.hpp>
#include <caf/timespan.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace swarm {

/// What looks at the work of an attempt, in the order in which it is asked: the cheap ones first.
enum class check_kind : std::uint8_t {
  files,   ///< Files are there and are as they must be.
  diff,    ///< Something was changed, and only what may be.
  command, ///< A program exits with 0.
  tests,   ///< A program runs at least one test, and none fails.
  model_review, ///< A model has nothing against it.
  human,   ///< A person approves.
};

std::string to_string(check_kind);

/// Whose report of tests it is. `junit` is a file; the others are mostly what the runner wrote to its output.
enum class report_format : std::uint8_t {
  junit,   ///< XML of any runner.
  tap,     ///< Test Anything Protocol, versions 12 to 14.
  ctest,   ///< CMake's ctest, with any verbosity but -Q.
  pytest,  ///< With any verbosity but -qq.
  go,      ///< `go test`. Without -v a package counts as one test, and one whose tests all skip looks as if they passed.
  go_json, ///< `go test -json`.
};

std::string to_string(report_format);

/// What must be true of one file.
struct file_rule {
  std::string path;                  ///< From the ticket's directory, without "..".
  bool must_exist = true;            ///< Otherwise nothing may exist there: no file, no folder, no link.
  std::optional<std::string> sha256; ///< 64 hexadecimal digits.
  std::optional<std::uint64_t> bytes_min;
  std::optional<std::uint64_t> bytes_max;
  std::optional<std::string> json_schema; ///< The schema itself, an object: see messages/json_schema.hpp.
  bool must_stay = false;            ///< "protected": it is as it was when the attempt began, or missing as it was.
};

/// What the work may change in a git repository. Without `allowed` it may change everything that isn't protected.
struct diff_rules {
  bool must_change = true;               ///< A diff without a path is a failure.
  std::vector<std::string> allowed;      ///< Patterns as in runtime/checks/glob.hpp; each changed path matches one of them.
  std::vector<std::string> is_protected; ///< No changed path matches one of these, allowed or not.
  std::string base;                      ///< What it is compared with; empty for what was there when the attempt began.
};

/// What a model that judges the work is told beside the ticket's own words.
struct review_rules {
  std::string model;              ///< Empty for the node's.
  std::string instructions;       ///< What to look at above all.
  std::vector<std::string> files; ///< That it is shown, from the ticket's directory, without "..".
  std::uint64_t max_tokens = 8'000; ///< Of its answer.
};

/// One check of a ticket's work, as it stands in the payload:
///
///   {"kind": "files", "files": [{"path": "out.json", "exists": true, "protected": false, "sha256": "...",
///                                "bytes_min": 1, "bytes_max": 4096, "json_schema": {...}}]}
///   {"kind": "diff", "must_change": true, "allowed": ["src/**"], "protected": ["tests/**"], "base": "main"}
///   {"kind": "command", "command": ["make", "check"], "timeout_ms": 60000}
///   {"kind": "tests", "command": ["ctest"], "format": "ctest", "report": "report.xml", "timeout_ms": 60000}
///   {"kind": "model_review", "model": "claude-opus-5-5", "instructions": "Is it readable?", "files": ["src/a.c"],
///    "max_tokens": 8000, "timeout_ms": 60000}
///   {"kind": "human", "question": "Is this good?", "expires_ms": 86400000}
///
/// Each may have a "name", by which people find it again.
struct check_definition {
  check_kind kind = check_kind::command;
  std::string name;
  std::vector<std::string> command; ///< argv of command and tests.
  caf::timespan timeout{0};         ///< Of its program or model; 0 for what is left of the attempt.
  report_format format = report_format::junit;
  std::string report;               ///< From the ticket's directory; empty: the runner's output is the report.
  std::vector<file_rule> files;
  diff_rules diff;
  review_rules review;
  std::string question;
  caf::timespan expires{0};         ///< How long a person has; 0 for seven days.
};

/// A plain check by a command, whose short form is the payload's member "check".
check_definition command_check(std::vector<std::string> command, caf::timespan timeout = caf::timespan{0});
bool is_plain_command(const check_definition&);

/// The canonical form: members that say what is so anyway are left out.
nlohmann::json to_json(const std::vector<check_definition>&);

/// @returns them sorted: cheap ones first, and as given within a kind; errc::invalid_input with a sentence that names the
/// check's place, for what isn't known as well: a newer node may mean a restriction by it.
caf::expected<std::vector<check_definition>> read_checks(const nlohmann::json& list);

} // namespace swarm
