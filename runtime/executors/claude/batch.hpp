#pragma once

#include "messages/ticket.hpp"
#include "runtime/executors/classify/signal.hpp"
#include "runtime/executors/claude/message_stream.hpp"

#include <caf/expected.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

namespace swarm::executors::claude {

// A batch of one request, as functions of what the API says. It is made in one claim of a ticket and looked at in
// others.

/// What one claim hands on to the next: all that is needed to find the answer and to charge it.
struct kept_batch {
  std::string id;         ///< As the API named it; fits into a path.
  std::string request_id; ///< What its result is known by.
  std::string credential; ///< The hash of the key that made it; others may not see it.
  std::string prompt_hash;
  std::string model;
  std::int64_t max_tokens = 0;
  std::int64_t prompt_tokens = 0; ///< As they were reserved.
  int looks = 0;                  ///< That had to go on waiting.
};

std::string to_json(const kept_batch&);

/// @returns errc::invalid_input naming what is missing or wrong.
caf::expected<kept_batch> read_kept_batch(const std::string& json);

/// By which a result is found in those of its batch: letters, digits and '-', the same for every claim of an attempt.
std::string request_id_of(const claimed_ticket&);

/// The body of the request that makes a batch.
std::string batch_body(const std::string& request_id, const nlohmann::json& request);

/// How long to wait until the next look: longer each time.
std::chrono::milliseconds look_after(int looks);

struct batch_state {
  std::string id;
  std::string status; ///< "ended", or what isn't its end.
};

/// @returns errc::invalid_input with a predicate such as "isn't JSON".
caf::expected<batch_state> read_batch_state(std::string_view body);

/// What came of a request: its message, the error that it met, or why there is neither.
using batch_result = std::variant<streamed_message, api_error, batch_loss>;

/// @param lines a JSON object each, in any order, of whatever requests; what can't be read is nobody's.
/// @returns errc::invalid_input with a predicate about the result when it can't be understood, or is there twice.
caf::expected<batch_result> find_batch_result(std::string_view lines, std::string_view request_id);

} // namespace swarm::executors::claude
