#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <string_view>

namespace swarm::executors::claude {

/// The member, or null when it is absent or `object` isn't one.
inline const nlohmann::json& member(const nlohmann::json& object, const char* name) {
  static const nlohmann::json none;
  const auto found = object.find(name);
  return found == object.end() ? none : *found;
}

/// The same for a member that should be a string; empty when it isn't. The view lives as long as the member.
inline std::string_view text_member(const nlohmann::json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_string() ? std::string_view{value.get_ref<const std::string&>()} : std::string_view{};
}

} // namespace swarm::executors::claude
