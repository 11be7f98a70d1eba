#pragma once

#include <caf/atom.hpp>

/// The verbs. One verb keeps its name through all layers: atom, C++ function, SQL file, event, CLI verb, test.
/// At most ten characters of [A-Za-z0-9_ ]; CAF turns anything else into a blank without a word. Where ten don't do, the
/// text is shorter than the name.
namespace swarm::atom {

// The ticket protocol, answered by the store.
using claim = caf::atom_constant<caf::atom("claim")>;
using settle = caf::atom_constant<caf::atom("settle")>;
using beat = caf::atom_constant<caf::atom("beat")>;
using reclaim = caf::atom_constant<caf::atom("reclaim")>;
using promote = caf::atom_constant<caf::atom("promote")>;
using cascade = caf::atom_constant<caf::atom("cascade")>;

// Among the actors of a node.
using start = caf::atom_constant<caf::atom("start")>;     ///< run these claimed tickets
using count = caf::atom_constant<caf::atom("count")>;     ///< how many run
using held = caf::atom_constant<caf::atom("held")>;       ///< which claims are held
using execute = caf::atom_constant<caf::atom("execute")>; ///< run this command
using stop = caf::atom_constant<caf::atom("stop")>;       ///< end this one run
using kill = caf::atom_constant<caf::atom("kill")>;       ///< end it at once, without asking it first
using ended = caf::atom_constant<caf::atom("ended")>;     ///< a run is over
using hand_back = caf::atom_constant<caf::atom("hand_back")>; ///< end all runs, release their tickets
using sweep = caf::atom_constant<caf::atom("sweep")>;     ///< do the periodic work now
using wake = caf::atom_constant<caf::atom("wake")>;       ///< something may be ready: a hint

// Timers and inner steps.
using tick = caf::atom_constant<caf::atom("tick")>;
using hold = caf::atom_constant<caf::atom("hold")>;
using progress = caf::atom_constant<caf::atom("progress")>;
using propagate = caf::atom_constant<caf::atom("propagate")>;
using seal = caf::atom_constant<caf::atom("seal")>;
using throttle = caf::atom_constant<caf::atom("throttle")>; ///< a service said "not now" to an attempt that goes on
using prune = caf::atom_constant<caf::atom("prune")>;
using flush = caf::atom_constant<caf::atom("flush")>;
using connect = caf::atom_constant<caf::atom("connect")>;
using lost = caf::atom_constant<caf::atom("lost")>;
using found = caf::atom_constant<caf::atom("found")>;     ///< somebody has looked at files

// Supervision, in OTP's words.
using start_child = caf::atom_constant<caf::atom("startchild")>;
using terminate_child = caf::atom_constant<caf::atom("endchild")>;
using restart_child = caf::atom_constant<caf::atom("againchild")>;
using delete_child = caf::atom_constant<caf::atom("delchild")>;
using which_children = caf::atom_constant<caf::atom("children")>;
using count_children = caf::atom_constant<caf::atom("countchild")>;
using overdue = caf::atom_constant<caf::atom("overdue")>; ///< a child was told to stop and should be gone by now
using stuck = caf::atom_constant<caf::atom("stuck")>;     ///< a child's handler doesn't come back

// What every actor answers.
using started = caf::atom_constant<caf::atom("started")>;
using status = caf::atom_constant<caf::atom("status")>;

// The values, for sending.
inline constexpr claim claim_v{};
inline constexpr settle settle_v{};
inline constexpr beat beat_v{};
inline constexpr reclaim reclaim_v{};
inline constexpr promote promote_v{};
inline constexpr cascade cascade_v{};
inline constexpr start start_v{};
inline constexpr count count_v{};
inline constexpr held held_v{};
inline constexpr execute execute_v{};
inline constexpr stop stop_v{};
inline constexpr kill kill_v{};
inline constexpr ended ended_v{};
inline constexpr hand_back hand_back_v{};
inline constexpr sweep sweep_v{};
inline constexpr wake wake_v{};
inline constexpr tick tick_v{};
inline constexpr hold hold_v{};
inline constexpr progress progress_v{};
inline constexpr propagate propagate_v{};
inline constexpr seal seal_v{};
inline constexpr throttle throttle_v{};
inline constexpr prune prune_v{};
inline constexpr flush flush_v{};
inline constexpr connect connect_v{};
inline constexpr lost lost_v{};
inline constexpr found found_v{};
inline constexpr start_child start_child_v{};
inline constexpr terminate_child terminate_child_v{};
inline constexpr restart_child restart_child_v{};
inline constexpr delete_child delete_child_v{};
inline constexpr which_children which_children_v{};
inline constexpr count_children count_children_v{};
inline constexpr overdue overdue_v{};
inline constexpr stuck stuck_v{};
inline constexpr started started_v{};
inline constexpr status status_v{};

} // namespace swarm::atom
