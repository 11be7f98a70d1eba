#pragma once

#include <caf/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swarm {

/// What a ticket of kind "http" asks and expects. Stored as JSON in the ticket:
///
///   {"url": "https://example.org/build", "method": "POST", "json": {"branch": "main"},
///    "headers": {"Accept": "text/plain", "Authorization": {"env": "SWARM_SECRET_BUILD"}},
///    "expect": [200, 202], "result": "/build/id", "response_bytes_max": 1048576}
///
/// Only `url` must be there. A header that is secret names a variable of the node's environment, one that begins with
/// SWARM_SECRET_; it is read when the request is sent and stored nowhere.
struct http_payload {
  struct header {
    std::string name;
    std::string value;
    bool is_variable = false; ///< `value` names it.
  };

  std::string url;
  std::string method = "GET";
  std::vector<header> headers;
  std::string body;                ///< "body" as it is, or "json" as text, which brings its content type along.
  std::vector<int> expect;         ///< Statuses that mean success; empty: 200 to 299.
  std::string result;              ///< JSON pointer to the result in the answer ...
  bool has_result = false;         ///< ... if there is to be one; "" is the whole answer.
  std::uint64_t response_bytes_max = 1u << 20; ///< A longer answer fails the attempt.
};

/// @returns errc::invalid_input naming the member that is missing or wrong.
caf::expected<http_payload> parse_http_payload(std::string_view json);

} // namespace swarm
