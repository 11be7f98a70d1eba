#pragma once

#include "runtime/executors/classify/signal.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace swarm::executors {

/// What tells a credential from others in the database, in `outcome::route` and in a node's claims: the beginning of a
/// SHA-256, in hex. Empty for an empty secret.
std::string credential_hash(std::string_view secret);

/// What a verdict about a service outside says to the breakers and limits that all nodes share. Only for verdicts about what
/// a service said or didn't say, not for those about programs, checks and our own limits.
/// @param credential The hash of the one that was used; empty: none.
/// @param of_node Whether who has no credential uses what the node has, e.g. the login of a program's user: then a verdict
/// about a credential is one about this node. Else it says nothing without a credential, for it may have been forgotten.
route_report report_of(const verdict&, const std::string& credential, bool of_node = false);

/// Of every secret of the environment that a ticket may name (see secret_variable.hpp).
std::vector<std::string> hashes_of_secret_variables();

} // namespace swarm::executors
