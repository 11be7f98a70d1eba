#pragma once

#include "runtime/executors/classify/api_error.hpp"
#include "runtime/executors/claude/sse_parser.hpp"
#include "runtime/executors/claude/usage.hpp"

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace swarm::executors::claude {

enum class block_state {
  open,       ///< Its end hasn't come; perhaps it never will.
  complete,
  unparsable, ///< It ended, but the input of the tool isn't a JSON object. The tool must not run.
};

struct content_block {
  nlohmann::json value; ///< As the API sent it, whatever its type: thinking is only accepted back unchanged.
  block_state state = block_state::open;
  std::string input_text;       ///< A tool's input as it was streamed; `value` has it parsed once it is complete.
};

/// A message as far as it has come.
struct streamed_message {
  std::string id;
  std::string model;                   ///< Which one answered; not always the one that was asked for.
  std::vector<content_block> content;
  std::string stop_reason;             ///< Empty until the API gives it.
  std::string stop_sequence;           ///< Empty unless one was hit.
  nlohmann::json stop_details; ///< E.g. of a refusal; null when there are none.
  nlohmann::json usage;        ///< The newest of all counts that came; null when none did.
  bool usage_is_final = false;         ///< The output was counted at the end, not only as far as at the start.
  bool is_finished = false;            ///< All has come. Don't wait for the connection to close.
  std::optional<api_error> error;      ///< What came in place of the rest, after HTTP 200. Nothing more will.
};

/// Assembles the events of one response. What newer versions of the API add is kept (blocks, members) or ignored
/// (events, deltas); what contradicts the contract is an error, as nobody knows what the rest of such a message means.
class message_stream {
public:
  /// @param bytes_max of all events that belong to the message: what is kept of a stream that never ends.
  explicit message_stream(std::size_t bytes_max = 64 * 1024 * 1024);

  /// Does nothing once the message is finished or ended by an API error.
  /// @returns errc::io_failed naming the event, and from then on for every call.
  caf::expected<void> add(const sse_event&);

  const streamed_message& message() const { return message_; }

  /// Leaves the stream unusable.
  streamed_message take() { return std::move(message_); }

  /// Whether the answer is whole if the connection ends now: it is finished, or only the event that says so is missing.
  bool is_acceptable() const;

private:
  using json = nlohmann::json;
  using handler = caf::error (message_stream::*)(const json& data);

  static handler handler_of(std::string_view event_name);
  caf::error take(const sse_event&);
  caf::error start(const json& data);
  caf::error start_block(const json& data);
  caf::error extend_block(const json& data);
  caf::error stop_block(const json& data);
  caf::error update(const json& data);
  caf::error finish(const json& data);
  caf::error end_by_error(const json& data);
  content_block* find_open_block(const json& data);
  caf::error update_usage(const json& data);

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;
  bool is_started_ = false;
  streamed_message message_;
  caf::error error_;
};

/// Whether the call did something that asking again would do twice: a text or a tool call is complete.
bool has_complete_work(const streamed_message&);

/// Whether the output was cut within the call of a tool. Such a call must not run, even if its input looks whole.
bool ends_in_cut_tool_use(const streamed_message&);

/// All blocks, for a message that is acceptable.
nlohmann::json content_of(const streamed_message&);

/// What can be sent back of a message that was cut: the complete blocks up to the last text or call of a tool. Thinking
/// isn't accepted at the end of a message, nor is a call of a server's tool without its result followed by a text.
nlohmann::json complete_content_of(const streamed_message&);

/// Nothing when the API didn't say all of it; see `read_usage`.
std::optional<token_usage> billed_usage(const streamed_message&);

} // namespace swarm::executors::claude
