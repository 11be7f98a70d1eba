#pragma once

#include "messages/atoms.hpp"
#include "messages/child_spec.hpp"
#include "messages/command.hpp"
#include "messages/error.hpp"
#include "messages/outcome.hpp"
#include "messages/reports.hpp"
#include "messages/ticket.hpp"

#include "messages/type_ids.hpp"

#include <caf/typed_actor.hpp>

/// EVERY actor protocol, a sentence per message: the first file to read.
///
/// Who talks to whom is drawn in actors/README.md. A handle of these types is a stable address: behind it an actor may
/// be restarted, and while there is none, requests are answered with an error at once.
namespace swarm {

/// EVERY ACTOR also answers these, whatever else it does; its shell sees to that. Not listed below again.
using status_actor = caf::typed_actor<
  // Answered as soon as it has been built; asked by its supervisor, so cheap.
  caf::replies_to<atom::started>::with<void>,
  // What is known of it, with what it says about itself. Waits in its mailbox; while it is stuck, its supervisor knows.
  caf::replies_to<atom::status>::with<actor_report>>;

/// The STORE: one connection to the database. Each message is one statement of runtime/store/sql, with its name.
///
/// While the database is away every request is answered with errc::database_unavailable at once: waiting is up to the
/// asker, who knows for how long it makes sense.
using store_actor = caf::typed_actor<
  // Takes tickets out of a queue, each with a lease.
  caf::replies_to<atom::claim, claim_request>::with<std::vector<claimed_ticket>>,
  // Ends attempts; says per ticket whether it was accepted.
  caf::replies_to<atom::settle, settle_request>::with<settle_report>,
  // Keeps everybody from a service that has said "not now" to an attempt that goes on; says whether that was heard.
  caf::replies_to<atom::throttle, throttle_request>::with<bool>,
  // Renews leases; those that don't come back are lost.
  caf::replies_to<atom::beat, beat_request>::with<std::vector<held_lease>>,
  // Takes tickets away from workers that went silent, and enforces the clocks that workers missed.
  caf::replies_to<atom::reclaim, reclaim_request>::with<reclaim_report>,
  // Makes up to so many due tickets ready, after submitting what schedules demand.
  caf::replies_to<atom::promote, std::int32_t>::with<promote_report>,
  // Checks a slice of the blocked tickets against their dependencies, and repairs.
  caf::replies_to<atom::cascade, cascade_request>::with<cascade_report>,
  // Brings what the end of a ticket means to up to so many of its dependents.
  caf::replies_to<atom::propagate, std::int32_t>::with<propagate_report>,
  // Adds up to so many events to the hash chain over the log.
  caf::replies_to<atom::seal, std::int32_t>::with<seal_report>,
  // Removes history that nobody has to keep.
  caf::replies_to<atom::prune, prune_request>::with<prune_report>>;

/// The COMPLETER: collects outcomes, writes them in batches, answers each worker.
using completer_actor = caf::typed_actor<
  // Answered once the database has it; waits through outages, so it may take long and never fails while the node lives.
  caf::replies_to<atom::settle, settlement>::with<settled_ticket>>;

/// The DISPATCHER of one queue: claims tickets for free slots.
using dispatcher_actor = caf::typed_actor<
  // Something may be ready, or a slot is free: looks now instead of at the next poll.
  caf::reacts_to<atom::wake>,
  // From the heartbeat: claims nothing (true) until it may again (false).
  caf::reacts_to<atom::hold, bool>>;

/// The TICKET WORKERS: the ledger of what runs on this node, and the parent of one worker per ticket.
using ticket_workers_actor = caf::typed_actor<
  // Starts a worker for each.
  caf::reacts_to<atom::start, std::vector<claimed_ticket>>,
  // How many workers of this queue live.
  caf::replies_to<atom::count, std::string>::with<std::int32_t>,
  // Which claims are held by living workers. The heartbeat beats for exactly these.
  caf::replies_to<atom::held>::with<held_claims>,
  // Which of these claims have a living worker, be it one that is being stopped because its lease is lost.
  caf::replies_to<atom::held, std::vector<claim_ref>>::with<std::vector<claim_ref>>,
  // From a worker: how far its work is.
  caf::reacts_to<atom::progress, claim_ref, std::int64_t>,
  // Ends one attempt; ignored when the claim isn't held any more.
  caf::reacts_to<atom::stop, claim_ref, stop_cause>,
  // Ends all attempts and hands their tickets back.
  caf::reacts_to<atom::hand_back>,
  // From the watchdog: a worker is stuck, as the sentence tells.
  caf::reacts_to<atom::stuck, std::uint64_t, std::string>>;

/// A TICKET WORKER: one attempt of one ticket, from execution over the check to the settlement.
using ticket_worker_actor = caf::typed_actor<
  // Ends the attempt early.
  caf::reacts_to<atom::stop, stop_cause>>;

/// The COMMAND EXECUTOR: runs programs.
using command_executor_actor = caf::typed_actor<
  // Runs a program under a number of the asker's choice; answered when it has ended, however it ended. A program whose
  // asker dies is stopped.
  caf::replies_to<atom::execute, std::uint64_t, command_spec>::with<command_result>,
  // How many bytes the program of this number has written, plus one; 0 when there is none or it hasn't started.
  caf::replies_to<atom::progress, std::uint64_t>::with<std::int64_t>,
  // Stops the program of this number, step by step.
  caf::reacts_to<atom::stop, std::uint64_t>,
  // Kills it with all its children.
  caf::reacts_to<atom::kill, std::uint64_t>>;

/// The HEARTBEAT: proves that this node's workers live, and learns what is lost or to be cancelled.
using heartbeat_actor = caf::typed_actor<
  // Beats now instead of at the next interval, e.g. because somebody asked to cancel a ticket.
  caf::reacts_to<atom::wake>>;

/// The REAPER: returns tickets whose worker went silent.
using reaper_actor = caf::typed_actor<
  // Sweeps now instead of at the next interval.
  caf::reacts_to<atom::wake>,
  // Sweeps now and answers with what was found.
  caf::replies_to<atom::sweep>::with<reclaim_report>>;

/// The CASCADE: brings the end of a ticket to dependents that its own transaction left over, and is the net under all.
using cascade_actor = caf::typed_actor<
  // There is work on the list: looks now instead of at the next interval.
  caf::reacts_to<atom::wake>,
  // Checks the next slice now and answers with what was found.
  caf::replies_to<atom::sweep>::with<cascade_report>>;

/// The SCHEDULER: makes tickets ready when their time has come.
using scheduler_actor = caf::typed_actor<
  // A ticket was scheduled: looks now, and learns when it is due.
  caf::reacts_to<atom::wake>,
  // Looks now; answers with what became due.
  caf::replies_to<atom::sweep>::with<promote_report>>;

/// The SEALER: keeps a hash chain over the event log, so that it can't be changed unseen.
using sealer_actor = caf::typed_actor<
  // Seals now instead of at the next interval.
  caf::reacts_to<atom::wake>,
  // Seals what is there now; answers with how far the chain has come.
  caf::replies_to<atom::sweep>::with<seal_report>>;

/// The PRUNER: removes history that nobody has to keep.
using pruner_actor = caf::typed_actor<
  // Prunes now instead of at the next interval.
  caf::reacts_to<atom::wake>,
  // Prunes now; answers with what went.
  caf::replies_to<atom::sweep>::with<prune_report>>;

/// The WORKSPACE SWEEPER: removes directories of tickets that have ended, and of those that are gone.
using workspace_sweeper_actor = caf::typed_actor<
  // Sweeps now instead of at the next interval.
  caf::reacts_to<atom::wake>>;

/// The NOTIFIER: hears the database's doorbell and wakes dispatchers and heartbeat.
using notifier_actor = caf::typed_actor<
  // Opens the listening connection now, unless there is one.
  caf::reacts_to<atom::connect>>;

/// The CONTROL SOCKET: lets people of this machine look into the node.
using control_socket_actor = caf::typed_actor<
  // Opens the socket now, unless it is open.
  caf::reacts_to<atom::connect>>;

/// The WATCHDOG: finds handlers that don't come back.
using watchdog_actor = caf::typed_actor<
  // Looks now.
  caf::reacts_to<atom::sweep>>;

/// A SUPERVISOR: starts its children in order, restarts those that die, stops them in reverse order. Messages and
/// answers are those of OTP's `supervisor`.
using supervisor_actor = caf::typed_actor<
  // Adds a child after the others; answered when it has started. A child that fails to start is forgotten.
  caf::replies_to<atom::start_child, child_spec>::with<caf::strong_actor_ptr>,
  // Stops a child; answered when it has ended. Its specification stays, unless it is temporary.
  caf::replies_to<atom::terminate_child, std::string>::with<child_report>,
  // Starts a child again that has ended for good or was terminated.
  caf::replies_to<atom::restart_child, std::string>::with<caf::strong_actor_ptr>,
  // Forgets a child that has ended for good or was terminated.
  caf::replies_to<atom::delete_child, std::string>::with<child_report>,
  // All its children, in start order.
  caf::replies_to<atom::which_children>::with<std::vector<child_report>>,
  // How many there are.
  caf::replies_to<atom::count_children>::with<child_counts>,
  // From the watchdog: this life of a child is stuck, as the sentence tells.
  caf::reacts_to<atom::stuck, std::uint64_t, std::string>>;

/// A DYNAMIC SUPERVISOR: any number of children of one kind, OTP's `simple_one_for_one`.
using dynamic_supervisor_actor = caf::typed_actor<
  // Starts a child under this name from these arguments; answered when it has started.
  caf::replies_to<atom::start_child, std::string, caf::message>::with<caf::strong_actor_ptr>,
  // Stops the child with this number; answered when it has ended.
  caf::replies_to<atom::terminate_child, std::uint64_t>::with<child_report>,
  caf::replies_to<atom::which_children>::with<std::vector<child_report>>,
  caf::replies_to<atom::count_children>::with<child_counts>,
  caf::reacts_to<atom::stuck, std::uint64_t, std::string>>;

} // namespace swarm
