#pragma once

#include "runtime/child_process.hpp"

#include <optional>
#include <vector>

namespace swarm::runtime {

// Which processes serve a cluster, told by what the kernel knows (program and working directory), because process ids
// in files go stale and come back as somebody else's.

/// Every living process of PostgreSQL that works in this data directory.
std::vector<pid_t> servers_of(int data);

/// The server that postmaster.pid names, when it is alive and really serves this directory.
std::optional<child_process> running_postmaster(int data);

/// What a killed postmaster left: its children, which hold the shared memory that a new one refuses to share, are
/// ended as it would have ended them, and lock files that name a stranger or nobody are removed, because PostgreSQL
/// takes any living process of its user for the server, and refuses to start beside a file that it can't read. Only for
/// the holder of the home's lock, with no postmaster running.
/// @param socket_directory where the socket and its lock file are.
/// @returns errc::io_failed when children don't end in time.
caf::expected<void> clear_remains(int data, int socket_directory, std::chrono::milliseconds patience);

} // namespace swarm::runtime
