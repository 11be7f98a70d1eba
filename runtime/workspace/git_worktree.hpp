#pragma once

#include <caf/expected.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace swarm::workspace {

struct worktree_spec {
  std::filesystem::path path;       ///< Of the worktree: absolute, free of symbolic links.
  std::filesystem::path repository; ///< Absolute.
  std::string base;                 ///< A branch, tag or commit; empty: what the repository is at.
  std::string branch;               ///< For this attempt.
};

struct worktree {
  std::string branch;      ///< The one that was asked for, or with ".2", ".3" ... behind it when that was used already.
  std::string base_commit; ///< In hexadecimal digits.
};

/// Makes the branch and checks it out at `path`, where nothing may be yet. What the repository still knows about
/// worktrees beside `path` that are gone is forgotten on this occasion; their branches stay.
caf::expected<worktree> add_worktree(const worktree_spec&);

/// Goes on with what `add_worktree` made at `path`, files untouched: HEAD moves to the branch, which begins where HEAD
/// is. Nothing is read by the word of what lies in the worktree, since the attempt before could have changed it.
/// @returns nothing when `add_worktree` didn't come to its end there, so that no attempt has begun; errc::conflict when
/// there is something else.
caf::expected<std::optional<worktree>> continue_worktree(const worktree_spec&);

} // namespace swarm::workspace
