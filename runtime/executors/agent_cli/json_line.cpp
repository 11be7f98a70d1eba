#include "runtime/executors/agent_cli/json_line.hpp"

#include "messages/foreign_json.hpp"
#include "runtime/executors/agent_cli/agent_report.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace swarm::executors {

using nlohmann::json;

namespace {

constexpr std::size_t values_max = 1'000'000;

/// The unit of UTF-16 that is escaped at this place, or nothing.
std::optional<unsigned> escaped_unit(std::string_view text, std::size_t at) {
  if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u')
    return {};
  unsigned result = 0;
  const auto* end = text.data() + at + 6;
  if (std::from_chars(text.data() + at + 2, end, result, 16).ptr != end)
    return {};
  return result;
}

bool is_first_half(unsigned x) {
  return x >= 0xD800 && x < 0xDC00;
}

bool is_second_half(unsigned x) {
  return x >= 0xDC00 && x < 0xE000;
}

/// With U+FFFD for each escape of NUL, or of half a character that has been cut in two.
std::string repaired(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const auto unit = escaped_unit(text, 0);
    const auto is_pair = unit && is_first_half(*unit) && is_second_half(escaped_unit(text, 6).value_or(0));
    auto taken = text[0] != '\\' ? std::min(text.find('\\'), text.size()) : std::min<std::size_t>(2, text.size());
    if (unit)
      taken = is_pair ? 12 : 6;
    if (unit && !is_pair && (*unit == 0 || is_first_half(*unit) || is_second_half(*unit)))
      result += "\\ufffd";
    else
      result += text.substr(0, taken);
    text.remove_prefix(taken);
  }
  return result;
}

} // namespace

std::optional<json> parse_object(std::string_view text) {
  auto result = read_foreign_json(text, values_max);
  if (!result && text.find("\\u") != std::string_view::npos)
    result = read_foreign_json(repaired(text), values_max);
  if (!result || !result->is_object())
    return {};
  return std::move(*result);
}

const json& member(const json& x, const char* name) {
  static const json nothing;
  if (!x.is_object())
    return nothing;
  const auto i = x.find(name);
  return i == x.end() ? nothing : *i;
}

std::string_view text_of(const json& x, const char* name) {
  const auto* text = member(x, name).get_ptr<const std::string*>();
  return text ? std::string_view{*text} : std::string_view{};
}

std::string word_of(const json& x, const char* name) {
  return cut(text_of(x, name), agent_report::word_bytes_max);
}

bool flag_of(const json& x, const char* name) {
  const auto& value = member(x, name);
  return value.is_boolean() && value.get<bool>();
}

std::int64_t count_of(const json& x, const char* name) {
  const auto& value = member(x, name);
  // Whole numbers too: all that is below the bound is exact in a double.
  const auto number = value.is_number() ? value.get<double>() : 0;
  return static_cast<std::int64_t>(std::clamp(number, 0.0, static_cast<double>(count_max)));
}

std::int64_t add_counts(std::int64_t x, std::int64_t y) {
  return std::min(x + y, count_max);
}

std::optional<std::int64_t> micro_dollars_of(const json& x, const char* name) {
  const auto& value = member(x, name);
  if (!value.is_number() || value.get<double>() < 0)
    return {};
  return std::llround(std::min(value.get<double>() * 1e6, static_cast<double>(count_max)));
}

std::optional<wall_time> time_of(const json& x, const char* name) {
  constexpr std::int64_t year_2100 = 4'102'444'800;
  auto number = count_of(x, name);
  if (number > year_2100)
    number /= 1000;
  if (number == 0 || number > year_2100)
    return {};
  return wall_time{std::chrono::seconds{number}};
}

std::string session_id_of(const json& x, const char* name) {
  const auto text = text_of(x, name);
  return is_session_id(text) ? std::string{text} : std::string{};
}

bool is_session_id(std::string_view x) {
  constexpr std::string_view plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !x.empty() && x.size() <= agent_report::word_bytes_max && x.front() != '-'
         && x.find_first_not_of(plain) == std::string_view::npos;
}

std::string cut(std::string_view text, std::size_t bytes_max) {
  if (text.size() > bytes_max) {
    // Bytes of the form 10xxxxxx continue a character.
    while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0) == 0x80)
      --bytes_max;
    text = text.substr(0, bytes_max);
  }
  return std::string{text};
}

std::string dump(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::int32_t http_status_in(std::string_view text) {
  // "status: 429", "status code 503", "status 401", {"code":429}
  for (const std::string_view word : {"status", "\"code\""}) {
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
      const auto digits = text.find_first_not_of(" :=\"code", at + word.size());
      if (digits == std::string_view::npos)
        break;
      std::int32_t number = 0;
      std::from_chars(text.data() + digits, text.data() + text.size(), number);
      if (number >= 400 && number < 600)
        return number;
    }
  }
  return 0;
}

} // namespace swarm::executors
