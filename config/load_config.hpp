#pragma once

#include "config/node_config.hpp"
#include "config/problem.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace swarm::config {

/// Where a configuration is read from. A later layer wins: defaults, file, environment, flags.
struct config_sources {
  std::filesystem::path file;                            ///< Must exist; empty for the first candidate that does.
  std::vector<std::filesystem::path> candidates;         ///< Looked at when `file` is empty; none has to exist.
  std::map<std::string, std::string> environment;        ///< Only names that begin with SWARM_ count.
  std::vector<std::pair<std::string, std::string>> flags; ///< Key and text; of a repeated key the last counts.
};

/// The variables of this process whose names begin with SWARM_.
std::map<std::string, std::string> swarm_environment();

struct loaded_config {
  node_config values;
  /// Per key where its value came from: "default", "swarm.yaml:3", "SWARM_HEARTBEAT_INTERVAL" or
  /// "--heartbeat.interval".
  std::map<std::string, std::string> origins;
  std::filesystem::path file; ///< The file that was read; empty when there was none.
};

/// Reads and checks all layers. A node must never start half configured, so everything that is wrong in any layer is
/// reported at once, also where a later layer would win: unknown and duplicate keys with the nearest right one, wrong
/// types, values out of bounds, and combinations of values that would break a promise (`heartbeat.stale_after` below
/// three intervals, for example).
///
/// A relative path in the file is taken from the file's folder. The variable of `heartbeat.interval` is
/// SWARM_HEARTBEAT_INTERVAL; other variables that begin with SWARM_ are refused when they resemble an option, except
/// SWARM_HOME, SWARM_CONFIG, SWARM_BINARY, SWARM_TICKET, SWARM_ATTEMPT, SWARM_FENCE, SWARM_WORKSPACE and SWARM_TEST_*.
/// @returns nothing when `found` gained an entry.
std::optional<loaded_config> load_config(const config_sources&, problems& found);

} // namespace swarm::config
