#pragma once

#include <caf/expected.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swarm {

/// What an agent may do; nothing that isn't named.
struct claude_tools {
  std::vector<std::string> run_command; ///< Programs that it may run, as it must name them. What they do is their affair.
  bool read_file = false;
  bool write_file = false;
  bool list_files = false;
  bool finish = false; ///< To end with a result, or by saying that the task can't be done.
};

/// For one attempt; 0 where there is no limit.
struct claude_limits {
  std::int64_t turns = 50;
  std::int64_t output_tokens = 0;
  std::int64_t cost_micro_dollars = 0;
  std::chrono::milliseconds command{600'000}; ///< "command_ms": of each program that the agent runs.
};

/// What a ticket of kind "claude" asks. Stored as JSON in the ticket:
///
///   {"prompt": "Write hello.c.", "system": "You write C.", "model": "claude-sonnet-5-5", "fallback_model": "claude-opus-5-5",
///    "max_tokens": 16000, "effort": "medium", "schema": {"type": "object"}, "working_directory": "/srv/hello", "expects_changes": true,
///    "tools": {"run_command": ["make"], "read_file": true, "write_file": true, "list_files": true, "finish": true},
///    "limits": {"turns": 50, "output_tokens": 200000, "cost_micro_dollars": 2000000, "command_ms": 600000},
///    "profiles": [{"effort": "high", "limits": {"turns": 100}}, {"model": "claude-opus-5-5", "effort": "max"}]}
///
/// With "batch": true it is one question without tools, answered within a day at a lower price, while nobody waits for it.
///
/// Only `prompt` must be there. A member that isn't known here is refused: a newer node may mean a restriction by it.
struct claude_payload {
  std::string prompt;
  std::string system;
  std::string model;          ///< Empty for the node's.
  std::string fallback_model; ///< Tried once, in a fresh conversation, when the model refuses or isn't there.
  std::int64_t max_tokens = 16'000; ///< Of one answer.
  std::string effort;               ///< low, medium, high, xhigh or max; empty for the API's own.
  std::string working_directory;    ///< Absolute; no file outside is read or written, but by programs.
  claude_tools tools;
  claude_limits limits;
  std::string schema;           ///< The JSON Schema of its final answer, as text; empty: any text will do.
  bool expects_changes = false; ///< Who says that it's done without having called a tool has done nothing.
  bool batch = false;           ///< Sent as a batch: a single turn, and no member that needs more than that.
  std::vector<std::string> models; ///< Every model that it may come to, under whatever profile; not the node's own.
};

/// @param profile what it is to be read under, see messages/profiles.hpp. One may change effort, fallback_model, model,
/// max_tokens and limits, of which those that it doesn't name stay.
/// @returns errc::invalid_input naming the member that is missing or wrong.
caf::expected<claude_payload> parse_claude_payload(std::string_view json, std::size_t profile = 0);

} // namespace swarm
