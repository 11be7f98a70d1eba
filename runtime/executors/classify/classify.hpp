#pragma once

#include "runtime/executors/classify/signal.hpp"

namespace swarm::executors {

/// The longest wait that a worker sits out. A longer one gives the ticket back, because a sleeping worker holds a lease
/// and a slot.
inline constexpr std::chrono::seconds in_place_wait_max{10};

/// How often a server's `pause_turn` is followed.
inline constexpr int pause_turns_max = 10;

/// Ends of an agent without a verdict, in a row, that are held against the ticket.
inline constexpr int agent_crashes_max = 3;

/// Rows 19: as many are no chance any more; the work takes longer than the API gives it.
inline constexpr int timeouts_on_ticket_max = 3;

/// What a signal of the outside world means: the one place where that is decided. A pure function; every value is
/// allowed, and what isn't known puts the ticket off at nobody's cost. @param retries_done Retries in place of this
/// call so far.
///
/// Not seen from one signal, so for others: the same message of row 10 for several tickets is our own bug, or the API has
/// changed (refused_alike.sql); infrastructure that fails without end needs a limit of its own (settle.sql).
verdict classify(const outside_signal&, wall_time now, int retries_done = 0);

} // namespace swarm::executors
