#pragma once

#include "tools/swarm/bench_site.hpp"

#include <cstdint>
#include <vector>

namespace swarm::cli {

/// A few numbers of one kind, in milliseconds.
struct latency_figures {
  double p50 = 0, p99 = 0;
};

latency_figures summarize(std::vector<double> milliseconds);

/// The least that a database has to do for a step of the protocol, so that a figure can be read: the same rows, in a
/// table with nothing but what the step needs, without events, fences or other tickets' states.
namespace bare {

/// Takes so many rows at once from a table in which so many wait, each time behind the ones before.
caf::expected<latency_figures> time_claims(bench_site&, store::connection&, std::int64_t waiting, int limit,
                                           int samples);

/// Renews so many rows of a table in one statement.
caf::expected<latency_figures> time_heartbeat(bench_site&, store::connection&, std::int64_t leases, int samples);

/// Inserts a row and takes it out again, a transaction each.
caf::expected<latency_figures> time_start(bench_site&, store::connection&, int samples);

} // namespace bare

} // namespace swarm::cli
