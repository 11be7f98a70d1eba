#pragma once

#include "tools/swarm/invocation.hpp"

namespace swarm::cli {

/// Registers `swarm bench executors`: what open streams of Claude cost a node, and how fast it starts commands, beside
/// what was promised. Without it nobody would know whether a thousand streams fit into a node before they are there.
/// Needs neither a database nor a home nor a key.
void add_bench_executors(CLI::App& bench, action& chosen);

} // namespace swarm::cli
