#pragma once

#include "tools/swarm/bench_site.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace swarm::cli {

/// What is measured: so many tickets of kind `noop`, submitted so many per transaction.
struct ticket_load {
  std::int64_t count = 20'000;
  std::int64_t batch = 1'000;
  std::int32_t slots = 500; ///< Tickets that the node runs at once.
};

/// One measurement. Per ticket where it says so; 0 where it means nothing.
struct bench_figures {
  std::string name;                ///< "node", "separate", "fused", "single", "commits"
  std::int64_t count = 0;          ///< Tickets, or commits.
  double seconds = 0;              ///< From before the first submission until the last completion is on disk.
  double transactions = 0;         ///< Per ticket, submission included.
  double wal_bytes = 0;            ///< Per ticket.
  double events = 0;               ///< Per ticket.
  double own_cpu_us = 0;           ///< This process's share per ticket: the node, or the thin client instead of it.
  double server_cpu_us = 0;        ///< PostgreSQL's share per ticket, all its processes.
  double fill_seconds = 0;         ///< Of a drain: how long the submissions before it took, by one connection.

  double per_second() const { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }
};

/// What the clock runs for.
enum class bench_part {
  whole_life, ///< From the first submission to the last completion, both at the same time.
  drain,      ///< From the moment when all are submitted. Only tickets and seconds mean something then.
};

/// Everything that a node is made of, in this process.
/// Like all below: uses a database of its own, and fails when not every ticket is completed exactly once.
caf::expected<bench_figures> measure_node(bench_site&, const ticket_load&, bench_part);

/// How the same statements are called without actors.
enum class sql_shape {
  separate, ///< Claim 100, settle 100, each its own transaction.
  fused,    ///< Settling one batch and claiming the next is one pipelined transaction.
};

/// What the database gives: a thread that submits and two that claim and settle, as fast as they go.
caf::expected<bench_figures> measure_sql(bench_site&, const ticket_load&, sql_shape, bench_part);

/// What a queue without batches gets: one connection that claims one ticket and settles it, up to 2,000 times. The
/// clock starts after the submission.
caf::expected<bench_figures> measure_single(bench_site&, const ticket_load&);

/// What the disk gives: the smallest write there is, by one connection, each on disk before the next.
caf::expected<bench_figures> measure_commits(bench_site&);

} // namespace swarm::cli
