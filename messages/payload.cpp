#include "messages/payload.hpp"

#include "messages/error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace swarm {

namespace {

using nlohmann::json;

constexpr auto check_timeout_max_ms =
  static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(caf::timespan::max()).count());

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, "payload of a command: " + sentence);
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

caf::error read_member(const std::string& name, const json& value, command_payload& result) {
  if (name == "command")
    return read_arguments(value, name, result.command);
  if (name == "working_directory")
    return read_directory(value, result.working_directory);
  if (name == "environment")
    return read_environment(value, result.environment);
  if (name == "check")
    return read_arguments(value, name, result.check);
  if (name == "check_timeout_ms")
    return read_timeout(value, result.check_timeout);
  return wrong("unknown member " + json(name).dump() + ", known are command, working_directory, environment, check "
                                                       "and check_timeout_ms");
}

} // namespace

std::string to_json(const command_payload& x) {
  const auto timeout = std::chrono::ceil<std::chrono::milliseconds>(x.check_timeout);
  const json result{
    {"command", x.command},
    {"working_directory", x.working_directory},
    {"environment", x.environment},
    {"check", x.check},
    {"check_timeout_ms", timeout.count()},
  };
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
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
  return result;
}

} // namespace swarm
