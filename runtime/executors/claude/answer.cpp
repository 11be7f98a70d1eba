#include "runtime/executors/claude/answer.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "messages/json_schema.hpp"
#include "runtime/executors/claude/json_members.hpp"
#include "runtime/executors/claude/tools.hpp"

namespace swarm::executors::claude {

using json = nlohmann::json;

caf::expected<json> final_answer(const streamed_message& x, const std::string& schema) {
  std::string text;
  for (const auto& block : x.content)
    if (text_member(block.value, "type") == "text")
      text += text_member(block.value, "text");
  if (schema.empty())
    return json(cap_text(text, final_text_limits));
  auto answer = read_foreign_json(text);
  if (!answer)
    return answer;
  if (auto departure = departure_from(schema, *answer); !departure.empty())
    return make_error(errc::invalid_input, std::move(departure));
  return answer;
}

bool is_short_enough(const json& result) {
  return result.dump(-1, ' ', false, json::error_handler_t::replace).size() <= result_bytes_max;
}

std::string describe_stop(const streamed_message& x) {
  return "the model stopped with '" + x.stop_reason.substr(0, 100) + "'"
         + (x.stop_details.is_null()
              ? ""
              : ": " + cap_text(x.stop_details.dump(-1, ' ', false, json::error_handler_t::replace), said));
}

model_profile profile_of(const claude_payload& x, const std::string& model, std::int64_t max_tokens) {
  return {model,    max_tokens,
          x.system, tool_declarations(x.tools),
          x.effort, x.schema.empty() ? json(nullptr) : json::parse(x.schema),
          !x.batch};
}

std::chrono::sys_days today() {
  return std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
}

} // namespace swarm::executors::claude
