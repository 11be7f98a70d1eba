#pragma once

#include "runtime/executors/agent_cli/agent_cli_executor.hpp"
#include "runtime/executors/claude/settings.hpp"
#include "runtime/executors/function_executor.hpp"

namespace swarm::executors {

/// Every executor of this program, but for commands, whose programs run behind an actor of their own.
/// @param functions Of the program that embeds the node.
executor_table make_table(const function_table& functions, agent_cli_settings agents, const claude::settings&);

} // namespace swarm::executors
