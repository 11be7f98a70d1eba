#pragma once

#include <cstddef>
#include <string>
#include <string_view>

/// Whether two failures are the same one. Without it a ticket that fails again and again for one reason can't be told
/// from one that fails each time for another.
namespace swarm::checks {

inline constexpr std::size_t normalised_bytes_max = 16u << 10;

/// The evidence without what differs by chance. Takes any bytes, in linear time.
///
///   becomes <*>   numbers, dates, times, durations, sizes, versions, addresses, ports, PIDs, line numbers, UUIDs,
///                 hashes, names of temporary files and others that look random
///   goes          colours and other terminal escapes, directories of absolute paths, repeated blanks and empty lines
///   stays         words, relative paths, digits that belong to a word (int32, E0308, test_case_3), and numbers of up
///                 to five digits that say how something ended (exit code 2, signal 9, HTTP 404, SQLSTATE 23505)
///
/// Of a long text the first and the last part are kept, with "..." between them.
std::string normalise_failure(std::string_view evidence);

/// 16 hexadecimal digits: the beginning of the SHA-256 of the normalised evidence.
std::string failure_signature(std::string_view evidence);

} // namespace swarm::checks
