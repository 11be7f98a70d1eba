#pragma once

#include "tests/fixtures/scripted_server.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

// The Messages API as a script for a scripted server.

namespace swarm::test {

/// Events as the API sends them; the name is that of the data's type.
inline std::string events(const std::vector<nlohmann::json>& all) {
  std::string result;
  for (const auto& x : all)
    result += "event: " + x["type"].get<std::string>() + "\ndata: " + x.dump() + "\n\n";
  return result;
}

/// A stream that ends with its connection, or doesn't.
inline scripted_answer stream(const std::string& body, scripted_answer::ending then = scripted_answer::ending::close,
                              const std::string& headers = "request-id: req_1\r\n") {
  return {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + headers + "Connection: close\r\n\r\n" + body, then};
}

inline nlohmann::json begin_message(const std::string& model = "claude-sonnet-5-5") {
  return {{"type", "message_start"},
          {"message",
           {{"id", "msg_1"},
            {"model", model},
            {"content", nlohmann::json::array()},
            {"usage", {{"input_tokens", 100}, {"output_tokens", 1}}}}}};
}

inline nlohmann::json end_message(const std::string& reason) {
  return {{"type", "message_delta"}, {"delta", {{"stop_reason", reason}}}, {"usage", {{"output_tokens", 20}}}};
}

inline std::vector<nlohmann::json> text_block(int index, const std::string& text) {
  return {{{"type", "content_block_start"}, {"index", index}, {"content_block", {{"type", "text"}, {"text", ""}}}},
          {{"type", "content_block_delta"}, {"index", index}, {"delta", {{"type", "text_delta"}, {"text", text}}}},
          {{"type", "content_block_stop"}, {"index", index}}};
}

/// @param input as it is streamed, so JSON or not.
inline std::vector<nlohmann::json> tool_block(int index, const std::string& name, const std::string& input) {
  return {{{"type", "content_block_start"},
           {"index", index},
           {"content_block",
            {{"type", "tool_use"}, {"id", "toolu_" + std::to_string(index)}, {"name", name}, {"input", nlohmann::json::object()}}}},
          {{"type", "content_block_delta"}, {"index", index}, {"delta", {{"type", "input_json_delta"}, {"partial_json", input}}}},
          {{"type", "content_block_stop"}, {"index", index}}};
}

inline const auto stop_message = nlohmann::json::object({{"type", "message_stop"}});
inline const auto ping = nlohmann::json::object({{"type", "ping"}});

/// A whole message of these blocks.
inline std::vector<nlohmann::json> message(const std::string& reason, const std::vector<std::vector<nlohmann::json>>& blocks = {}) {
  std::vector<nlohmann::json> result{begin_message()};
  for (const auto& x : blocks)
    result.insert(result.end(), x.begin(), x.end());
  result.push_back(end_message(reason));
  result.push_back(stop_message);
  return result;
}

inline scripted_answer says(const std::string& text) {
  return stream(events(message("end_turn", {text_block(0, text)})));
}

inline scripted_answer calls(const std::string& tool, const nlohmann::json& input) {
  return stream(events(message("tool_use", {tool_block(0, tool, input.dump())})));
}

/// An error as the API words it.
inline scripted_answer fails(int status, const std::string& type, const std::string& text,
                             const std::vector<std::string>& headers = {}, const nlohmann::json& details = nullptr) {
  nlohmann::json error{{"type", type}, {"message", text}};
  if (!details.is_null())
    error["details"] = details;
  return answer_with(status, nlohmann::json{{"type", "error"}, {"error", error}}.dump(), headers);
}

} // namespace swarm::test
