#include "runtime/executors/http/http_exchange.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace swarm::executors {

using namespace std::chrono_literals;

namespace {

/// An answer's head is small; what is longer is somebody's attack on our memory.
constexpr std::size_t headers_bytes_max = 256u << 10;

/// For the other side to end an answer that is complete.
constexpr auto linger = 250ms;

void note_sign_of_life(http_exchange& x) {
  x.last_byte = http_exchange::clock_type::now();
  if (!std::exchange(x.has_answered, true))
    x.limit_changed(x);
}

std::size_t take_bytes(char* data, std::size_t size, std::size_t count, void* context) {
  auto& x = *static_cast<http_exchange*>(context);
  note_sign_of_life(x);
  const auto wanted = x.bytes(x.status(), {data, size * count});
  if (wanted == reception::complete) {
    x.request.idle_timeout = linger;
    x.limit_changed(x);
  }
  x.is_refused = wanted == reception::refuse;
  return x.is_refused ? 0 : size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& x = *static_cast<http_exchange*>(context);
  std::string_view line{data, size * count};
  note_sign_of_life(x);
  x.headers_bytes += line.size();
  if (x.headers_bytes > headers_bytes_max)
    return 0;
  if (line.starts_with("HTTP/"))
    x.result.headers.clear(); // an interim answer was before it
  auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return size * count;
  auto value = line.substr(colon + 1);
  auto begin = value.find_first_not_of(" \t");
  auto end = value.find_last_not_of(" \t\r\n");
  x.result.headers[std::string{line.substr(0, colon)}] =
    begin == std::string_view::npos ? std::string{} : std::string{value.substr(begin, end - begin + 1)};
  return size * count;
}

} // namespace

int http_exchange::status() const {
  long code = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &code);
  return static_cast<int>(code);
}

std::optional<http_exchange::clock_type::time_point> http_exchange::silent_at() const {
  auto limit = has_answered ? request.idle_timeout : request.first_byte_timeout;
  return limit > 0ms ? std::optional{last_byte + limit} : std::nullopt;
}

http_failure_kind kind_of(CURLcode code, bool is_refused) {
  switch (code) {
    case CURLE_OK: return http_failure_kind::none;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return http_failure_kind::bad_request;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: return http_failure_kind::connect; // the only timeout that libcurl watches for us
    case CURLE_SSL_CONNECT_ERROR: return http_failure_kind::tls_handshake;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return http_failure_kind::tls_certificate;
    case CURLE_WRITE_ERROR: return is_refused ? http_failure_kind::refused_by_caller : http_failure_kind::reset;
    default: return http_failure_kind::reset;
  }
}

bool http_exchange::prepare() {
  bool taken = true;
  auto set = [&](CURLoption option, auto value) { taken = taken && curl_easy_setopt(easy.get(), option, value) == CURLE_OK; };
  curl_slist* lines = nullptr;
  for (auto& line : request.headers)
    lines = curl_slist_append(lines, line.c_str());
  lines = curl_slist_append(lines, "Expect:"); // it costs a round trip, and few servers know it
  headers.reset(lines);
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_timeout.count()));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_ERRORBUFFER, error);
  set(CURLOPT_WRITEFUNCTION, &take_bytes);
  set(CURLOPT_WRITEDATA, this);
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, this);
  set(CURLOPT_PRIVATE, this);
  if (!request.body.empty() || request.method == "POST") {
    set(CURLOPT_POSTFIELDS, request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  if (request.method == "HEAD")
    set(CURLOPT_NOBODY, 1L);
  else
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  return taken;
}

} // namespace swarm::executors
