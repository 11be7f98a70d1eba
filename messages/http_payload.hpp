#pragma once

#include <caf/expected.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
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
///
/// An answer that is only a promise is waited for without a worker, where "async" says so:
///
///   "async": {"accepted": [202], "poll": {"interval_ms": 10000, "url_at": "/links/status",
///             "done": {"at": "/state", "is": ["done"]}, "failed": {"at": "/state", "is": ["error", "cancelled"]}}}
///
/// All its members may be missing. `result` is looked for in the last answer then.
struct http_payload {
  /// What an answer must say, and where.
  struct condition {
    std::string at;                  ///< JSON pointer.
    std::vector<std::string> values; ///< One of these, as JSON texts.
  };

  /// How to wait for the answer behind an answer.
  struct async {
    std::vector<int> accepted{202}; ///< Statuses that promise one, and at a look: that it isn't there yet.
    std::string url;                ///< Where to look, with the headers of the request; or else ...
    std::string url_at;             ///< ... JSON pointer to that in the first answer; empty: its Location header. Neither
                                    ///< may lead to another server, because what is sent there may be secret.
    std::chrono::milliseconds interval{10'000}; ///< Between two looks; longer where the server asks for it.
    std::optional<condition> done;   ///< Absent: whatever isn't `accepted`.
    std::optional<condition> failed; ///< Fails the attempt.
  };

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
  std::optional<async> wait;       ///< "async"
};

/// @returns errc::invalid_input naming the member that is missing or wrong.
caf::expected<http_payload> parse_http_payload(std::string_view json);

} // namespace swarm
