#pragma once

#include "messages/checks.hpp"
#include "runtime/checks/verdict.hpp"
#include "runtime/checks/work_folder.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace swarm::checks {

/// A longer file has no hash here, and a longer document isn't parsed: both are errors that name `bytes_max` as the
/// remedy.
constexpr std::uint64_t hashed_bytes_max = std::uint64_t{4} << 30;
constexpr std::uint64_t json_bytes_max = std::uint64_t{4} << 20;

/// What protected files were like when an attempt began: the SHA-256 by path, empty for one that was missing.
using file_notes = std::map<std::string, std::string>;

/// Looks at the files of those rules that say `must_stay`. The errors are those of `check_files`.
caf::expected<file_notes> note_files(const work_folder& workspace, const std::vector<file_rule>&);

/// Judges the files of a workspace. Its owner may put anything in it, so the kernel keeps each path below the root,
/// whatever links lead elsewhere (openat2, Linux 5.6), and nothing but a regular file is read.
///
/// A file that is missing, or isn't as it must be, is a failure. An error is: no rule at all, a path that leads out of
/// the workspace, a protected file without a note, what isn't a regular file, can't be read, or changes meanwhile.
/// @returns the worst of all findings, errors first; the detail has a line for each file that isn't as it must be.
finding check_files(const work_folder& workspace, const std::vector<file_rule>&, const file_notes& = {},
                    const redaction& = as_it_is);

/// Removes a file below the workspace, so that an old report isn't taken for a new one. None there is fine, too.
finding remove_file(const work_folder& workspace, const std::string& path);

/// Reads a file below the workspace; as with `check_files`, nothing outside of it.
caf::expected<std::string> read_file(const work_folder& workspace, const std::string& path, std::uint64_t bytes_max);

} // namespace swarm::checks
