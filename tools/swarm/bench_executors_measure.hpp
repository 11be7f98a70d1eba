#pragma once

#include "tools/swarm/bench_executors_api.hpp"

#include <caf/expected.hpp>

#include <cstdint>

namespace swarm::cli {

/// A node's side of some streams that are open at the same time.
struct stream_figures {
  unsigned streams = 0;
  double memory_bytes = 0;           ///< Per attempt with an open stream, of memory that is really there.
  double cpu_ms_per_1000_events = 0; ///< Of this whole process.
  double delay_p50_us = 0;           ///< From the server's write until the event is in the message ...
  double delay_p99_us = 0;           ///< ... in the node, whose thread has others to serve.
  unsigned io_threads = 0;           ///< That touch the streams.
};

/// Opens so many streams and lets each have at least so many events, a hundredth of a second or more between two. Twice:
/// first as attempts of the executor, with all that an attempt holds, for memory and CPU; then with a listener behind
/// each stream, for the delay. Fails when a stream doesn't end as it should.
caf::expected<stream_figures> measure_streams(const bench_api&, unsigned streams, unsigned events);

struct command_figures {
  std::uint64_t count = 0;
  double ours_per_second = 0; ///< Attempts of tickets, from the claim's arrival to the settlement: all but the database.
  double bare_per_second = 0; ///< posix_spawn and waitpid.
  double ratio = 0;           ///< Ours to bare, the median of the rounds' own ratios.
  double ours_cpu_us = 0;     ///< Of each, with what the program itself uses. Says more where others use the machine.
  double bare_cpu_us = 0;
};

constexpr std::uint64_t commands_in_flight = 8;

/// /bin/true, so many times and `commands_in_flight` at once: as tickets, and in a bare loop, in turns.
caf::expected<command_figures> measure_commands(std::uint64_t count);

} // namespace swarm::cli
