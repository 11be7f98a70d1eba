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

caf::error read_url(const json& value, std::string& result) {
  if (auto failed = read_text("url", value, result))
    return failed;
  if (!(result.starts_with("http://") || result.starts_with("https://")) || !is_line(result))
    return wrong("'url' must begin with http:// or https://");
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

caf::error read_expect(const json& value, std::vector<int>& result) {
  auto is_status = [](const json& x) {
    return x.is_number_unsigned() && x.get<std::uint64_t>() >= 200 && x.get<std::uint64_t>() <= 599;
  };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), is_status))
    return wrong("'expect' must be an array of statuses from 200 to 599");
  result = value.get<std::vector<int>>();
  return {};
}

caf::error read_result(const json& value, http_payload& result) {
  if (auto failed = read_text("result", value, result.result))
    return failed;
  try {
    json::json_pointer pointer{result.result};
  } catch (const json::exception&) {
    return wrong("'result' must be a JSON pointer such as /build/id");
  }
  result.has_result = true;
  return {};
}

caf::error read_member(const std::string& name, const json& value, http_payload& result) {
  if (name == "url")
    return read_url(value, result.url);
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
    return read_expect(value, result.expect);
  if (name == "result")
    return read_result(value, result);
  if (name == "response_bytes_max") {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > response_bytes_bound)
      return wrong("'response_bytes_max' must be a number up to 67108864");
    result.response_bytes_max = value.get<std::uint64_t>();
    return {};
  }
  return wrong("unknown member " + json(name).dump(-1, ' ', true)
               + ", known are body, expect, headers, json, method, response_bytes_max, result and url");
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
