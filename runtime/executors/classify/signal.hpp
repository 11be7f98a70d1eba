#pragma once

#include "messages/outcome.hpp"
#include "runtime/executors/classify/api_error.hpp"
#include "runtime/executors/classify/retry_after.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace swarm::executors {

// What the outside world did. Enumerators that nobody knows, and numbers of any size, are allowed everywhere.

/// Why a request got no response. Once there is one, its loss is a `stream_failure`.
enum class transport_error : std::uint8_t {
  resolve,            ///< No address for the name.
  connect,            ///< Refused, unreachable, or no answer in time.
  proxy,              ///< The same, of a proxy on the way.
  tls_handshake,      ///< Broken off or not agreed upon.
  tls_certificate,    ///< Not valid, not for this name, or nothing here to verify it with.
  reset,              ///< Lost before the first byte of the response.
  timeout_first_byte, ///< Sent, and nothing came.
  protocol,           ///< What came isn't HTTP.
  misconfigured,      ///< No such scheme, unreadable address: fails for everybody until people mend it.
  out_of_memory,      ///< Here.
  other,
};

struct transport_failure {
  transport_error error = transport_error::other;
};

/// What the caller knows about a request that failed.
struct request_facts {
  bool to_model = true; ///< To an endpoint that runs a model, so that "not found" speaks of the model.
  bool streaming = true;
  bool token_refreshable = false; ///< The credential is a token, and it wasn't refreshed for this call yet.
  bool reduced = false;           ///< It was already compacted or trimmed because it had been too long.
  int timeouts_before = 0;        ///< How often this ticket has met row 19.
};

/// A response that isn't a success.
struct http_failure {
  int status = 0;
  std::string body;        ///< As it came, or its beginning.
  std::string retry_after; ///< The headers of these names as they came; empty: absent.
  std::string retry_after_ms;
  std::string should_retry; ///< x-should-retry
  request_facts request;
};

enum class stream_ending : std::uint8_t {
  error_event, ///< An `error` event; `stream_failure::error` holds what it said.
  idle,        ///< Nothing came for too long, not even a ping.
  cut,         ///< It ended without `message_stop`, and without a stop reason before.
};

/// A stream that had begun with status 200 and didn't come to its end.
struct stream_failure {
  stream_ending ending = stream_ending::cut;
  api_error error;
  bool anything_complete = false; ///< A block of text or a tool use was: to repeat the call would do things twice.
  request_facts request;
};

/// A message that is complete.
struct model_stop {
  std::string reason; ///< `stop_reason` as it came.
  bool content_empty = false;
  bool tool_use_incomplete = false; ///< The input of a tool use isn't complete JSON. Never to be run.
  bool output_invalid = false;      ///< Structured output was asked for, and this doesn't parse.
  int answered = 0;                 ///< How often this end was already followed by another call.
  bool fallback_left = false;       ///< Another model is configured, and the ticket hasn't tried it.
};

/// Why a request of a batch has brought neither a message nor an error.
enum class batch_loss_kind : std::uint8_t {
  canceled,
  expired, ///< It wasn't begun within a day.
  missing, ///< The batch has ended, and its results don't name the request.
};

struct batch_loss {
  batch_loss_kind kind = batch_loss_kind::missing;
};

/// What this node itself put an end to.
enum class own_limit_kind : std::uint8_t {
  attempt_timeout,
  start_timeout,
  progress_timeout,
  deadline,       ///< Of the ticket as a whole.
  lost_lease,     ///< The ticket is somebody else's now.
  drain,          ///< The node is going down.
  cancelled,      ///< An operator asked for it.
  budget_refused, ///< No reservation, so no call.
};

struct own_limit {
  own_limit_kind kind = own_limit_kind::attempt_timeout;
};

/// The end of a program.
struct process_facts {
  std::optional<int> exit_code = {};
  std::optional<int> signal = {};      ///< One that this node didn't send.
  std::optional<int> start_error = {}; ///< errno: it never ran.
  bool out_of_memory = false;          ///< Its control group counted an OOM kill.
  bool memory_raised = false;          ///< The ticket was already given more because of that.
};

/// The end of an agent's CLI. What its result line says goes before how the process ended.
struct cli_result {
  bool has_result = false; ///< A result line came. The next members are its fields.
  std::string subtype;
  bool is_error = false;
  int api_error_status = 0; ///< 0: none.
  std::string terminal_reason;
  std::string text; ///< Its `result`; without a result line the last text that came.
  std::int64_t tool_calls = 0;
  std::int64_t turns = 0;
  bool expects_changes = false;       ///< The ticket's spec wants files to change.
  bool changed = true;                ///< They did, as far as known.
  bool limit_rejected = false;        ///< The last `rate_limit_event` said `rejected`.
  std::optional<wall_time> resets_at; ///< What it said about its end.
  std::chrono::minutes utc_offset{0}; ///< Of the clock by which the CLI writes times of day.
  process_facts process;
  std::optional<own_limit_kind> stopped_by; ///< Why this node stopped it, if it did.
  int crashes_in_row = 1;                   ///< Ends without a verdict, this one included.
};

/// The end of a command, or of the check of one.
struct process_end {
  process_facts process;
  std::vector<int> expected_codes; ///< What counts as success; empty: 0 alone.
  bool is_check = false;
};

using outside_signal =
  std::variant<transport_failure, http_failure, stream_failure, model_stop, cli_result, process_end, own_limit, batch_loss>;

/// What to do now.
enum class verdict_action : std::uint8_t {
  go_on,          ///< The conversation continues; nothing has ended.
  retry_in_place, ///< The same call after `wait`; the worker keeps the ticket.
  verify,         ///< The work says that it's done; its check decides.
  finish,         ///< The check says that it's done.
  defer,          ///< Give the ticket back; it may be tried again after `wait`.
  open_breaker,   ///< The same, and nobody calls within `scope` before `until`; without it, before people have acted.
  fail_attempt,   ///< The ticket's own limits decide whether there's another attempt.
  fail_ticket,    ///< No other attempt.
  ask_human,      ///< The attempt has failed, and another one makes no sense before people have answered.
  hand_back,      ///< Stopped by this node: settle the ticket as `end` says.
  abandon,        ///< Write nothing: the ticket is somebody else's.
};

/// Whom a verdict is about: what a breaker blocks, a limiter slows down, a counter counts for.
enum class verdict_scope : std::uint8_t {
  call,
  ticket,
  endpoint,
  model,
  credential,
  credential_and_model,
  organisation,
  executor,
  own_budget,
};

/// What has to be different next time. Who lacks the means for it, e.g. another model, goes on without.
enum class verdict_remedy : std::uint8_t {
  none,
  refresh_token,
  use_streaming,
  say_interrupted, ///< Go on from the transcript with a message that says so: repeated, tools would run twice.
  say_continue,    ///< Add "Please continue".
  show_parse_error,
  double_max_tokens,
  compact, ///< Make the conversation shorter or begin a new one.
  trim_attachments,
  fallback_model, ///< In a fresh conversation.
  resume_session,
  fresh_session,
  more_turns,
  more_memory,
};

std::string to_string(verdict_action);
std::string to_string(verdict_scope);
std::string to_string(verdict_remedy);

struct verdict {
  /// Of the table in rows.hpp, for evidence. Where one row leads to another, both: "32/25" is what row 32 took for row
  /// 25, "6/20" an error in a stream, "17b/12" one that is never repeated in place.
  std::string row = "unknown";
  /// For the ticket, should it be settled now. Only `verify` and `finish` come with `completed`.
  outcome_class end = outcome_class::transient;
  verdict_action action = verdict_action::defer;
  int in_place_retries = 0; ///< How many are left, this one included; 0 unless `retry_in_place`.
  /// Without jitter; with `asked` it may be lengthened and not shortened. 0: the rules of the database alone.
  std::chrono::milliseconds wait{0};
  bool asked = false;             ///< Somebody else named a wait. `throttled` without it: fewer calls at a time.
  std::optional<wall_time> until; ///< The end of a wait that concerns others: asked for, or a breaker's.
  verdict_scope scope = verdict_scope::call;
  bool uses_attempt = false;       ///< If the ticket is settled now.
  bool counts_for_breaker = false; ///< Many of these open it.
  bool opens_breaker = false;
  bool is_timeout = false; ///< It took the service too long: rows 19.
  bool refuses = false; ///< Says that the request is wrong: the same for several tickets is no fault of theirs.
  bool pages = false; ///< People must hear of it, once per `scope` until it's mended.
  verdict_remedy remedy = verdict_remedy::none;
};

} // namespace swarm::executors
