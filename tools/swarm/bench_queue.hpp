#pragma once

#include "tools/swarm/bench_bare.hpp"

#include <cstdint>
#include <vector>

namespace swarm::cli {

/// What the queue is filled with.
struct queue_load {
  std::int64_t waiting_max = 1'000'000; ///< Claims are timed with 10,000 waiting, and so on by tens up to this.
  std::int64_t finished = 100'000;      ///< Beside which claims are timed as well, with 10,000 waiting.
  std::int64_t leases = 10'000;         ///< That one heartbeat renews.
  int samples = 200;                    ///< Of each latency.
};

/// A step, and the least that a database must do for it, measured in the same run.
struct step_figures {
  latency_figures ours, bare;
};

struct backlog_figures {
  std::int64_t waiting = 0;
  step_figures claim_one, claim_hundred;
};

struct queue_figures {
  std::vector<backlog_figures> backlogs;
  latency_figures beside_finished; ///< A claim of a hundred, with 10,000 waiting beside those that have finished.
  latency_figures held_snapshot; ///< A claim of a hundred, after 50,000 were claimed under another session's old snapshot.
  step_figures heartbeat;        ///< Of all leases, in one statement.
  step_figures start;            ///< From the enqueueing of one ticket until its attempt is claimed by an idle node.
  double idle_transactions = 0;  ///< Per second, of a node without work; bare SQL needs none.
};

/// How long the single steps take. Uses databases of its own.
caf::expected<queue_figures> measure_queue(bench_site&, const queue_load&);

} // namespace swarm::cli
