#include "messages/http_payload.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "messages/secret_variable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace swarm {

namespace {

using nlohmann::json;

constexpr std::uint64_t response_bytes_bound = 64u << 20;
constexpr std::uint64_t interval_ms_min = 100;
constexpr std::uint64_t interval_ms_max = 24 * 3'600'000;

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, "payload of an HTTP call: " + sentence);
}

/// Neither a name nor a value may end its line: what follows would be another header.
bool is_line(const std::string& x) {
  return std::none_of(x.begin(), x.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

bool is_token(const std::string& x) {
  auto fits = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')
           || std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
  };
  return !x.empty() && std::all_of(x.begin(), x.end(), fits);
}

caf::error read_text(const std::string& name, const json& value, std::string& result) {
  if (!value.is_string())
    return wrong("'" + name + "' must be a string");
  result = value.get<std::string>();
  return {};
}

caf::error read_url(const std::string& name, const json& value, std::string& result) {
  if (auto failed = read_text(name, value, result))
    return failed;
  if (!(result.starts_with("http://") || result.starts_with("https://")) || !is_line(result))
    return wrong("'" + name + "' must begin with http:// or https://");
  return {};
}

caf::error read_method(const json& value, std::string& result) {
  if (auto failed = read_text("method", value, result))
    return failed;
  return is_token(result) ? caf::error{} : wrong("'method' must be a word such as POST");
}

caf::error read_headers(const json& value, std::vector<http_payload::header>& result) {
  if (!value.is_object())
    return wrong("'headers' must be an object");
  for (auto& [name, member] : value.items()) {
    auto is_variable = member.is_object() && member.size() == 1 && member.contains("env") && member["env"].is_string();
    if (!is_token(name) || !(member.is_string() || is_variable))
      return wrong("the header '" + name + R"(' must have a string, or {"env": "NAME"}, behind a plain name)");
    auto text = is_variable ? member["env"].get<std::string>() : member.get<std::string>();
    if (!is_line(text))
      return wrong("the header '" + name + "' must fit on one line");
    if (is_variable && !is_secret_variable(text))
      return wrong("the header '" + name + "' may name a variable that begins with SWARM_SECRET_ only");
    result.push_back({name, std::move(text), is_variable});
  }
  return {};
}

caf::error read_statuses(const std::string& name, const json& value, std::vector<int>& result) {
  auto is_status = [](const json& x) {
    return x.is_number_unsigned() && x.get<std::uint64_t>() >= 200 && x.get<std::uint64_t>() <= 599;
  };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), is_status))
    return wrong("'" + name + "' must be an array of statuses from 200 to 599");
  result = value.get<std::vector<int>>();
  return {};
}

caf::error read_pointer(const std::string& name, const json& value, std::string& result) {
  if (auto failed = read_text(name, value, result))
    return failed;
  try {
    json::json_pointer pointer{result};
  } catch (const json::exception&) {
    return wrong("'" + name + "' must be a JSON pointer such as /build/id");
  }
  return {};
}

caf::error read_condition(const std::string& name, const json& value, std::optional<http_payload::condition>& result) {
  if (!value.is_object() || value.size() != 2 || !value.contains("at") || !value.contains("is")
      || !value["is"].is_array() || value["is"].empty())
    return wrong("'" + name + R"(' must be like {"at": "/state", "is": ["done"]})");
  result.emplace();
  for (auto& x : value["is"])
    result->values.push_back(x.dump());
  return read_pointer(name + ".at", value["at"], result->at);
}

caf::error read_poll_member(const std::string& name, const json& value, http_payload::async& result) {
  if (name == "url")
    return read_url("async.poll.url", value, result.url);
  if (name == "url_at")
    return read_pointer("async.poll.url_at", value, result.url_at);
  if (name == "done")
    return read_condition("async.poll.done", value, result.done);
  if (name == "failed")
    return read_condition("async.poll.failed", value, result.failed);
  if (name == "interval_ms") {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < interval_ms_min
        || value.get<std::uint64_t>() > interval_ms_max)
      return wrong("'async.poll.interval_ms' must be a number from 100 to 86400000");
    result.interval = std::chrono::milliseconds{value.get<std::int64_t>()};
    return {};
  }
  return wrong("unknown member " + json(name).dump(-1, ' ', true)
               + " of 'async.poll', known are done, failed, interval_ms, url and url_at");
}

caf::error read_async(const json& value, std::optional<http_payload::async>& result) {
  if (!value.is_object())
    return wrong("'async' must be an object");
  result = http_payload::async{};
  for (auto& [name, member] : value.items()) {
    if (name == "accepted") {
      if (auto failed = read_statuses("async.accepted", member, result->accepted))
        return failed;
    } else if (name != "poll" || !member.is_object()) {
      return wrong("'async' may have 'accepted', and the object 'poll'");
    } else {
      for (auto& [inner, x] : member.items())
        if (auto failed = read_poll_member(inner, x, *result))
          return failed;
    }
  }
  if (!result->url.empty() && !result->url_at.empty())
    return wrong("'async.poll.url' and 'async.poll.url_at' exclude each other");
  return {};
}

caf::error read_member(const std::string& name, const json& value, http_payload& result) {
  if (name == "url")
    return read_url(name, value, result.url);
  if (name == "method")
    return read_method(value, result.method);
  if (name == "headers")
    return read_headers(value, result.headers);
  if (name == "body")
    return read_text(name, value, result.body);
  if (name == "json") {
    result.body = value.dump();
    result.headers.push_back({"Content-Type", "application/json"});
    return {};
  }
  if (name == "expect")
    return read_statuses(name, value, result.expect);
  if (name == "result") {
    result.has_result = true;
    return read_pointer(name, value, result.result);
  }
  if (name == "async")
    return read_async(value, result.wait);
  if (name == "response_bytes_max") {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > response_bytes_bound)
      return wrong("'response_bytes_max' must be a number up to 67108864");
    result.response_bytes_max = value.get<std::uint64_t>();
    return {};
  }
  return wrong("unknown member " + json(name).dump(-1, ' ', true)
               + ", known are async, body, expect, headers, json, method, response_bytes_max, result and url");
}

} // namespace

caf::expected<http_payload> parse_http_payload(std::string_view text) {
  const auto found = read_foreign_json(text);
  if (!found || !found->is_object())
    return wrong(found ? "must be a JSON object" : render(found.error()));
  const auto& value = *found;
  http_payload result;
  for (auto& [name, member] : value.items())
    if (auto failed = read_member(name, member, result))
      return failed;
  if (result.url.empty())
    return wrong("'url' is missing");
  if (value.contains("body") && value.contains("json"))
    return wrong("'body' and 'json' exclude each other");
  return result;
}

} // namespace swarm
