#include "runtime/executors/redact/redact_json.hpp"

#include <nlohmann/json.hpp>

namespace swarm::redact {

namespace {

using nlohmann::json;

std::string text_of(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

json redacted(const redactor& rules, const json& x) {
  if (x.is_string())
    return rules.redact(x.get_ref<const std::string&>());
  if (x.is_object()) {
    auto result = json::object();
    for (const auto& [name, member] : x.items())
      result[rules.redact(name)] = redacted(rules, member);
    return result;
  }
  if (x.is_array()) {
    auto result = json::array();
    for (const auto& element : x)
      result.push_back(redacted(rules, element));
    return result;
  }
  const auto text = text_of(x);
  auto clean = rules.redact(text);
  return clean == text ? x : json(std::move(clean));
}

} // namespace

std::string redact_json(const redactor& rules, const std::string& document) {
  const auto value = json::parse(document, nullptr, false);
  return value.is_discarded() ? rules.redact(document) : text_of(redacted(rules, value));
}

} // namespace swarm::redact
