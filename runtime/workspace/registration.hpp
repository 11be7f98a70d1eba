#pragma once

#include "runtime/files.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace swarm::workspace {

/// What a git repository keeps about one of its worktrees: a directory <repository>/worktrees/<name>. As long as it is
/// there, the worktree's branch counts as checked out, and `git worktree list` shows what is gone.
struct registration {
  runtime::descriptor worktrees;
  std::string name;
};

/// The registration of the worktree in this directory; nothing when there is none. Where it is stands in the worktree's
/// file .git, which work may have changed, so it counts only if it names this very path in return.
/// @param path of the directory: absolute, free of symbolic links.
std::optional<registration> find_registration(int directory, const std::filesystem::path& path);

/// Removes it, when the worktree is gone. Its branches stay: they hold the work.
caf::expected<void> forget(const registration&);

} // namespace swarm::workspace
