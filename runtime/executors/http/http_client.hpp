#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::executors {

/// Names of headers are compared without case.
struct header_order {
  bool operator()(const std::string& a, const std::string& b) const;
};

/// A request over HTTP. Redirects are not followed: they would carry credentials elsewhere.
struct http_request {
  std::string method = "GET";
  std::string url; ///< http or https; nothing else is spoken.
  std::vector<std::string> headers; ///< "Name: value"
  std::string body;
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds first_byte_timeout{0}; ///< From the start to the first byte of the answer; 0: no limit.
  std::chrono::milliseconds idle_timeout{0};       ///< Between two bytes of the answer; 0: no limit.
};

/// What kept an exchange from its end, as far as it matters for what to do next.
enum class http_failure_kind : std::uint8_t {
  none,
  bad_request,        ///< The URL or a header can't be used.
  connect,            ///< Name not found, refused, unreachable.
  tls_handshake,      ///< Broken off.
  tls_certificate,    ///< Not to be trusted.
  first_byte_timeout, ///< No answer.
  idle_timeout,       ///< The answer stopped.
  reset,              ///< The connection broke before its end.
  refused_by_caller,  ///< The receiver wanted no more.
};

/// What whoever receives an answer wants of the rest of it.
enum class reception : std::uint8_t {
  go_on,
  refuse,   ///< No more: the exchange ends as `refused_by_caller`.
  complete, ///< All that matters has come. The exchange ends when the other side ends it, so that the connection can be
            ///< used again, or in a moment, as `idle_timeout`.
};

struct http_end {
  http_failure_kind failure = http_failure_kind::none;
  std::string sentence; ///< For people; empty when all went well.
  int status = 0;       ///< 0 when no answer came.
  std::map<std::string, std::string, header_order> headers; ///< Of the last answer. The last of equal names.
};

/// How the client's thread is called, for whoever looks at a process from outside.
inline constexpr const char* http_client_thread_name = "swarm.http";

/// Speaks HTTP for everybody on one thread: libcurl's multi interface, so that a thousand open streams need no thread of
/// their own. No call blocks.
class http_client {
public:
  using exchange_id = std::uint64_t;

  /// Bytes of the body as they come, with the status that they came under.
  using on_bytes = std::function<reception(int status, std::string_view)>;

  /// Called once for each exchange that isn't cancelled, after all bytes.
  using on_end = std::function<void(http_end)>;

  /// Throws `std::system_error` or `std::runtime_error` when there is no thread or no libcurl.
  http_client();

  /// Drops what is under way: no callback is called any more.
  ~http_client();

  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// Both callbacks are called on the client's thread and must not block. Callable from any thread.
  exchange_id start(http_request, on_bytes, on_end);

  /// Its callbacks are not called any more when this returns, unless it is called by one of them.
  void cancel(exchange_id);

  /// Calls this on the client's thread when the time has come; not at all when the client ends before.
  void after(std::chrono::milliseconds, std::function<void()>);

private:
  struct impl;
  std::shared_ptr<impl> impl_;
};

} // namespace swarm::executors
