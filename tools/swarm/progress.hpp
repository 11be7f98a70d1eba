#pragma once

#include "runtime/store/queries.hpp"

#include <iosfwd>
#include <map>
#include <string>
#include <vector>

namespace swarm::cli {

/// Where a graph stands, counted by state.
struct graph_counts {
  std::map<std::string, std::int64_t> by_state;

  std::int64_t of(const std::string& state) const;

  /// Nothing moves any more: every ticket is final, or waits for one that will not complete.
  bool is_settled() const;

  /// Every ticket is completed.
  bool is_complete() const;
};

graph_counts count(const std::vector<store::graph_ticket>&);

/// Tells a person what changed since the last look at a graph: a line per ticket that changed its state or ended an
/// attempt.
class progress {
public:
  explicit progress(std::ostream& out) : out_(out) {}

  void show(const std::vector<store::graph_ticket>&);

private:
  struct seen {
    std::string state;
    std::int64_t ended = 0;
  };
  std::ostream& out_;
  std::map<std::int64_t, seen> last_;
};

} // namespace swarm::cli
