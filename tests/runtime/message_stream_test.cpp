#define CAF_SUITE message_stream

#include "runtime/executors/claude/message_stream.hpp"

#include "messages/error.hpp"
#include "tests/fixtures/seed.hpp"

#include <random>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::executors::claude;
using json = nlohmann::json;
using namespace std::string_literals;

namespace {

/// In the order of names, as what is read keeps no other.
std::string sorted(const std::string& text) {
  return json::parse(text).dump();
}

/// One event as the server writes it; the name is taken from the data's type.
std::string frame(const std::string& data) {
  auto result = "event: " + json::parse(data)["type"].get<std::string>() + "\ndata: ";
  for (const auto x : data)
    x == '\n' ? result += "\ndata: " : result += x;
  return result + "\n\n";
}

std::string frames(const std::vector<std::string>& events) {
  std::string result;
  for (const auto& x : events)
    result += frame(x);
  return result;
}

const auto start = R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",
"model":"claude-sonnet-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,
"cache_creation_input_tokens":9,"cache_creation":{"ephemeral_5m_input_tokens":4,"ephemeral_1h_input_tokens":5},
"cache_read_input_tokens":7,"output_tokens":1}}})"s;
const auto ping = R"({"type":"ping"})"s;
const auto stop = R"({"type":"message_stop"})"s;

std::string block_start(int index, const std::string& block) {
  return R"({"type":"content_block_start","index":)" + std::to_string(index) + R"(,"content_block":)" + block + "}";
}

std::string block_delta(int index, const std::string& delta) {
  return R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":)" + delta + "}";
}

std::string block_stop(int index) {
  return R"({"type":"content_block_stop","index":)" + std::to_string(index) + "}";
}

std::string text_delta(int index, const std::string& text) {
  return block_delta(index, R"({"type":"text_delta","text":")" + text + "\"}");
}

std::string input_delta(int index, const std::string& text) {
  return block_delta(index, json::object({{"type", "input_json_delta"}, {"partial_json", text}}).dump());
}

std::string message_delta(const std::string& reason, const std::string& usage = R"({"output_tokens":15})") {
  return R"({"type":"message_delta","delta":{"stop_reason":")" + reason + R"(","stop_sequence":null},"usage":)" + usage
         + "}";
}

const auto text_block = R"({"type":"text","text":""})"s;
const auto tool_block = R"({"type":"tool_use","id":"toolu_1","name":"run","input":{}})"s;

/// A text and a call, with all that may stand between.
const std::vector<std::string> good_events{
  start,
  ping,
  block_start(0, R"({"type":"thinking","thinking":"","signature":""})"),
  block_delta(0, R"({"type":"thinking_delta","thinking":"Let me "})"),
  block_delta(0, R"({"type":"thinking_delta","thinking":"see. \u00e4\n"})"),
  block_delta(0, R"({"type":"signature_delta","signature":"Eq+/=="})"),
  block_stop(0),
  block_start(1, text_block),
  R"({"type":"new_event","index":"x"})",
  text_delta(1, "Hello"),
  block_delta(1, R"({"type":"new_delta","text":"x"})"),
  block_delta(1, R"({"type":"citations_delta","citation":{"b":1,"a":2}})"),
  text_delta(1, " world"),
  ping,
  block_stop(1),
  block_start(2, R"({"z":1,"type":"new_block","data":[1,2.5,{"y":null}],"a":"x"})"),
  block_stop(2),
  block_start(3, tool_block),
  input_delta(3, ""),
  input_delta(3, R"({"path": "a\"b)"),
  input_delta(3, R"(", "n": 1})"),
  block_stop(3),
  message_delta("tool_use"),
  stop,
};

const auto good_content = json::parse(R"([
  {"type":"thinking","thinking":"Let me see. \u00e4\n","signature":"Eq+/=="},
  {"type":"text","text":"Hello world","citations":[{"b":1,"a":2}]},
  {"z":1,"type":"new_block","data":[1,2.5,{"y":null}],"a":"x"},
  {"type":"tool_use","id":"toolu_1","name":"run","input":{"path":"a\"b","n":1}}])");

/// A stream and what it said about the last event.
struct reading {
  message_stream stream;
  std::string error;

  explicit reading(std::size_t bytes_max = 64 * 1024 * 1024) : stream(bytes_max) {}

  const streamed_message& message() const { return stream.message(); }
};

template <class Pieces>
reading read_pieces(const Pieces& pieces, reading result = reading{}) {
  sse_parser parser{[&](const sse_event& x) {
    if (const auto done = result.stream.add(x); !done)
      result.error = swarm::render(done.error());
  }};
  for (std::string_view piece : pieces) {
    if (const auto done = parser.feed(piece); !done)
      result.error = swarm::render(done.error());
  }
  return result;
}

reading read(const std::vector<std::string>& events) {
  return read_pieces(std::vector{frames(events)});
}

/// `begin`, then the events: what most tests need.
reading read_after(std::vector<std::string> begin, const std::vector<std::string>& events) {
  begin.insert(begin.end(), events.begin(), events.end());
  return read(begin);
}

/// Everything that a reader can see.
std::string to_string(const reading& x) {
  const auto& message = x.message();
  auto result = json::object({{"error", x.error},
                              {"acceptable", x.stream.is_acceptable()},
                              {"id", message.id},
                              {"model", message.model},
                              {"content", content_of(message)},
                              {"stop_reason", message.stop_reason},
                              {"stop_sequence", message.stop_sequence},
                              {"stop_details", message.stop_details},
                              {"usage", message.usage},
                              {"usage_is_final", message.usage_is_final},
                              {"finished", message.is_finished},
                              {"api_error", message.error ? message.error->type + ": " + message.error->message : ""}});
  for (const auto& block : message.content)
    result["blocks"].push_back(std::to_string(static_cast<int>(block.state)) + block.input_text);
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

CAF_TEST(a good stream gives the message and what is unknown in it is kept or ignored) {
  const auto x = read(good_events);
  CAF_CHECK_EQUAL(x.error, "");
  CAF_CHECK(x.message().is_finished);
  CAF_CHECK(x.stream.is_acceptable());
  CAF_CHECK_EQUAL(x.message().id, "msg_1");
  CAF_CHECK_EQUAL(x.message().model, "claude-sonnet-5-5");
  CAF_CHECK_EQUAL(x.message().stop_reason, "tool_use");
  CAF_CHECK_EQUAL(x.message().stop_sequence, "");
  CAF_CHECK(x.message().stop_details.is_null());
  CAF_CHECK(!x.message().error);
  CAF_CHECK_EQUAL(content_of(x.message()).dump(), good_content.dump());
  CAF_CHECK_EQUAL(complete_content_of(x.message()).dump(), good_content.dump());
  CAF_CHECK(billed_usage(x.message()) == std::optional(swarm::token_usage{25, 15, 4, 5, 7}));
  CAF_CHECK(has_complete_work(x.message()));
  CAF_CHECK(!ends_in_cut_tool_use(x.message()));
}

CAF_TEST(a stream that ends within a block is not acceptable and nothing of it is complete) {
  const auto x = read({start, block_start(0, text_block), text_delta(0, "a"), text_delta(0, "b"), text_delta(0, "c")});
  CAF_CHECK_EQUAL(x.error, "");
  CAF_CHECK(!x.stream.is_acceptable());
  CAF_CHECK(!x.message().is_finished);
  CAF_CHECK(!has_complete_work(x.message()));
  CAF_CHECK_EQUAL(content_of(x.message()).dump(), sorted(R"([{"type":"text","text":"abc"}])"));
  CAF_CHECK_EQUAL(complete_content_of(x.message()).dump(), "[]");
  CAF_CHECK(!billed_usage(x.message()));
  CAF_CHECK(!read({}).stream.is_acceptable());
  CAF_CHECK(!read({start}).stream.is_acceptable());
}

CAF_TEST(a stream is not acceptable at any event before the reason to stop) {
  for (std::size_t i = 0; i < good_events.size(); ++i) {
    const auto x = read({good_events.begin(), good_events.begin() + static_cast<std::ptrdiff_t>(i)});
    CAF_CHECK_EQUAL(x.error, "");
    CAF_CHECK_EQUAL(x.stream.is_acceptable(), i + 1 == good_events.size());
    CAF_CHECK_EQUAL(has_complete_work(x.message()), i >= 15);
    CAF_CHECK_EQUAL(ends_in_cut_tool_use(x.message()), i >= 18 && i < 22);
  }
}

CAF_TEST(a stream that ends after the reason to stop is acceptable but not finished) {
  const auto x = read_after({start, block_start(0, text_block), text_delta(0, "a"), block_stop(0)},
                            {message_delta("end_turn")});
  CAF_CHECK(x.stream.is_acceptable());
  CAF_CHECK(!x.message().is_finished);
  CAF_CHECK(billed_usage(x.message()).has_value());
  CAF_CHECK(!read({start, R"({"type":"message_delta","delta":{"stop_reason":null}})"}).stream.is_acceptable());
}

CAF_TEST(a message is finished at its stop and what comes behind is not looked at) {
  auto events = frames(good_events);
  const auto expected = to_string(read_pieces(std::vector{events}));
  for (const auto& more : {frame(start), "event: error\ndata: {\"type\":\"error\"}\n\n"s, "data: [DONE]\n\n"s})
    CAF_CHECK_EQUAL(to_string(read_pieces(std::vector{events + more})), expected);
}

CAF_TEST(an error event ends the stream with its type) {
  const auto error = R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"})"s;
  for (const auto& begin : std::vector<std::vector<std::string>>{
         {}, {start}, {start, block_start(0, text_block)}, {start, message_delta("end_turn")}}) {
    auto events = begin;
    events.insert(events.end(), {error, message_delta("end_turn"), stop});
    const auto x = read(events);
    CAF_CHECK_EQUAL(x.error, "");
    CAF_REQUIRE(x.message().error.has_value());
    CAF_CHECK_EQUAL(x.message().error->type, "overloaded_error");
    CAF_CHECK_EQUAL(x.message().error->message, "Overloaded");
    CAF_CHECK(!x.stream.is_acceptable());
    CAF_CHECK(!x.message().is_finished);
  }
}

CAF_TEST(an error event without a type is an error all the same) {
  for (const auto* event : {R"({"type":"error"})", R"({"type":"error","error":"overloaded"})",
                            R"({"type":"error","error":{"type":7}})"}) {
    const auto x = read({start, event, message_delta("end_turn"), stop});
    CAF_CHECK_EQUAL(x.error, "");
    CAF_REQUIRE(x.message().error.has_value());
    CAF_CHECK_EQUAL(x.message().error->type, "");
    CAF_CHECK(!x.stream.is_acceptable());
  }
}

CAF_TEST(the message is the same for every way to cut the stream in two) {
  const auto text = frames(good_events);
  const std::string_view whole = text;
  const auto expected = to_string(read(good_events));
  for (std::size_t i = 0; i <= text.size(); ++i)
    CAF_REQUIRE_EQUAL(to_string(read_pieces(std::vector{whole.substr(0, i), whole.substr(i)})), expected);
}

CAF_TEST(data in several lines and data without a name are understood) {
  std::string several;
  std::string nameless;
  for (const auto& x : good_events) {
    const auto lines = json::parse(x).dump(1); // breaks between members
    std::string data = "data: ";
    for (const auto c : lines)
      c == '\n' ? data += "\r\ndata: " : data += c;
    several += "event: " + json::parse(x)["type"].get<std::string>() + "\r\n" + data + "\r\n\r\n";
    nameless += data + "\r\n\r\n";
  }
  const auto expected = to_string(read(good_events));
  CAF_CHECK_EQUAL(to_string(read_pieces(std::vector{several})), expected);
  CAF_CHECK_EQUAL(to_string(read_pieces(std::vector{nameless})), expected);
}

CAF_TEST(a delta of twelve megabytes is kept whole) {
  const std::string text(12 * 1024 * 1024, 'x');
  const auto x = read({start, block_start(0, text_block), text_delta(0, text), text_delta(0, "y"), block_stop(0)});
  CAF_CHECK_EQUAL(x.error, "");
  CAF_CHECK(content_of(x.message())[0]["text"] == text + "y");
}

CAF_TEST(the input of a tool is put together and is an empty object when nothing came) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
    {{}, "{}"},
    {{""}, "{}"},
    {{"", "", ""}, "{}"},
    {{"{}"}, "{}"},
    {{R"({"b":)", R"(1,"a")", R"(:[true]})"}, R"({"a":[true],"b":1})"},
    {{R"({"text":"\ud8)", R"(3d\ude00"})"}, R"({"text":"😀"})"},
  };
  for (const auto& [pieces, input] : rows) {
    for (const auto& block : {tool_block, R"({"type":"tool_use","id":"toolu_1","name":"run"})"s,
                              R"({"type":"tool_use","id":"toolu_1","name":"run","input":""})"s}) {
      std::vector<std::string> events{start, block_start(0, block)};
      for (const auto& piece : pieces)
        events.push_back(input_delta(0, piece));
      const auto x = read_after(events, {block_stop(0), message_delta("tool_use"), stop});
      CAF_CHECK_EQUAL(x.error, "");
      CAF_CHECK_EQUAL(content_of(x.message())[0]["input"].dump(), input);
      CAF_CHECK(x.message().content[0].state == block_state::complete);
      CAF_CHECK(!ends_in_cut_tool_use(x.message()));
    }
  }
}

CAF_TEST(an input that came with its block is kept) {
  const auto x = read({start, block_start(0, R"({"type":"tool_use","id":"t","name":"run","input":{"a":1}})"),
                       input_delta(0, ""), block_stop(0)});
  CAF_CHECK_EQUAL(content_of(x.message())[0]["input"].dump(), R"({"a":1})");
}

CAF_TEST(a tool whose input is no JSON object is marked and never complete) {
  for (const auto& input : {R"({"a": 1)"s, "{]"s, "[1]"s, "1"s, "null"s, "{} {}"s, " "s, std::string(100'000, '['),
                            R"({"a":)" + std::string(300, '[') + std::string(300, ']') + "}"}) {
    const auto x =
      read({start, block_start(0, tool_block), input_delta(0, input), block_stop(0), message_delta("tool_use"), stop});
    CAF_CHECK_EQUAL(x.error, "");
    CAF_CHECK(x.message().content[0].state == block_state::unparsable);
    CAF_CHECK_EQUAL(x.message().content[0].input_text, input);
    CAF_CHECK(ends_in_cut_tool_use(x.message()));
    CAF_CHECK(!has_complete_work(x.message()));
    CAF_CHECK_EQUAL(complete_content_of(x.message()).dump(), "[]");
  }
}

CAF_TEST(output that ends within a tool call is seen whether or not its input came) {
  for (const auto* reason : {"max_tokens", "model_context_window_exceeded"}) {
    for (const auto& pieces :
         std::vector<std::vector<std::string>>{{}, {input_delta(0, "")}, {input_delta(0, R"({"a)")}}) {
      std::vector<std::string> events{start, block_start(0, tool_block)};
      events.insert(events.end(), pieces.begin(), pieces.end());
      const auto x = read_after(events, {block_stop(0), message_delta(reason), stop});
      CAF_CHECK_EQUAL(x.message().stop_reason, reason);
      CAF_CHECK(ends_in_cut_tool_use(x.message()));
    }
  }
  const std::vector<std::string> whole{start, block_start(0, tool_block), input_delta(0, R"({"a":1})"), block_stop(0)};
  CAF_CHECK(!ends_in_cut_tool_use(read_after(whole, {message_delta("max_tokens")}).message()));
  CAF_CHECK(!ends_in_cut_tool_use(
    read_after(whole, {block_start(1, text_block), text_delta(1, "and"), message_delta("max_tokens")}).message()));
}

CAF_TEST(a refusal is told with its details before and after output) {
  const auto refusal = R"({"type":"message_delta","delta":{"stop_reason":"refusal","stop_sequence":null,"stop_details":
    {"type":"refusal","category":"cyber","explanation":"no"}},"usage":{"output_tokens":0}})"s;
  for (const auto& begin : std::vector<std::vector<std::string>>{
         {start},
         {start, block_start(0, text_block), text_delta(0, "Well"), block_stop(0)},
         {start, block_start(0, tool_block), input_delta(0, R"({"a":1})"), block_stop(0)}}) {
    const auto x = read_after(begin, {refusal, stop});
    CAF_CHECK_EQUAL(x.error, "");
    CAF_CHECK(x.stream.is_acceptable());
    CAF_CHECK_EQUAL(x.message().stop_reason, "refusal");
    CAF_CHECK_EQUAL(x.message().stop_details["category"].dump(), R"("cyber")");
    CAF_CHECK_EQUAL(x.message().content.size(), begin.size() > 1 ? 1u : 0u);
  }
}

CAF_TEST(an empty end of turn is acceptable and has no work) {
  const auto x = read({start, message_delta("end_turn"), stop});
  CAF_CHECK(x.stream.is_acceptable());
  CAF_CHECK(x.message().content.empty());
  CAF_CHECK(!has_complete_work(x.message()));
  CAF_CHECK_EQUAL(content_of(x.message()).dump(), "[]");
}

CAF_TEST(usage is overwritten and not added and a null changes nothing) {
  const auto x = read({
    start,
    message_delta("", R"({"output_tokens":10,"input_tokens":null})"),
    message_delta("", R"({"cache_creation":{"ephemeral_1h_input_tokens":null},"cache_read_input_tokens":null})"),
    message_delta("end_turn", R"({"output_tokens":12})"),
  });
  CAF_CHECK(billed_usage(x.message()) == std::optional(swarm::token_usage{25, 12, 4, 5, 7}));
}

CAF_TEST(usage that did not come at the end bills nothing by itself) {
  const auto without_usage = R"({"type":"message_start","message":{"id":"m","model":"a-model-nobody-knows"}})"s;
  for (const auto* usage : {"null", "{}", R"({"output_tokens":null})", R"({"output_tokens":"15"})"}) {
    for (const auto& first : {start, without_usage}) {
      const auto x = read({first, message_delta("end_turn", usage), stop});
      CAF_CHECK_EQUAL(x.error, "");
      CAF_CHECK(x.stream.is_acceptable());
      CAF_CHECK(!billed_usage(x.message()));
    }
  }
  const auto x = read({without_usage, message_delta("end_turn"), stop});
  CAF_CHECK_EQUAL(x.message().model, "a-model-nobody-knows");
  CAF_CHECK(!billed_usage(x.message()));
}

CAF_TEST(of a message that was cut what can be sent back ends in text or a tool call) {
  const std::vector<std::string> text{start, block_start(0, text_block), text_delta(0, "a"), block_stop(0)};
  const auto a = R"([{"type":"text","text":"a"}])"s;
  const auto thinking = R"({"type":"thinking","thinking":"x","signature":"s"})"s;
  const auto search = R"({"type":"server_tool_use","id":"s","name":"web_search","input":{}})"s;
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
    {{}, a},
    {{block_start(1, text_block), text_delta(1, "cut")}, a},
    {{block_start(1, thinking), block_stop(1)}, a},
    {{block_start(1, search), block_stop(1), block_start(2, thinking), block_stop(2)}, a},
    {{block_start(1, thinking), block_stop(1), block_start(2, tool_block), block_stop(2)},
     R"([{"type":"text","text":"a"},)" + thinking + "," + tool_block + "]"},
  };
  for (const auto& [events, expected] : rows) {
    const auto x = read_after(text, events);
    CAF_CHECK(has_complete_work(x.message()));
    CAF_CHECK_EQUAL(complete_content_of(x.message()).dump(), sorted(expected));
  }
}

CAF_TEST(thinking alone is no work that was done) {
  const auto x = read({start, block_start(0, R"({"type":"thinking","thinking":"x"})"), block_stop(0),
                       block_start(1, R"({"type":"redacted_thinking","data":"x"})"), block_stop(1)});
  CAF_CHECK(!has_complete_work(x.message()));
}

CAF_TEST(an event that contradicts the contract is an error and the stream stays failed) {
  const std::vector<std::string> open_text{start, block_start(0, text_block)};
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows{
    {{stop}, "it doesn't begin with message_start"},
    {{block_start(0, text_block)}, "it doesn't begin with message_start"},
    {{start, start}, "it has a second message_start"},
    {{R"({"type":"message_start"})"}, "message_start needs a 'message' that is still without content"},
    {{R"({"type":"message_start","message":[]})"}, "message_start needs a 'message' that is still without content"},
    {{R"({"type":"message_start","message":{"content":[1]}})"},
     "message_start needs a 'message' that is still without content"},
    {{R"({"type":"message_start","message":{"id":7}})"}, "'id' and 'model' in message_start must be strings"},
    {{R"({"type":"message_start","message":{"model":{}}})"}, "'id' and 'model' in message_start must be strings"},
    {{R"({"type":"message_start","message":{"usage":7}})"}, "'usage' must be an object"},
    {{start, block_start(1, text_block)}, "content_block_start needs the 'index' 0"},
    {{start, block_start(2'000'000'000, text_block)}, "content_block_start needs the 'index' 0"},
    {{start, block_start(-1, text_block)}, "content_block_start needs the 'index' 0"},
    {{start, block_start(0, text_block), block_start(0, text_block)}, "content_block_start needs the 'index' 1"},
    {{start, R"({"type":"content_block_start","index":"0","content_block":{"type":"text"}})"},
     "content_block_start needs the 'index' 0"},
    {{start, R"({"type":"content_block_start","index":18446744073709551615,"content_block":{"type":"text"}})"},
     "content_block_start needs the 'index' 0"},
    {{start, R"({"type":"content_block_start","index":1e300,"content_block":{"type":"text"}})"},
     "content_block_start needs the 'index' 0"},
    {{start, block_start(0, "null")}, "content_block_start needs a 'content_block' with a 'type'"},
    {{start, block_start(0, R"("text")")}, "content_block_start needs a 'content_block' with a 'type'"},
    {{start, block_start(0, R"({"type":7})")}, "content_block_start needs a 'content_block' with a 'type'"},
    {{start, text_delta(0, "x")}, "the 'index' of a content_block_delta names no open block"},
    {{start, text_delta(-1, "x")}, "the 'index' of a content_block_delta names no open block"},
    {{start, block_start(0, text_block), block_stop(0), text_delta(0, "x")},
     "the 'index' of a content_block_delta names no open block"},
    {{start, block_stop(0)}, "the 'index' of a content_block_stop names no open block"},
    {{start, block_start(0, text_block), block_stop(0), block_stop(0)},
     "the 'index' of a content_block_stop names no open block"},
    {{start, block_start(0, text_block), block_delta(0, "[]")}, "content_block_delta needs a 'delta' with a 'type'"},
    {{start, block_start(0, text_block), block_delta(0, R"({"type":"text_delta","text":7})")},
     "'text' in a delta and its block must be strings"},
    {{start, block_start(0, text_block), block_delta(0, R"({"type":"text_delta"})")},
     "'text' in a delta and its block must be strings"},
    {{start, block_start(0, R"({"type":"text","text":[]})"), text_delta(0, "x")},
     "'text' in a delta and its block must be strings"},
    {{start, block_start(0, text_block), block_delta(0, R"({"type":"thinking_delta","thinking":null})")},
     "'thinking' in a delta and its block must be strings"},
    {{start, block_start(0, text_block), block_delta(0, R"({"type":"signature_delta","signature":{}})")},
     "'signature' in a delta and its block must be strings"},
    {{start, block_start(0, tool_block), block_delta(0, R"({"type":"input_json_delta","partial_json":{}})")},
     "'partial_json' in an input_json_delta must be a string"},
    {{start, block_start(0, text_block), block_delta(0, R"({"type":"citations_delta"})")},
     "a citations_delta needs 'citation', and its block a list of them"},
    {{start, block_start(0, R"({"type":"text","citations":{}})"),
      block_delta(0, R"({"type":"citations_delta","citation":1})")},
     "a citations_delta needs 'citation', and its block a list of them"},
    {{start, R"({"type":"message_delta","delta":7})"}, "'delta' in message_delta must be an object"},
    {{start, R"({"type":"message_delta","delta":{"stop_reason":7}})"},
     "'stop_reason' and 'stop_sequence' in message_delta must be strings"},
    {{start, message_delta("end_turn", "[]")}, "'usage' must be an object"},
  };
  for (const auto& [events, complaint] : rows) {
    const auto x = read_after(events, {start, message_delta("end_turn"), stop});
    CAF_CHECK_EQUAL(x.error, "the response can't be read: " + complaint);
    CAF_CHECK(!x.stream.is_acceptable());
    CAF_CHECK(!x.message().is_finished);
  }
}

CAF_TEST(data that is no JSON object is an error) {
  const std::vector<std::pair<std::string, std::string>> rows{
    {"", "isn't JSON"},
    {"{\"type\":}", "isn't JSON"},
    {"{\"type\":\"message_st", "isn't JSON"},
    {"{\"a\":\"\xFF\"}", "isn't JSON"},
    {"{\"a\":\"\\ud83d\"}", "isn't JSON"},
    {"{\"a\":1e999}", "isn't JSON"},
    {"{\"a\":\"\\u0000\"}", "has a NUL in a text"},
    {std::string(1'000'000, '['), "is nested more than 100 levels deep"},
    {"[]", "isn't a JSON object"},
    {"7", "isn't a JSON object"},
  };
  for (const auto& [data, complaint] : rows) {
    for (const auto* name : {"message_start", ""}) {
      message_stream stream;
      const auto done = stream.add({name, data});
      CAF_REQUIRE(!done);
      CAF_CHECK(swarm::code_of(done.error()) == swarm::errc::io_failed);
      CAF_CHECK_EQUAL(swarm::render(done.error()), "the response can't be read: the data of an event " + complaint);
    }
    message_stream stream;
    CAF_CHECK(stream.add({"ping", data}));
    CAF_CHECK(stream.add({"new_event", data}));
  }
}

CAF_TEST(a stream without end is refused at its limit and pings do not count) {
  const auto first = read_pieces(std::vector{frame(start)}, reading{start.size()});
  CAF_CHECK_EQUAL(first.error, "");
  std::vector<std::string> events{frame(start)};
  events.insert(events.end(), 1'000, frame(ping));
  CAF_CHECK_EQUAL(read_pieces(events, reading{start.size()}).error, "");
  events.push_back(frame(block_start(0, text_block)));
  CAF_CHECK_EQUAL(read_pieces(events, reading{start.size()}).error,
                  "the response can't be read: it is longer than " + std::to_string(start.size()) + " bytes");
}

CAF_TEST(damaged streams give the same message for any two ways to cut them) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("seed " << seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](std::size_t max) { return std::uniform_int_distribution<std::size_t>{0, max}(random); };
  const auto good = frames(good_events);
  const std::vector<std::string> words{"null",         "7",    "-1", "[]", "{}", R"("x")", R"("type":)",
                                       R"("index":9)", "\n\n", "\r"};
  int refused = 0;
  for (int round = 0; round < 500; ++round) {
    auto text = good;
    for (auto damages = 1 + pick(4); damages > 0; --damages) {
      const auto at = pick(text.size() - 1);
      switch (pick(3)) {
        case 0: text[at] = static_cast<char>(pick(255)); break;
        case 1: text.replace(at, pick(8), words[pick(words.size() - 1)]); break;
        case 2: text.erase(at, 1 + pick(60)); break;
        default: { // a whole event out of its place
          const auto event = frame(good_events[pick(good_events.size() - 1)]);
          const auto place = text.find("event:", at);
          text.insert(place == std::string::npos ? 0 : place, event);
        }
      }
    }
    std::vector<std::string_view> pieces;
    for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(pieces.back().size()))
      pieces.push_back(rest.substr(0, 1 + pick(99)));
    const auto whole = read_pieces(std::vector{text});
    refused += whole.error.empty() ? 0 : 1;
    CAF_REQUIRE_EQUAL(to_string(read_pieces(pieces)), to_string(whole));
  }
  CAF_CHECK(refused > 25);
}
