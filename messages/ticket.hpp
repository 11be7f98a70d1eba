#pragma once

#include "messages/ids.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace swarm {

/// A ticket in the hands of this node, as its claim returned it.
struct claimed_ticket {
  claim_ref claim;
  std::int16_t attempt = 1; ///< This attempt's number, from 1.
  std::int16_t attempts_max = 1;
  std::string queue;
  std::string key;  ///< Name in its graph; empty outside graphs.
  std::string kind; ///< The executor's name.
  std::string payload;
  caf::timespan timeout{0}; ///< Of this attempt; 0 means no limit.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, claimed_ticket& x) {
    return f(caf::meta::type_name("claimed_ticket"), x.claim, x.attempt, x.attempts_max, x.queue, x.key, x.kind,
             x.payload, x.timeout);
  }
};

struct claim_request {
  std::string queue;
  std::int32_t limit = 0;
  node_id node;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, claim_request& x) {
    return f(caf::meta::type_name("claim_request"), x.queue, x.limit, x.node);
  }
};

/// Proof of life for all tickets of a node.
struct beat_request {
  node_id node;
  std::vector<claim_ref> claims;
  caf::timespan orphan_after{std::chrono::minutes{5}}; ///< A lease of this age that isn't among the claims has no worker.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, beat_request& x) {
    return f(caf::meta::type_name("beat_request"), x.node, x.claims, x.orphan_after);
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

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, reclaim_request& x) {
    return f(caf::meta::type_name("reclaim_request"), x.stale_after, x.dead_nodes, x.limit, x.reclaims_max);
  }
};

struct reclaim_report {
  std::int32_t reclaimed = 0; ///< Back in `ready`.
  std::int32_t poisoned = 0;  ///< Failed, having lost their worker too often.
  std::int32_t cancelled = 0; ///< Ended, because an operator had asked for it.

  std::int32_t total() const { return reclaimed + poisoned + cancelled; }

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, reclaim_report& x) {
    return f(caf::meta::type_name("reclaim_report"), x.reclaimed, x.poisoned, x.cancelled);
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

} // namespace swarm
