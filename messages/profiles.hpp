#pragma once

#include "messages/error.hpp"

#include <caf/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace swarm {

/// The ladder of a payload for a model: what attempts go by that come after the same failure twice. A profile names the
/// members that take the place of the payload's, and nothing else; each stands for itself.
inline constexpr std::size_t profiles_max = 10;

/// Reads all of them and puts the chosen one into a payload.
/// @param members that a profile may name.
/// @param chosen its place, from 1; 0: none. Beyond the end of the list the last one holds.
/// @param read takes name, value and payload, and returns what is wrong with them.
/// @returns errc::invalid_input naming the profile's place.
template <class Payload, class Read>
caf::error read_profiles(const nlohmann::json& list, const std::vector<std::string_view>& members, std::size_t chosen,
                         Payload& payload, Read read) {
  if (!list.is_array() || list.empty() || list.size() > profiles_max)
    return make_error(errc::invalid_input, "'profiles' must be a list of 1 to " + std::to_string(profiles_max)
                                             + " objects, as in [{\"effort\": \"high\"}]");
  auto result = payload;
  for (std::size_t place = 1; place <= list.size(); ++place) {
    auto wrong = [place](const std::string& sentence) {
      return make_error(errc::invalid_input, "profile " + std::to_string(place) + " " + sentence);
    };
    const auto& profile = list[place - 1];
    if (!profile.is_object() || profile.empty())
      return wrong("must be an object that changes something");
    auto under = payload;
    for (const auto& [name, value] : profile.items()) {
      if (std::find(members.begin(), members.end(), name) == members.end()) {
        std::string known;
        for (const auto x : members)
          known.append(known.empty() ? "" : ", ").append(x);
        return wrong("may not change " + nlohmann::json(name).dump(-1, ' ', true) + ", but " + known);
      }
      if (auto failed = read(name, value, under))
        return wrong("in the " + render(failed));
    }
    if (chosen == place || (chosen > place && place == list.size()))
      result = std::move(under);
  }
  payload = std::move(result);
  return {};
}

} // namespace swarm
