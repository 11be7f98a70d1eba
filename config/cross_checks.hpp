#pragma once

#include "config/problem.hpp"
#include "config/setting.hpp"

namespace swarm::config {

/// Reports combinations of values that are each within bounds and together break a promise, with both keys, both
/// values and where they came from. A combination with a key that is broken already isn't judged.
void cross_check(const settings&, problems& found);

} // namespace swarm::config
