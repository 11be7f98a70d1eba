#include "runtime/executors/claude/batch.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "runtime/executors/claude/json_members.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace swarm::executors::claude {

namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

/// Of one line. Real ones have some dozens, and what a schema asked for.
constexpr std::size_t values_max = 100'000;

constexpr std::size_t id_bytes_max = 100;

constexpr std::chrono::milliseconds first_look = 15s;
constexpr std::chrono::milliseconds longest_look = 5min;

/// Nothing in it means anything in a path.
bool is_id(std::string_view x) {
  constexpr std::string_view others = "_-";
  return !x.empty() && x.size() <= id_bytes_max && std::all_of(x.begin(), x.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || others.find(c) != others.npos;
  });
}

caf::error wrong(const std::string& predicate) {
  return make_error(errc::invalid_input, predicate);
}

std::int64_t count_in(const json& object, const char* name) {
  const auto& value = member(object, name);
  return value.is_number_unsigned() ? value.get<std::int64_t>() : -1;
}

caf::expected<batch_result> read_message(const json& x) {
  const auto& content = member(x, "content");
  if (!content.is_array() || !std::all_of(content.begin(), content.end(), [](auto& y) { return y.is_object(); }))
    return wrong("has no message with a list of blocks");
  streamed_message result;
  for (const auto& block : content)
    result.content.push_back({block, block_state::complete, {}});
  result.id = text_member(x, "id");
  result.model = text_member(x, "model");
  result.stop_reason = text_member(x, "stop_reason");
  result.stop_sequence = text_member(x, "stop_sequence");
  result.stop_details = member(x, "stop_details");
  result.usage = member(x, "usage");
  result.is_finished = result.usage_is_final = true;
  return batch_result{std::move(result)};
}

caf::expected<batch_result> read_result(const json& x) {
  const auto type = text_member(x, "type");
  if (type == "succeeded")
    return read_message(member(x, "message"));
  if (type == "canceled" || type == "expired")
    return batch_result{batch_loss{type == "expired" ? batch_loss_kind::expired : batch_loss_kind::canceled}};
  if (type != "errored")
    return wrong("is of a type that nobody knows");
  const auto& error = member(x, "error");
  // The error itself, or the object that an error is the body of.
  return batch_result{
    parse_api_error(member(error, "error").is_object() ? error.dump() : json{{"error", error}}.dump())};
}

} // namespace

std::string to_json(const kept_batch& x) {
  return json{{"batch", x.id},    {"request", x.request_id},     {"credential", x.credential},
              {"model", x.model}, {"max_tokens", x.max_tokens},  {"prompt_tokens", x.prompt_tokens},
              {"looks", x.looks}, {"prompt_hash", x.prompt_hash}}
    .dump();
}

caf::expected<kept_batch> read_kept_batch(const std::string& text) {
  const auto found = read_foreign_json(text);
  if (!found || !found->is_object())
    return wrong(found ? "isn't an object" : render(found.error()));
  kept_batch result;
  for (auto [name, value] : {std::pair{"batch", &result.id},
                             {"request", &result.request_id},
                             {"credential", &result.credential},
                             {"model", &result.model},
                             {"prompt_hash", &result.prompt_hash}})
    *value = text_member(*found, name);
  result.max_tokens = count_in(*found, "max_tokens");
  result.prompt_tokens = count_in(*found, "prompt_tokens");
  result.looks = static_cast<int>(std::clamp<std::int64_t>(count_in(*found, "looks"), 0, 1'000'000));
  if (!is_id(result.id) || !is_id(result.request_id) || result.model.empty() || result.max_tokens < 1
      || result.prompt_tokens < 0)
    return wrong("doesn't name the batch, its request, model and tokens");
  return result;
}

std::string request_id_of(const claimed_ticket& x) {
  return "ticket-" + to_string(x.claim.ticket) + "-attempt-" + std::to_string(x.attempt);
}

std::string batch_body(const std::string& request_id, const json& request) {
  const json one{{"custom_id", request_id}, {"params", request}};
  return json{{"requests", json::array({one})}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::chrono::milliseconds look_after(int looks) {
  return std::min(longest_look, first_look * (1 << std::clamp(looks, 0, 10)));
}

caf::expected<batch_state> read_batch_state(std::string_view body) {
  const auto found = read_foreign_json(body, values_max);
  if (!found)
    return wrong(render(found.error()));
  batch_state result{std::string{text_member(*found, "id")}, std::string{text_member(*found, "processing_status")}};
  if (!is_id(result.id) || result.status.empty())
    return wrong("names no batch with a state");
  return result;
}

caf::expected<batch_result> find_batch_result(std::string_view lines, std::string_view request_id) {
  std::optional<caf::expected<batch_result>> found;
  while (!lines.empty()) {
    const auto end = std::min(lines.find('\n'), lines.size());
    const auto line = read_foreign_json(lines.substr(0, end), values_max);
    lines.remove_prefix(std::min(end + 1, lines.size()));
    if (!line || text_member(*line, "custom_id") != request_id)
      continue;
    if (found)
      return wrong("is there twice");
    found = read_result(member(*line, "result"));
  }
  return found ? std::move(*found) : batch_result{batch_loss{batch_loss_kind::missing}};
}

} // namespace swarm::executors::claude
