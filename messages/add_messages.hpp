#pragma once

#include <caf/actor_system_config.hpp>

namespace swarm {

/// Makes every message type and the error category known to an actor system that will be built from `config`.
void add_messages(caf::actor_system_config& config);

} // namespace swarm
