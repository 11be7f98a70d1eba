#include "runtime/checks/evidence.hpp"

#include "runtime/executors/command/output_buffer.hpp"

#include <algorithm>

namespace swarm::checks {

namespace {

constexpr std::size_t name_bytes_max = 160;

/// Where to cut, so that no UTF-8 sequence is torn.
std::size_t cut_before(std::string_view text, std::size_t bytes_max) {
  if (text.size() <= bytes_max)
    return text.size();
  auto at = bytes_max;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
    --at;
  return at > 0 ? at : bytes_max;
}

} // namespace

std::string in_quotes(std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto size = cut_before(text, name_bytes_max);
  std::string result = "'";
  for (const auto x : text.substr(0, size)) {
    const auto byte = static_cast<unsigned char>(x);
    if (x == '\n')
      result += "\\n";
    else if (byte < 0x20 || byte == 0x7F)
      result += {'\\', 'x', digits[byte >> 4], digits[byte & 0xF]};
    else
      result += x;
  }
  return result + (size < text.size() ? "...'" : "'");
}

std::string listed(const std::vector<std::string>& names, std::uint64_t total) {
  const auto shown = std::min(names.size(), names_max);
  const auto has_more = total > shown;
  std::string result;
  for (std::size_t i = 0; i < shown; ++i)
    result += (i == 0 ? "" : i + 1 == shown && !has_more ? " and " : ", ") + in_quotes(names[i]);
  if (has_more)
    result += (shown > 0 ? " and " : "") + std::to_string(total - shown) + (shown > 0 ? " more" : " without a name");
  return result;
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string{noun} + (count == 1 ? "" : "s");
}

std::string head_and_tail(std::string_view text) {
  executors::output_buffer buffer{2 * 1024, 6 * 1024};
  buffer.append(text);
  return buffer.take();
}

} // namespace swarm::checks
