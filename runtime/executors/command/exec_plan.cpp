#include "runtime/executors/command/exec_plan.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace swarm::executors {

namespace {

/// Long enough for every real path, short enough for a log line.
constexpr std::size_t shown_bytes_max = 200;

std::string quoted(std::string_view text) {
  const auto* end = text.size() > shown_bytes_max ? "...'" : "'";
  return std::string{"'"}.append(text.substr(0, shown_bytes_max)).append(end);
}

std::string cannot_run(const command_spec& spec, std::string_view why) {
  return "cannot run " + quoted(spec.argv.front()) + ": " + std::string{why};
}

bool holds_nul(std::string_view text) {
  return text.find('\0') != std::string_view::npos;
}

bool has_slash(std::string_view name) {
  return name.find('/') != std::string_view::npos;
}

/// What exec would cut short or misread instead of refusing it. Empty if there is nothing.
std::string find_fault(const command_spec& spec) {
  if (spec.argv.empty() || spec.argv.front().empty())
    return "cannot run a command that names no program";
  for (std::size_t i = 0; i < spec.argv.size(); ++i)
    if (holds_nul(spec.argv[i]))
      return cannot_run(spec, "argument " + std::to_string(i) + " holds a NUL byte");
  for (const auto& [name, value] : spec.environment)
    if (name.empty() || name.find('=') != std::string::npos || holds_nul(name) || holds_nul(value))
      return cannot_run(spec, "the environment variable " + quoted(name)
                                + " needs a name without '=' and may hold no NUL byte");
  if (!spec.working_directory.starts_with('/') || holds_nul(spec.working_directory))
    return cannot_run(spec, "the working directory " + quoted(spec.working_directory) + " is not an absolute path");
  if (!has_slash(spec.argv.front()) && !spec.environment.contains("PATH"))
    return cannot_run(spec, "its environment has no PATH; set it, or name the program by its full path");
  return {};
}

std::vector<std::string> find_programs(const command_spec& spec) {
  const auto& name = spec.argv.front();
  if (has_slash(name))
    return {name};
  std::vector<std::string> result;
  std::string_view path = spec.environment.at("PATH");
  for (;;) {
    const auto end = path.find(':');
    const auto folder = path.substr(0, end);
    // By POSIX an empty entry means the current directory.
    result.push_back((folder.empty() ? "." : std::string{folder}) + "/" + name);
    if (end == std::string_view::npos)
      return result;
    path.remove_prefix(end + 1);
  }
}

// exec takes `char*` for reasons of age and doesn't write.
char* as_exec_argument(const std::string& text) {
  return const_cast<char*>(text.c_str());
}

bool any_exists(const command_spec& spec, const exec_plan& plan) {
  return std::any_of(plan.programs.begin(), plan.programs.end(), [&](const std::string& program) {
    const auto path = program.starts_with('/') ? program : spec.working_directory + "/" + program;
    return access(path.c_str(), F_OK) == 0;
  });
}

std::string explain_exec(const command_spec& spec, const exec_plan& plan, int error_number) {
  switch (error_number) {
    case ENOENT:
      if (any_exists(spec, plan))
        return "the interpreter that it asks for doesn't exist; see the first line of the file";
      return has_slash(spec.argv.front()) ? "no such file" : "no such program in PATH";
    case EACCES:
      return "Permission denied; the file must be executable, and its directories open to this user";
    case ENOEXEC:
      return "the file is neither a program for this machine nor a script that begins with '#!'";
    case E2BIG:
      return "its arguments and environment are longer than this system allows";
    default:
      return std::generic_category().message(error_number);
  }
}

} // namespace

std::variant<exec_plan, start_failure> plan_exec(const command_spec& spec) {
  if (auto fault = find_fault(spec); !fault.empty())
    return start_failure{EINVAL, std::move(fault)};
  exec_plan plan;
  plan.programs = find_programs(spec);
  for (const auto& argument : spec.argv)
    plan.argv.push_back(as_exec_argument(argument));
  plan.argv.push_back(nullptr);
  for (const auto& [name, value] : spec.environment)
    plan.variables.push_back(name + "=" + value);
  for (const auto& variable : plan.variables)
    plan.envp.push_back(as_exec_argument(variable));
  plan.envp.push_back(nullptr);
  return plan;
}

start_failure explain_failure(const command_spec& spec, const exec_plan& plan, start_step step, int error_number) {
  switch (step) {
    case start_step::create_process:
      return {error_number,
              cannot_run(spec, "no process could be started: " + std::generic_category().message(error_number))};
    case start_step::open_input:
      return {error_number, "cannot read " + quoted(spec.input_file.empty() ? "stdin" : spec.input_file) + ": "
                              + (error_number == 0 ? "it isn't a regular file"
                                 : error_number == EXDEV && spec.input_is_confined
                                   ? "it lies outside of " + quoted(spec.working_directory)
                                   : std::generic_category().message(error_number))};
    case start_step::limit:
      return {error_number, cannot_run(spec, "its limits can't be set: " + std::generic_category().message(error_number))};
    case start_step::enter_directory:
      return {error_number, "cannot enter directory " + quoted(spec.working_directory) + ": "
                              + std::generic_category().message(error_number)};
    case start_step::execute:
      break;
  }
  return {error_number, cannot_run(spec, explain_exec(spec, plan, error_number))};
}

} // namespace swarm::executors
