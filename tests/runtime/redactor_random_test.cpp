#define CAF_SUITE redactor_random

#include "runtime/executors/redact/redactor.hpp"
#include "tests/fixtures/seed.hpp"

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::redact;

namespace {

redactor redactor_of(const std::vector<named_secret>& secrets) {
  auto result = redactor::build(secrets);
  if (!result)
    CAF_FAIL(swarm::render(result.error()));
  return std::move(*result);
}

using random_source = std::mt19937_64;

std::size_t pick(random_source& random, std::size_t min, std::size_t max) {
  return std::uniform_int_distribution<std::size_t>{min, max}(random);
}

std::string random_text(random_source& random, std::string_view alphabet, std::size_t bytes) {
  std::string result;
  while (result.size() < bytes)
    result.push_back(alphabet[pick(random, 0, alphabet.size() - 1)]);
  return result;
}

std::string base64(std::string_view bytes, bool for_urls) {
  std::string result((bytes.size() + 2) / 3 * 4 + 1, '\0');
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()), reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  result.pop_back();
  if (for_urls) {
    std::replace(result.begin(), result.end(), '+', '-');
    std::replace(result.begin(), result.end(), '/', '_');
  }
  return result;
}

std::string percent_encoded(std::string_view bytes, const char* format) {
  std::string result;
  for (const auto x : bytes) {
    char code[4];
    std::snprintf(code, sizeof code, format, static_cast<unsigned char>(x));
    result += std::isalnum(static_cast<unsigned char>(x)) || std::string_view{"-._~"}.find(x) != std::string_view::npos
                ? std::string{x}
                : code;
  }
  return result;
}

std::string json_encoded(const std::string& text, bool only_ascii) {
  const auto quoted = nlohmann::json(text).dump(-1, ' ', only_ascii);
  return quoted.substr(1, quoted.size() - 2);
}

std::string encoded(random_source& random, const std::string& secret) {
  const auto around = [&] { return random_text(random, "0!?\xfe", pick(random, 0, 5)); };
  switch (pick(random, 0, 5)) {
    case 0:
      return secret;
    case 1:
      return base64(around() + secret + around(), pick(random, 0, 1) == 1);
    case 2: {
      auto text = base64(around() + secret, pick(random, 0, 1) == 1);
      return text.substr(0, text.find('='));
    }
    case 3:
      return percent_encoded(secret, pick(random, 0, 1) == 1 ? "%%%02x" : "%%%02X");
    default:
      return json_encoded(secret, pick(random, 0, 1) == 1);
  }
}

int hex_digit(char x) {
  constexpr std::string_view digits = "0123456789abcdef";
  const auto at = digits.find(static_cast<char>(std::tolower(static_cast<unsigned char>(x))));
  return at == std::string_view::npos ? -1 : static_cast<int>(at);
}

/// What a text says whose escapes are those of URLs or of JSON.
std::string unescaped(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const std::size_t prefix = text.starts_with('%') ? 1 : text.starts_with("\\u00") ? 4 : 0;
    if (prefix > 0 && text.size() >= prefix + 2 && hex_digit(text[prefix]) >= 0 && hex_digit(text[prefix + 1]) >= 0) {
      result.push_back(static_cast<char>(hex_digit(text[prefix]) * 16 + hex_digit(text[prefix + 1])));
      text.remove_prefix(prefix + 2);
    } else if (text.front() == '\\' && text.size() > 1) {
      result.push_back(text[1] == 'n' ? '\n' : text[1]);
      text.remove_prefix(2);
    } else {
      result.push_back(text.front());
      text.remove_prefix(1);
    }
  }
  return result;
}

/// What a text says whose runs of base64, of either alphabet, begin with this many foreign characters.
std::string base64_decoded(std::string_view text, std::size_t offset) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  unsigned bits = 0;
  std::size_t count = 0;
  for (const auto x : text) {
    const auto digit = digits.find(x == '-' ? '+' : x == '_' ? '/' : x);
    count = digit == std::string_view::npos ? 0 : count + 1;
    bits = bits << 6 | static_cast<unsigned>(digit & 63);
    if (count >= 4 + offset && (count - offset) % 4 == 0)
      result.append({static_cast<char>(bits >> 16), static_cast<char>(bits >> 8), static_cast<char>(bits)});
  }
  return result;
}

/// @param parts of secrets, each of `secret_bytes_min` bytes.
bool tells_any(const std::string& text, const std::set<std::string>& parts) {
  std::vector<std::string> readings{text, unescaped(text)};
  for (std::size_t offset = 0; offset < 4; ++offset)
    readings.push_back(base64_decoded(text, offset));
  for (const auto& reading : readings)
    for (std::size_t i = 0; i + secret_bytes_min <= reading.size(); ++i)
      if (parts.count(reading.substr(i, secret_bytes_min)) > 0)
        return true;
  return false;
}

/// Some that have nothing in common, one that begins another one, and one that begins where another one ends.
std::vector<std::string> random_secrets(random_source& random) {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
                                        "+/=&?#%\"\\<>'~ \n";
  std::vector<std::string> result;
  for (auto count = pick(random, 1, 3); count > 0; --count)
    result.push_back(random_text(random, alphabet, pick(random, 8, 40)) + "\xc3\xa4.");
  const auto& first = result.front();
  auto its_begin = first.substr(0, pick(random, 6, 7)) + ".";
  result.insert(result.end(), {std::move(its_begin), first.substr(first.size() / 2) + "\xe2\x82\xac_tail"});
  return result;
}

std::string in_pieces(random_source& random, const redactor& x, std::string_view text) {
  auto stream = x.stream();
  std::string output;
  while (!text.empty()) {
    const auto piece = text.substr(0, pick(random, 1, 20));
    stream.feed(piece, output);
    text.remove_prefix(piece.size());
  }
  stream.finish(output);
  return output;
}

} // namespace

CAF_TEST(no part of any secret is left in random texts in random pieces) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  random_source random{seed};
  const std::vector<std::string> fillers{"sk-", "eyJ", "://", ":", "@", "Authorization: Bearer ", "-----BEGIN ", " ",
                                         "\n", "\\", "%", "\x80", "=", "ghp_", "words and words", "AKIA", "\"", ","};
  auto checked = 0;
  for (int round = 0; round < 400; ++round) {
    const auto values = random_secrets(random);
    std::vector<named_secret> secrets;
    std::set<std::string> parts;
    for (const auto& value : values) {
      secrets.push_back({"N" + std::to_string(secrets.size()), value});
      for (std::size_t i = 0; i + secret_bytes_min <= value.size(); ++i)
        parts.insert(value.substr(i, secret_bytes_min));
    }
    std::string text;
    std::string other_text;
    for (auto count = pick(random, 1, 12); count > 0; --count) {
      const auto filler = fillers[pick(random, 0, fillers.size() - 1)]
                          + random_text(random, "etaoinshr", pick(random, 0, 9));
      other_text += filler;
      const auto overlapping = values.front() + "\xe2\x82\xac_tail";
      const auto& secret = pick(random, 0, 3) == 0 ? overlapping : values[pick(random, 0, values.size() - 1)];
      text += filler + encoded(random, secret);
    }
    if (tells_any(other_text, parts))
      continue; // by chance
    ++checked;
    const auto x = redactor_of(secrets);
    const auto whole = x.redact(text);
    if (tells_any(whole, parts))
      CAF_FAIL("round " << round << " leaves a part of a secret in\n" << whole << "\nof\n" << text);
    CAF_REQUIRE_EQUAL(in_pieces(random, x, text), whole);
  }
  CAF_CHECK(checked > 300);
}

CAF_TEST(hundreds of secrets are found and random text is not) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  random_source random{seed};
  std::vector<named_secret> secrets;
  for (int i = 0; i < 300; ++i)
    secrets.push_back({std::to_string(i), random_text(random, "abcdefghijklmnopqrstuvwxyz0123456789", 24)});
  const auto x = redactor_of(secrets);
  std::string text;
  std::string expected;
  for (const auto& [name, value] : secrets) {
    const auto filler = random_text(random, "abcdefghijklmnopqrstuvwxyz0123456789 \n", 1'000);
    text += filler + value;
    expected += filler + "[redacted:" + name + "]";
  }
  CAF_CHECK(x.redact(text) == expected);
}
