#pragma once

#include <sys/resource.h>

#include <optional>

namespace swarm::executors {

/// Lets this process open as many files as it may at most: a node has a connection per open stream and pipes per program,
/// and the usual limit of 1,024 is there for programs that use select(). Before any other thread begins.
void allow_many_open_files();

/// What the limit was before, for the programs that we start; nothing where nobody has raised it.
std::optional<rlimit> usual_limit_of_open_files();

} // namespace swarm::executors
