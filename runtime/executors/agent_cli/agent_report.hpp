#pragma once

#include "runtime/executors/classify/retry_after.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace swarm::executors {

/// Tokens of a whole run, subagents included. What all of them cost together is input + output + both kinds of cache.
struct token_usage {
  std::int64_t input = 0; ///< Only what came neither from nor into the cache.
  std::int64_t output = 0;
  std::int64_t cache_write = 0;
  std::int64_t cache_read = 0;

  friend bool operator==(const token_usage&, const token_usage&) = default;
};

/// What a run of a coding agent has said so far, in the same words for every CLI. It is whole after each line, and all
/// that grows with the run is bounded. Nothing in it is trusted: the agent wrote it.
struct agent_report {
  static constexpr std::size_t word_bytes_max = 128;
  static constexpr std::size_t text_bytes_max = std::size_t{64} << 10;
  static constexpr std::size_t structured_bytes_max = std::size_t{1} << 20;

  std::string session_id; ///< By which the run can be resumed: letters, digits, '.', '_', '-'.
  std::string model;

  bool ended = false; ///< The run has told its end. What the process does afterwards means nothing.
  bool ok = false;    ///< As the agent sees it; whether the work is done is for its check to say.
  std::string subtype;         ///< "success", "error_max_turns", "error_max_budget_usd", "error_during_execution", ...
  std::string terminal_reason; ///< Why the loop stopped, e.g. "prompt_too_long".
  std::int32_t api_error_status = 0; ///< HTTP; 0 when no answer of the API ended the run.
  std::string api_error;       ///< The kind of the API's last refusal; empty again after an answer that came.
  std::string result;          ///< The final answer or the final error; cut at `text_bytes_max`.
  std::string structured_output; ///< JSON; empty when there is none or it is longer than `structured_bytes_max`.

  bool limit_rejected = false; ///< The last word about the limits of the credential: requests are refused ...
  std::optional<wall_time> limit_resets_at; ///< ... until then.

  token_usage usage;
  std::optional<std::int64_t> cost_micro_dollars; ///< An estimate of the CLI, if it makes one.
  std::int64_t turns = 0;
  std::int64_t tool_calls = 0;
  std::int64_t permission_denials = 0;
  std::int64_t api_retries = 0; ///< That the CLI made itself.

  std::string last_text;  ///< What the agent said last, its subagents left out; cut at `text_bytes_max`.
  bool last_text_is_open = false; ///< It comes in pieces, and the next may belong to it.
  std::string last_error; ///< The last error that it mentioned, fatal or not; cut at `text_bytes_max`.

  friend bool operator==(const agent_report&, const agent_report&) = default;
};

} // namespace swarm::executors
