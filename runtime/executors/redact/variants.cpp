#include "runtime/executors/redact/variants.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <string.h>

namespace swarm::redact {

namespace {

using consumer = std::function<void(std::string_view)>;

// Every text is reserved at once: one that grows leaves copies of the secret behind.

constexpr std::array<std::string_view, 2> base64_alphabets{
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
};

/// Without padding, and with room for it.
std::string base64(std::string_view bytes, std::string_view alphabet) {
  std::string result;
  result.reserve(bytes.size() / 3 * 4 + 6);
  std::uint32_t bits = 0;
  unsigned waiting = 0;
  for (const auto x : bytes) {
    bits = bits << 8 | static_cast<unsigned char>(x);
    for (waiting += 8; waiting >= 6; waiting -= 6)
      result.push_back(alphabet[bits >> (waiting - 6) & 63]);
  }
  if (waiting > 0)
    result.push_back(alphabet[bits << (6 - waiting) & 63]);
  return result;
}

/// What begins a line of its own, in lines, also as JSON writes their ends.
void for_each_wrapped(std::string_view encoded, const consumer& use) {
  for (const std::size_t width : {64u, 76u}) {
    for (const std::string_view line_end : {"\n", "\r\n", "\\n", "\\r\\n"}) {
      if (encoded.size() <= width)
        continue;
      std::string text;
      text.reserve(encoded.size() + (encoded.size() / width + 1) * line_end.size());
      for (std::size_t at = 0; at < encoded.size(); at += width)
        text.append(at == 0 ? "" : line_end).append(encoded.substr(at, width));
      use(text);
      wipe(text);
    }
  }
}

void for_each_base64(std::string_view secret, const consumer& use_line) {
  for (const auto alphabet : base64_alphabets) {
    for (std::size_t offset = 0; offset < 3; ++offset) {
      std::string shifted;
      shifted.reserve(offset + secret.size());
      shifted.append(offset, '\0').append(secret);
      auto text = base64(shifted, alphabet);
      const auto first_own = (offset * 8 + 5) / 6;
      const auto own_end = shifted.size() * 8 / 6;
      const auto use = [&](std::string_view encoded) {
        use_line(encoded);
        if (offset == 0)
          for_each_wrapped(encoded, use_line);
      };
      use(std::string_view{text}.substr(first_own, own_end - first_own));
      if (own_end < text.size()) {
        use(std::string_view{text}.substr(first_own));
        text.append(3 - shifted.size() % 3, '=');
        use(std::string_view{text}.substr(first_own));
      }
      wipe(shifted);
      wipe(text);
    }
  }
}

constexpr std::array<std::string_view, 2> hex_digits{"0123456789abcdef", "0123456789ABCDEF"};

bool is_alphanumeric(char x) {
  return (x >= '0' && x <= '9') || (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z');
}

bool contains(std::string_view set, char x) { return set.find(x) != std::string_view::npos; }

struct url_convention {
  std::string_view unescaped; ///< Beside letters and digits.
  char space;                 ///< What a blank becomes; '%': it is escaped.
};

constexpr std::array<url_convention, 8> url_conventions{{
  {"-._~", '%'},                   // RFC 3986
  {"-._~/", '%'},                  // paths
  {"-._~$&+,;=", '%'},             // user and password, as Go does
  {"-._~!$&'()*+,;=", '%'},        // user and password, all that is allowed
  {"-._~!*'()", '%'},              // JavaScript's encodeURIComponent
  {"-._~!*'();/?:@&=+$,#", '%'},   // JavaScript's encodeURI
  {"-._~", '+'},                   // forms, as Python and Go do
  {"*-._", '+'},                   // forms, as browsers and Java do
}};

void for_each_url_escape(std::string_view secret, const consumer& use) {
  for (const auto& convention : url_conventions) {
    for (const auto hex : hex_digits) {
      std::string text;
      text.reserve(3 * secret.size());
      for (const auto x : secret) {
        const auto byte = static_cast<unsigned char>(x);
        if (x == ' ' && convention.space != '%')
          text.push_back(convention.space);
        else if (is_alphanumeric(x) || contains(convention.unescaped, x))
          text.push_back(x);
        else
          text.append({'%', hex[byte >> 4], hex[byte & 15]});
      }
      use(text);
      wipe(text);
    }
  }
}

struct json_convention {
  std::string_view as_number; ///< Written as \uXXXX, beside control characters.
  bool escapes_slash;
};

constexpr std::array<json_convention, 5> json_conventions{{
  {"", false},
  {"", true},            // PHP
  {"<>&", false},        // Go
  {"<>&='", false},      // Gson
  {"<>&'\"+`", false},   // .NET
}};

struct code_point {
  std::uint32_t value;
  std::size_t bytes;
};

/// Nothing when the text doesn't begin with a UTF-8 sequence of two or more bytes.
std::optional<code_point> multibyte_at(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t bytes = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc0 || lead >= 0xf8 || text.size() < bytes)
    return std::nullopt;
  std::uint32_t value = lead & (0x7fu >> bytes);
  for (const auto x : text.substr(1, bytes - 1)) {
    const auto byte = static_cast<unsigned char>(x);
    if ((byte & 0xc0) != 0x80)
      return std::nullopt;
    value = value << 6 | (byte & 0x3fu);
  }
  return code_point{value, bytes};
}

void append_unit(std::string& text, std::uint32_t x, std::string_view hex) {
  text.append({'\\', 'u', hex[x >> 12 & 15], hex[x >> 8 & 15], hex[x >> 4 & 15], hex[x & 15]});
}

void append_utf16(std::string& text, std::uint32_t x, std::string_view hex) {
  if (x < 0x10000)
    return append_unit(text, x, hex);
  append_unit(text, 0xd800 + ((x - 0x10000) >> 10 & 0x3ff), hex);
  append_unit(text, 0xdc00 + ((x - 0x10000) & 0x3ff), hex);
}

void append_json_byte(std::string& text, char x, const json_convention& convention, std::string_view hex) {
  const auto byte = static_cast<unsigned char>(x);
  const auto with_letter = std::string_view{"\b\f\n\r\t"}.find(x);
  if (contains(convention.as_number, x) || (byte < 0x20 && with_letter == std::string_view::npos))
    append_unit(text, byte, hex);
  else if (byte < 0x20)
    text.append({'\\', "bfnrt"[with_letter]});
  else if (x == '"' || x == '\\' || (x == '/' && convention.escapes_slash))
    text.append({'\\', x});
  else
    text.push_back(x);
}

struct json_style {
  std::size_t convention;
  std::string_view hex;
  bool only_ascii;
};

/// @param bytes_max of the result.
std::string json_escape(std::string_view text, const json_style& style, std::size_t bytes_max) {
  std::string result;
  result.reserve(bytes_max);
  while (!text.empty()) {
    const auto point = style.only_ascii ? multibyte_at(text) : std::nullopt;
    if (point)
      append_utf16(result, point->value, style.hex);
    else
      append_json_byte(result, text.front(), json_conventions[style.convention], style.hex);
    text.remove_prefix(point ? point->bytes : 1);
  }
  return result;
}

/// JSON that stands as a text in other JSON: by the same program, or one of the two by the plain convention.
void for_each_outer_json(std::string_view inner, const json_style& style, std::size_t bytes_max, const consumer& use) {
  for (std::size_t convention = 0; convention < json_conventions.size(); ++convention) {
    if (convention != 0 && style.convention != 0 && convention != style.convention)
      continue;
    for (const auto only_ascii : {false, true}) {
      auto text = json_escape(inner, {convention, style.hex, only_ascii}, bytes_max);
      use(text);
      wipe(text);
    }
  }
}

void for_each_json_escape(std::string_view secret, const consumer& use) {
  for (const auto hex : hex_digits) {
    std::vector<std::string> seen; // conventions that differ in nothing here don't differ around it either
    seen.reserve(2 * json_conventions.size());
    for (std::size_t convention = 0; convention < json_conventions.size(); ++convention) {
      for (const auto only_ascii : {false, true}) {
        const json_style style{convention, hex, only_ascii};
        auto text = json_escape(secret, style, 6 * secret.size());
        if (std::find(seen.begin(), seen.end(), text) == seen.end()) {
          use(text);
          for_each_outer_json(text, style, 8 * secret.size(), use);
          seen.push_back(std::move(text));
        } else {
          wipe(text);
        }
      }
    }
    for (auto& x : seen)
      wipe(x);
  }
}

/// The lines as a terminal ends them.
std::string terminal_lines(std::string_view text) {
  std::string result;
  result.reserve(2 * text.size());
  for (const auto x : text)
    result.append(x == '\n' ? "\r\n" : std::string_view{&x, 1});
  return result;
}

} // namespace

void for_each_variant(std::string_view secret, const std::function<void(std::string_view)>& use) {
  use(secret);
  for_each_base64(secret, use);
  for_each_url_escape(secret, use);
  for_each_json_escape(secret, use);
  if (!contains(secret, '\n'))
    return;
  auto lines = terminal_lines(secret);
  use(lines);
  for_each_json_escape(lines, use);
  wipe(lines);
}

void wipe(std::string& text) { explicit_bzero(text.data(), text.size()); }

} // namespace swarm::redact
