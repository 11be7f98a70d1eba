#pragma once

#include "runtime/executors/agent_cli/agent_adapter.hpp"
#include "runtime/executors/agent_cli/line_splitter.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>

/// What the CLIs of coding agents write, one run each.
namespace swarm::executors {

inline constexpr std::string_view claude_run = R"~(
{"type":"system","subtype":"hook_started","session_id":"5f0c8d1e-0000-4000-8000-000000000001"}
{"type":"system","subtype":"init","cwd":"/w","session_id":"5f0c8d1e-0000-4000-8000-000000000001","model":"claude-sonnet-5-5","tools":["Bash"],"mcp_servers":[{"name":"tickets","status":"connected"}],"mcp_server_errors":[],"capabilities":["x"]}
[SandboxDebug] this is no JSON
{"type":"rate_limit_event","rate_limit_info":{"status":"allowed_warning","resetsAt":1795000000,"rateLimitType":"five_hour","utilization":0.91}}
{"type":"assistant","message":{"id":"m1","content":[{"type":"thinking","thinking":"hm","signature":"s"}]},"parent_tool_use_id":null}
{"type":"assistant","message":{"id":"m1","content":[{"type":"text","text":"I look at it."}]},"parent_tool_use_id":null}
{"type":"assistant","message":{"id":"m1","content":[{"type":"tool_use","id":"t1","name":"Task","input":{}}]},"parent_tool_use_id":null}
{"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,"retry_delay_ms":600,"error_status":529,"error":"overloaded"}
{"type":"assistant","message":{"content":[{"type":"text","text":"a subagent speaks"},{"type":"tool_use","id":"t2","name":"Bash","input":{}}]},"parent_tool_use_id":"t1"}
{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"t1","content":"ok"}]}}
{"type":"something_new","text":"..."}
{"type":"assistant","message":{"content":[{"type":"text","text":"Fixed ü."}]},"parent_tool_use_id":null}
{"type":"result","subtype":"success","is_error":false,"duration_ms":84213,"num_turns":11,"result":"Fixed ü.","structured_output":{"ok":true},"stop_reason":"end_turn","terminal_reason":"completed","session_id":"5f0c8d1e-0000-4000-8000-000000000001","total_cost_usd":0.1234567,"usage":{"input_tokens":1,"output_tokens":2},"modelUsage":{"claude-sonnet-5-5":{"inputTokens":100,"outputTokens":20,"cacheReadInputTokens":3000,"cacheCreationInputTokens":400,"costUSD":0.1},"claude-haiku-5-5":{"inputTokens":10,"outputTokens":2,"cacheReadInputTokens":0,"cacheCreationInputTokens":5}},"permission_denials":[{"tool_name":"Bash"},{"tool_name":"Edit"}]}
)~";

inline constexpr std::string_view codex_run = R"~(
{"type":"thread.started","thread_id":"0199a213-81c0-7800-8aa1-bbab2a035a53"}
{"type":"turn.started"}
{"type":"error","message":"Reconnecting... 1/5 (unexpected status 503 Service Unavailable)"}
{"type":"item.completed","item":{"id":"item_0","type":"reasoning","text":"**Scanning**"}}
{"type":"item.started","item":{"id":"item_1","type":"command_execution","command":"ls","aggregated_output":"","status":"in_progress"}}
{"type":"item.completed","item":{"id":"item_1","type":"command_execution","command":"ls","aggregated_output":"a\n","exit_code":0,"status":"completed"}}
{"type":"item.completed","item":{"id":"item_2","type":"command_execution","command":"rm -rf /","aggregated_output":"","status":"declined"}}
{"type":"item.completed","item":{"id":"item_3","type":"file_change","changes":[{"path":"a","kind":"update"}],"status":"completed"}}
{"type":"item.updated","item":{"id":"item_4","type":"todo_list","items":[]}}
{"type":"item.completed","item":{"id":"item_5","type":"error","message":"a tool was slow"}}
{"type":"item.completed","item":{"id":"item_6","type":"agent_message","text":"{\"ok\":true}"}}
{"type":"turn.completed","usage":{"input_tokens":24763,"cached_input_tokens":24448,"output_tokens":122,"reasoning_output_tokens":64}}
)~";

inline constexpr std::string_view gemini_run = R"~(
{"type":"init","timestamp":"2026-11-22T10:00:00.000Z","session_id":"7d4bd4a1-0000-4000-8000-000000000002","model":"gemini-3-pro"}
{"type":"message","timestamp":"t","role":"user","content":"the prompt"}
{"type":"message","timestamp":"t","role":"assistant","content":"I look ","delta":true}
{"type":"message","timestamp":"t","role":"assistant","content":"at it.","delta":true}
{"type":"tool_use","timestamp":"t","tool_name":"read_file","tool_id":"r1","parameters":{"path":"a"}}
{"type":"tool_result","timestamp":"t","tool_id":"r1","status":"success","output":"..."}
{"type":"error","timestamp":"t","severity":"warning","message":"loop detected"}
{"type":"message","timestamp":"t","role":"assistant","content":"It ","delta":true}
{"type":"message","timestamp":"t","role":"assistant","content":"is done.","delta":true}
{"type":"result","timestamp":"t","status":"success","stats":{"total_tokens":250,"input_tokens":200,"output_tokens":50,"cached":120,"input":80,"duration_ms":3000,"tool_calls":1}}
)~";

inline const agent_adapter& adapter_named(std::string_view name) {
  if (const auto* x = find_adapter(name))
    return *x;
  throw std::runtime_error("no such adapter");
}

/// The report of a run whose output comes in pieces of so many bytes.
inline agent_report report_of(std::string_view adapter, std::string_view output, std::size_t piece_bytes = 65'536) {
  agent_report result;
  line_splitter splitter;
  const auto consume = [&](std::string_view line) { adapter_named(adapter).consume(line, result); };
  for (; !output.empty(); output.remove_prefix(std::min(piece_bytes, output.size())))
    splitter.append(output.substr(0, piece_bytes), consume);
  splitter.finish(consume);
  return result;
}

} // namespace swarm::executors
