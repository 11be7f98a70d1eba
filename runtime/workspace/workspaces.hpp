#pragma once

#include "runtime/workspace/sweep.hpp"
#include "runtime/workspace/workspace.hpp"

#include <map>
#include <mutex>

namespace swarm::workspace {

/// What the database says of tickets: of those that exist, whether each is final. Others are gone.
using ask_for_ends = std::function<caf::expected<std::map<ticket_id, bool>>(const std::vector<ticket_id>&)>;

/// The workspaces of one node: the directories below its root, and who is in which of them right now. Without the
/// latter a sweep could remove what an attempt has just begun with, and a ticket that came back to this node would be
/// worked on beside what is left of its last attempt. Callable from any thread; all takes its time.
class workspaces : public std::enable_shared_from_this<workspaces> {
public:
  /// @param root of this node alone, and of tickets of one database.
  explicit workspaces(std::filesystem::path root) : root_(std::move(root)) {}

  /// Where the ticket's workspace is, made or not.
  std::filesystem::path path_of(ticket_id) const;

  /// See `prepare` in workspace.hpp. The workspace is held. @returns errc::io_failed also for what is the node's
  /// trouble and not the ticket's: the root can't be used, or somebody is still in there.
  caf::expected<prepared_workspace> prepare(const workspace_spec&);

  /// Removes the workspaces of tickets that the database doesn't know, then those of final ones by age and size, and
  /// never one that somebody is in, or whose ticket isn't final in the moment before it goes.
  caf::expected<sweep_report> sweep(std::chrono::seconds age_max, std::uint64_t bytes_max, const ask_for_ends&,
                                    const std::function<bool()>& stops, std::chrono::system_clock::time_point now);

private:
  std::shared_ptr<void> enter(ticket_id);

  const std::filesystem::path root_;
  std::mutex mutex_;
  std::set<ticket_id> held_;
};

} // namespace swarm::workspace
