#pragma once

#include <string>
#include <string_view>

namespace swarm::store {

/// `text` as PostgreSQL takes it: bytes that aren't UTF-8, and NUL, become U+FFFD. What a program said about its
/// failure may hold anything, and one such text would make the database refuse the whole batch.
std::string clean_text(std::string_view text);

} // namespace swarm::store
