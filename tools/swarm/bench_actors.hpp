#pragma once

#include "tools/swarm/invocation.hpp"

namespace swarm::cli {

/// Registers `swarm bench actors`: what the shell around every actor and supervision cost, each beside bare CAF that
/// does the same in the same configuration. Without it nobody could tell whether an actor is slow because of us or of
/// CAF. Needs neither a database nor a home.
void add_bench_actors(CLI::App& bench, action& chosen);

} // namespace swarm::cli
