#pragma once

#include "messages/command.hpp"
#include "runtime/executors/agent_cli/agent_report.hpp"
#include "runtime/executors/classify/signal.hpp"

#include <optional>
#include <string>

namespace swarm::executors {

/// What is known of a run beside what the agent said.
struct agent_end {
  command_result process;
  std::string last_errors;                  ///< The end of what it wrote to stderr.
  std::optional<own_limit_kind> stopped_by; ///< Why this node stopped it before it had told its end.
  bool out_of_memory = false;
  bool expects_changes = false;
  int crashes_before = 0; ///< Runs of the ticket, just before this one, that ended without a verdict.
  wall_time now;
};

/// A run in the classifier's words. What its result line says goes before how the process ended, but for the error that
/// some CLIs write because this node has stopped them.
cli_result signal_of(const agent_report&, const agent_end&);

/// How it ended, in one sentence.
std::string describe(const agent_report&, const agent_end&);

} // namespace swarm::executors
