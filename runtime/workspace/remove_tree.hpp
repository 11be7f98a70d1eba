#pragma once

#include <caf/expected.hpp>

#include <string>

namespace swarm::workspace {

/// Removes the entry `name` of a directory: a file, a symbolic link (never what it points to), or a directory with all
/// that is in it. No such entry is a success.
///
/// What a program leaves behind may be hostile: links to anywhere, directories that forbid everything to their owner,
/// a nesting deeper than any path or stack. Links are followed nowhere, other file systems aren't entered, and any
/// depth takes a few descriptors.
/// @returns the first thing that couldn't be removed, after everything else has been; errc::io_failed when somebody
/// fills the directory as fast as it is emptied.
caf::expected<void> remove_tree(int directory, const std::string& name);

} // namespace swarm::workspace
