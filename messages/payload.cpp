#include "messages/payload.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "messages/secret_variable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace swarm {

namespace {

using nlohmann::json;

constexpr auto check_timeout_max_ms =
  static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(caf::timespan::max()).count());

constexpr const char* one_of_two = "'check' and 'checks' exclude each other";
constexpr const char* one_place = "'workspace' and 'working_directory' exclude each other";

/// Beyond any machine, and small enough for every unit that it is turned into.
constexpr std::uint64_t limit_max = 1'000'000'000'000'000;

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, "payload: " + sentence);
}

// A program would see such a text cut off.
bool holds_nul(const std::string& x) {
  return x.find('\0') != std::string::npos;
}

bool is_text(const json& x) {
  return x.is_string() && !holds_nul(x.get_ref<const std::string&>());
}

caf::error read_arguments(const json& value, const std::string& name, std::vector<std::string>& result) {
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_text))
    return wrong("'" + name + "' must be an array of strings without NUL");
  result = value.get<std::vector<std::string>>();
  if (!result.empty() && result.front().empty())
    return wrong("'" + name + "' begins with an empty string; the first is the program");
  return {};
}

caf::error read_directory(const json& value, std::string& result) {
  if (!is_text(value))
    return wrong("'working_directory' must be a string without NUL");
  result = value.get<std::string>();
  if (!result.empty() && result.front() != '/')
    return wrong("'working_directory' must be an absolute path or empty");
  return {};
}

caf::error read_environment(const json& value, std::map<std::string, std::string>& result) {
  if (!value.is_object() || !std::all_of(value.begin(), value.end(), is_text))
    return wrong("'environment' must be an object with strings without NUL");
  result = value.get<std::map<std::string, std::string>>();
  for (const auto& [name, text] : result) {
    if (name.empty() || name.find('=') != std::string::npos || holds_nul(name))
      return wrong("'environment' has a name that is empty or holds '=' or NUL");
  }
  return {};
}

caf::error read_timeout(const json& value, caf::timespan& result) {
  // A float that looks whole isn't taken: 1e300 would overflow.
  const auto fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= check_timeout_max_ms;
  if (!fits)
    return wrong("'check_timeout_ms' must be a whole number of milliseconds, 0 for no limit of its own");
  result = std::chrono::milliseconds{value.get<std::int64_t>()};
  return {};
}

caf::error read_text(const json& value, const std::string& name, std::string& result) {
  if (!value.is_string())
    return wrong("'" + name + "' must be a string");
  result = value.get<std::string>();
  return {};
}

caf::error read_exit_codes(const json& value, std::vector<std::int32_t>& result) {
  auto is_code = [](const json& x) { return x.is_number_unsigned() && x.get<std::uint64_t>() <= 255; };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), is_code))
    return wrong("'exit_codes' must be an array of numbers from 0 to 255");
  result = value.get<std::vector<std::int32_t>>();
  return {};
}

caf::error read_secrets(const json& value, std::vector<std::string>& result) {
  auto is_name = [](const json& x) { return x.is_string() && is_secret_variable(x.get_ref<const std::string&>()); };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_name))
    return wrong("'secrets' must be an array of names of variables that begin with SWARM_SECRET_");
  result = value.get<std::vector<std::string>>();
  return {};
}

caf::error read_limits(const json& value, command_limits& result) {
  if (!value.is_object())
    return wrong("'limits' must be an object");
  std::int64_t cpu_ms = 0;
  const std::map<std::string, std::int64_t*> known{{"cpu_ms", &cpu_ms},
                                                   {"memory_bytes", &result.memory_bytes},
                                                   {"files", &result.files},
                                                   {"processes", &result.processes},
                                                   {"core_bytes", &result.core_bytes}};
  for (const auto& [name, member] : value.items()) {
    const auto limit = known.find(name);
    if (limit == known.end())
      return wrong("'limits' has no " + json(name).dump()
                   + ", known are core_bytes, cpu_ms, files, memory_bytes and processes");
    if (!member.is_number_unsigned() || member.get<std::uint64_t>() > limit_max)
      return wrong("'limits' must hold whole numbers, and '" + name + "' is none");
    *limit->second = member.get<std::int64_t>();
  }
  result.cpu = std::chrono::milliseconds{cpu_ms};
  return {};
}

caf::error read_check_list(const json& value, std::vector<check_definition>& result) {
  auto checks = read_checks(value);
  if (!checks)
    return wrong(render(checks.error()));
  result = std::move(*checks);
  return {};
}

caf::error read_workspace_member(const json& value, workspace_request& result) {
  auto workspace = read_workspace(value);
  if (!workspace)
    return wrong(render(workspace.error()));
  result = std::move(*workspace);
  return {};
}

/// Whether there are two directories that the work could be done in.
bool is_torn(const workspace_request& workspace, const std::string& working_directory) {
  return workspace.kind != workspace_kind::none && !working_directory.empty();
}

json limits_as_json(const command_limits& x) {
  auto result = json::object();
  if (x.cpu.count() > 0)
    result["cpu_ms"] = std::chrono::ceil<std::chrono::milliseconds>(x.cpu).count();
  for (auto [name, value] : {std::pair{"memory_bytes", x.memory_bytes}, {"files", x.files}, {"processes", x.processes},
                             {"core_bytes", x.core_bytes}})
    if (value >= 0)
      result[name] = value;
  return result;
}

caf::error read_member(const std::string& name, const json& value, command_payload& result) {
  if (name == "command")
    return read_arguments(value, name, result.command);
  if (name == "shell") {
    if (!value.is_boolean())
      return wrong("'shell' must be true or false");
    result.shell = value.get<bool>();
    return {};
  }
  if (name == "stdin")
    return read_text(value, name, result.input);
  if (name == "stdin_file")
    return is_text(value) ? read_text(value, name, result.input_file)
                          : wrong("'stdin_file' must be a string without NUL");
  if (name == "exit_codes")
    return read_exit_codes(value, result.exit_codes);
  if (name == "limits")
    return read_limits(value, result.limits);
  if (name == "working_directory")
    return read_directory(value, result.working_directory);
  if (name == "environment")
    return read_environment(value, result.environment);
  if (name == "secrets")
    return read_secrets(value, result.secrets);
  if (name == "check")
    return read_arguments(value, name, result.check);
  if (name == "check_timeout_ms")
    return read_timeout(value, result.check_timeout);
  if (name == "checks")
    return read_check_list(value, result.checks);
  if (name == "workspace")
    return read_workspace_member(value, result.workspace);
  if (name == "route") // read by the database
    return is_text(value) ? caf::error{} : wrong("'route' must be a string without NUL");
  return wrong("unknown member " + json(name).dump()
               + ", known are check, check_timeout_ms, checks, command, environment, exit_codes, limits, route, secrets, shell, stdin, "
                 "stdin_file, working_directory and workspace");
}

} // namespace

std::vector<std::string> argv_of(const command_payload& x) {
  if (!x.shell)
    return x.command;
  std::vector<std::string> result{"/bin/sh", "-c", x.command.front(), "sh"};
  result.insert(result.end(), x.command.begin() + 1, x.command.end());
  return result;
}

std::string to_json(const command_payload& x) {
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(x.check_timeout);
  json result{
    {"command", x.command},
    {"working_directory", x.working_directory},
    {"environment", x.environment},
    {"check", x.check},
    {"check_timeout_ms", timeout.count()},
  };
  // What few tickets have.
  if (!x.checks.empty())
    result["checks"] = to_json(x.checks);
  if (x.workspace.kind != workspace_kind::none)
    result["workspace"] = to_json(x.workspace);
  if (x.shell)
    result["shell"] = true;
  if (!x.secrets.empty())
    result["secrets"] = x.secrets;
  if (!x.input.empty())
    result["stdin"] = x.input;
  if (!x.input_file.empty())
    result["stdin_file"] = x.input_file;
  if (x.exit_codes != std::vector<std::int32_t>{0})
    result["exit_codes"] = x.exit_codes;
  if (auto limits = limits_as_json(x.limits); !limits.empty())
    result["limits"] = std::move(limits);
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<check_definition> checks_of(const command_payload& x) {
  return x.check.empty() ? x.checks : std::vector{command_check(x.check, x.check_timeout)};
}

caf::expected<taken_checks> take_checks(std::string_view text) {
  auto found = read_foreign_json(text);
  if (!found || !found->is_object())
    return make_error(errc::invalid_input, found ? "it must be a JSON object" : "it " + render(found.error()));
  command_payload taken;
  for (const auto* name : {"check", "check_timeout_ms", "checks", "workspace"}) {
    auto member = found->find(name);
    if (member == found->end())
      continue;
    if (auto failed = read_member(name, *member, taken))
      return failed;
    found->erase(member);
  }
  if (!taken.check.empty() && !taken.checks.empty())
    return wrong(one_of_two);
  if (auto directory = found->find("working_directory"); directory != found->end())
    if (auto failed = read_directory(*directory, taken.working_directory))
      return failed;
  if (is_torn(taken.workspace, taken.working_directory))
    return wrong(one_place);
  found->erase("route"); // read by the database
  return taken_checks{checks_of(taken), taken.working_directory, taken.workspace, found->dump()};
}

caf::expected<command_payload> parse_command_payload(std::string_view text) {
  const auto value = json::parse(text, nullptr, false);
  if (!value.is_object())
    return wrong("must be a JSON object");
  command_payload result;
  for (const auto& [name, member] : value.items()) {
    if (auto error = read_member(name, member, result))
      return error;
  }
  if (result.command.empty())
    return wrong("'command' is missing or empty; it must hold the program and its arguments");
  if (!result.input.empty() && !result.input_file.empty())
    return wrong("'stdin' and 'stdin_file' exclude each other");
  if (!result.check.empty() && !result.checks.empty())
    return wrong(one_of_two);
  if (is_torn(result.workspace, result.working_directory))
    return wrong(one_place);
  return result;
}

} // namespace swarm
