#include "runtime/executors/agent_cli/agent_adapter.hpp"
#include "runtime/executors/agent_cli/json_line.hpp"

#include <algorithm>
#include <utility>

namespace swarm::executors {

using nlohmann::json;

namespace {

std::vector<std::string> make_argv(const agent_payload& x, const agent_session& session) {
  std::vector<std::string> argv{"gemini", "--output-format", "stream-json"};
  add_option(argv, "--resume", session.resumes);
  add_option(argv, "--model", x.model);
  // Its default asks before each change, and without a terminal that is a no.
  add_option(argv, "--approval-mode", x.permission_mode.empty() ? "auto_edit" : x.permission_mode);
  add_option(argv, "--allowed-tools", joined(x.allowed_tools));
  return argv;
}

/// The ways to fail that it has a name and an exit code for.
struct known_failure {
  std::int32_t exit_code;
  std::string_view part_of_name; ///< e.g. of "FatalTurnLimitedError"
  const char* subtype;
  std::int32_t api_error_status;
};

constexpr known_failure known_failures[] = {
  {41, "Authentication", "error_during_execution", 401},
  {42, "Input", "error_input", 0},
  {52, "Config", "error_config", 0},
  {53, "TurnLimit", "error_max_turns", 0},
  {54, "ToolExecution", "error_tool_execution", 0},
};

void fail(const known_failure& x, agent_report& report) {
  report.ended = true;
  report.ok = false;
  report.subtype = x.subtype;
  report.api_error_status = x.api_error_status;
}

/// Answers come in pieces; whatever else is said between two pieces begins a new answer.
void on_answer(const json& line, agent_report& report) {
  if (!report.last_text_is_open || !flag_of(line, "delta"))
    report.last_text.clear();
  report.last_text_is_open = true;
  report.last_text += cut(text_of(line, "content"), agent_report::text_bytes_max - report.last_text.size());
}

void on_failure(const json& error, agent_report& report) {
  report.result = cut(text_of(error, "message"), agent_report::text_bytes_max);
  report.last_error = report.result;
  const auto name = text_of(error, "type");
  for (const auto& x : known_failures)
    if (name.find(x.part_of_name) != std::string_view::npos)
      return fail(x, report);
  fail({0, "", "error_during_execution", http_status_in(report.result)}, report);
}

void on_result(const json& line, agent_report& report) {
  if (text_of(line, "status") == "success") {
    report.ended = report.ok = true;
    report.subtype = "success";
    report.api_error_status = 0;
    report.result = report.last_text;
  } else
    on_failure(member(line, "error"), report);
  ++report.turns;
  const auto& stats = member(line, "stats");
  const auto input = count_of(stats, "input_tokens");
  const auto cached = std::min(count_of(stats, "cached"), input);
  report.usage = {input - cached, count_of(stats, "output_tokens"), 0, cached};
  report.tool_calls = std::max(report.tool_calls, count_of(stats, "tool_calls"));
}

void consume(std::string_view text, agent_report& report) {
  const auto line = parse_object(text);
  if (!line)
    return;
  const auto type = text_of(*line, "type");
  if (type == "message" && text_of(*line, "role") == "assistant")
    return on_answer(*line, report);
  report.last_text_is_open = false;
  if (type == "init") {
    report.model = word_of(*line, "model");
    if (auto id = session_id_of(*line, "session_id"); !id.empty())
      report.session_id = std::move(id);
  } else if (type == "tool_use")
    ++report.tool_calls;
  else if (type == "error")
    report.last_error = cut(text_of(*line, "message"), agent_report::text_bytes_max);
  else if (type == "result")
    on_result(*line, report);
}

void at_exit(std::int32_t exit_code, agent_report& report) {
  for (const auto& x : known_failures)
    if (x.exit_code == exit_code)
      fail(x, report);
}

} // namespace

const agent_adapter gemini_adapter{
  .name = "gemini",
  .argv = make_argv,
  .consume = consume,
  .at_exit = at_exit,
};

} // namespace swarm::executors
