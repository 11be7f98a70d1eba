#pragma once

#include "runtime/executors/classify/signal.hpp"

#include <chrono>
#include <string_view>

/// The classifier's table. A number is a row of the table of API errors, 1.3/N of that of stop reasons (where it isn't
/// among the errors), 2.3/N of that of CLI results, by position; others are our own. A letter is a case within a row.
/// Rows 6, 7, 17b, 32 and 2.3/6 only lead to others.
namespace swarm::executors::rows {

using namespace std::chrono_literals;
using enum outcome_class;
using enum verdict_action;
using enum verdict_scope;
using enum verdict_remedy;

enum class breaker_effect : std::uint8_t {
  untouched,
  counts,
  opens,
  alike, ///< The same words to several tickets open it.
};
using enum breaker_effect;

struct table_row {
  std::string_view name;
  outcome_class end;
  verdict_action then;                   ///< When no retry in place is left.
  int retries;                           ///< In place.
  std::chrono::milliseconds first_pause; ///< Before the first of them; doubled for each further one.
  std::chrono::milliseconds put_off;     ///< With `defer` the least wait, with `open_breaker` when to probe.
  verdict_scope scope;
  bool uses_attempt;
  breaker_effect breaker;
  bool pages;
  verdict_remedy remedy = none;          ///< Goes with the retries in place, or, if there are none, with `then`.
};

inline constexpr auto yes = true;
inline constexpr auto no = false;

// A session limit or a spending limit whose end nobody can read is probed by the hour.
inline constexpr table_row table[] = {
  // row     class      then           in place   put off  scope               attempt breaker  pages  remedy
  {"1",      transient, defer,         3, 500ms,    15s, endpoint,             no,  counts,    no},
  {"2",      transient, open_breaker,  0, 0s,        0s, endpoint,             no,  opens,     yes},
  {"3",      transient, defer,         1, 500ms,    15s, endpoint,             no,  counts,    no},
  {"4",      transient, defer,         1, 500ms,    15s, call,                 no,  untouched, no},
  {"5",      transient, go_on,         0, 0s,        0s, call,                 no,  untouched, no,  say_interrupted},
  {"8",      budget,    open_breaker,  0, 0s,        1h, credential,           no,  opens,     yes},
  {"9",      content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no,  compact},
  {"9b",     permanent, fail_ticket,   0, 0s,        0s, ticket,               yes, untouched, no},
  {"10",     permanent, fail_ticket,   0, 0s,        0s, ticket,               yes, alike,     no},
  {"11",     auth,      open_breaker,  1, 0s,        0s, credential,           no,  opens,     yes, refresh_token},
  {"12",     budget,    open_breaker,  0, 0s,        0s, credential,           no,  opens,     yes},
  {"13",     auth,      open_breaker,  0, 0s,        0s, credential_and_model, no,  opens,     yes, fallback_model},
  {"14",     throttled, defer,         2, 0s,        0s, credential_and_model, no,  untouched, no},
  {"15",     throttled, defer,         0, 0s,        0s, credential_and_model, no,  untouched, no},
  {"16",     budget,    open_breaker,  0, 0s,        1h, organisation,         no,  opens,     yes},
  {"17",     throttled, defer,         1, 5s,       30s, credential_and_model, no,  untouched, no},
  {"18",     transient, defer,         2, 500ms,    15s, model,                no,  counts,    no},
  {"19",     transient, defer,         1, 500ms,    15s, ticket,               no,  untouched, no},
  {"19b",    transient, defer,         0, 0s,       15s, ticket,               no,  untouched, no,  use_streaming},
  {"19c",    content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no},
  {"20",     transient, defer,         2, 1s,       30s, model,                no,  counts,    no},
  {"21",     transient, open_breaker,  0, 0s,        0s, model,                no,  opens,     yes, fallback_model},
  {"22",     permanent, fail_ticket,   0, 0s,        0s, ticket,               yes, untouched, no},
  {"23",     transient, defer,         2, 500ms,    15s, call,                 no,  untouched, no},
  {"24",     content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no,  trim_attachments},
  {"24b",    permanent, fail_ticket,   0, 0s,        0s, ticket,               yes, untouched, no},
  {"25",     permanent, fail_ticket,   0, 0s,        0s, ticket,               yes, untouched, no},
  {"26",     content,   ask_human,     1, 0s,        0s, ticket,               yes, untouched, no,  fallback_model},
  {"27",     content,   fail_attempt,  1, 0s,        0s, ticket,               yes, untouched, no,  double_max_tokens},
  {"28",     content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no,  compact},
  {"28b",    permanent, fail_ticket,   0, 0s,        0s, ticket,               yes, untouched, no},
  {"29",     content,   fail_attempt,  1, 0s,        0s, ticket,               yes, untouched, no,  say_continue},
  {"30",     transient, go_on,         0, 0s,        0s, ticket,               no,  untouched, no},
  {"30b",    content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no},
  {"31",     content,   fail_attempt,  1, 0s,        0s, ticket,               yes, untouched, no,  show_parse_error},
  {"33",     budget,    defer,         0, 0s,        0s, own_budget,           no,  untouched, no},

  {"1.3/1",  completed, verify,        0, 0s,        0s, ticket,               no,  untouched, no},
  {"1.3/3",  transient, go_on,         0, 0s,        0s, ticket,               no,  untouched, no},
  {"1.3/8",  transient, go_on,         0, 0s,        0s, ticket,               no,  untouched, no},
  {"1.3/9",  content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no},

  {"2.3/1",  completed, verify,        0, 0s,        0s, ticket,               no,  untouched, no},
  {"2.3/2",  content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no},
  {"2.3/3",  content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no,  more_turns},
  {"2.3/4",  budget,    fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no},
  {"2.3/5",  content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no},
  {"2.3/7",  content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no,  compact},
  {"2.3/8",  throttled, open_breaker,  0, 0s,        1h, credential,           no,  opens,     no},
  {"2.3/9",  transient, defer,         0, 0s,       15s, ticket,               no,  untouched, no,  resume_session},
  {"2.3/9b", transient, defer,         0, 0s,       15s, ticket,               no,  untouched, no,  fresh_session},
  {"2.3/9c", content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no,  fresh_session},
  {"2.3/10", transient, defer,         0, 0s,       15s, executor,             no,  untouched, no,  resume_session},
  {"2.3/11", transient, open_breaker,  0, 0s,        0s, executor,             no,  opens,     yes},
  {"2.3/12", content,   fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no,  more_memory},
  {"2.3/12b", content,  fail_attempt,  0, 0s,        0s, ticket,               yes, untouched, no},
  {"2.3/subtype", content, fail_attempt, 0, 0s,      0s, ticket,               yes, untouched, no},

  {"batch/canceled", transient, defer, 0, 0s,       15s, call,                 no,  untouched, no},
  {"batch/expired", transient, defer,  0, 0s,       15s, call,                 no,  untouched, no},
  {"batch/missing", content, fail_attempt, 0, 0s,    0s, ticket,               yes, untouched, no},

  {"transport/misconfigured", transient, open_breaker, 0, 0s, 0s, executor,    no,  opens,     yes},
  {"transport/memory", transient, defer, 0, 0s,     15s, executor,             no,  untouched, no},
  {"http/no_error", transient, defer,  0, 0s,       15s, endpoint,             no,  counts,    no},

  {"process/expected", completed, verify, 0, 0s,     0s, ticket,               no,  untouched, no},
  {"process/exit", content, fail_attempt, 0, 0s,     0s, ticket,               yes, untouched, no},
  {"process/signal", crash, fail_attempt, 0, 0s,     0s, ticket,               yes, untouched, no},
  {"process/memory", content, fail_attempt, 0, 0s,   0s, ticket,               yes, untouched, no,  more_memory},
  {"process/memory_again", content, fail_attempt, 0, 0s, 0s, ticket,           yes, untouched, no},
  {"process/shortage", transient, defer, 0, 0s,     15s, executor,             no,  untouched, no},
  {"process/not_started", permanent, fail_ticket, 0, 0s, 0s, ticket,           yes, untouched, no},
  {"check/passed", completed, finish,  0, 0s,        0s, ticket,               no,  untouched, no},
  {"check/failed", check_failed, fail_attempt, 0, 0s, 0s, ticket,              yes, untouched, no},
  {"check/no_verdict", check_error, defer, 0, 0s,    0s, ticket,               no,  untouched, no},

  {"own/attempt", timeout, fail_attempt, 0, 0s,      0s, ticket,               yes, untouched, no},
  {"own/start", timeout, fail_attempt, 0, 0s,        0s, ticket,               yes, untouched, no},
  {"own/progress", timeout, fail_attempt, 0, 0s,     0s, ticket,               yes, untouched, no},
  {"own/deadline", timeout, fail_ticket, 0, 0s,      0s, ticket,               yes, untouched, no},
  {"own/lost", released, abandon,      0, 0s,        0s, ticket,               no,  untouched, no},
  {"own/drain", released, hand_back,   0, 0s,        0s, ticket,               no,  untouched, no},
  {"own/cancelled", cancelled, hand_back, 0, 0s,     0s, ticket,               no,  untouched, no},
  {"unknown", transient, defer,        0, 0s,       15s, call,                 no,  untouched, no},
};

/// The row of that name; one that isn't in the table doesn't compile.
consteval const table_row& at(std::string_view name) {
  for (const auto& x : table)
    if (x.name == name)
      return x;
  throw "no such row";
}

} // namespace swarm::executors::rows
