#include "runtime/executors/agent_cli/agent_adapter.hpp"
#include "runtime/executors/agent_cli/json_line.hpp"

#include <algorithm>
#include <utility>

namespace swarm::executors {

using nlohmann::json;

namespace {

std::vector<std::string> make_argv(const agent_payload& x, const agent_session& session) {
  std::vector<std::string> argv{"codex", "exec", "--json", "--skip-git-repo-check"};
  // Its default can read only.
  add_option(argv, "--sandbox", x.permission_mode.empty() ? "workspace-write" : x.permission_mode);
  add_option(argv, "--model", x.model);
  if (!x.effort.empty())
    add_option(argv, "--config", "model_reasoning_effort=" + x.effort);
  // `resume` doesn't know these options, so it stands behind them.
  if (!session.resumes.empty())
    argv.insert(argv.end(), {"resume", session.resumes});
  argv.emplace_back("-"); // the prompt: stdin
  return argv;
}

void on_item(const json& item, agent_report& report) {
  constexpr std::string_view tools[] = {"command_execution", "file_change", "mcp_tool_call", "collab_tool_call",
                                        "web_search"};
  const auto type = text_of(item, "type");
  if (type == "agent_message")
    report.last_text = cut(text_of(item, "text"), agent_report::text_bytes_max);
  else if (type == "error")
    report.last_error = cut(text_of(item, "message"), agent_report::text_bytes_max);
  else if (std::ranges::find(tools, type) != std::end(tools))
    ++report.tool_calls;
  if (text_of(item, "status") == "declined")
    ++report.permission_denials;
}

/// It goes on trying after most of these; only `turn.failed` is the end.
void on_error(const json& line, agent_report& report) {
  report.last_error = cut(text_of(line, "message"), agent_report::text_bytes_max);
  ++report.api_retries;
}

void on_completed(const json& line, agent_report& report) {
  report.ended = report.ok = true;
  report.subtype = "success";
  report.api_error_status = 0;
  report.terminal_reason.clear();
  report.result = report.last_text;
  ++report.turns;
  const auto& usage = member(line, "usage");
  const auto input = count_of(usage, "input_tokens");
  const auto cached = std::min(count_of(usage, "cached_input_tokens"), input);
  report.usage = {input - cached, count_of(usage, "output_tokens"), 0, cached};
}

void on_failed(const json& line, agent_report& report) {
  report.ended = true;
  report.ok = false;
  report.subtype = "error_during_execution";
  report.result = cut(text_of(member(line, "error"), "message"), agent_report::text_bytes_max);
  report.last_error = report.result;
  report.api_error_status = http_status_in(report.result);
  report.terminal_reason = report.result.find("context window") != std::string::npos ? "prompt_too_long" : "";
  ++report.turns;
}

void consume(std::string_view text, agent_report& report) {
  const auto line = parse_object(text);
  if (!line)
    return;
  const auto type = text_of(*line, "type");
  if (type == "thread.started") {
    if (auto id = session_id_of(*line, "thread_id"); !id.empty())
      report.session_id = std::move(id);
  } else if (type == "item.completed")
    on_item(member(*line, "item"), report);
  else if (type == "error")
    on_error(*line, report);
  else if (type == "turn.completed")
    on_completed(*line, report);
  else if (type == "turn.failed")
    on_failed(*line, report);
}

} // namespace

const agent_adapter codex_adapter{
  .name = "codex",
  .argv = make_argv,
  .consume = consume,
};

} // namespace swarm::executors
