#define CAF_SUITE conversation

#include "runtime/executors/claude/conversation.hpp"

#include "messages/error.hpp"

#include <algorithm>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::executors::claude;
using json = nlohmann::json;
using namespace std::string_literals;

namespace {

model_profile profile() {
  return {"claude-sonnet-5-5", 16'000, "Be exact.",
          json::parse(R"([{"name":"run","description":"runs","input_schema":{"type":"object","properties":{}}},
                          {"name":"read","description":"reads","input_schema":{"type":"object","properties":{}}}])"),
          "medium"};
}

json tool_use(const std::string& id, const std::string& name) {
  return json::object({{"type", "tool_use"}, {"id", id}, {"name", name}, {"input", json::object()}});
}

json blocks(const std::string& text) {
  return json::parse(text);
}

conversation started(tool_result_limits limits = {}) {
  conversation x{profile(), limits};
  CAF_REQUIRE(x.append_user({}, {"Do it."}));
  return x;
}

/// After a message of the assistant with these blocks.
conversation after(const json& content) {
  auto x = started();
  CAF_REQUIRE(x.append_assistant(content));
  return x;
}

/// In the order of names, as requests have them.
std::string sorted(const std::string& text) {
  return json::parse(text).dump();
}

json messages(const conversation& x) {
  return json::parse(x.request_body())["messages"];
}

std::string last_content(const conversation& x) {
  auto content = messages(x).back()["content"];
  content.back().erase("cache_control");
  return content.dump();
}

std::string complaint(const caf::expected<void>& x) {
  return x ? "" : swarm::render(x.error());
}

/// The messages without the mark that moves.
json without_marks(json x) {
  for (auto& message : x)
    for (auto& block : message["content"])
      block.erase("cache_control");
  return x;
}

} // namespace

CAF_TEST(a request has its members and nothing else) {
  CAF_CHECK_EQUAL(
    started().request_body(),
    sorted(R"({"model":"claude-sonnet-5-5","max_tokens":16000,"stream":true,"output_config":{"effort":"medium"},)"
    R"("tools":[{"name":"run","description":"runs","input_schema":{"type":"object","properties":{}}},)"
    R"({"name":"read","description":"reads","input_schema":{"type":"object","properties":{}}}],)"
    R"("system":[{"type":"text","text":"Be exact.","cache_control":{"type":"ephemeral"}}],)"
    R"("messages":[{"role":"user","content":[)"
    R"({"type":"text","text":"Do it.","cache_control":{"type":"ephemeral"}}]}]})"));
}

CAF_TEST(what the profile leaves open is not sent) {
  conversation x{{"m", 5, " \n", json::array(), ""}};
  CAF_REQUIRE(x.append_user({}, {"Do it."}));
  CAF_CHECK_EQUAL(
    x.request_body(),
    sorted(R"({"model":"m","max_tokens":5,"stream":true,)"
    R"("messages":[{"role":"user","content":[)"
    R"({"type":"text","text":"Do it.","cache_control":{"type":"ephemeral"}}]}]})"));
}

CAF_TEST(each request begins with the messages of the one before but for the mark) {
  auto x = started();
  auto before = without_marks(messages(x));
  for (int turn = 0; turn < 5; ++turn) {
    const auto id = "toolu_" + std::to_string(turn);
    CAF_REQUIRE(x.append_assistant(json::array({tool_use(id, "run")})));
    CAF_REQUIRE(x.append_user({{id, "done", false}}, {turn % 2 == 0 ? "" : "Go on."}));
    CAF_CHECK_EQUAL(x.request_body(), x.request_body());
    const auto now = without_marks(messages(x));
    CAF_REQUIRE_EQUAL(now.size(), before.size() + 2);
    CAF_CHECK(std::equal(before.begin(), before.end(), now.begin()));
    before = now;
  }
}

CAF_TEST(two marks are sent and the second is at the end of the last message of the user) {
  auto x = after(json::array({tool_use("a", "run"), tool_use("b", "run")}));
  CAF_REQUIRE(x.append_user({{"a", "1", false}, {"b", "2", false}}));
  CAF_REQUIRE(x.append_assistant(blocks(R"([{"type":"text","text":"paused"}])")));
  const auto body = x.request_body();
  std::size_t marks = 0;
  for (auto at = body.find("cache_control"); at != std::string::npos; at = body.find("cache_control", at + 1))
    ++marks;
  CAF_CHECK_EQUAL(marks, 2u);
  CAF_CHECK(messages(x)[2]["content"][1].contains("cache_control"));
}

CAF_TEST(the answer of the assistant is sent back as it came) {
  const auto content = blocks(R"([
    {"type":"thinking","thinking":"Hm\n\u00e4","signature":"Eq+/=="},
    {"z":1,"type":"new_block","data":[1,2.5,{"y":null}],"a":"\u0000"},
    {"type":"text","text":""},
    {"type":"tool_use","id":"a","name":"run","input":{"z":1,"a":[]}}])");
  const auto x = after(content);
  CAF_CHECK_EQUAL(messages(x)[1].dump(), json::object({{"role", "assistant"}, {"content", content}}).dump());
  CAF_CHECK(x.request_body().find(content.dump()) != std::string::npos);
}

CAF_TEST(an answer that paused is sent again and nothing follows it) {
  const auto paused = blocks(R"([{"type":"text","text":"a"},
                                 {"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}}])");
  auto x = after(paused);
  CAF_CHECK_EQUAL(messages(x).back().dump(), json::object({{"role", "assistant"}, {"content", paused}}).dump());
  CAF_CHECK_EQUAL(complaint(x.append_assistant(blocks(R"([{"type":"text","text":"b"}])"))), "");
  CAF_CHECK_EQUAL(messages(x).size(), 3u);
}

CAF_TEST(all results come first in one message and in the order of the calls) {
  auto x = after(json::array({tool_use("a", "run"), blocks(R"({"type":"text","text":"and"})"), tool_use("b", "read")}));
  CAF_REQUIRE(x.append_user({{"b", "two", false}, {"a", "one", true}}, {"Attempt 2 of 3."}));
  CAF_CHECK_EQUAL(messages(x).size(), 3u);
  CAF_CHECK_EQUAL(last_content(x), sorted(R"([{"type":"tool_result","tool_use_id":"a","content":"one","is_error":true},)"
                                   R"({"type":"tool_result","tool_use_id":"b","content":"two"},)"
                                   R"({"type":"text","text":"Attempt 2 of 3."}])"));
}

CAF_TEST(a call without a result is answered by an error with a reason) {
  auto x = after(json::array({tool_use("a", "run"), tool_use("b", "fly"), tool_use("c", "read")}));
  CAF_REQUIRE(x.append_user({{"a", "one", false}}));
  CAF_CHECK_EQUAL(last_content(x),
                  sorted(R"([{"type":"tool_result","tool_use_id":"a","content":"one"},)"
                  R"({"type":"tool_result","tool_use_id":"b","content":"There is no tool 'fly'.","is_error":true},)"
                  R"({"type":"tool_result","tool_use_id":"c","content":"This tool was not run.","is_error":true}])"));
}

CAF_TEST(a blank result is given words) {
  auto x = after(json::array({tool_use("a", "run"), tool_use("b", "run")}));
  CAF_REQUIRE(x.append_user({{"a", "", false}, {"b", " \n", true}}, {" "}));
  CAF_CHECK_EQUAL(
    last_content(x),
    sorted(R"x([{"type":"tool_result","tool_use_id":"a","content":"(no output)"},)x"
    R"({"type":"tool_result","tool_use_id":"b","content":"The tool failed and gave no reason.","is_error":true}])"));
}

CAF_TEST(the calls of all messages since the last one of the user are answered) {
  auto x = after(json::array({tool_use("a", "run")}));
  CAF_REQUIRE(x.append_assistant(json::array({tool_use("b", "run")})));
  CAF_REQUIRE(x.append_user({{"b", "2", false}, {"a", "1", false}}));
  CAF_REQUIRE(x.append_assistant(json::array({tool_use("c", "run")})));
  CAF_REQUIRE(x.append_user({{"c", "3", false}}));
  CAF_CHECK_EQUAL(messages(x)[3]["content"].dump(), sorted(R"([{"type":"tool_result","tool_use_id":"a","content":"1"},)"
                                                    R"({"type":"tool_result","tool_use_id":"b","content":"2"}])"));
  CAF_CHECK_EQUAL(last_content(x), sorted(R"([{"type":"tool_result","tool_use_id":"c","content":"3"}])"));
}

CAF_TEST(what the API would refuse is refused before and changes nothing) {
  auto x = after(json::array({tool_use("a", "run")}));
  const auto body = x.request_body();
  CAF_CHECK_EQUAL(complaint(x.append_user({{"b", "", false}})),
                  "the conversation can't go on: nobody asked for the result of tool_use 'b'");
  CAF_CHECK_EQUAL(complaint(x.append_user({{"a", "", false}, {"a", "", false}})),
                  "the conversation can't go on: tool_use 'a' has two results");
  CAF_CHECK_EQUAL(complaint(x.append_assistant(blocks(R"([{"type":"document","source":{}}])"))),
                  "the conversation can't go on: the assistant's message holds a document");
  for (const auto* content : {"null", "{}", "\"text\"", "[1]", R"(["text"])"})
    CAF_CHECK_EQUAL(complaint(x.append_assistant(blocks(content))),
                    "the conversation can't go on: the content of the assistant's message isn't a list of blocks");
  CAF_CHECK_EQUAL(x.request_body(), body);
  conversation empty{profile()};
  CAF_CHECK_EQUAL(complaint(empty.append_assistant(json::array())),
                  "the conversation can't go on: it begins with a message of the assistant");
  CAF_CHECK_EQUAL(complaint(empty.append_user({}, {"\n"})),
                  "the conversation can't go on: the user's message has neither text nor results");
}

CAF_TEST(no text is sent while a tool of the server is pending) {
  const auto search = R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})"s;
  const auto found = R"({"type":"web_search_tool_result","tool_use_id":"s","content":[]})"s;
  auto pending = after(blocks("[" + search + "," + tool_use("a", "run").dump() + "]"));
  CAF_CHECK_EQUAL(complaint(pending.append_user({{"a", "1", false}}, {"Go on."})),
                  "the conversation can't go on: a tool of the server is pending, and text must wait for it");
  CAF_CHECK_EQUAL(complaint(pending.append_user({{"a", "1", false}})), "");
  auto answered = after(blocks("[" + search + "," + found + "," + tool_use("a", "run").dump() + "]"));
  CAF_CHECK_EQUAL(complaint(answered.append_user({{"a", "1", false}}, {"Go on."})), "");
  CAF_CHECK_EQUAL(messages(answered).back()["content"].size(), 2u);
}

CAF_TEST(an answer that says nothing is not sent back) {
  const std::vector<std::pair<std::string, bool>> rows{
    {"[]", true},
    {R"([{"type":"text","text":" \n"}])", true},
    {R"([{"type":"thinking","thinking":"x","signature":"s"},{"type":"redacted_thinking","data":"x"}])", true},
    {R"([{"type":"thinking","thinking":"x","signature":"s"},{"type":"text","text":"y"}])", false},
    {R"([{"type":"tool_use","id":"a","name":"run","input":{}}])", false},
    {R"([{"type":"new_block"}])", false},
  };
  for (const auto& [text, is_empty] : rows) {
    CAF_CHECK_EQUAL(is_empty_answer(blocks(text)), is_empty);
    auto x = after(blocks(text));
    CAF_REQUIRE(x.append_user({}, {"Please continue."}));
    CAF_CHECK_EQUAL(messages(x).size(), is_empty ? 2u : 3u);
  }
}

CAF_TEST(more output can be allowed without another change) {
  auto x = started();
  auto expected = x.request_body();
  expected.replace(expected.find("16000"), 5, "32000");
  x.set_max_tokens(32'000);
  CAF_CHECK_EQUAL(x.request_body(), expected);
}

CAF_TEST(a long result keeps its ends and counts what was left out) {
  auto x = started({4, 3});
  CAF_REQUIRE(x.append_assistant(json::array({tool_use("a", "run")})));
  CAF_REQUIRE(x.append_user({{"a", "abcdEFGHijk", false}}, {"a text of any length"}));
  CAF_CHECK_EQUAL(messages(x)[2]["content"][0]["content"].get<std::string>(), "abcd\n... 4 bytes dropped ...\nijk");
  CAF_CHECK_EQUAL(messages(x)[2]["content"][1]["text"].get<std::string>(), "a text of any length");
}

CAF_TEST(a text is cut between characters) {
  const std::vector<std::tuple<std::string, tool_result_limits, std::string>> rows{
    {"abcdefg", {4, 3}, "abcdefg"},
    {"abcdefgh", {4, 3}, "abcd\n... 1 bytes dropped ...\nfgh"},
    {"", {0, 0}, ""},
    {"ab", {0, 0}, "\n... 2 bytes dropped ...\n"},
    {"abc", {2, 0}, "ab\n... 1 bytes dropped ...\n"},
    {"abc", {0, 2}, "\n... 1 bytes dropped ...\nbc"},
    {"abc\xC3\xA4_\xC3\xA4xyz", {4, 4}, "abc\n... 5 bytes dropped ...\nxyz"},
    {"abc\xC3\xA4_\xC3\xA4xyz", {5, 5}, "abc\xC3\xA4\n... 1 bytes dropped ...\n\xC3\xA4xyz"},
    {"\xF0\x9F\x98\x80__\xF0\x9F\x98\x80", {3, 3}, "\n... 10 bytes dropped ...\n"},
    {"\xF0\x9F\x98\x80__\xF0\x9F\x98\x80", {4, 4}, "\xF0\x9F\x98\x80\n... 2 bytes dropped ...\n\xF0\x9F\x98\x80"},
    {std::string(20, '\x80'), {8, 8}, std::string(5, '\x80') + "\n... 10 bytes dropped ...\n" + std::string(5, '\x80')},
    {std::string(5, 'x'), {SIZE_MAX, SIZE_MAX}, "xxxxx"},
  };
  for (const auto& [text, limits, expected] : rows)
    CAF_CHECK_EQUAL(cap_text(text, limits), expected);
}

CAF_TEST(bytes that are no text do not stop a request) {
  auto x = after(json::array({tool_use("a", "run")}));
  CAF_REQUIRE(x.append_user({{"a", "\xFF\0\xC3"s, false}}, {"\xFF"}));
  CAF_CHECK_EQUAL(messages(x)[2]["content"][0]["content"].dump(), R"("�\u0000�")");
  CAF_CHECK_EQUAL(messages(x)[2]["content"][1]["text"].dump(), R"("�")");
}

CAF_TEST(sampling parameters are never sent) {
  const auto body = json::parse(after(json::array({tool_use("a", "run")})).request_body());
  for (const auto* name : {"temperature", "top_p", "top_k"})
    CAF_CHECK(!body.contains(name));
}
