#pragma once

#include "runtime/executors/classify/signal.hpp"
#include "runtime/executors/claude/message_stream.hpp"
#include "runtime/executors/claude/settings.hpp"
#include "runtime/executors/http/http_client.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace swarm::executors::claude {

/// What came of one request.
struct api_answer {
  http_end end;
  std::string body;         ///< Of what isn't a stream: the beginning.
  streamed_message message; ///< As far as it came.
  bool is_acceptable = false;
  std::string fault; ///< What in the stream contradicts its protocol; mostly empty.
};

/// How many signs of work there were, for whoever wants to know it at any time.
using work_counter = std::shared_ptr<std::atomic<std::int64_t>>;

/// A request to the API at this path, with the key in its head.
http_request api_request(const settings&, const std::string& api_key, const std::string& path);

/// Sends the request and streams its answer. `done` is called once, on the client's thread, unless the exchange is
/// cancelled: when the exchange ends, and a moment after the message is finished even if the connection stays open.
/// Pings are no sign of work; they only keep the exchange from being idle.
http_client::exchange_id call_api(http_client&, const settings&, const std::string& api_key, std::string body, work_counter,
                                  std::function<void(api_answer)> done);

/// What went wrong, for the classifier; nothing when the message is there. The status of the answer counts until a stream
/// begins, and from then on what the stream says.
/// @param timeouts_before of the ticket, see request_facts.
std::optional<outside_signal> failure_of(const api_answer&, int timeouts_before);

/// "answered 429: Too many requests": what `failure_of` is about, for people.
std::string describe_failure(const api_answer&);

} // namespace swarm::executors::claude
