#pragma once

#include "runtime/executors/executor.hpp"

namespace swarm::executors {

/// Every executor of this program, but for commands, whose programs run behind an actor of their own.
executor_table make_table();

} // namespace swarm::executors
