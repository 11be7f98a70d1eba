#pragma once

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::executors::claude {

/// What is the same in every request of a conversation. Sampling parameters aren't here: newer versions of the API
/// refuse them. Nothing in it may change from turn to turn, or the API's cache is never hit.
struct model_profile {
  std::string model;
  std::int64_t max_tokens = 0;
  std::string system;                                             ///< Not sent when it is blank.
  nlohmann::json tools = nlohmann::json::array(); ///< As the API takes it; not sent when it is empty.
  std::string effort;                                             ///< low to max; empty for the API's default.
  nlohmann::json schema = nullptr; ///< That the final answer must fit; null: any text will do.
  bool goes_on = true; ///< Whether a next request may begin alike: marks for the cache cost more than they save else.
};

/// What a tool gave. A tool that was skipped, cancelled or failed has a result too: `is_error`, and the reason as text.
struct tool_result {
  std::string tool_use_id;
  std::string text;
  bool is_error = false;
};

struct tool_result_limits {
  std::size_t head_bytes_max = 20 * 1024;
  std::size_t tail_bytes_max = 10 * 1024;
};

/// Builds the requests of one conversation. Turns are only ever added, so that the messages of each request begin with
/// those of the one before it, but for the mark (cache_control) that moves on to the last message of the user.
///
/// Errors are errc::invalid_input: the API would refuse the request. They leave the conversation as it was.
class conversation {
public:
  explicit conversation(model_profile, tool_result_limits = {});

  /// @param content all blocks of the answer, unchanged. One that `is_empty_answer` adds nothing.
  caf::expected<void> append_assistant(nlohmann::json content);

  /// Adds one message: the results of all tools that the assistant asked for since the user's last message, in its
  /// order, then the texts that aren't blank. A call without a result is answered by an error that says why.
  /// Refused: results that nobody asked for, a message without content, text while a tool of the server is pending.
  caf::expected<void> append_user(const std::vector<tool_result>& results, const std::vector<std::string>& texts = {});

  /// For a retry after the output was cut.
  void set_max_tokens(std::int64_t max_tokens) { profile_.max_tokens = max_tokens; }

  /// The body of the request for the next turn. Bytes that aren't UTF-8 become the replacement character.
  std::string request_body() const;

  /// The same request as a part of another one, so that it isn't streamed.
  nlohmann::json request() const;

private:
  using json = nlohmann::json;

  std::string reason_without_result(std::string_view tool_name) const;
  json result_block(const json& tool_use, const std::vector<tool_result>& results) const;

  model_profile profile_;
  tool_result_limits limits_;
  std::vector<json> messages_;
};

/// Whether an answer says nothing: at most thinking and blank text. The API wouldn't take it back as a message; ask the
/// model to continue.
bool is_empty_answer(const nlohmann::json& content);

/// The beginning and the end of a long text, cut between characters, and between them a line
/// "\n... 1,234,567 bytes dropped ...\n".
std::string cap_text(std::string_view text, const tool_result_limits&);

} // namespace swarm::executors::claude
