#pragma once

#include "runtime/executors/http/http_client.hpp"

#include <curl/curl.h>

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>

namespace swarm::executors {

/// One request and its answer, as libcurl sees them. Of the client's thread alone.
struct http_exchange {
  using clock_type = std::chrono::steady_clock;

  struct list_free {
    void operator()(curl_slist* x) const { curl_slist_free_all(x); }
  };

  struct easy_free {
    void operator()(CURL* x) const { curl_easy_cleanup(x); }
  };

  http_client::exchange_id id = 0;
  http_request request;
  http_client::on_bytes bytes;
  http_client::on_end end;
  std::function<void(http_exchange&)> limit_changed; ///< Another limit to its silence counts from now on.
  http_end result;
  std::unique_ptr<curl_slist, list_free> headers;
  std::unique_ptr<CURL, easy_free> easy;
  char error[CURL_ERROR_SIZE] = "";
  std::size_t headers_bytes = 0;
  clock_type::time_point last_byte = clock_type::now();
  std::optional<clock_type::time_point> looked_at_next; ///< When somebody will look whether it is silent.
  bool has_answered = false;
  bool is_refused = false;

  /// Tells libcurl all of the request. False when it doesn't take it.
  bool prepare();

  int status() const;

  /// When it has been silent for too long; nothing while there is no limit.
  std::optional<clock_type::time_point> silent_at() const;
};

/// What libcurl's word for the end of an exchange means. @param is_refused The receiver wanted no more.
http_failure_kind kind_of(CURLcode, bool is_refused);

} // namespace swarm::executors
