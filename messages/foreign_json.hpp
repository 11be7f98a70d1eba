#pragma once

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <string_view>

namespace swarm {

/// JSON that others wrote, and that is to be stored or written again. Refused is what would end elsewhere than here: nesting
/// beyond 100 levels, because writing it recurses and would overrun the stack of the whole process, and NUL in a text,
/// because the database holds none.
/// @returns errc::invalid_input with a predicate such as "isn't JSON".
caf::expected<nlohmann::json> read_foreign_json(std::string_view);

} // namespace swarm
