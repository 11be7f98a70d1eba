#include "runtime/executors/claude/conversation.hpp"

#include "messages/error.hpp"
#include "runtime/executors/claude/json_members.hpp"
#include "runtime/executors/command/output_buffer.hpp"

#include <algorithm>
#include <utility>

namespace swarm::executors::claude {

namespace {

using json = nlohmann::json;

caf::error refused(const std::string& what) {
  return make_error(errc::invalid_input, "the conversation can't go on: " + what);
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos;
}

json text_block(std::string_view text) {
  return json::object({{"type", "text"}, {"text", text}});
}

void mark_for_cache(json& block) {
  block["cache_control"] = json::object({{"type", "ephemeral"}});
}

bool is_from(const json& message, std::string_view role) {
  return text_member(message, "role") == role;
}

/// The blocks of the assistant since the user's last message. More than one message when the API paused.
std::vector<const json*> unanswered_blocks(const std::vector<json>& messages) {
  const auto last_user = std::find_if(messages.rbegin(), messages.rend(), [](auto& x) { return is_from(x, "user"); });
  std::vector<const json*> result;
  for (auto message = last_user.base(); message != messages.end(); ++message) {
    for (const auto& block : (*message)["content"])
      result.push_back(&block);
  }
  return result;
}

/// Whether a tool that the server runs has given no result yet.
bool has_pending_server_tool(const std::vector<const json*>& blocks) {
  return std::any_of(blocks.begin(), blocks.end(), [&](const json* call) {
    const auto answers = [&](const json* x) { return text_member(*x, "tool_use_id") == text_member(*call, "id"); };
    return text_member(*call, "type").ends_with("_tool_use") && std::none_of(blocks.begin(), blocks.end(), answers);
  });
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0u) == 0x80u;
}

} // namespace

conversation::conversation(model_profile profile, tool_result_limits limits)
  : profile_(std::move(profile)), limits_(limits) {}

caf::expected<void> conversation::append_assistant(json content) {
  if (messages_.empty())
    return refused("it begins with a message of the assistant");
  if (!content.is_array() || !std::all_of(content.begin(), content.end(), [](auto& x) { return x.is_object(); }))
    return refused("the content of the assistant's message isn't a list of blocks");
  if (std::any_of(content.begin(), content.end(), [](auto& x) { return text_member(x, "type") == "document"; }))
    return refused("the assistant's message holds a document");
  if (!is_empty_answer(content))
    messages_.push_back(json::object({{"role", "assistant"}, {"content", std::move(content)}}));
  return caf::unit;
}

caf::expected<void> conversation::append_user(const std::vector<tool_result>& results,
                                             const std::vector<std::string>& texts) {
  const auto blocks = unanswered_blocks(messages_);
  auto content = json::array();
  std::vector<std::string_view> asked;
  for (const auto* block : blocks) {
    if (text_member(*block, "type") == "tool_use") {
      asked.push_back(text_member(*block, "id"));
      content.push_back(result_block(*block, results));
    }
  }
  for (auto& x : results) {
    if (std::find(asked.begin(), asked.end(), x.tool_use_id) == asked.end())
      return refused("nobody asked for the result of tool_use '" + x.tool_use_id + "'");
    if (std::count_if(results.begin(), results.end(), [&](auto& y) { return x.tool_use_id == y.tool_use_id; }) > 1)
      return refused("tool_use '" + x.tool_use_id + "' has two results");
  }
  for (const auto& text : texts) {
    if (is_blank(text))
      continue;
    if (has_pending_server_tool(blocks))
      return refused("a tool of the server is pending, and text must wait for it");
    content.push_back(text_block(text));
  }
  if (content.empty())
    return refused("the user's message has neither text nor results");
  messages_.push_back(json::object({{"role", "user"}, {"content", std::move(content)}}));
  return caf::unit;
}

std::string conversation::reason_without_result(std::string_view tool_name) const {
  const auto& tools = profile_.tools;
  const auto is_known =
    std::any_of(tools.begin(), tools.end(), [&](auto& x) { return text_member(x, "name") == tool_name; });
  return is_known ? "This tool was not run." : "There is no tool '" + std::string{tool_name} + "'.";
}

json conversation::result_block(const json& tool_use, const std::vector<tool_result>& results) const {
  const auto id = text_member(tool_use, "id");
  const auto given = std::find_if(results.begin(), results.end(), [&](auto& x) { return x.tool_use_id == id; });
  const auto is_error = given == results.end() || given->is_error;
  auto text =
    given == results.end() ? reason_without_result(text_member(tool_use, "name")) : cap_text(given->text, limits_);
  // The API refuses errors without a text, and blank text in some places.
  if (is_blank(text))
    text = is_error ? "The tool failed and gave no reason." : "(no output)";
  auto block = json::object({{"type", "tool_result"}, {"tool_use_id", id}, {"content", std::move(text)}});
  if (is_error)
    block["is_error"] = true;
  return block;
}

json conversation::request() const {
  auto body = json::object({{"model", profile_.model}, {"max_tokens", profile_.max_tokens}});
  if (!profile_.effort.empty())
    body["output_config"]["effort"] = profile_.effort;
  if (!profile_.schema.is_null())
    body["output_config"]["format"] = json::object({{"type", "json_schema"}, {"schema", profile_.schema}});
  if (!profile_.tools.empty())
    body["tools"] = profile_.tools;
  if (!is_blank(profile_.system)) {
    body["system"] = json::array({text_block(profile_.system)});
    if (profile_.goes_on)
      mark_for_cache(body["system"].back());
  }
  auto& messages = body["messages"] = messages_;
  const auto last_user = std::find_if(messages.rbegin(), messages.rend(), [](auto& x) { return is_from(x, "user"); });
  if (profile_.goes_on && last_user != messages.rend())
    mark_for_cache((*last_user)["content"].back());
  return body;
}

std::string conversation::request_body() const {
  auto body = request();
  body["stream"] = true;
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool is_empty_answer(const json& content) {
  return std::all_of(content.begin(), content.end(), [](const json& block) {
    const auto type = text_member(block, "type");
    return type == "thinking" || type == "redacted_thinking"
           || (type == "text" && is_blank(text_member(block, "text")));
  });
}

std::string cap_text(std::string_view text, const tool_result_limits& limits) {
  if (text.size() <= limits.head_bytes_max || text.size() - limits.head_bytes_max <= limits.tail_bytes_max)
    return std::string{text};
  auto head_bytes = limits.head_bytes_max;
  auto tail_begin = text.size() - limits.tail_bytes_max;
  // A character has at most three more bytes; where there are more, the text isn't UTF-8 anyway.
  for (int i = 0; i < 3 && head_bytes > 0 && is_continuation(text[head_bytes]); ++i)
    --head_bytes;
  for (int i = 0; i < 3 && tail_begin < text.size() && is_continuation(text[tail_begin]); ++i)
    ++tail_begin;
  output_buffer kept{head_bytes, text.size() - tail_begin};
  kept.append(text);
  return kept.take();
}

} // namespace swarm::executors::claude
