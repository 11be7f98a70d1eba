#pragma once

#include "messages/json_schema.hpp"

#include <re2/re2.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace swarm {

/// A schema and the patterns in it, compiled.
struct json_schema::parts {
  nlohmann::json root;
  std::map<std::string, std::unique_ptr<const re2::RE2>> patterns;

  /// What a "$ref" means. Throws what `json::at` throws for one into nowhere.
  const nlohmann::json& referred_to(const std::string& reference) const {
    return root.at(nlohmann::json::json_pointer{reference.substr(1)});
  }
};

/// Whether a value keeps a bound such as "maxLength". It does when that is a bound of other values, or none.
bool keeps_bound(std::string_view keyword, const nlohmann::json& argument, const nlohmann::json& value);

} // namespace swarm
