#pragma once

#include "config/node_config.hpp"
#include "runtime/executors/claude/settings.hpp"

#include <caf/expected.hpp>

namespace swarm::runtime {

/// What tickets of kind claude need of the configuration, the prices read, but without the environment of programs.
/// @returns errc::invalid_input with a sentence: an address that the key must not be sent to, a price file that can't be
///          read. No ticket could tell as much.
caf::expected<executors::claude::settings> claude_settings(const config::node_config&);

} // namespace swarm::runtime
