#pragma once

#include "messages/ids.hpp"
#include "runtime/executors/agent_cli/agent_adapter.hpp"
#include "runtime/executors/classify/signal.hpp"

#include <caf/expected.hpp>

#include <filesystem>
#include <optional>
#include <string>

namespace swarm::executors {

/// What a node remembers of a ticket's last run by an agent, so that a conversation that broke off isn't lost with it. It
/// is written before the agent starts: a node that dies with its agents finds it again.
struct session_memory {
  std::string agent;
  std::string session_id;   ///< Empty as long as a CLI that chooses it hasn't told it.
  swarm::fence fence;       ///< Of the run.
  int crashes = 0;          ///< Runs in a row that ended without a verdict, before this one or with it.
  bool is_running = false;  ///< The run hasn't ended, or its node died under it.
  bool resumes = false;     ///< The next run goes on with the session.
  int profile = 0;          ///< That the run went by.

  friend bool operator==(const session_memory&, const session_memory&) = default;
};

/// How the next run begins.
struct session_plan {
  std::string resumes; ///< The session to go on with; empty for a new one.
  int crashes = 0;     ///< Runs in a row that ended without a verdict.
};

/// A run that died with its node is a crash, and goes on once like others. Another agent and another profile begin afresh.
session_plan plan_session(const std::optional<session_memory>& last, std::string_view agent, int profile);

/// What is to be remembered when a run has ended so; nothing when the next one begins afresh, with a new count.
/// @param run As it was remembered while it ran.
std::optional<session_memory> remember(session_memory run, const verdict&);

/// A file per ticket. Sessions are files of this machine, so other nodes need not know of them.
class session_files {
public:
  /// Forgets what nobody has asked for in a month. @param folder Empty: nothing is remembered.
  explicit session_files(std::filesystem::path folder);

  /// Nothing also when the file can't be read: the ticket then has a fresh session.
  std::optional<session_memory> load(ticket_id) const;

  caf::expected<void> save(ticket_id, const session_memory&) const;

  /// Saves what came of a run, or forgets it; nothing if a later run has begun meanwhile.
  void close(ticket_id, fence run, const std::optional<session_memory>&) const;

private:
  std::filesystem::path path_of(ticket_id) const;

  std::filesystem::path folder_;
};

} // namespace swarm::executors
