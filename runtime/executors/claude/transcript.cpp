#include "runtime/executors/claude/transcript.hpp"

#include "runtime/executors/claude/json_members.hpp"

namespace swarm::executors::claude {

namespace {

constexpr tool_result_limits shown{1'500, 500};

constexpr std::size_t model_bytes_max = 100;

} // namespace

void transcript::note(std::int64_t turn, const streamed_message& x) {
  note("--- turn " + std::to_string(turn) + ": " + x.model.substr(0, model_bytes_max) + " ---");
  for (const auto& block : x.content) {
    const auto type = text_member(block.value, "type");
    if (type == "text")
      note(std::string{text_member(block.value, "text")});
    else if (type == "tool_use")
      note("> " + std::string{text_member(block.value, "name")} + " "
           + cap_text(member(block.value, "input").dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), shown));
  }
}

void transcript::note(const tool_result& x) {
  note((x.is_error ? "! " : "< ") + cap_text(x.text, shown));
}

} // namespace swarm::executors::claude
