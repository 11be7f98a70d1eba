#pragma once

#include "runtime/executors/executor.hpp"

namespace swarm::executors {

/// Ends an attempt that can't begin. @returns what its executor's `start` returns then.
std::unique_ptr<execution> refuse(on_outcome, outcome_class, const std::string& evidence);

} // namespace swarm::executors
