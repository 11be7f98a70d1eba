#pragma once

#include "messages/ids.hpp"
#include "messages/workspace.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace swarm::workspace {

/// Whose workspace it is, and what it shall be.
struct workspace_spec {
  ticket_id ticket;
  std::int32_t attempt = 1;
  workspace_request wanted = {};
};

struct prepared_workspace {
  std::filesystem::path path = {}; ///< <root>/ticket-<id>, mode 0700; empty for kind none.
  std::string branch = {};         ///< For git_worktree, e.g. "swarm/ticket-42-attempt-3".
  std::string base_commit = {};    ///< What the worktree began with, also when later attempts kept it.
  std::shared_ptr<void> hold = {}; ///< Nobody else works there or removes it for as long as this lives; may be absent.
};

/// Makes the place in which an attempt can begin.
///
/// Branches of earlier attempts stay in the repository as they are. A worktree that is kept gets its new branch where
/// the attempt before stopped, with all that wasn't committed. A branch that was used already, by an attempt that is
/// repeated under its number, isn't moved: the new one ends in ".2" then. No submodules, and no filters that run
/// programs (LFS). A worktree shares the objects, refs and hooks of its repository; they are in reach of what works
/// there.
///
/// Takes as long as a checkout does and waits for others that register a worktree in the same repository: not for a
/// thread that others need.
/// @returns errc::invalid_input, errc::not_found (no such repository or base), errc::conflict (there is something that
/// can't be kept; on_retry reset clears it), errc::not_permitted, errc::disk_full, errc::io_failed.
caf::expected<prepared_workspace> prepare(const std::filesystem::path& root, const workspace_spec&);

} // namespace swarm::workspace
