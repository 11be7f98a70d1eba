#pragma once

#include <algorithm>
#include <string_view>

namespace swarm {

/// A ticket may name only such variables of a node, or whoever may submit one could have any secret sent to himself.
inline constexpr std::string_view secret_variable_prefix = "SWARM_SECRET_";

inline bool is_secret_variable(std::string_view name) {
  auto fits = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; };
  return name.size() > secret_variable_prefix.size() && name.starts_with(secret_variable_prefix)
         && std::all_of(name.begin(), name.end(), fits);
}

} // namespace swarm
