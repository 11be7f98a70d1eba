#pragma once

#include "messages/checks.hpp"
#include "messages/command.hpp"
#include "messages/workspace.hpp"

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
///    "secrets": ["SWARM_SECRET_NPM"], "stdin": "yes\n", "exit_codes": [0, 3], "limits": {"cpu_ms": 60000, "memory_bytes": 1073741824},
///    "check": ["test", "-x", "hello"], "check_timeout_ms": 60000}
///
/// `workspace` (messages/workspace.hpp) is a directory of its own instead of `working_directory`; a payload has one of the
/// two. `check` is the short form of `checks` (messages/checks.hpp) with a single command; a payload has one of the two.
///
/// Only `command` must be there. A member that isn't known here is refused: a newer node may mean a restriction by it.
struct command_payload {
  std::vector<std::string> command;               ///< argv; with `shell` the first is a script, the others its arguments.
  bool shell = false;                             ///< Run by /bin/sh. Never unless the ticket says so.
  std::string input;                              ///< "stdin": what it reads.
  std::string input_file;                         ///< "stdin_file": a file that it reads instead.
  std::vector<std::int32_t> exit_codes{0};        ///< By which it says that its work is done.
  command_limits limits;
  std::string working_directory;                  ///< Absolute; empty for the node's work directory.
  workspace_request workspace;
  std::map<std::string, std::string> environment; ///< Added to the allow-listed variables of the node.
  std::vector<std::string> secrets;               ///< Variables of the node that the command sees, too, and its check not.
  std::vector<std::string> check;                 ///< argv of the check; empty when the exit code is the only judge.
  caf::timespan check_timeout{0};                 ///< 0 for what is left of the attempt. Stored in milliseconds.
  std::vector<check_definition> checks;           ///< Instead of `check`.
};

/// What decides whether its work is done, whatever form it was written in; empty: the exit code alone.
std::vector<check_definition> checks_of(const command_payload&);

/// What is run: `command`, or the shell with it.
std::vector<std::string> argv_of(const command_payload&);

/// Never fails: bytes that aren't UTF-8 become the replacement character, and a part of a millisecond a whole one.
std::string to_json(const command_payload&);

/// @returns errc::invalid_input naming the member that is missing or of the wrong type.
caf::expected<command_payload> parse_command_payload(std::string_view json);

/// The checks and the workspace, which any ticket may have in its payload, and what is left of that for its executor.
struct taken_checks {
  std::vector<check_definition> checks;
  std::string working_directory; ///< Of the work, for the checks; stays in `rest`. Empty when there is none.
  workspace_request workspace;
  std::string rest; ///< JSON object without `check`, `check_timeout_ms`, `checks` and `workspace`.
};

/// @returns errc::invalid_input with a sentence.
caf::expected<taken_checks> take_checks(std::string_view json);

} // namespace swarm
