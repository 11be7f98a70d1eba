#pragma once

#include "tools/swarm/bench_actors_rig.hpp"

namespace swarm::cli {

using brood_actor = caf::typed_actor<
  // Starts so many children; answered with the number of those that are known to run.
  caf::replies_to<atom::start, std::uint64_t>::with<std::uint64_t>,
  // Ends them all; answered with the number of those that are known to be gone.
  caf::replies_to<atom::stop>::with<std::uint64_t>,
  // How many it has been told to keep. The answer also means that it has let go of all messages before.
  caf::replies_to<atom::count>::with<std::uint64_t>>;

/// Children and who keeps them; what is measured is how fast the keeper does as it is told.
struct brood_kind {
  std::function<brood_actor(caf::scoped_actor&)> make;
  std::size_t late_overseers = 0; ///< Actors that come with the children and aren't children.
};

constexpr std::uint64_t requests_in_flight = 100;

/// A client of a dynamic supervisor, with so many requests in flight.
brood_kind our_dynamic();

/// A supervisor with a list of children, started when told to.
brood_kind our_static();

/// A parent that spawns, monitors and asks each child one question, `width` at once. The newest is ended first.
brood_kind bare_parent(std::uint64_t width);

} // namespace swarm::cli
