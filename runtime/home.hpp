#pragma once

#include "messages/error.hpp"

#include <filesystem>
#include <string>

namespace swarm::runtime {

/// The directory in which swarm keeps what must survive: its private database, the node's log, its sockets.
///
///   <home>/postgres/   the private cluster; as root it belongs to the account that PostgreSQL runs as
///   <home>/log/        the node's own log
///   <home>/run/        sockets of a running node
///   <home>/attempts/   files that programs share with a running node, and long outputs of attempts that have ended
///   <home>/workspaces/ directories of tickets that have one of their own, unless `workspaces.root` is elsewhere
///   <home>/id          a uuid that tells successive nodes of one home from nodes of another
///   <home>/lock        who uses the home right now
class home {
public:
  /// $SWARM_HOME, else $XDG_DATA_HOME/swarm, else ~/.local/share/swarm; absolute. Creates nothing.
  /// @returns errc::invalid_input when no variable and no user database tells.
  static caf::expected<std::filesystem::path> resolve();

  /// Makes the directory usable: creates it (and its parents) with mode 0700, its folders and its id.
  /// @returns errc::not_permitted when it is another user's, writable by others, or can't be written;
  /// errc::invalid_input when something else than a directory is in the way; errc::disk_full.
  static caf::expected<home> open(const std::filesystem::path&);

  const std::filesystem::path& root() const { return root_; }
  std::filesystem::path postgres() const { return root_ / "postgres"; }
  std::filesystem::path log() const { return root_ / "log"; }
  std::filesystem::path run() const { return root_ / "run"; }
  std::filesystem::path attempts() const { return root_ / "attempts"; }
  std::filesystem::path workspaces() const { return root_ / "workspaces"; }
  std::filesystem::path control_socket() const { return run() / "control.sock"; }

  /// 36 characters, the same for the life of the directory.
  const std::string& id() const { return id_; }

private:
  std::filesystem::path root_;
  std::string id_;
};

} // namespace swarm::runtime
