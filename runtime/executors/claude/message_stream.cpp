#include "runtime/executors/claude/message_stream.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "runtime/executors/claude/json_members.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace swarm::executors::claude {

namespace {

using json = nlohmann::json;

/// Of one event, or of a tool's input. Real ones have some dozens.
constexpr std::size_t values_max = 100'000;

caf::error wrong(const std::string& what) {
  return make_error(errc::io_failed, "the response can't be read: " + what);
}

/// Leaves `result` as it is when the member is absent or null. @returns whether the type is right.
bool read_text(const json& object, const char* name, std::string& result) {
  const auto& value = member(object, name);
  if (value.is_string())
    result = value.get_ref<const std::string&>();
  return value.is_string() || value.is_null();
}

std::string_view type_of(const content_block& x) {
  return text_member(x.value, "type");
}

/// Appends the member of `delta` to the member of the same name in `block`.
caf::error append_text(json& block, const char* name, const json& delta) {
  const auto& piece = member(delta, name);
  auto& whole = block[name];
  if (whole.is_null())
    whole = "";
  if (!piece.is_string() || !whole.is_string())
    return wrong(std::string{"'"} + name + "' in a delta and its block must be strings");
  whole.get_ref<std::string&>() += piece.get_ref<const std::string&>();
  return {};
}

caf::error append_citation(json& block, const json& delta) {
  auto& citations = block["citations"];
  if (citations.is_null())
    citations = json::array();
  if (!citations.is_array() || !delta.contains("citation"))
    return wrong("a citations_delta needs 'citation', and its block a list of them");
  citations.push_back(delta["citation"]);
  return {};
}

/// A null says nothing about the count that came before.
void overwrite(json& target, const json& source) {
  for (const auto& [name, value] : source.items()) {
    auto& place = target[name];
    if (value.is_object() && place.is_object())
      overwrite(place, value);
    else if (!value.is_null())
      place = value;
  }
}

bool is_thinking(std::string_view type) {
  return type == "thinking" || type == "redacted_thinking";
}

} // namespace

message_stream::message_stream(std::size_t bytes_max) : bytes_max_(bytes_max) {}

caf::expected<void> message_stream::add(const sse_event& event) {
  if (!error_ && !message_.is_finished && !message_.error)
    error_ = take(event);
  return error_ ? caf::expected<void>{error_} : caf::expected<void>{caf::unit};
}

bool message_stream::is_acceptable() const {
  return !error_ && !message_.error && (message_.is_finished || !message_.stop_reason.empty());
}

message_stream::handler message_stream::handler_of(std::string_view event_name) {
  static constexpr std::array<std::pair<std::string_view, handler>, 7> handlers{{
    {"message_start", &message_stream::start},
    {"content_block_start", &message_stream::start_block},
    {"content_block_delta", &message_stream::extend_block},
    {"content_block_stop", &message_stream::stop_block},
    {"message_delta", &message_stream::update},
    {"message_stop", &message_stream::finish},
    {"error", &message_stream::end_by_error},
  }};
  const auto* found = std::find_if(handlers.begin(), handlers.end(), [&](auto& x) { return x.first == event_name; });
  return found == handlers.end() ? nullptr : found->second;
}

caf::error message_stream::take(const sse_event& event) {
  auto handle = handler_of(event.name);
  if (handle == nullptr && !event.name.empty())
    return {}; // a ping, or what newer versions send
  bytes_ += event.data.size();
  if (bytes_ > bytes_max_)
    return wrong("it is longer than " + std::to_string(bytes_max_) + " bytes");
  const auto data = read_foreign_json(event.data, values_max);
  if (!data)
    return wrong("the data of an event " + render(data.error()));
  if (!data->is_object())
    return wrong("the data of an event isn't a JSON object");
  if (handle == nullptr)
    handle = handler_of(text_member(*data, "type"));
  if (handle == nullptr)
    return {};
  if (!is_started_ && handle != &message_stream::start && handle != &message_stream::end_by_error)
    return wrong("it doesn't begin with message_start");
  return (this->*handle)(*data);
}

caf::error message_stream::start(const json& data) {
  const auto& message = member(data, "message");
  if (std::exchange(is_started_, true))
    return wrong("it has a second message_start");
  if (!message.is_object() || !member(message, "content").empty())
    return wrong("message_start needs a 'message' that is still without content");
  if (!read_text(message, "id", message_.id) || !read_text(message, "model", message_.model))
    return wrong("'id' and 'model' in message_start must be strings");
  return update_usage(message);
}

caf::error message_stream::start_block(const json& data) {
  const auto& block = member(data, "content_block");
  // Blocks come in order: an index is never a place to make room for.
  const auto& index = member(data, "index");
  if (!index.is_number_unsigned() || index.get<std::size_t>() != message_.content.size())
    return wrong("content_block_start needs the 'index' " + std::to_string(message_.content.size()));
  if (!member(block, "type").is_string())
    return wrong("content_block_start needs a 'content_block' with a 'type'");
  message_.content.emplace_back().value = block;
  return {};
}

content_block* message_stream::find_open_block(const json& data) {
  const auto& index = member(data, "index");
  if (!index.is_number_unsigned() || index.get<std::size_t>() >= message_.content.size())
    return nullptr;
  auto& block = message_.content[index.get<std::size_t>()];
  return block.state == block_state::open ? &block : nullptr;
}

caf::error message_stream::extend_block(const json& data) {
  auto* block = find_open_block(data);
  if (block == nullptr)
    return wrong("the 'index' of a content_block_delta names no open block");
  const auto& delta = member(data, "delta");
  if (!member(delta, "type").is_string())
    return wrong("content_block_delta needs a 'delta' with a 'type'");
  const auto type = text_member(delta, "type");
  if (type == "text_delta")
    return append_text(block->value, "text", delta);
  if (type == "thinking_delta")
    return append_text(block->value, "thinking", delta);
  if (type == "signature_delta")
    return append_text(block->value, "signature", delta);
  if (type == "citations_delta")
    return append_citation(block->value, delta);
  if (type != "input_json_delta")
    return {};
  const auto& piece = member(delta, "partial_json");
  if (!piece.is_string())
    return wrong("'partial_json' in an input_json_delta must be a string");
  block->input_text += piece.get_ref<const std::string&>();
  return {};
}

caf::error message_stream::stop_block(const json& data) {
  auto* block = find_open_block(data);
  if (block == nullptr)
    return wrong("the 'index' of a content_block_stop names no open block");
  block->state = block_state::complete;
  if (!block->input_text.empty()) {
    auto input = read_foreign_json(block->input_text, values_max);
    if (input && input->is_object())
      block->value["input"] = std::move(*input);
    else
      block->state = block_state::unparsable;
  }
  if (type_of(*block) == "tool_use" && !member(block->value, "input").is_object())
    block->value["input"] = json::object(); // the API takes nothing else back
  return {};
}

caf::error message_stream::update(const json& data) {
  const auto& delta = member(data, "delta");
  if (!delta.is_object() && !delta.is_null())
    return wrong("'delta' in message_delta must be an object");
  if (!read_text(delta, "stop_reason", message_.stop_reason)
      || !read_text(delta, "stop_sequence", message_.stop_sequence))
    return wrong("'stop_reason' and 'stop_sequence' in message_delta must be strings");
  if (const auto& details = member(delta, "stop_details"); !details.is_null())
    message_.stop_details = details;
  message_.usage_is_final |= !member(member(data, "usage"), "output_tokens").is_null();
  return update_usage(data);
}

caf::error message_stream::update_usage(const json& data) {
  const auto& usage = member(data, "usage");
  if (!usage.is_object() && !usage.is_null())
    return wrong("'usage' must be an object");
  if (usage.is_object() && message_.usage.is_null())
    message_.usage = json::object();
  overwrite(message_.usage, usage);
  return {};
}

caf::error message_stream::finish(const json&) {
  message_.is_finished = true;
  return {};
}

caf::error message_stream::end_by_error(const json& data) {
  message_.error = parse_api_error(data.dump(-1, ' ', false, json::error_handler_t::replace));
  return {};
}

bool has_complete_work(const streamed_message& x) {
  return std::any_of(x.content.begin(), x.content.end(), [](const content_block& block) {
    const auto type = type_of(block);
    return block.state == block_state::complete
           && (type == "text" || type.ends_with("tool_use") || type.ends_with("tool_result"));
  });
}

bool ends_in_cut_tool_use(const streamed_message& x) {
  if (x.content.empty() || type_of(x.content.back()) != "tool_use")
    return false;
  // The output may have been cut before the first byte of the input, which then passes for a call without arguments.
  const auto was_cut = x.stop_reason == "max_tokens" || x.stop_reason == "model_context_window_exceeded";
  return x.content.back().state != block_state::complete
         || (was_cut && member(x.content.back().value, "input").empty());
}

json content_of(const streamed_message& x) {
  auto result = json::array();
  for (const auto& block : x.content)
    result.push_back(block.value);
  return result;
}

json complete_content_of(const streamed_message& x) {
  auto result = json::array();
  for (const auto& block : x.content) {
    if (block.state == block_state::complete)
      result.push_back(block.value);
  }
  const auto may_end = [](std::string_view type) { return !is_thinking(type) && !type.ends_with("_tool_use"); };
  while (!result.empty() && !may_end(text_member(result.back(), "type")))
    result.erase(result.size() - 1);
  return result;
}

std::optional<token_usage> billed_usage(const streamed_message& x) {
  return x.usage_is_final ? read_usage(x.usage) : std::nullopt;
}

} // namespace swarm::executors::claude
