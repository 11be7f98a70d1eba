#pragma once

#include <caf/expected.hpp>
#include <caf/timespan.hpp>

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace swarm {

/// What a ticket of kind "command" runs, and how it is checked. Stored as JSON in the ticket:
///
///   {"command": ["make", "-j2"], "working_directory": "/src", "environment": {"CC": "gcc"},
///    "check": ["test", "-x", "hello"], "check_timeout_ms": 60000}
///
/// Only `command` must be there. A member that isn't known here is refused: a newer node may mean a restriction by it.
struct command_payload {
  std::vector<std::string> command;               ///< argv, never a shell.
  std::string working_directory;                  ///< Absolute; empty for the node's work directory.
  std::map<std::string, std::string> environment; ///< Added to the allow-listed variables of the node.
  std::vector<std::string> check;                 ///< argv of the check; empty when the exit code is the only judge.
  caf::timespan check_timeout{0};                 ///< 0 for what is left of the attempt. Stored in milliseconds.
};

/// Never fails: bytes that aren't UTF-8 become the replacement character, and a part of a millisecond a whole one.
std::string to_json(const command_payload&);

/// @returns errc::invalid_input naming the member that is missing or of the wrong type.
caf::expected<command_payload> parse_command_payload(std::string_view json);

} // namespace swarm
