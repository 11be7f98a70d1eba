#pragma once

#include "messages/in_quotes.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::checks {

/// How many names a sentence holds; the rest is a number.
constexpr std::size_t names_max = 5;

using swarm::in_quotes;

/// "'a', 'b' and 3 more": the first `names_max` of `names`, quoted, of `total` that there are.
std::string listed(const std::vector<std::string>& names, std::uint64_t total);

/// "1 test", "2 tests".
std::string counted(std::uint64_t count, std::string_view noun);

/// For `finding::detail`: the first 2 KiB and the last 6 KiB of a text, and between them a line that counts the rest.
std::string head_and_tail(std::string_view text);

} // namespace swarm::checks
