#pragma once

#include "messages/checks.hpp"
#include "messages/command.hpp"
#include "runtime/checks/verdict.hpp"

#include <caf/expected.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace swarm::checks {

// What the work has changed is the difference of two trees of git: what was there when the attempt began, or what the
// rules name as base, and what is there now, committed or not. What the base's ignore files ignore is left out; where
// an attribute file differs from the base's, contents are compared without any conversion. Trees are named by a hash of
// their content, so the work can't move the base. It can teach its repository to lie about the present, by filters and the
// like: what must not change at any price is for the protected files of a `files` check, which this node hashes itself.

/// argv of the program that writes the base tree's hash and a line end.
std::vector<std::string> base_program(const diff_rules&);

/// argv of the program that writes what has changed since: see `changed_paths`.
std::vector<std::string> diff_program(const std::string& base);

/// The hash in the output of `base_program`; `errc::invalid_input` with what it said instead.
caf::expected<std::string> read_base(const command_result&);

/// The paths that git names as changed, from the root of the repository: output of `git diff-tree --name-status -z
/// --no-renames`. `errc::invalid_input` for what isn't such an output, or is torn.
caf::expected<std::vector<std::string>> changed_paths(std::string_view name_status);

/// `errc::invalid_input` for a pattern that can't be read.
caf::expected<void> check_patterns(const diff_rules&);

/// Judges the changed paths. A pattern that can't be read, and rules that demand nothing, are errors.
finding judge_diff(const std::vector<std::string>& changed, const diff_rules&, const redaction& = as_it_is);

/// The end of `diff_program`: one that didn't end well, or whose output can't be read, is an error.
finding judge_diff_program(const command_result&, const diff_rules&, const redaction& = as_it_is);

} // namespace swarm::checks
