#pragma once

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <limits>
#include <string_view>

namespace swarm {

/// JSON that others wrote, and that is to be stored or written again. Refused is what would end elsewhere than here: nesting
/// beyond 100 levels, because writing it recurses and would overrun the stack of the whole process, and NUL in a text,
/// because the database holds none. And what would take much more memory than its text, when that is bounded: a text of
/// "[[],[],..." takes twenty times its length.
/// @param values_max Of values at all levels.
/// @returns errc::invalid_input with a predicate such as "isn't JSON".
caf::expected<nlohmann::json> read_foreign_json(std::string_view,
                                                std::size_t values_max = std::numeric_limits<std::size_t>::max());

} // namespace swarm
