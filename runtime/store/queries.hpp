#pragma once

#include "messages/ids.hpp"
#include "runtime/store/connection.hpp"

#include <caf/timespan.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// What people ask the database: read-only, one function per statement. Times are text as PostgreSQL writes it, in UTC.
namespace swarm::store {

struct ticket_row {
  ticket_id id;
  std::optional<graph_id> graph;
  std::string key;
  std::string queue;
  std::string kind;
  std::string state;
  std::int64_t attempts = 0;
  std::int64_t attempts_max = 0;
  std::string claimed_by;
  std::string created_at;
  std::string finished_at;
  std::string run_at;
  std::int64_t remaining = 0; ///< Unfinished parents of a blocked ticket.
  std::string review_expires_at; ///< Of one in review.
  std::string end_reason = {}; ///< Of a failure that wasn't its own: "infra_exhausted".

  /// The attempt that runs or waits, or the last one that ran; 0 before the first. `attempts` counts only those that failed.
  std::int64_t attempt() const {
    return state == "in_progress" || state == "waiting" || state == "completed" ? attempts + 1 : attempts;
  }
};

struct list_filter {
  std::optional<graph_id> graph;
  std::optional<std::string> state;
  std::optional<ticket_id> before; ///< Keyset paging: the last number of the page before.
  std::int64_t limit = 50;
};

/// Newest first.
caf::expected<std::vector<ticket_row>> list_tickets(connection&, const list_filter&);

struct ticket_details : ticket_row {
  std::int64_t priority = 0;
  std::int64_t infra_retries = 0;
  std::int64_t check_retries = 0;
  std::int64_t reclaims = 0;
  std::int64_t timeout_ms = 0;
  std::string payload;
  std::optional<std::int64_t> fence;
  std::string claimed_at;
  std::string last_heartbeat;
  std::int64_t heartbeat_count = 0;
  std::string deadline_at;
  std::string cancel_requested_at;
  std::string review_reason;
  std::string review_asked_at;
  std::int64_t profile = 0; ///< The place in its payload's list of profiles; 0: the payload as it is.
  std::string waiting_since; ///< Of an attempt that waits for an answer; empty: it doesn't.
  std::string waiting_for;
  std::int64_t waiting_looks = 0;
  std::string waiting_ends_at; ///< Empty: never.
};

/// @returns errc::not_found.
caf::expected<ticket_details> show_ticket(connection&, ticket_id);

struct attempt_row {
  std::int64_t attempt = 0;
  std::int64_t fence = 0;
  std::string node;
  std::string end; ///< Class of the outcome.
  std::string evidence;
  std::optional<std::int64_t> exit_code;
  std::string output; ///< Bytes, bounded.
  std::int64_t output_bytes = 0;
  std::string started_at;
  std::string ended_at;
  std::string details; ///< JSON object; may be empty.
  std::string signature; ///< Of its failure; empty unless it failed of its content.
};

/// Oldest first.
caf::expected<std::vector<attempt_row>> list_attempts(connection&, ticket_id);

/// Why a ticket is where it is, in sentences. @returns errc::not_found.
caf::expected<std::vector<std::string>> why(connection&, ticket_id, caf::timespan node_silence);

/// A ticket that the end of another one would touch.
struct touched_row {
  ticket_id id;
  std::string key;
  std::string state;
  std::string effect; ///< "cancelled", "left waiting" or "goes on"
};

/// What the cancellation of a ticket would touch, itself first.
caf::expected<std::vector<touched_row>> touched_by(connection&, ticket_id);

/// What is wrong with the hash chain over the log.
struct chain_break {
  std::int64_t seal = 0;  ///< 0 for an event in none.
  std::int64_t event = 0; ///< 0 for a seal as a whole.
  std::string problem;
};

/// @returns the first break, or none.
caf::expected<std::vector<chain_break>> verify_chain(connection&);

struct chain_head {
  std::int64_t seal = 0; ///< 0 while there is none.
  std::string hash;      ///< Hex.
  std::string sealed_at;
  std::int64_t events = 0; ///< That the chain covers.
};

caf::expected<chain_head> read_chain_head(connection&);
caf::expected<bool> has_chain_head(connection&, const std::string& hash);

/// A ticket of which the log says something else than the tables.
struct replay_difference {
  ticket_id ticket;
  std::string log;
  std::string table;
};

caf::expected<std::vector<replay_difference>> replay(connection&);

/// Writes into an empty or new schema what the log says. @returns how many tickets that makes.
caf::expected<std::int64_t> rebuild(connection&, const std::string& schema);

struct queue_row {
  std::string name;
  std::int64_t ready = 0; ///< Counted up to 100,000.
  std::int64_t in_progress = 0;
  std::optional<std::int64_t> slots, slots_per_node, slots_per_key, ageing_ms;
  bool is_fair = false;
  std::string paused_at, paused_by, pause_reason; ///< Empty unless paused.
  std::string command_limits;                     ///< JSON; empty when there are none.
};

caf::expected<std::vector<queue_row>> list_queues(connection&);

struct breaker_row {
  std::string route;      ///< Of tickets, or its first word.
  std::string credential; ///< Empty: of everybody.
  std::string state;      ///< closed (it counts), open or half_open.
  std::int64_t failures = 0;
  std::string opened_at, until, reason;
  std::optional<std::int64_t> probe; ///< The ticket that tries whether it works again.
  std::int64_t waiting = 0;          ///< Tickets; counted up to 100,000.
};

caf::expected<std::vector<breaker_row>> list_breakers(connection&);

struct limit_row {
  std::string route;      ///< Of tickets, its first word, or a beginning with '*' behind it.
  std::string credential; ///< Empty: of everybody.
  std::optional<std::int64_t> requests, requests_left, input_tokens, input_left, output_tokens, output_left; ///< A minute.
  std::optional<std::int64_t> concurrent;
  std::int64_t running = 0;
  std::string next_at;       ///< Empty when a ticket may pass now, or when one must end first.
  bool is_throttled = false; ///< The service said "not now".
  std::int64_t waiting = 0;  ///< Tickets; counted up to 100,000.
};

caf::expected<std::vector<limit_row>> list_limits(connection&);

struct schedule_row {
  std::string name;
  std::string cron;
  std::string time_zone;
  std::string next_at;                   ///< Empty when it never fires again.
  std::string last_at;                   ///< Empty when it never has.
  std::optional<std::int64_t> last_ticket;
  std::string ticket;                    ///< JSON.
  std::string last_failure;              ///< Empty unless its last moment brought no ticket.
  std::string paused_at, paused_by, pause_reason; ///< Empty unless paused.
};

caf::expected<std::vector<schedule_row>> list_schedules(connection&);

struct parent_row {
  ticket_id id;
  std::string key;
  std::string state;
};

caf::expected<std::vector<parent_row>> list_parents(connection&, ticket_id);

/// Of the tickets that exist, whether each is final.
caf::expected<std::map<ticket_id, bool>> find_ends(connection&, const std::vector<ticket_id>&);

struct event_row {
  std::int64_t id = 0;
  ticket_id ticket;
  std::string at;
  std::string kind;
  std::optional<std::int64_t> attempt;
  std::optional<std::int64_t> fence;
  std::string node;
  std::string data; ///< JSON, or empty.
};

/// Oldest first.
caf::expected<std::vector<event_row>> list_events(connection&, ticket_id);

struct graph_ticket {
  ticket_id id;
  std::string key;
  std::string state;
  std::int64_t attempts = 0;
  std::int64_t attempts_max = 0;
  std::string claimed_by;
  std::string evidence;   ///< Of the last attempt that ended.
  std::int64_t ended = 0; ///< Attempts that ended, in whatever way.
};

/// In the order of submission.
caf::expected<std::vector<graph_ticket>> graph_tickets(connection&, graph_id);

/// The database's own counters, for benchmarks.
struct measure_point {
  std::int64_t transactions = 0;
  std::int64_t wal_bytes = 0;
};

caf::expected<measure_point> measure(connection&);

/// Tickets that are not final.
caf::expected<std::int64_t> count_unfinished(connection&);

/// Whether there are any; for those who ask often.
caf::expected<bool> any_unfinished(connection&);

/// What became of all tickets of a database, by their states and by their histories.
struct completion_audit {
  std::int64_t tickets = 0;
  std::int64_t completed = 0;
  std::int64_t contradictions = 0; ///< Tickets whose `completed` events don't fit their state: never, or there is a bug.
  std::int64_t events = 0;         ///< Of all kinds.
};

/// Reads every event; for benchmarks, not for production.
caf::expected<completion_audit> audit_completions(connection&);

/// Makes the server write down all dirty pages.
caf::expected<void> checkpoint(connection&);

} // namespace swarm::store
