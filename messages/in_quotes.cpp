#include "messages/in_quotes.hpp"

#include <cstddef>

namespace swarm {

namespace {

constexpr std::size_t shown_bytes_max = 160;

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
  const auto size = cut_before(text, shown_bytes_max);
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

} // namespace swarm
