#pragma once

#include "config/problem.hpp"
#include "config/setting.hpp"

#include <filesystem>

namespace swarm::config {

/// Reads the file layer: sections of options, `heartbeat: {interval: 30s}`. Lists are YAML lists and levels YAML maps;
/// everything else is a scalar, read like a flag. Each problem has its line and column.
void read_config_file(const std::filesystem::path&, settings&, problems& found);

} // namespace swarm::config
