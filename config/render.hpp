#pragma once

#include "config/load_config.hpp"
#include "config/options.hpp"

#include <string>

namespace swarm::config {

/// What people read about the options, made from the table, so that it can't differ from what the program does.

/// A configuration file with every option at its default, each with its sentence, bounds and environment variable.
std::string example_yaml();

/// The reference: a Markdown table per section.
std::string reference_markdown();

/// The text of one option in `--help`: its sentence, bounds and default.
std::string help_text(const option&);

/// `key  value  origin`, a line per option, aligned. Passwords are masked.
std::string print_config(const loaded_config&);

/// {"heartbeat.interval": {"value": "30s", "origin": "swarm.yaml:3"}, ...} in the order of the table. Passwords are
/// masked; integers are numbers, names a list, levels an object, everything else is text.
std::string print_config_json(const loaded_config&);

} // namespace swarm::config
