#pragma once

#include "actors/sweeper.hpp"

namespace swarm {

/// The SEALER: adds what happened to a hash chain, so that the log can't be changed without being found out by
/// `swarm audit verify`. In the background, because a chain that every transaction had to wait for would cost two thirds
/// of all speed; what isn't sealed yet isn't vouched for. Of several sealers one does the work at a time.
struct sealer {
  using actor = sealer_actor;
  using report = seal_report;
  static constexpr const char* name = "sealer";
  static constexpr const char* task = "seal events";

  caf::timespan interval{std::chrono::seconds{10}};
  std::int32_t batch = 5000;

  std::tuple<atom::seal, std::int32_t> question() const { return {atom::seal_v, batch}; }
  sweep_verdict read(const seal_report& x) const { return {false, x.sealed == batch}; }
};

} // namespace swarm
