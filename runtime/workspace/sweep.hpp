#pragma once

#include "messages/ids.hpp"

#include <caf/expected.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace swarm::workspace {

/// What may stay in a root. Without a sweep the workspaces of finished tickets fill the disk.
struct retention {
  std::set<ticket_id> keep;      ///< Tickets that live, and so may come back to their workspace.
  std::set<ticket_id> gone = {}; ///< Of `tickets_in`, those that the database doesn't know any more.
  std::chrono::seconds age_max = std::chrono::seconds::max(); ///< Since the last change of anything in a workspace.
  std::uint64_t bytes_max = UINT64_MAX; ///< On disk, of all workspaces together, the living ones included.
  /// Asked before a removal: what it returns is held until that is over, and with nothing the workspace stays.
  std::function<std::shared_ptr<void>(ticket_id)> take = [](ticket_id x) { return std::make_shared<ticket_id>(x); };
  std::function<bool()> stops = [] { return false; }; ///< Ends the sweep early; asked often.
};

enum class removal_cause : std::uint8_t {
  orphan, ///< There is no such ticket any more.
  age,
  size,
};

/// E.g. "orphan".
std::string to_string(removal_cause);

struct removed_workspace {
  ticket_id ticket;
  removal_cause cause = removal_cause::orphan;
  std::uint64_t bytes = 0; ///< On disk; a file with several links counts with each.
};

struct sweep_report {
  std::vector<removed_workspace> removed;
  std::uint64_t bytes_left = 0;      ///< As far as it could be read.
  std::size_t foreign = 0;           ///< Entries that are no workspaces and were left alone.
  std::vector<std::string> problems; ///< Sentences: what couldn't be read or removed, at most 100.
};

/// The tickets that have a workspace in the root, living or not. Empty when there is no such root.
caf::expected<std::vector<ticket_id>> tickets_in(const std::filesystem::path& root);

/// Removes the workspaces of tickets that are gone, then those of tickets that don't live and that nothing has changed
/// for too long, then of these the ones unchanged for longest, until the rest fits. Those in `keep` stay in any case.
/// The repository of a worktree forgets it; its branches stay.
///
/// Looks at every file, so it takes its time, and tickets may begin to live in the middle: `take` must know.
/// @returns an error when the root itself can't be used; all else is in the report.
caf::expected<sweep_report> sweep(const std::filesystem::path& root, const retention&,
                                  std::chrono::system_clock::time_point now);

} // namespace swarm::workspace
