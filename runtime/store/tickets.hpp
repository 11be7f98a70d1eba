#pragma once

#include "messages/graph.hpp"
#include "messages/outcome.hpp"
#include "messages/ticket.hpp"
#include "runtime/store/connection.hpp"

#include <optional>
#include <string>
#include <vector>

/// The ticket protocol: one function per statement of sql/, and nothing else. What each one does to the tables, and why
/// it is safe beside all others, is told in functions/*.sql.
namespace swarm::store {

caf::expected<std::vector<claimed_ticket>> claim(connection&, const claim_request&);
caf::expected<settle_report> settle(connection&, const settle_request&);
caf::expected<bool> throttle(connection&, const throttle_request&);
caf::expected<std::vector<held_lease>> heartbeat(connection&, const beat_request&);
caf::expected<reclaim_report> reclaim(connection&, const reclaim_request&);
/// Notes that a reaper could look; after a gap without a look leases count as renewed. Comes before `reclaim`.
caf::expected<void> note_sweep(connection&, caf::timespan gap_after);

/// Enforces the clocks that no worker enforces: of attempts whose worker missed them, and of tickets that wait.
caf::expected<reclaim_report> expire(connection&, const reclaim_request&);

/// What a reaper does: notes that it looks, then reclaims and expires. `paused` when that note alone took too long.
caf::expected<reclaim_report> sweep(connection&, const reclaim_request&);
caf::expected<promote_report> promote(connection&, std::int32_t limit);
caf::expected<cascade_report> cascade(connection&, const cascade_request&);

caf::expected<propagate_report> propagate(connection&, std::int32_t limit);

caf::expected<seal_report> seal(connection&, std::int32_t limit);
caf::expected<prune_report> prune(connection&, const prune_request&);

/// Numbers that a submission was given.
struct submitted {
  graph_id graph;              ///< 0 for tickets without a graph.
  std::vector<ticket_id> tickets; ///< In the order of the submission.
};

/// All or nothing. An empty name submits single tickets, which must have no keys.
caf::expected<submitted> submit(connection&, const new_graph&);

/// The arguments of a statement, for a caller that sends several in one transaction.
params submit_arguments(const new_graph&);
params claim_arguments(const claim_request&);
params settle_arguments(const settle_request&);

/// @param only_reason Leaves a ticket alone that didn't fail for it; empty: whatever it ended for.
/// @returns "ready" or "blocked" when the ticket was revived; errc::not_found or errc::conflict with a sentence.
caf::expected<std::string> retry(connection&, ticket_id, const std::string& only_reason = {});

struct revival_report {
  std::int64_t revived = 0;
  std::vector<std::string> refusals; ///< A sentence for each that wasn't, e.g. because another one has its unique key.
};

/// Revives every ticket that failed as infra_exhausted, each in a transaction of its own: what was done stays done when the
/// database goes away in the middle.
caf::expected<revival_report> retry_exhausted(connection&);

/// @returns "cancelled", or "requested" for a running one; errc::not_found or errc::conflict with a sentence.
caf::expected<std::string> cancel(connection&, ticket_id);

/// Takes a running ticket away from its worker. @returns "ready"; errc::not_found or errc::conflict with a sentence.
caf::expected<std::string> release(connection&, ticket_id);

/// A person's verdict on the work of a ticket in review. Who and why stand in its log; `why` of a rejection is what the next
/// attempt begins with. @returns "completed", or after a rejection "attempt_failed" or "failed"; errc::not_found or
/// errc::conflict with a sentence.
/// @param without_result although the attempt came to nothing; else that is errc::conflict, too.
caf::expected<std::string> approve(connection&, ticket_id, const std::string& by, const std::string& note,
                                   bool without_result = false);
caf::expected<std::string> reject(connection&, ticket_id, const std::string& by, const std::string& why);

/// Stops and resumes claims from a queue. @returns errc::not_found.
caf::expected<void> pause_queue(connection&, const std::string& queue, const std::string& reason, const std::string& by);
caf::expected<void> resume_queue(connection&, const std::string& queue);

/// Limits and order of a queue; 0 and false where there is none.
struct queue_settings {
  std::string queue;
  std::int32_t slots = 0;          ///< Tickets that run at once, on all nodes together,
  std::int32_t slots_per_node = 0; ///< on one node,
  std::int32_t slots_per_key = 0;  ///< of one group key.
  caf::timespan ageing{0};         ///< So much waiting makes up for one step of priority.
  bool is_fair = false;            ///< Group keys take turns.
  std::string command_limits = {}; ///< Of each program, as JSON like the member `limits` of a payload; may be empty.
};

/// Replaces the settings of a queue, which is made if there is none. @returns errc::constraint_violated with a sentence.
caf::expected<void> configure_queue(connection&, const queue_settings&);

/// An operator's word that a service works again. @param credential empty: whichever. @returns how many breakers it closed;
/// errc::not_found.
caf::expected<std::int64_t> close_breaker(connection&, const std::string& route, const std::string& credential = {});

/// What all nodes together may use of a service; 0 where there is no limit.
struct limit_settings {
  std::string route;      ///< Of tickets, its first word, or a beginning with '*' behind it.
  std::string credential; ///< A short hash; empty: whatever a node works with.
  std::int64_t requests = 0;      ///< Attempts that begin in a minute,
  std::int64_t input_tokens = 0;  ///< tokens in a minute,
  std::int64_t output_tokens = 0;
  std::int64_t concurrent = 0;    ///< and attempts at once.
};

/// Replaces the limit, or removes it when nothing is limited. @returns whether there is one now; errc::constraint_violated
/// with a sentence.
caf::expected<bool> set_limit(connection&, const limit_settings&);

/// A ticket that is submitted again and again.
struct schedule_settings {
  std::string name;
  std::string cron;      ///< "minute hour day month weekday"
  std::string time_zone; ///< As PostgreSQL knows it, e.g. "Europe/Zurich".
  std::string ticket;    ///< JSON, as swarm.enqueue_object takes it.
};

/// Replaces the schedule of this name. @returns when it fires first; errc::constraint_violated with a sentence.
caf::expected<std::string> schedule(connection&, const schedule_settings&);

/// @returns errc::not_found.
caf::expected<void> unschedule(connection&, const std::string& name);
caf::expected<void> pause_schedule(connection&, const std::string& name, const std::string& reason,
                                   const std::string& by);
caf::expected<void> resume_schedule(connection&, const std::string& name);

/// Rings the doorbell of every node: something is ready, or is to be cancelled. A hint; polling covers its absence.
caf::expected<void> notify(connection&, std::string_view word);

struct node_description {
  std::string home_id; ///< uuid
  std::string name;
  std::string host;
  std::int32_t pid = 0;
  std::string version;
  std::vector<std::string> queues;
};

struct registered_node {
  node_id id;
  std::vector<std::int64_t> dead_nodes; ///< Predecessors in the same home that still hold leases.
};

caf::expected<registered_node> register_node(connection&, const node_description&);
caf::expected<void> stop_node(connection&, node_id);

/// What a person or a program may know about a server before it trusts it with tickets.
struct server_facts {
  std::int64_t version = 0; ///< e.g. 150018
  std::string version_text;
  std::string database;
};

/// @returns errc::database_unsuitable for a server that is older than 15, a standby, or runs without fsync or
/// full_page_writes, because it would lose what it has acknowledged.
caf::expected<server_facts> check_server(connection&);

} // namespace swarm::store
