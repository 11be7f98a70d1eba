#pragma once

#include "config/node_config.hpp"
#include "config/options.hpp"
#include "config/problem.hpp"

#include <caf/expected.hpp>

#include <map>
#include <set>
#include <string>

namespace swarm::config {

/// In order of precedence: a later layer wins.
enum class setting_layer : std::uint8_t { initial, file, environment, flag };

/// Where a value came from.
struct setting_origin {
  setting_layer layer = setting_layer::initial;
  std::string source; ///< File path, "SWARM_VARIABLE" or "--flag".
  int line = 0;       ///< 1-based; 0 when the source has no lines.
  int column = 0;
};

/// "default", "swarm.yaml:3", "SWARM_HEARTBEAT_INTERVAL", "--heartbeat.interval"
std::string to_string(const setting_origin&);

/// A configuration while its layers are read, lowest first.
struct settings {
  node_config values;
  std::map<std::string, setting_origin> origins; ///< Of the keys that some layer has set.
  std::set<std::string> broken;                  ///< Keys that some layer set to something wrong.

  /// Takes the value, or reports at `from` why it is none.
  void set(const option&, const caf::expected<option_value>&, setting_origin from, problems& found);

  setting_origin origin(const std::string& key) const;
};

} // namespace swarm::config
