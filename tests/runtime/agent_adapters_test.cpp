#define CAF_SUITE agent_adapters

#include "runtime/executors/agent_cli/json_line.hpp"
#include "tests/fixtures/seed.hpp"
#include "tests/runtime/agent_transcripts.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace std::chrono_literals;
using namespace std::string_literals;
using nlohmann::json;

namespace {

/// The adapters that read JSON, with a run each.
const std::vector<std::pair<std::string_view, std::string_view>> dialects{
  {"claude", claude_run}, {"codex", codex_run}, {"gemini", gemini_run}};

struct dice {
  std::uint64_t seed = test::choose_seed();
  std::mt19937_64 random{seed};

  std::size_t pick(std::size_t max) { return std::uniform_int_distribution<std::size_t>{0, max}(random); }

  template <class T>
  const T& one_of(const std::vector<T>& all) {
    return all[pick(all.size() - 1)];
  }
};

/// A value of any type under names that the parsers look for.
json any_value(dice& random, std::size_t depth) {
  static const std::vector<std::string> words{
    "type", "subtype", "system", "init", "api_retry", "result", "assistant", "success", "is_error", "message",
    "content", "text", "tool_use", "rate_limit_event", "rate_limit_info", "status", "rejected", "resetsAt", "error",
    "error_status", "retry_delay_ms", "usage", "modelUsage", "inputTokens", "num_turns", "total_cost_usd", "errors",
    "session_id", "thread_id", "thread.started", "item.completed", "item", "turn.completed", "turn.failed", "stats",
    "input_tokens", "role", "delta", "mcp_server_errors", "permission_denials", "structured_output", "cached", "\0"};
  switch (random.pick(depth > 3 ? 5 : 9)) {
    case 0: return nullptr;
    case 1: return random.pick(1) == 1;
    case 2: return static_cast<std::int64_t>(random.random());
    case 3: return random.random();
    case 4: return static_cast<double>(random.random()) * (random.pick(1) == 1 ? 1e280 : -1e-3);
    case 5: return random.one_of(words);
    case 6: {
      auto result = json::array();
      for (auto count = random.pick(3); count > 0; --count)
        result.push_back(any_value(random, depth + 1));
      return result;
    }
    default: {
      auto result = json::object();
      for (auto count = random.pick(6); count > 0; --count)
        result[random.one_of(words)] = any_value(random, depth + 1);
      // Or few lines would get anywhere.
      if (depth == 0)
        result["type"] = random.one_of(words);
      return result;
    }
  }
}

/// What holds of every report, whatever came in.
bool is_sound(const agent_report& x) {
  const auto is_text = [](const std::string& text) { return text.size() <= agent_report::text_bytes_max; };
  const auto is_word = [](const std::string& word) { return word.size() <= agent_report::word_bytes_max; };
  const auto& usage = x.usage;
  const auto counts = {usage.input, usage.output, usage.cache_write, usage.cache_read, x.turns, x.tool_calls,
                       x.permission_denials, x.api_retries, x.cost_micro_dollars.value_or(0)};
  return is_text(x.result) && is_text(x.last_text) && is_text(x.last_error)
         && x.structured_output.size() <= agent_report::structured_bytes_max
         && is_word(x.session_id) && is_word(x.model) && is_word(x.subtype) && is_word(x.terminal_reason)
         && is_word(x.api_error)
         && std::ranges::all_of(counts, [](auto number) { return number >= 0; })
         && (!x.ok || (x.ended && x.subtype == "success"));
}

} // namespace

CAF_TEST(adapters are found by their names and by no other) {
  for (auto name : {"claude", "codex", "gemini", "generic"})
    CAF_CHECK_EQUAL(adapter_named(name).name, name);
  CAF_CHECK(find_adapter("") == nullptr);
  CAF_CHECK(find_adapter("Claude") == nullptr);
}

CAF_TEST(a run of claude is understood) {
  const auto x = report_of("claude", claude_run);
  CAF_CHECK_EQUAL(x.session_id, "5f0c8d1e-0000-4000-8000-000000000001");
  CAF_CHECK_EQUAL(x.model, "claude-sonnet-5-5");
  CAF_CHECK(x.ended && x.ok);
  CAF_CHECK_EQUAL(x.subtype, "success");
  CAF_CHECK_EQUAL(x.terminal_reason, "completed");
  CAF_CHECK_EQUAL(x.api_error_status, 0);
  CAF_CHECK_EQUAL(x.result, "Fixed ü.");
  CAF_CHECK_EQUAL(x.structured_output, R"({"ok":true})");
  // Of the whole tree, not of the root alone.
  CAF_CHECK(x.usage == (token_usage{110, 22, 405, 3000}));
  CAF_CHECK_EQUAL(x.cost_micro_dollars.value_or(0), 123'457);
  CAF_CHECK_EQUAL(x.turns, 11);
  CAF_CHECK_EQUAL(x.tool_calls, 2);
  CAF_CHECK_EQUAL(x.permission_denials, 2);
  CAF_CHECK(!x.limit_rejected);
  CAF_CHECK(x.limit_resets_at == wall_time{1'795'000'000s});
  CAF_CHECK_EQUAL(x.api_retries, 1);
  CAF_CHECK_EQUAL(x.last_text, "Fixed ü.");
}

CAF_TEST(a run of codex is understood) {
  const auto x = report_of("codex", codex_run);
  CAF_CHECK_EQUAL(x.session_id, "0199a213-81c0-7800-8aa1-bbab2a035a53");
  CAF_CHECK(x.ended && x.ok);
  CAF_CHECK_EQUAL(x.result, R"({"ok":true})");
  // What came from the cache is told as a part of the input.
  CAF_CHECK(x.usage == (token_usage{315, 122, 0, 24'448}));
  CAF_CHECK(!x.cost_micro_dollars);
  CAF_CHECK_EQUAL(x.turns, 1);
  CAF_CHECK_EQUAL(x.tool_calls, 3);
  CAF_CHECK_EQUAL(x.permission_denials, 1);
  CAF_CHECK_EQUAL(x.api_retries, 1);
  CAF_CHECK_EQUAL(x.last_error, "a tool was slow");
}

CAF_TEST(a run of gemini is understood) {
  const auto x = report_of("gemini", gemini_run);
  CAF_CHECK_EQUAL(x.session_id, "7d4bd4a1-0000-4000-8000-000000000002");
  CAF_CHECK_EQUAL(x.model, "gemini-3-pro");
  CAF_CHECK(x.ended && x.ok);
  CAF_CHECK_EQUAL(x.result, "It is done.");
  CAF_CHECK(x.usage == (token_usage{80, 50, 0, 120}));
  CAF_CHECK_EQUAL(x.turns, 1);
  CAF_CHECK_EQUAL(x.tool_calls, 1);
  CAF_CHECK_EQUAL(x.last_error, "loop detected");
}

CAF_TEST(any other program is judged by its exit code unless a shell made it) {
  struct row {
    int exit_code;
    bool ended;
    bool ok;
  };
  const row rows[] = {{0, true, true},     {1, true, false},    {125, true, false}, {126, false, false},
                      {127, false, false}, {143, false, false}, {-1, false, false}};
  for (auto [exit_code, ended, ok] : rows) {
    auto x = report_of("generic", "{\"type\":\"result\"}\nall is well\n\n");
    CAF_CHECK(!x.ended);
    adapter_named("generic").at_exit(exit_code, x);
    CAF_MESSAGE("exit code " << exit_code);
    CAF_CHECK_EQUAL(x.ended, ended);
    CAF_CHECK_EQUAL(x.ok, ok);
    CAF_CHECK_EQUAL(x.last_text, "all is well");
  }
}

CAF_TEST(each dialect tells its failures in the same words) {
  struct row {
    std::string_view adapter;
    std::string_view line;
    std::string_view subtype;
    int status;
    std::string_view result;
  };
  for (auto& x : std::vector<row>{
         {"claude", R"({"type":"result","subtype":"error_max_turns","is_error":true})", "error_max_turns", 0, ""},
         {"claude", R"({"type":"result","subtype":"success","is_error":true,"api_error_status":500,"result":"no"})",
          "success", 500, "no"},
         {"claude", R"({"type":"assistant","error":"billing_error","message":{}}
{"type":"result","subtype":"success","is_error":true,"result":"no credit"})", "success", 402, "no credit"},
         {"codex", R"({"type":"turn.failed","error":{"message":"last status: 429 Too Many Requests"}})",
          "error_during_execution", 429, "last status: 429 Too Many Requests"},
         {"codex", R"({"type":"turn.failed","error":{"message":"it broke"}})", "error_during_execution", 0, "it broke"},
         {"codex", R"({"type":"turn.failed"})", "error_during_execution", 0, ""},
         {"gemini", R"({"type":"result","status":"error","error":{"type":"FatalTurnLimitedError","message":"m"}})",
          "error_max_turns", 0, "m"},
         {"gemini", R"({"type":"result","status":"error","error":{"type":"FatalAuthenticationError","message":"m"}})",
          "error_during_execution", 401, "m"},
         {"gemini", R"({"type":"result","status":"error","error":{"type":"FatalConfigError","message":"m"}})",
          "error_config", 0, "m"},
         {"gemini", R"({"type":"result","status":"error","error":{"type":"Error","message":"{\"code\":503}"}})",
          "error_during_execution", 503, "{\"code\":503}"},
         {"gemini", R"({"type":"result"})", "error_during_execution", 0, ""},
       }) {
    const auto report = report_of(x.adapter, x.line);
    CAF_MESSAGE(x.line);
    CAF_CHECK(report.ended && !report.ok);
    CAF_CHECK_EQUAL(report.subtype, x.subtype);
    CAF_CHECK_EQUAL(report.api_error_status, x.status);
    CAF_CHECK_EQUAL(report.result, x.result);
  }
}

CAF_TEST(an error that the API got over is not the reason of a later failure) {
  const auto report = report_of("claude", R"({"type":"system","subtype":"api_retry","error":"overloaded"}
{"type":"assistant","message":{"content":[]}}
{"type":"result","subtype":"error_during_execution","is_error":true})");
  CAF_CHECK_EQUAL(report.api_error, "");
  CAF_CHECK_EQUAL(report.api_error_status, 0);
}

CAF_TEST(the last result line of claude holds) {
  const auto report = report_of("claude", R"({"type":"result","subtype":"success","result":"1","structured_output":[1]}
{"type":"result","subtype":"error_during_execution","is_error":true})");
  CAF_CHECK(report.ended && !report.ok);
  CAF_CHECK_EQUAL(report.result, "");
  CAF_CHECK_EQUAL(report.structured_output, "");
}

CAF_TEST(what a subagent says is not the word of the agent) {
  const auto report = report_of("claude", R"({"type":"assistant","message":{"content":[{"type":"text","text":"mine"}]}}
{"type":"assistant","parent_tool_use_id":"t","message":{"content":[{"type":"tool_use"},{"type":"text","text":"i"}]}})");
  CAF_CHECK_EQUAL(report.last_text, "mine");
  CAF_CHECK_EQUAL(report.tool_calls, 1);
}

CAF_TEST(a limit is told in any of the known spellings) {
  const wall_time resets_at{1'795'000'000s};
  struct row {
    std::string_view members;
    std::optional<wall_time> resets_at;
  };
  for (auto& x : {row{R"("rate_limit_info":{"status":"rejected","resetsAt":1795000000})", resets_at},
                  row{R"("rate_limit_info":{"status":"rejected","resets_at":1795000000999})", resets_at},
                  row{R"("status":"rejected","resets_at":1795000000)", resets_at},
                  row{R"("status":"rejected","resets_at":"3:45pm")", {}},
                  row{R"("status":"rejected","resets_at":-1)", {}},
                  row{R"("status":"rejected","resets_at":1e300)", {}}}) {
    CAF_MESSAGE(x.members);
    const auto line = R"({"type":"rate_limit_event",)" + std::string{x.members} + "}";
    const auto report = report_of("claude", line);
    CAF_CHECK(report.limit_rejected);
    CAF_CHECK(report.limit_resets_at == x.resets_at);
    CAF_CHECK(!report_of("claude", line + "\n" + R"({"type":"rate_limit_event","status":"allowed"})").limit_rejected);
  }
}

CAF_TEST(exit codes of gemini count only when there is no result line) {
  for (auto [exit_code, subtype, status] :
       {std::tuple{41, "error_during_execution", 401}, {42, "error_input", 0}, {52, "error_config", 0},
        {53, "error_max_turns", 0}, {54, "error_tool_execution", 0}}) {
    agent_report x;
    adapter_named("gemini").at_exit(exit_code, x);
    CAF_CHECK(x.ended && !x.ok);
    CAF_CHECK_EQUAL(x.subtype, subtype);
    CAF_CHECK_EQUAL(x.api_error_status, status);
  }
  for (auto exit_code : {0, 1, 130, 143}) {
    agent_report x;
    adapter_named("gemini").at_exit(exit_code, x);
    CAF_CHECK(x == agent_report{});
  }
}

CAF_TEST(texts and lists are bounded and cut between characters) {
  const auto line = [](std::string text) {
    const json block{{"type", "text"}, {"text", std::move(text)}};
    return json{{"type", "assistant"}, {"message", {{"content", json::array({block})}}}}.dump() + "\n";
  };
  std::string umlauts = "x";
  while (umlauts.size() < 2 * agent_report::text_bytes_max)
    umlauts += "ü";
  const auto report = report_of("claude", line(umlauts));
  CAF_CHECK_EQUAL(report.last_text.size(), agent_report::text_bytes_max - 1);
  CAF_CHECK(umlauts.starts_with(report.last_text));
  std::string pieces;
  for (int i = 0; i < 9'000; ++i)
    pieces += R"({"type":"message","role":"assistant","content":"ten bytes.","delta":true})" "\n"s;
  CAF_CHECK_EQUAL(report_of("gemini", pieces).last_text.size(), agent_report::text_bytes_max);
  const json big{{"type", "result"}, {"structured_output", std::string(2u << 20, 'x')}};
  CAF_CHECK_EQUAL(report_of("claude", big.dump()).structured_output, "");
}

CAF_TEST(half a character that JavaScript left over does not hide a result) {
  for (auto [text, result] : {std::pair{R"(cut \ud83d)", "cut \xEF\xBF\xBD"}, {R"(\ude00)", "\xEF\xBF\xBD"},
                              {R"(\ud83d\ude00 \ud83d\\u0041\u00fc)", "\U0001F600 \xEF\xBF\xBD\\u0041ü"},
                              {R"(\\ud83d \ud83d\ud83d\ude00)", "\\ud83d \xEF\xBF\xBD\U0001F600"}}) {
    const auto report = report_of("claude", R"({"type":"result","subtype":"success","result":")"s + text + "\"}");
    CAF_CHECK(report.ok);
    CAF_CHECK_EQUAL(report.result, result);
  }
  CAF_CHECK(!parse_object(R"({"result":"\ud8)"));
}

CAF_TEST(a NUL in a text does not hide a result and is not handed on) {
  for (auto [text, result] : {std::pair{R"(a\u0000b)", "a\xEF\xBF\xBD" "b"}, {R"(\\u0000)", "\\u0000"}}) {
    const auto report = report_of("claude", R"({"type":"result","subtype":"success","result":")"s + text + "\"}");
    CAF_CHECK(report.ok);
    CAF_CHECK_EQUAL(report.result, result);
  }
  CAF_CHECK_EQUAL(report_of("generic", "a\0b\n"s).last_text, "a b");
}

CAF_TEST(lines that would take much memory are not read) {
  const auto nested = [](std::size_t depth) {
    return R"({"type":"result","subtype":"success","x":)" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  CAF_CHECK(report_of("claude", nested(90)).ok);
  CAF_CHECK(!report_of("claude", nested(110)).ended);
  CAF_CHECK(!report_of("claude", nested(2'000'000)).ended);
  std::string wide = R"({"type":"result","subtype":"success","x":[0)";
  for (int i = 0; i < 1'200'000; ++i)
    wide += ",0";
  CAF_CHECK(!report_of("claude", wide + "]}").ended);
}

CAF_TEST(a report is the same for every way to cut the output into pieces) {
  for (auto& [name, run] : dialects) {
    const auto whole = report_of(name, run);
    for (std::size_t piece_bytes = 1; piece_bytes < 100; ++piece_bytes)
      CAF_REQUIRE(report_of(name, run, piece_bytes) == whole);
    std::string with_carriage_returns;
    for (auto c : run)
      with_carriage_returns += c == '\n' ? "\r\n" : std::string(1, c);
    CAF_CHECK(report_of(name, with_carriage_returns, 7) == whole);
  }
}

CAF_TEST(a run that is cut short has not ended) {
  for (auto& [name, run] : dialects)
    for (std::size_t bytes = 0; bytes + 2 < run.size(); bytes += 7)
      CAF_REQUIRE(!report_of(name, run.substr(0, bytes)).ended);
}

CAF_TEST(no JSON at all makes a parser fail or leave its bounds) {
  dice random;
  CAF_MESSAGE("seed " << random.seed);
  for (int round = 0; round < 1'000; ++round) {
    std::vector<agent_report> reports(dialects.size());
    for (int count = 0; count < 10; ++count) {
      const auto line = any_value(random, 0).dump(-1, ' ', false, json::error_handler_t::replace);
      for (std::size_t i = 0; i < dialects.size(); ++i)
        adapter_named(dialects[i].first).consume(line, reports[i]);
    }
    for (auto& x : reports)
      CAF_REQUIRE(is_sound(x));
  }
}

CAF_TEST(no damaged run makes a parser fail or leave its bounds) {
  dice random;
  CAF_MESSAGE("seed " << random.seed);
  for (int round = 0; round < 500; ++round) {
    std::string run{random.one_of(dialects).second};
    for (auto changes = random.pick(12); changes > 0; --changes) {
      const auto at = random.pick(run.size() - 1);
      switch (random.pick(3)) {
        case 0: run[at] = static_cast<char>(random.pick(255)); break;
        case 1: run.erase(at, random.pick(40)); break;
        case 2: run.insert(at, run.substr(random.pick(run.size() - 1), random.pick(200))); break;
        default: run.insert(at, 1, "{}[]\",:\\\n"[random.pick(8)]); break;
      }
      run += ' ';
    }
    for (auto name : {"claude", "codex", "gemini", "generic"})
      CAF_REQUIRE(is_sound(report_of(name, run, 1 + random.pick(300))));
  }
}
