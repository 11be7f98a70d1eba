#include "runtime/executors/claude/transcript.hpp"

#include "runtime/executors/claude/json_members.hpp"

#include <limits>

namespace swarm::executors::claude {

namespace {

constexpr tool_result_limits all{std::numeric_limits<std::size_t>::max(), 0};
constexpr tool_result_limits some{1'500, 500};

constexpr std::size_t model_bytes_max = 100;

} // namespace

void transcript::note(std::string_view line) {
  write("", line, all);
}

void transcript::note(std::int64_t turn, const streamed_message& x) {
  note("--- turn " + std::to_string(turn) + ": " + x.model.substr(0, model_bytes_max) + " ---");
  for (const auto& block : x.content) {
    const auto type = text_member(block.value, "type");
    if (type == "text")
      note(text_member(block.value, "text"));
    else if (type == "tool_use")
      write("> " + std::string{text_member(block.value, "name")} + " ",
            member(block.value, "input").dump(-1, ' ', false, nlohmann::json::error_handler_t::replace), some);
  }
}

void transcript::note(const tool_result& x) {
  write(x.is_error ? "! " : "< ", x.text, some);
}

void transcript::write(std::string_view prefix, std::string_view text, const tool_result_limits& kept) {
  std::string clean;
  if (redactor_)
    text = clean = redactor_->redact(text);
  for (auto piece : {prefix, text, std::string_view{"\n"}})
    file_.append(piece);
  kept_.append(prefix);
  kept_.append(cap_text(text, kept));
  kept_.append("\n");
}

} // namespace swarm::executors::claude
