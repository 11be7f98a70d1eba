#pragma once

#include "runtime/executors/classify/signal.hpp"
#include "runtime/executors/http/http_client.hpp"

#include <random>
#include <string>

namespace swarm::executors {

// From what the client saw to what the classifier takes, and back.

inline transport_error transport_error_of(http_failure_kind x) {
  switch (x) {
    case http_failure_kind::bad_request: return transport_error::misconfigured;
    case http_failure_kind::connect: return transport_error::connect;
    case http_failure_kind::tls_handshake: return transport_error::tls_handshake;
    case http_failure_kind::tls_certificate: return transport_error::tls_certificate;
    case http_failure_kind::first_byte_timeout: return transport_error::timeout_first_byte;
    default: return transport_error::reset;
  }
}

/// Empty when the answer has no such header.
inline std::string header_of(const http_end& x, const char* name) {
  const auto found = x.headers.find(name);
  return found == x.headers.end() ? "" : found->second;
}

/// A wait that was asked for is lengthened; one of our own has full jitter.
template <class Random>
std::chrono::milliseconds jittered(const verdict& x, Random& random) {
  const auto most = static_cast<double>(x.wait.count());
  auto draw = x.asked ? std::uniform_real_distribution<>{most, most * 1.2} : std::uniform_real_distribution<>{0, most};
  return std::chrono::milliseconds{static_cast<std::int64_t>(draw(random))};
}

} // namespace swarm::executors
