#pragma once

#include "messages/command.hpp"
#include "runtime/executors/classify/signal.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace swarm::executors {

/// What is known of how a program ended. Nothing, when this node stopped it or its status was lost.
process_facts facts_of(const command_result&);

/// What the end of a command says about the attempt: the classifier's verdict, in a sentence.
struct command_verdict {
  outcome_class end = outcome_class::completed;
  std::string evidence; ///< Names the row of the table, unless all is well.
  std::chrono::milliseconds wait{0}; ///< Before it may be tried again; 0: the rules of the database.
};

/// Of the work itself. @param exit_codes Those by which it says that it is done; none: 0 alone.
command_verdict judge_work(const std::vector<std::string>& argv, const command_result&,
                           const std::vector<std::int32_t>& exit_codes = {});

/// Whether a shell says by its exit code that what it ran was killed (SIGKILL, SIGTERM): no verdict of a check.
bool tells_of_a_kill(const command_result&);

/// Of a check of the work. Whatever kept it from giving a verdict is `check_error` and never a pass.
command_verdict judge_check(const std::vector<std::string>& argv, const command_result&);

} // namespace swarm::executors
