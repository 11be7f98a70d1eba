#pragma once

#include "messages/ids.hpp"
#include "messages/outcome.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace swarm {

/// How far a dispatcher has claimed in one rank of its queue.
struct watermark {
  std::int64_t rank = 0; ///< Negative where marks make no sense.
  std::int64_t seq = 0;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, watermark& x) {
    return f(caf::meta::type_name("watermark"), x.rank, x.seq);
  }
};

/// A ticket in the hands of this node, as its claim returned it.
struct claimed_ticket {
  claim_ref claim;
  std::int16_t attempt = 1; ///< This attempt's number, from 1.
  std::int16_t attempts_max = 1;
  std::string queue;
  std::string key;  ///< Name in its graph; empty outside graphs.
  std::string kind; ///< The executor's name.
  std::string payload;
  caf::timespan timeout{0}; ///< Of this attempt, or what is left of the ticket's deadline if that is less; 0: no limit.
  std::string deadline_clock = "attempt"; ///< Which of the two that is: attempt or deadline.
  caf::timespan start_timeout{0};    ///< Until the first sign of work; 0 means no limit.
  caf::timespan progress_timeout{0}; ///< Between two signs of progress; 0 means no limit.
  watermark place; ///< Where it stood in its queue.
  std::string last_failure = {}; ///< How the last attempt that counted ended and what it wrote last; bytes, bounded.
  std::string results = {}; ///< JSON object: by key, the results of those that it needs; empty unless it refers to them.
  bool checks_changed = false; ///< Its checks aren't those that it was created with.
  std::int16_t profile = 0; ///< The place in its payload's list of profiles, from 1; 0: the payload as it is.
  std::string last_prompt = {}; ///< Hash of the prompt that its last attempt failed with; empty: nobody has noted it.
  std::string continuation = {}; ///< Of an attempt that goes on: JSON of what its executor left; empty: it begins.
  std::int32_t timeouts_in_row = 0; ///< How often the service has said that it takes too long, since it last got through.
  std::string route = {}; ///< The service, of a conversation beside the ticket's own work; else empty.
  bool overtakes = false; ///< Others were passed over for it, because a breaker that is open holds them up.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, claimed_ticket& x) {
    return f(caf::meta::type_name("claimed_ticket"), x.claim, x.attempt, x.attempts_max, x.queue, x.key, x.kind,
             x.payload, x.timeout, x.deadline_clock, x.start_timeout, x.progress_timeout, x.place, x.last_failure, x.results,
               x.checks_changed, x.profile, x.last_prompt, x.continuation, x.timeouts_in_row, x.route, x.overtakes);
  }
};

struct claim_request {
  std::string queue;
  std::int32_t limit = 0;
  node_id node;
  std::vector<watermark> after = {}; ///< Nothing before these, a mark per rank; empty: from the head of the queue.
  std::vector<std::string> credentials = {}; ///< Short hashes of those that the node works with.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, claim_request& x) {
    return f(caf::meta::type_name("claim_request"), x.queue, x.limit, x.node, x.after, x.credentials);
  }
};

/// The claims that have living workers, and how far each is: 0 until it has shown a sign of work, then a number that
/// grows with it.
struct held_claims {
  std::vector<claim_ref> claims = {};
  std::vector<std::int64_t> progress = {}; ///< One per claim.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, held_claims& x) {
    return f(caf::meta::type_name("held_claims"), x.claims, x.progress);
  }
};

/// Proof of life for all tickets of a node.
struct beat_request {
  node_id node;
  held_claims held = {};
  caf::timespan orphan_after{std::chrono::minutes{5}}; ///< A lease of this age that isn't among the claims has no worker.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, beat_request& x) {
    return f(caf::meta::type_name("beat_request"), x.node, x.held, x.orphan_after);
  }
};

/// A lease that a beat found still held. Leases that don't come back are lost.
struct held_lease {
  claim_ref claim;
  bool cancel_requested = false;
  bool orphan = false; ///< The node holds it and nobody asked for it: its worker, or the claim's answer, went astray.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, held_lease& x) {
    return f(caf::meta::type_name("held_lease"), x.claim, x.cancel_requested, x.orphan);
  }
};

struct reclaim_request {
  caf::timespan stale_after{0};
  std::vector<std::int64_t> dead_nodes; ///< Nodes known to be dead, whose leases need no waiting.
  std::int32_t limit = 0;
  std::int32_t reclaims_max = 0; ///< A ticket that loses its worker this often fails as poison.
  caf::timespan gap_after{std::chrono::minutes{2}}; ///< Without a sweep: silence proves nothing then.
  caf::timespan grace{0};        ///< For workers to enforce their clocks themselves.
  retry_rules rules = {};        ///< For attempts whose clock ran out.
  caf::timespan slow_after{std::chrono::seconds{5}}; ///< A database that takes longer judges nobody: who could beat?

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, reclaim_request& x) {
    return f(caf::meta::type_name("reclaim_request"), x.stale_after, x.dead_nodes, x.limit, x.reclaims_max, x.gap_after, x.grace, x.rules,
             x.slow_after);
  }
};

struct reclaim_report {
  std::int32_t reclaimed = 0; ///< Back in `ready`.
  std::int32_t poisoned = 0;  ///< Failed, having lost their worker too often.
  std::int32_t cancelled = 0; ///< Ended, because an operator had asked for it.
  std::int32_t timed_out = 0; ///< Attempts whose clock ran out and whose worker didn't say so.
  bool paused = false;        ///< The database was too slow to judge by.
  std::int32_t expired = 0;   ///< Failed without a worker: waited beyond their queue timeout or deadline.

  std::int32_t total() const { return reclaimed + poisoned + cancelled; }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, reclaim_report& x) {
    return f(caf::meta::type_name("reclaim_report"), x.reclaimed, x.poisoned, x.cancelled, x.timed_out,
             x.expired, x.paused);
  }
};

struct cascade_request {
  ticket_id after; ///< Checks blocked tickets with greater numbers.
  std::int32_t limit = 0;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, cascade_request& x) {
    return f(caf::meta::type_name("cascade_request"), x.after, x.limit);
  }
};

struct cascade_report {
  std::int32_t checked = 0;
  std::int32_t repaired = 0;  ///< Counters that differed from their edges: each is a bug found.
  std::int32_t unblocked = 0; ///< Of these, tickets that had been stranded.
  ticket_id last;             ///< Where the next slice starts.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, cascade_report& x) {
    return f(caf::meta::type_name("cascade_report"), x.checked, x.repaired, x.unblocked, x.last);
  }
};

/// What became due.
struct promote_report {
  std::int32_t promoted = 0; ///< Tickets that became ready.
  std::int32_t fired = 0;    ///< Schedules that submitted a ticket.
  caf::timespan next_due{-1}; ///< Until the next one; negative when nothing is scheduled.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, promote_report& x) {
    return f(caf::meta::type_name("promote_report"), x.promoted, x.fired, x.next_due);
  }
};

/// What was added to the hash chain over the event log.
struct seal_report {
  std::int32_t sealed = 0;    ///< Events, of this call.
  std::int64_t last_seal = 0; ///< Number of the newest seal; 0 while there is none.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, seal_report& x) {
    return f(caf::meta::type_name("seal_report"), x.sealed, x.last_seal);
  }
};

struct prune_request {
  caf::timespan keep{std::chrono::hours{24 * 30}}; ///< History of tickets that ended longer ago goes.
  std::int32_t limit = 1000;                       ///< Tickets at once, at most.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, prune_request& x) {
    return f(caf::meta::type_name("prune_request"), x.keep, x.limit);
  }
};

struct prune_report {
  std::int32_t tickets = 0;    ///< That are gone.
  std::int32_t partitions = 0; ///< Days of the event log that were dropped.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, prune_report& x) {
    return f(caf::meta::type_name("prune_report"), x.tickets, x.partitions);
  }
};

/// What one slice of the cascade's work list came to.
struct propagate_report {
  std::int32_t pieces = 0;     ///< 0 when there was nothing to do.
  std::int32_t dependents = 0; ///< That were looked at.
  std::int32_t unblocked = 0;
  std::int32_t cancelled = 0;  ///< Or asked to be, if running.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, propagate_report& x) {
    return f(caf::meta::type_name("propagate_report"), x.pieces, x.dependents, x.unblocked, x.cancelled);
  }
};

} // namespace swarm
