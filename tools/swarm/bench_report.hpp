#pragma once

#include "tools/swarm/bench_tickets.hpp"

#include <iosfwd>
#include <string>

namespace swarm::cli {

/// All that `swarm bench tickets` found out, in one run.
struct ticket_report {
  ticket_load load;
  bench_figures node, separate, fused, single, commits;
  bench_figures node_drain, fused_drain; ///< Only their counts and seconds mean something.
  unsigned cores = 0;
  double load_average = 0; ///< Of the machine, before the first measurement.
  std::string server_version;
  bool in_memory = false;

  /// The best that the same SQL does without actors.
  const bench_figures& ceiling() const { return fused.per_second() > separate.per_second() ? fused : separate; }

  /// The node's share of the ceiling, 0 to 1.
  double ratio() const { return ceiling().seconds > 0 ? node.per_second() / ceiling().per_second() : 0; }
};

/// A table for people.
void print_report(std::ostream&, const ticket_report&);

/// One JSON object on one line.
void print_json(std::ostream&, const ticket_report&);

} // namespace swarm::cli
