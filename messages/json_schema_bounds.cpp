#include "messages/json_schema_parts.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

namespace swarm {

namespace {

using nlohmann::json;

/// In characters, as a schema counts.
std::size_t length_of(const std::string& x) {
  return static_cast<std::size_t>(
    std::count_if(x.begin(), x.end(), [](char byte) { return (static_cast<unsigned char>(byte) & 0xC0u) != 0x80u; }));
}

/// What bounds are set to.
enum class measure : std::uint8_t { number, characters, elements, members };

/// Exact for all whole numbers that a document can hold. Nothing for what can't be measured so.
std::optional<long double> size_of(const json& x, measure by) {
  switch (by) {
    case measure::number: return x.is_number() ? std::optional{x.get<long double>()} : std::nullopt;
    case measure::characters:
      return x.is_string() ? std::optional{static_cast<long double>(length_of(x.get_ref<const std::string&>()))} : std::nullopt;
    case measure::elements: return x.is_array() ? std::optional{static_cast<long double>(x.size())} : std::nullopt;
    case measure::members: return x.is_object() ? std::optional{static_cast<long double>(x.size())} : std::nullopt;
  }
  return std::nullopt;
}

bool is_at_most(long double x, long double bound) { return x <= bound; }
bool is_below(long double x, long double bound) { return x < bound; }
bool is_at_least(long double x, long double bound) { return x >= bound; }
bool is_above(long double x, long double bound) { return x > bound; }

/// As near as two decimal fractions come in binary.
bool is_multiple(long double x, long double of) {
  const auto times = x / of;
  return std::fabs(times - std::round(times)) <= 1e-12L + 5e-16L * std::fabs(times);
}

std::uint64_t magnitude_of(const json& whole) {
  return whole.is_number_unsigned() ? whole.get<std::uint64_t>() : std::uint64_t{0} - whole.get<std::uint64_t>();
}

struct bound {
  measure by;
  bool (*is_kept)(long double, long double);
};

const std::map<std::string_view, bound>& bounds() {
  static const std::map<std::string_view, bound> result{
    {"maximum", {measure::number, is_at_most}},
    {"exclusiveMaximum", {measure::number, is_below}},
    {"minimum", {measure::number, is_at_least}},
    {"exclusiveMinimum", {measure::number, is_above}},
    {"multipleOf", {measure::number, is_multiple}},
    {"maxLength", {measure::characters, is_at_most}},
    {"minLength", {measure::characters, is_at_least}},
    {"maxItems", {measure::elements, is_at_most}},
    {"minItems", {measure::elements, is_at_least}},
    {"maxProperties", {measure::members, is_at_most}},
    {"minProperties", {measure::members, is_at_least}},
  };
  return result;
}

} // namespace

bool keeps_bound(std::string_view keyword, const json& argument, const json& value) {
  const auto found = bounds().find(keyword);
  if (found == bounds().end())
    return true;
  if (keyword == "multipleOf" && value.is_number_integer() && argument.is_number_integer())
    return magnitude_of(value) % magnitude_of(argument) == 0;
  const auto size = size_of(value, found->second.by);
  return !size || found->second.is_kept(*size, argument.get<long double>());
}

} // namespace swarm
