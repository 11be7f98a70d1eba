#pragma once

#include "messages/ids.hpp"

#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace swarm {

/// How an attempt ended. What follows for the ticket is decided by settle.sql, which lists it per class.
enum class outcome_class : std::uint8_t {
  completed,    ///< The work was done, and its check passed.
  content,      ///< The work itself failed, e.g. with an exit code.
  crash,        ///< The work was ended by a signal.
  timeout,      ///< A clock ran out; `outcome::clock` says which.
  check_failed, ///< The work ended well, and its check says that it isn't done.
  check_error,  ///< The check couldn't run. Never a pass; a person must judge it.
  review,       ///< The work was done, and its other checks passed; a person must judge it, within `outcome::retry_after`.
  transient,    ///< No fault of the ticket: no process, no memory, a bug of ours.
  throttled,    ///< Somebody's rate limit put it off.
  auth,         ///< A credential was refused; people must mend it.
  budget,       ///< A spending limit is reached; people or time must lift it.
  permanent,    ///< No attempt can succeed: no such program, unreadable payload.
  snoozed,      ///< Wants to go on later, at `outcome::retry_after` from now.
  waiting,      ///< Goes on without a worker: looked at again `outcome::retry_after` from now, with `outcome::details`.
  released,     ///< Handed back unfinished, as at shutdown.
  cancelled,    ///< Stopped because an operator asked for it.
};

/// As in settle.sql and in the class column of attempts, e.g. "check_failed".
std::string to_string(outcome_class);

/// What an attempt learnt about the service behind its ticket's route.
enum class route_news : std::uint8_t {
  none,
  answered,  ///< It works, whatever it said.
  failed,    ///< As many of these in a row as the rules say open the breaker.
  shut,      ///< Opens it at once: a refused credential, an exhausted budget.
  refused,   ///< It works and says that the request is wrong. The same words to several tickets open the breaker.
  throttled, ///< Nobody may ask before `route_report::wait` is over.
};

std::string to_string(route_news);

/// What is said with an outcome to the breakers and limits that all nodes share; see functions/hear.sql.
struct route_report {
  route_news news = route_news::none;
  bool whole_kind = false;     ///< About all routes of the ticket's kind, e.g. all models, not about this one alone.
  bool this_node = false;      ///< Only here, e.g. because a program is missing.
  std::string credential = {}; ///< Whom it is about: a short hash (executors::credential_hash); empty: everybody.
  caf::timespan wait{0};       ///< For `shut` and `throttled`: until somebody may try again; 0: not said.
  std::int32_t requests = 1;   ///< What the attempt used of each limit ...
  std::int64_t input_tokens = 0;
  std::int64_t output_tokens = 0;
  std::int64_t requests_left = -1; ///< ... and what is left of it, as the service says; negative: not said.
  std::int64_t input_tokens_left = -1;
  std::int64_t output_tokens_left = -1;
  std::string route = {}; ///< What it is about; empty: the ticket's own.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, route_report& x) {
    return f(caf::meta::type_name("route_report"), x.news, x.whole_kind, x.this_node, x.credential, x.wait, x.requests,
             x.input_tokens, x.output_tokens, x.requests_left, x.input_tokens_left, x.output_tokens_left, x.route);
  }
};

struct outcome {
  outcome_class end = outcome_class::completed;
  std::string evidence;        ///< One sentence for people; empty when the event alone tells the story.
  std::string clock = {};      ///< For `timeout`: attempt, start, progress or deadline.
  caf::timespan retry_after{0}; ///< What the other side asked for, or the ticket itself; 0: nothing said.
  bool has_exit_code = false;
  std::int32_t exit_code = 0;
  std::string output;          ///< Bounded: what the command and then its check wrote.
  std::uint64_t output_bytes = 0; ///< All that they wrote.
  std::string details = {};    ///< JSON object: result, notes and usage of the attempt; empty when there is nothing. Of
                               ///< `waiting`: what the next claim hands on.
  route_report route = {};     ///< For tickets that have a route.
  route_report review = {};    ///< Of the model that reviewed the work; its `route` is empty when none did.
  std::string signature = {};  ///< Of `content` and `check_failed`: by which the same failure is known again.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, outcome& x) {
    return f(caf::meta::type_name("outcome"), x.end, x.evidence, x.clock, x.retry_after, x.has_exit_code, x.exit_code, x.output,
             x.output_bytes, x.details, x.route, x.review, x.signature);
  }
};

/// An outcome on its way to the database, under the claim that it belongs to.
struct settlement {
  claim_ref claim;
  swarm::outcome outcome;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, settlement& x) {
    return f(caf::meta::type_name("settlement"), x.claim, x.outcome);
  }
};

/// What a service has said to an attempt that goes on all the same: that nobody may ask it for now.
struct throttle_request {
  claim_ref claim;
  route_report report; ///< With the news `throttled`.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, throttle_request& x) {
    return f(caf::meta::type_name("throttle_request"), x.claim, x.report);
  }
};

/// Limits and backoff for attempts that didn't succeed; settle.sql applies them.
struct retry_rules {
  caf::timespan backoff_first{std::chrono::seconds{1}};
  caf::timespan backoff_max{std::chrono::minutes{5}};
  std::int32_t infra_retries_max = 200;
  caf::timespan deferral_first{std::chrono::seconds{15}}; ///< For what others put off: throttled, auth, budget.
  caf::timespan deferral_max{std::chrono::minutes{15}};
  std::int32_t throttled_max = 1000;
  std::int32_t auth_max = 100;
  std::int32_t budget_max = 100;
  caf::timespan infra_deadline{std::chrono::hours{24}};  ///< Of `transient` ends in a row, since the first; 0: none.
  std::int32_t breaker_failures = 5;                     ///< In a row; as many open a breaker.
  caf::timespan breaker_first{std::chrono::seconds{30}}; ///< How long it stays open at first; doubled each time ...
  caf::timespan breaker_max{std::chrono::minutes{15}};   ///< ... up to this; also where people must mend something.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, retry_rules& x) {
    return f(caf::meta::type_name("retry_rules"), x.backoff_first, x.backoff_max, x.infra_retries_max, x.deferral_first,
             x.deferral_max, x.throttled_max, x.auth_max, x.budget_max, x.infra_deadline, x.breaker_failures,
             x.breaker_first, x.breaker_max);
  }
};

struct settle_request {
  std::vector<settlement> settlements;
  retry_rules rules;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, settle_request& x) {
    return f(caf::meta::type_name("settle_request"), x.settlements, x.rules);
  }
};

/// What the database says about one settlement.
enum class settle_answer : std::uint8_t {
  ok,    ///< Accepted.
  again, ///< Accepted before: an earlier call with this fence got through, only its answer didn't.
  lost,  ///< Refused: the lease is gone, the ticket is somebody else's now. Nothing was changed.
};

std::string to_string(settle_answer);

struct settled_ticket {
  claim_ref claim;
  settle_answer answer = settle_answer::lost;
  std::string event;       ///< The event that was written: "completed", "attempt_failed", ...; empty unless `ok`.
  caf::timespan delay{0};  ///< Until the next attempt, after "attempt_failed"; until it fails, after "review_requested".

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, settled_ticket& x) {
    return f(caf::meta::type_name("settled_ticket"), x.claim, x.answer, x.event, x.delay);
  }
};

struct settle_report {
  std::vector<settled_ticket> tickets; ///< In the order of the request.
  std::int32_t unblocked = 0;          ///< Dependents that became ready by it.
  std::int32_t handed_over = 0;        ///< Pieces of work that it left to the cascade.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, settle_report& x) {
    return f(caf::meta::type_name("settle_report"), x.tickets, x.unblocked, x.handed_over);
  }
};

/// Why a running attempt is stopped from outside.
enum class stop_cause : std::uint8_t {
  lost,      ///< The lease is gone: end the work, write nothing.
  cancelled, ///< An operator asked for it.
  drain,     ///< The node is going down: hand the ticket back.
};

std::string to_string(stop_cause);

} // namespace swarm
