#pragma once

#include <string>
#include <string_view>

namespace swarm::executors {

/// What the body of an error response, or the data of an `error` event in a stream, says.
struct api_error {
  std::string type;    ///< As "rate_limit_error", known to us or not. Empty: this isn't the API's own error.
  std::string code;    ///< `error.details.error_code`, as "enforced_spend_limit_reached"; mostly empty.
  std::string message; ///< For people; of a body that isn't JSON, how it begins. At most `api_error_message_bytes_max`.
};

inline constexpr std::size_t api_error_message_bytes_max = 2u << 10;

/// Longer bodies are taken for text: errors of the API have some hundred bytes, a proxy's page may have any length.
inline constexpr std::size_t api_error_body_bytes_max = 256u << 10;

/// Takes any bytes: HTML, nothing, other JSON, half of a body. What isn't there stays empty.
api_error parse_api_error(std::string_view body);

} // namespace swarm::executors
