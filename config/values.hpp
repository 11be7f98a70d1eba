#pragma once

#include <caf/expected.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace swarm::config {

/// Durations and sizes as people write them. A bare `30` would mean seconds to one reader and milliseconds to another,
/// so a number other than 0 must name its unit. Values are whole and never negative; one that doesn't fit is refused,
/// not wrapped. Errors are errc::invalid_input with a sentence that quotes the text and says what would be right.

/// Reads `250ms`, `30s`, `5m`, `1h30m`, `2d` or `0`. Parts go from the largest unit to the smallest, each at most once.
/// The result also fits into a `caf::timespan`.
caf::expected<std::chrono::milliseconds> parse_duration(std::string_view);

/// What `parse_duration` reads as the same value, in the largest units: `1h30m`; `0s` for nothing.
std::string format_duration(std::chrono::milliseconds);

/// Reads a number of bytes: `512B`, `64KiB`, `16MiB`, `1GiB`, `2TiB`, the decimal `kB`, `MB`, `GB`, `TB`, or `0`.
caf::expected<std::uint64_t> parse_size(std::string_view);

/// What `parse_size` reads as the same value, in the largest binary unit that divides it: `64KiB`.
std::string format_size(std::uint64_t);

/// Somebody's text as a message may show it: in single quotes, without control characters, cut when it is long.
std::string in_quotes(std::string_view);

} // namespace swarm::config
