#pragma once

#include <caf/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace swarm {

/// What a ticket of kind "agent_cli" wants a coding agent to do. Stored as JSON in the ticket:
///
///   {"agent": "claude", "prompt": "Make the tests pass.", "model": "opus", "effort": "high", "max_turns": 60,
///    "max_budget_micro_dollars": 4000000, "allowed_tools": ["Read", "Edit"], "permission_mode": "dontAsk",
///    "schema": {"type": "object"}, "expects_changes": true, "working_directory": "/src",
///    "environment": {"CI": "1"}, "secrets": ["ANTHROPIC_API_KEY"],
///    "profiles": [{"effort": "max"}, {"model": "fable", "max_turns": 120}]}
///   {"agent": "generic", "argv": ["aider", "--yes", "--message-file", "/dev/stdin"], "prompt": "..."}
///
/// `agent` and `prompt` must be there. An option that the agent's CLI doesn't have is refused: a limit that nobody
/// enforces is worse than none.
struct agent_payload {
  std::string agent;  ///< claude, codex, gemini or generic, whose program is looked up in PATH.
  std::string prompt; ///< Given to it through stdin: arguments are limited in length, and everybody here can read them.
  std::string model;
  std::string effort;
  std::int32_t max_turns = 0;                ///< 0: no limit, as for the next one.
  std::int64_t max_budget_micro_dollars = 0; ///< By the CLI's own estimate.
  std::vector<std::string> allowed_tools;    ///< In the CLI's words, as is the next one.
  std::string permission_mode; ///< A permission mode of claude, a sandbox of codex, an approval mode of gemini.
  std::string schema;          ///< The JSON Schema of its final answer, as text; empty: any text will do.
  std::vector<std::string> argv; ///< Of a generic agent, and only of that.
  bool expects_changes = false;  ///< A success without a single tool call is none.
  std::string working_directory; ///< Absolute; empty for the node's work directory.
  std::map<std::string, std::string> environment; ///< Added to the allow-listed variables of the node.
  std::vector<std::string> secrets; ///< Variables of the node's environment that it sees, too: names that begin with
                                    ///< SWARM_SECRET_, and those by which the agent's CLI takes a credential.
};

/// The variables by which the CLI of this agent takes a credential.
std::vector<std::string_view> credential_variables(std::string_view agent);

/// @param profile what it is to be read under, see messages/profiles.hpp. One may change effort, model, max_turns and
/// max_budget_micro_dollars, as far as the CLI has an option for them.
/// @returns errc::invalid_input naming the member that is missing or wrong.
caf::expected<agent_payload> parse_agent_payload(std::string_view json, std::size_t profile = 0);

} // namespace swarm
