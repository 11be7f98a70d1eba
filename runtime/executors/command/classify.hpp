#pragma once

#include "messages/command.hpp"
#include "messages/outcome.hpp"

#include <string>
#include <vector>

namespace swarm::executors {

/// What the end of a command says about the attempt.
struct classification {
  outcome_class end = outcome_class::completed;
  std::string evidence; ///< One sentence.
};

/// The work itself. An expected exit code is success; any other is `content`; a signal is `crash`; our clock is `timeout`. What
/// never ran is `permanent` when it never can (no such program), `transient` when the machine is short of something.
classification classify_command(const std::vector<std::string>& argv, const command_result&,
                                const std::vector<std::int32_t>& exit_codes = {0});

/// The check of the work. Exit code 0 passes, any other fails, except 126 and 127, by which shells say that there was
/// nothing to run. Whatever kept a check from giving a verdict is `check_error` and never a pass.
classification classify_check(const std::vector<std::string>& argv, const command_result&);

} // namespace swarm::executors
