#pragma once

#include "runtime/checks/verdict.hpp"

#include <string_view>

namespace swarm::checks {

/// Judges a JSON document against a JSON Schema, see messages/json_schema.hpp. A document that isn't JSON or doesn't match
/// is a failure that says where; a schema that can't be judged by is an error.
finding check_json(std::string_view schema, std::string_view document);

} // namespace swarm::checks
