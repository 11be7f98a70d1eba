#pragma once

#include "runtime/executors/command/unique_fd.hpp"

#include <cstdint>
#include <string>

namespace swarm::executors {

/// Opens `path` below `directory`, in the manner of `openat`: an empty descriptor and `errno` when it fails. A new file
/// may be read and written by all whom the process's umask leaves.
///
/// The kernel looks at every step on the way (openat2, Linux 5.6), so neither "..", nor an absolute path, nor a symbolic
/// link leads out of `directory`: EXDEV. A check of the text would be right only until somebody puts a link in the place
/// of a folder.
/// @param also_refused more of the RESOLVE_ flags of openat2, e.g. RESOLVE_NO_SYMLINKS.
unique_fd open_beneath(int directory, const std::string& path, int flags, std::uint64_t also_refused = 0);

} // namespace swarm::executors
