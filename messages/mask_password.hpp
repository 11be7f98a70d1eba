#pragma once

#include <string>
#include <string_view>

namespace swarm {

/// A libpq connection string or URI as it may be shown: passwords are `***`. Only the values of parameters that are
/// known to be harmless are kept, and a text that libpq wouldn't understand is hidden as a whole, because a typing
/// error must not be what gives a password away.
std::string mask_password(std::string_view connection);

/// What libpq says about a connection string that may hold a password: what it quotes from it is `***`, unless
/// `mask_password` shows it anyway. libpq quotes what it can't read, e.g. the rest of a password with a blank.
std::string mask_quotes(std::string message, std::string_view connection);

} // namespace swarm
