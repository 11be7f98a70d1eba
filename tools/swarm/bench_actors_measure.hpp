#pragma once

#include <caf/expected.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace swarm::cli {

/// One figure of ours and the same of bare CAF.
struct comparison {
  std::string name;  ///< For programs, with its unit, e.g. "round_trip_ns".
  std::string title; ///< For people, with its unit.
  double ours = 0;   ///< The median of all rounds.
  double bare = 0;
  double ratio = 0; ///< What ours costs where bare CAF costs 1: the median of the rounds' own ratios.
  double aim = 0;   ///< The ratio is meant to stay below; 0 where nothing was promised.
};

using comparisons = std::vector<comparison>;

// Each measurement runs ours and bare CAF in turn, several times, so that a noisy neighbour hits both. Times still
// differ much between runs: a message within a core is several times faster than one across cores, and which it is lies
// with the kernel. Each fails with errc::actor_failed when not everything that it claims to have measured has happened.

/// From a child's exception until its next life has answered a message: half of all restarts, and all but one in 100.
/// Bare: an actor that monitors another one and spawns it again in its down handler.
caf::expected<comparisons> measure_restarts();

/// `count` children through a dynamic supervisor, 100 requests in flight: started, bytes of each, removed. Bare: a
/// parent that spawns, monitors and asks each one question, then ends each and waits for the down message.
caf::expected<comparisons> measure_dynamic_children(std::uint64_t count);

/// A request and its answer, one in flight: from shell to shell, the same with the server behind a stable address, and
/// between functor-based typed actors.
caf::expected<comparisons> measure_round_trips();

/// A supervisor with a list of children, small and large: what start, stop and memory cost for each of them. Bare: the
/// same parent as above, one child after the other, and stopped in reverse order.
caf::expected<comparisons> measure_static_children();

} // namespace swarm::cli
