#pragma once

#include <caf/expected.hpp>

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>

namespace swarm {

/// Where the attempts of a ticket work. Without a place of its own a ticket works where another one does, or where the
/// rest of an attempt that died lies about.
enum class workspace_kind : std::uint8_t {
  none,         ///< Nothing is made: it works in its directory, whose ever that is.
  dir,          ///< A directory of its own, empty at first.
  git_worktree, ///< A worktree of a repository on the node's machine, with a branch per attempt.
};

std::string to_string(workspace_kind);

/// What an attempt finds of the one before.
enum class retry_rule : std::uint8_t {
  keep,  ///< Everything as it was left.
  reset, ///< Nothing: an empty directory, or a fresh worktree.
};

std::string to_string(retry_rule);

/// The member "workspace" of a payload, which any ticket may have that works in a directory:
///
///   {"kind": "dir", "on_retry": "reset"}
///   {"kind": "git_worktree", "repository": "/srv/app", "base": "main", "on_retry": "keep"}
struct workspace_request {
  workspace_kind kind = workspace_kind::none;
  std::string repository = {}; ///< Of git_worktree: absolute.
  std::string base = {};       ///< A branch, tag or commit to begin with; empty: what the repository is at.
  retry_rule on_retry = retry_rule::keep;
};

/// Members that say what is so anyway are left out.
nlohmann::json to_json(const workspace_request&);

/// @returns errc::invalid_input with a sentence, for what isn't known as well: a newer node may mean a restriction by
/// it.
caf::expected<workspace_request> read_workspace(const nlohmann::json&);

} // namespace swarm
