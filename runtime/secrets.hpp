#pragma once

#include "config/node_config.hpp"
#include "runtime/executors/redact/redactor.hpp"

#include <memory>

namespace swarm::runtime {

/// Knows the secrets of this node, so that none of them is stored or logged: all variables of its environment that begin
/// with SWARM_SECRET_, those named by `secrets.variables`, those by which coding agents log in, the password of its
/// database, and the key of Claude's API as it is at the start. A key that takes its place is learnt when it is read.
/// @returns errc::invalid_input naming a secret that is too short or too long to be found in a text.
caf::expected<std::shared_ptr<const redact::redactor>> make_redactor(const config::node_config&);

} // namespace swarm::runtime
