#include "config/values.hpp"

#include "messages/error.hpp"

#include <caf/timespan.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <optional>

namespace swarm::config {

namespace {

struct unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<unit, 5> duration_units{{
  {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1},
}};

constexpr std::array<unit, 9> size_units{{
  {"TiB", 1ull << 40}, {"GiB", 1ull << 30}, {"MiB", 1ull << 20}, {"KiB", 1ull << 10}, {"B", 1},
  {"TB", 1'000'000'000'000}, {"GB", 1'000'000'000}, {"MB", 1'000'000}, {"kB", 1'000},
}};

// A caf::timespan counts nanoseconds, so that a longer duration would wrap where an actor receives it.
constexpr auto duration_max =
  static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(caf::timespan::max()).count());

constexpr auto size_max = std::numeric_limits<std::uint64_t>::max();

// std::isdigit depends on the locale and is undefined for negative chars.
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

caf::error wrong(std::string_view text, std::string_view rest) {
  return make_error(errc::invalid_input, in_quotes(text) + std::string{rest});
}

// A number and its unit at the front of a text.
struct part {
  std::optional<std::uint64_t> number; // Nothing when it doesn't fit.
  std::string_view unit_name;
  std::string_view rest;
};

part split_part(std::string_view text) {
  const auto digits_end = std::find_if_not(text.begin(), text.end(), is_digit);
  const auto unit_end = std::find_if(digits_end, text.end(), is_digit);
  part result;
  std::uint64_t number = 0;
  if (std::from_chars(text.data(), text.data() + (digits_end - text.begin()), number).ec == std::errc{})
    result.number = number;
  result.unit_name = {digits_end, unit_end};
  result.rest = {unit_end, text.end()};
  return result;
}

// number * factor + sum, or nothing when that is above `max`.
std::optional<std::uint64_t> scaled(std::uint64_t number, std::uint64_t factor, std::uint64_t sum, std::uint64_t max) {
  if (number > (max - sum) / factor)
    return std::nullopt;
  return sum + number * factor;
}

} // namespace

caf::expected<std::chrono::milliseconds> parse_duration(std::string_view text) {
  if (text == "0")
    return std::chrono::milliseconds{0};
  if (text.empty() || !is_digit(text.front()))
    return wrong(text, " is not a duration, write for example 30s or 1h30m");
  std::uint64_t sum = 0;
  auto unit_from = duration_units.begin();
  for (auto rest = text; !rest.empty();) {
    const auto next = split_part(rest);
    if (next.unit_name.empty())
      return wrong(rest, " has no unit, write for example 30s, 250ms, 5m, 1h or 2d");
    const auto is_meant = [&](const unit& x) { return x.name == next.unit_name; };
    const auto found = std::find_if(duration_units.begin(), duration_units.end(), is_meant);
    if (found == duration_units.end())
      return wrong(text, " has the unknown unit " + in_quotes(next.unit_name) + ", known are ms, s, m, h and d");
    if (found < unit_from)
      return wrong(text, " must go from the largest unit to the smallest, each once, as in 1h30m");
    const auto total = next.number ? scaled(*next.number, found->factor, sum, duration_max) : std::nullopt;
    if (!total)
      return wrong(text, " is too long, 100000d is possible");
    sum = *total;
    unit_from = found + 1;
    rest = next.rest;
  }
  return std::chrono::milliseconds{static_cast<std::int64_t>(sum)};
}

std::string format_duration(std::chrono::milliseconds x) {
  if (x.count() == 0)
    return "0s";
  std::string result = x.count() < 0 ? "-" : "";
  // Negated as unsigned, because the lowest number has no positive counterpart.
  auto left = static_cast<std::uint64_t>(x.count());
  if (x.count() < 0)
    left = 0 - left;
  for (const auto& [name, factor] : duration_units) {
    if (left >= factor)
      result.append(std::to_string(left / factor)).append(name);
    left %= factor;
  }
  return result;
}

caf::expected<std::uint64_t> parse_size(std::string_view text) {
  if (text == "0")
    return std::uint64_t{0};
  if (text.empty() || !is_digit(text.front()))
    return wrong(text, " is not a size, write for example 64KiB or 16MiB");
  const auto only = split_part(text);
  if (only.unit_name.empty())
    return wrong(text, " has no unit, write for example 512B, 64KiB, 16MiB or 1GiB");
  const auto is_meant = [&](const unit& x) { return x.name == only.unit_name; };
  const auto found = std::find_if(size_units.begin(), size_units.end(), is_meant);
  if (found == size_units.end())
    return wrong(text, " has the unknown unit " + in_quotes(only.unit_name)
                         + ", known are B, KiB, MiB, GiB, TiB, kB, MB, GB and TB");
  if (!only.rest.empty())
    return wrong(text, " is not a size, write one number and one unit as in 64KiB");
  const auto bytes = only.number ? scaled(*only.number, found->factor, 0, size_max) : std::nullopt;
  if (!bytes)
    return wrong(text, " is too large, 16777215TiB is possible");
  return *bytes;
}

std::string format_size(std::uint64_t x) {
  for (const auto& [name, factor] : size_units)
    if (x >= factor && x % factor == 0)
      return std::to_string(x / factor).append(name);
  return "0B";
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t bytes_max = 60;
  auto end = std::min(text.size(), bytes_max);
  // Cut before a character of several bytes, never inside of it.
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u)
    --end;
  std::string result = "'";
  for (const char c : text.substr(0, end))
    result += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  return result + (end < text.size() ? "...'" : "'");
}

} // namespace swarm::config
