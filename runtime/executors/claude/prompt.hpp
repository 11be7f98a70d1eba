#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace swarm::executors::claude {

/// A text as data that nobody can break out of: each of its lines begins with "| ".
std::string mark_as_data(std::string_view text);

/// The texts of the first message. The ticket's prompt stands alone, the same for every attempt, so that the API's cache
/// is hit; behind it what the last attempt has left, as data that nobody can break out of: each of its lines is marked.
/// @param last_failure any bytes; of a long one the beginning and the end are shown. Empty: there is no second text.
std::vector<std::string> first_texts(std::string_view prompt, std::string_view last_failure, int attempt, int attempts_max);

} // namespace swarm::executors::claude
