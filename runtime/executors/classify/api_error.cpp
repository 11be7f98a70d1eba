#include "runtime/executors/classify/api_error.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace swarm::executors {

namespace {

using nlohmann::json;

/// The member if it's there and of that type, else null.
const json& member(const json& object, const char* name, json::value_t type) {
  static const json nothing;
  if (!object.is_object())
    return nothing;
  const auto found = object.find(name);
  return found != object.end() && found->type() == type ? *found : nothing;
}

std::string text(const json& object, const char* name) {
  const auto& found = member(object, name, json::value_t::string);
  return found.is_string() ? found.get_ref<const std::string&>() : std::string{};
}

/// Cut between two characters and without control characters: it becomes a part of a sentence.
std::string shown(std::string_view message) {
  const auto is_inside_character = [&](std::size_t at) {
    return at < message.size() && (static_cast<unsigned char>(message[at]) & 0xC0u) == 0x80u;
  };
  auto size = std::min(message.size(), api_error_message_bytes_max);
  while (size > 0 && is_inside_character(size))
    --size;
  std::string result{message.substr(0, size)};
  for (auto& x : result)
    if (static_cast<unsigned char>(x) < 0x20 || x == 0x7F)
      x = ' ';
  return result;
}

} // namespace

api_error parse_api_error(std::string_view body) {
  json whole;
  if (body.size() <= api_error_body_bytes_max)
    whole = json::parse(body, nullptr, false); // says "discarded" instead of throwing
  if (!whole.is_object())
    return {{}, {}, shown(body)};
  // Proxies shorten {"error": {...}} to {"error": "text"} or to the inner object.
  const auto& inner = member(whole, "error", json::value_t::object);
  const auto& error = inner.is_object() ? inner : whole;
  auto message = text(error, "message");
  if (message.empty())
    message = text(whole, "error");
  auto type = inner.is_object() || !error.contains("error") ? text(error, "type") : std::string{};
  if (type == "error") // the envelope's own type, without what should be in it
    type.clear();
  return {shown(type), shown(text(member(error, "details", json::value_t::object), "error_code")), shown(message)};
}

} // namespace swarm::executors
