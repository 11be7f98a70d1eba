#pragma once

#include "messages/command.hpp"

#include <string>
#include <variant>
#include <vector>

namespace swarm::executors {

/// Why a program never ran.
struct start_failure {
  int error_number = 0; ///< errno.
  std::string sentence; ///< For people, e.g. "cannot run 'mkae': no such program in PATH".
};

/// Everything that exec needs, laid out beforehand: between fork and exec nothing may allocate.
struct exec_plan {
  std::vector<std::string> programs; ///< Paths to try in this order; relative ones are the child's.
  std::vector<char*> argv;           ///< Points into the command_spec, ends with a null.
  std::vector<std::string> variables;
  std::vector<char*> envp;           ///< Points into `variables`, ends with a null.
};

/// Looks the program up in the command's own PATH. The plan points into `spec`, which must outlive it.
std::variant<exec_plan, start_failure> plan_exec(const command_spec& spec);

/// The part of a start that can fail.
enum class start_step { create_process, open_input, enter_directory, limit, execute };

/// Puts an errno into a sentence that names the program or directory and, where there is one, the remedy.
start_failure explain_failure(const command_spec& spec, const exec_plan& plan, start_step step, int error_number);

} // namespace swarm::executors
