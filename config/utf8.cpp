#include "config/utf8.hpp"

#include <cstdint>

namespace swarm::config {

namespace {

std::uint8_t byte_at(std::string_view text, std::size_t i) {
  // 0 never continues a character, so that a character which the end cuts off counts as wrong.
  return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
}

// The length of the character at `i`, or 0 when there is none (table 3-7 of the Unicode standard).
std::size_t character_size(std::string_view text, std::size_t i) {
  const auto first = byte_at(text, i);
  const auto second = byte_at(text, i + 1);
  const auto continues = [&](std::size_t at) { return (byte_at(text, at) & 0xC0u) == 0x80u; };
  if (first < 0x80)
    return 1;
  if (first >= 0xC2 && first <= 0xDF)
    return continues(i + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const auto overlong = first == 0xE0 && second < 0xA0;
    const auto surrogate = first == 0xED && second > 0x9F;
    return continues(i + 1) && continues(i + 2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const auto overlong = first == 0xF0 && second < 0x90;
    const auto beyond = first == 0xF4 && second > 0x8F;
    return continues(i + 1) && continues(i + 2) && continues(i + 3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

} // namespace

std::size_t utf8_prefix(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto size = character_size(text, i);
    if (size == 0)
      break;
    i += size;
  }
  return i;
}

} // namespace swarm::config
