#pragma once

#include "config/node_config.hpp"

#include <caf/expected.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace swarm::config {

enum class option_type : std::uint8_t { integer, duration, size, text, choice, path, names, levels };

/// "DURATION", as `--help` and the reference show it.
std::string to_string(option_type);

/// The value of any option. `int` is an integer, `std::uint64_t` a size in bytes, the list names, the map
/// component -> log level; text and choices are strings.
using option_value = std::variant<int, std::chrono::milliseconds, std::uint64_t, std::string, std::filesystem::path,
                                  std::vector<std::string>, std::map<std::string, std::string>>;

/// One row of the table from which parsing, `--help`, the example file and the reference are made. Adding an option is
/// adding a member to node_config.hpp and a row to options.cpp.
struct option {
  std::string key; ///< "section.name", also the name of its flag without the dashes.
  option_type type;
  option_value initial;                  ///< The default.
  option_value min;                      ///< Of the same alternative as `initial`;
  option_value max;                      ///< both count for integers, durations and sizes only.
  std::vector<std::string_view> choices; ///< Of a choice, or the levels of a component.
  std::vector<std::string_view> subjects; ///< The components that may have levels.
  std::string unit;                      ///< What an integer counts, e.g. "tickets".
  std::string sentence;                  ///< What it is for; also the text of `--help`.
  bool needs_restart = true;             ///< A change takes effect when the node is started again.
  bool secret = false;                   ///< May hold a password.
  std::function<option_value(const node_config&)> get;
  std::function<void(node_config&, const option_value&)> set;

  std::string_view section() const;     ///< "heartbeat" of "heartbeat.interval"
  std::string_view name() const;        ///< "interval" of "heartbeat.interval"
  std::string environment_name() const; ///< "SWARM_HEARTBEAT_INTERVAL"
};

/// Every option, section by section.
const std::vector<option>& options();

/// @returns null when no option has this key.
const option* find_option(std::string_view key);

/// Reads the text of a flag or an environment variable: names as `a,b`, levels as `store=debug,reaper=warn`.
/// @returns errc::invalid_input with a sentence that begins with the key. It never quotes a secret.
caf::expected<option_value> parse_value(const option&, std::string_view text);

/// Checks a value against bounds, choices and the rules for names.
/// @returns no error, or one as `parse_value` would.
caf::error check_value(const option&, const option_value&);

/// The value as `parse_value` reads it. Doesn't hide secrets.
std::string format_value(const option_value&);

/// What the option accepts, e.g. "between 100ms and 10m" or "text or json"; empty when anything is right.
std::string describe_bounds(const option&);

} // namespace swarm::config
