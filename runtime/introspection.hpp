#pragma once

#include "actors/census.hpp"

#include <caf/expected.hpp>
#include <caf/fwd.hpp>

#include <chrono>
#include <string>
#include <vector>

namespace swarm::runtime {

/// What every actor of a node is doing, supervisors before their children. What the census knows is there for everybody,
/// also for an actor that is stuck or down; an actor's own facts only if it answers within `patience`.
/// Blocks the caller for that time at most, and no actor.
std::vector<actor_report> inspect_actors(caf::actor_system&, const census&, std::chrono::milliseconds patience);

/// {"actors": [{"path": "root", ...}, ...]}; durations in milliseconds, times in UTC.
std::string to_json(const std::vector<actor_report>&);

/// The other way round. @returns errc::io_failed when this isn't what `to_json` writes.
caf::expected<std::vector<actor_report>> parse_reports(const std::string& json);

} // namespace swarm::runtime
