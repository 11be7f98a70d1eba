#include "runtime/executors/repeated_prompt.hpp"

#include <openssl/sha.h>

#include <array>
#include <cstdio>

namespace swarm::executors {

std::string prompt_hash(std::string_view prompt) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(prompt.data()), prompt.size(), digest.data());
  std::string result;
  for (std::size_t i = 0; i < 8; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", digest[i]);
    result += digits;
  }
  return result;
}

std::string describe_repetition(const claimed_ticket& ticket, std::string_view hash) {
  const auto is_blank = ticket.last_failure.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
  if (ticket.attempt > 1 && is_blank)
    return "nothing was done: an attempt before this one failed without saying why, so its prompt would be sent again; "
           "a rejection says what is new";
  if (!hash.empty() && hash == ticket.last_prompt)
    return "nothing was done: its prompt would be the one that has failed; a rejection says what is new";
  return {};
}

} // namespace swarm::executors
