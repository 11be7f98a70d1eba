#pragma once

#include "runtime/executors/beneath.hpp"

#include <functional>
#include <string>

/// Directories that a program may have left in any state.
namespace swarm::workspace {

/// Opens the directory `name` for reading, and before that gives its owner the right to read and change it, which a
/// program may have taken away. Follows no link and enters no other file system.
/// @returns an empty descriptor and `errno` when it fails.
executors::unique_fd open_usable_directory(int directory, const std::string& name);

/// Calls back with each name in a directory, except "." and "..". Entries may be removed meanwhile.
/// @returns 0, or the error number of the step that failed.
int for_each_name(int directory, const std::function<void(const std::string&)>&);

/// The absolute path of an open file or directory, free of symbolic links; empty when it can't be told.
std::string path_of(int descriptor);

} // namespace swarm::workspace
