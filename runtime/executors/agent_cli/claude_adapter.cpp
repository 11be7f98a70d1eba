#include "runtime/executors/agent_cli/agent_adapter.hpp"
#include "runtime/executors/agent_cli/json_line.hpp"

#include <utility>

namespace swarm::executors {

using nlohmann::json;

namespace {

/// "4.250000"
std::string dollars(std::int64_t micro_dollars) {
  const auto rest = std::to_string(1'000'000 + micro_dollars % 1'000'000).substr(1);
  return std::to_string(micro_dollars / 1'000'000) + "." + rest;
}

std::vector<std::string> make_argv(const agent_payload& x, const agent_session& session) {
  // Bare, or it would run hooks and tool servers that the repository it works on names.
  std::vector<std::string> argv{"claude", "--bare", "-p", "--output-format", "stream-json", "--verbose",
                                "--strict-mcp-config"};
  if (session.resumes.empty())
    add_option(argv, "--session-id", session.id);
  else
    add_option(argv, "--resume", session.resumes);
  add_option(argv, "--model", x.model);
  add_option(argv, "--effort", x.effort);
  if (x.max_turns > 0)
    add_option(argv, "--max-turns", std::to_string(x.max_turns));
  if (x.max_budget_micro_dollars > 0)
    add_option(argv, "--max-budget-usd", dollars(x.max_budget_micro_dollars));
  // Nobody is there to be asked.
  add_option(argv, "--permission-mode", x.permission_mode.empty() ? "dontAsk" : x.permission_mode);
  add_option(argv, "--allowedTools", joined(x.allowed_tools));
  add_option(argv, "--json-schema", x.schema);
  return argv;
}

/// The status that the API gives with a kind of error, for versions that tell only the kind.
std::int32_t status_of(std::string_view api_error) {
  constexpr std::pair<std::string_view, std::int32_t> table[] = {
    {"authentication_failed", 401}, {"oauth_org_not_allowed", 403}, {"billing_error", 402},
    {"rate_limit", 429},            {"overloaded", 529},            {"invalid_request", 400},
    {"model_not_found", 404},       {"server_error", 500},
  };
  for (const auto& [kind, status] : table)
    if (kind == api_error)
      return status;
  return 0;
}

void on_init(const json& line, agent_report& report) {
  if (auto model = word_of(line, "model"); !model.empty())
    report.model = std::move(model);
}

void on_api_retry(const json& line, agent_report& report) {
  report.api_error = word_of(line, "error");
  ++report.api_retries;
}

void on_rate_limit(const json& line, agent_report& report) {
  // Some versions wrap it, and some write it in camel case.
  const auto& wrapped = member(line, "rate_limit_info");
  const auto& info = wrapped.is_object() ? wrapped : line;
  report.limit_rejected = text_of(info, "status") == "rejected";
  report.limit_resets_at = time_of(info, "resetsAt");
  if (!report.limit_resets_at)
    report.limit_resets_at = time_of(info, "resets_at");
}

void on_assistant(const json& line, agent_report& report) {
  const auto is_subagent = !text_of(line, "parent_tool_use_id").empty();
  const auto& content = member(member(line, "message"), "content");
  if (content.is_array())
    for (const auto& block : content) {
      const auto type = text_of(block, "type");
      if (type == "tool_use" || type == "server_tool_use")
        ++report.tool_calls;
      if (type == "text" && !is_subagent)
        report.last_text = cut(text_of(block, "text"), agent_report::text_bytes_max);
    }
  report.api_error = word_of(line, "error");
}

/// What the whole tree of agents used, by model; the line's own `usage` is only the root's.
token_usage usage_of(const json& line) {
  token_usage result;
  const auto& models = member(line, "modelUsage");
  if (!models.is_object() || models.empty()) {
    const auto& root = member(line, "usage");
    return {count_of(root, "input_tokens"), count_of(root, "output_tokens"),
            count_of(root, "cache_creation_input_tokens"), count_of(root, "cache_read_input_tokens")};
  }
  for (const auto& x : models) {
    result.input = add_counts(result.input, count_of(x, "inputTokens"));
    result.output = add_counts(result.output, count_of(x, "outputTokens"));
    result.cache_write = add_counts(result.cache_write, count_of(x, "cacheCreationInputTokens"));
    result.cache_read = add_counts(result.cache_read, count_of(x, "cacheReadInputTokens"));
  }
  return result;
}

void on_result(const json& line, agent_report& report) {
  report.ended = true;
  report.subtype = word_of(line, "subtype");
  report.ok = report.subtype == "success" && !flag_of(line, "is_error");
  report.terminal_reason = word_of(line, "terminal_reason");
  const auto status = count_of(line, "api_error_status");
  report.api_error_status = status >= 400 && status < 600 ? static_cast<std::int32_t>(status) : 0;
  if (!report.ok && report.api_error_status == 0)
    report.api_error_status = status_of(report.api_error);
  report.result = cut(text_of(line, "result"), agent_report::text_bytes_max);
  const auto& structured = member(line, "structured_output");
  report.structured_output = structured.is_null() ? "" : dump(structured);
  if (report.structured_output.size() > agent_report::structured_bytes_max)
    report.structured_output.clear();
  report.usage = usage_of(line);
  report.cost_micro_dollars = micro_dollars_of(line, "total_cost_usd");
  report.turns = count_of(line, "num_turns");
  const auto& denials = member(line, "permission_denials");
  report.permission_denials = denials.is_array() ? static_cast<std::int64_t>(denials.size()) : 0;
  const auto& errors = member(line, "errors");
  if (errors.is_array() && !errors.empty() && errors.front().is_string())
    report.last_error = cut(errors.front().get_ref<const std::string&>(), agent_report::text_bytes_max);
}

void consume(std::string_view text, agent_report& report) {
  const auto line = parse_object(text);
  if (!line)
    return;
  if (auto id = session_id_of(*line, "session_id"); !id.empty())
    report.session_id = std::move(id);
  const auto type = text_of(*line, "type");
  const auto subtype = type == "system" ? text_of(*line, "subtype") : std::string_view{};
  if (subtype == "init")
    on_init(*line, report);
  else if (subtype == "api_retry")
    on_api_retry(*line, report);
  else if (type == "rate_limit_event")
    on_rate_limit(*line, report);
  else if (type == "assistant")
    on_assistant(*line, report);
  else if (type == "result")
    on_result(*line, report);
}

} // namespace

const agent_adapter claude_adapter{
  .name = "claude",
  .takes_session_id = true,
  .argv = make_argv,
  .consume = consume,
};

} // namespace swarm::executors
