#pragma once

#include <string>
#include <string_view>

namespace swarm::config {

/// A libpq connection string or URI as it may be shown: passwords are `***`. Only the values of parameters that are
/// known to be harmless are kept, and a text that libpq wouldn't understand is hidden as a whole, because a typing
/// error must not be what gives a password away.
std::string mask_password(std::string_view connection);

} // namespace swarm::config
