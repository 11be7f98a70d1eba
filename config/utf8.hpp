#pragma once

#include <cstddef>
#include <string_view>

namespace swarm::config {

/// The number of bytes at the front of `text` that are whole, well-formed UTF-8 characters. `text` is UTF-8 when that
/// is all of it; otherwise the result is the place of the first wrong byte sequence.
std::size_t utf8_prefix(std::string_view text);

} // namespace swarm::config
