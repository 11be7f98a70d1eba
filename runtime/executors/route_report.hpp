#pragma once

#include "runtime/executors/classify/signal.hpp"

#include <string>
#include <string_view>

namespace swarm::executors {

/// What tells a credential from others in the database, in `outcome::route` and in a node's claims: the beginning of a
/// SHA-256, in hex. Empty for an empty secret.
std::string credential_hash(std::string_view secret);

/// What a verdict about a service outside says to the breakers and limits that all nodes share. Only for verdicts about what
/// a service said or didn't say, not for those about programs, checks and our own limits.
/// @param credential The hash of the one that was used; empty: none. A verdict about a credential says nothing then.
route_report report_of(const verdict&, const std::string& credential);

} // namespace swarm::executors
