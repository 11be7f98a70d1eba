#pragma once

#include "messages/agent_payload.hpp"
#include "runtime/executors/agent_cli/agent_report.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::executors {

/// The conversation that a run belongs to.
struct agent_session {
  std::string id;       ///< Of a new one, chosen before the start; ignored by CLIs that choose it themselves.
  std::string resumes;  ///< Of the one to go on with; empty for a new one.
};

/// All that is particular to one coding-agent CLI. It gets its prompt through stdin, which must end: with an open stdin
/// some of them wait for ever.
struct agent_adapter {
  std::string_view name;

  /// Whether `agent_session::id` is obeyed. If not, the id comes with the first lines.
  bool takes_session_id = false;

  std::vector<std::string> (*argv)(const agent_payload&, const agent_session&);

  /// Reads one line of stdout into the report. Total: what isn't known, or isn't of the known type, is ignored.
  void (*consume)(std::string_view line, agent_report&);

  /// What an exit code means when the process ended by itself and the report hasn't ended; nullptr: nothing.
  void (*at_exit)(std::int32_t exit_code, agent_report&) = nullptr;
};

/// `claude -p --output-format stream-json`. The `result` line ends the run.
extern const agent_adapter claude_adapter;

/// `codex exec --json`. `turn.completed` and `turn.failed` end the run; its exit code means nothing. It chooses its
/// session id itself and has no limits on turns or dollars.
extern const agent_adapter codex_adapter;

/// `gemini --output-format stream-json`. The `result` line ends the run, or one of its documented exit codes when it
/// failed before it could write one. It chooses its session id itself and has no limits either.
extern const agent_adapter gemini_adapter;

/// Any other program. Its output is only a sign of life and its last words; its exit code ends the run, unless a shell
/// or a signal made it (126 and above).
extern const agent_adapter generic_adapter;

/// The adapter of that name, or nullptr.
const agent_adapter* find_adapter(std::string_view name);

/// How command lines are made: adds "--model=opus" for ("--model", "opus"), nothing for an empty value. As an argument of
/// its own, a value that begins with "-" would be taken for an option.
void add_option(std::vector<std::string>& argv, std::string_view option, std::string_view value);

/// "a,b"
std::string joined(const std::vector<std::string>&);

} // namespace swarm::executors
