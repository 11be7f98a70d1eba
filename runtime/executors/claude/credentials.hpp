#pragma once

#include "runtime/executors/claude/settings.hpp"

#include <caf/expected.hpp>

#include <string>
#include <string_view>

namespace swarm::executors::claude {

/// Whether this is https, or plain http to this machine. Elsewhere plain http would show the key to everybody on the way.
/// @returns errc::invalid_input with a sentence.
caf::expected<void> check_base_url(std::string_view);

/// What stands in the place of the key where it was redacted.
inline constexpr const char* key_name = "the key of claude";

/// The key as it is now, so that a new one needs no restart; the redactor knows it before anybody else does. Empty,
/// which no error is, when none is set and the API is a server on this machine, as in tests.
/// @returns errc::invalid_input or errc::io_failed with a sentence that doesn't quote it.
caf::expected<std::string> read_api_key(const settings&);

} // namespace swarm::executors::claude
