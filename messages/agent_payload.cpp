#include "messages/agent_payload.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "messages/json_schema.hpp"
#include "messages/profiles.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace swarm {

namespace {

using nlohmann::json;
using words = std::vector<std::string_view>;

/// A ticket may name only such variables beside the credentials that its CLI knows.
constexpr std::string_view secret_prefix = "SWARM_SECRET_";

/// What a CLI takes from its stdin at most, rounded down.
constexpr std::size_t prompt_bytes_max = 8u << 20;

constexpr std::int64_t number_max = 1'000'000'000'000;

/// What the CLIs have options for, and the variables by which they take credentials.
struct agent_kind {
  std::string_view name;
  words options;
  words credentials;
};

const std::vector<agent_kind> kinds{
  {"claude",
   {"allowed_tools", "effort", "expects_changes", "max_budget_micro_dollars", "max_turns", "model", "permission_mode",
    "profiles", "schema"},
   {"ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"}},
  {"codex", {"effort", "expects_changes", "model", "permission_mode", "profiles"}, {"CODEX_API_KEY", "OPENAI_API_KEY"}},
  {"gemini",
   {"allowed_tools", "expects_changes", "model", "permission_mode", "profiles"},
   {"GEMINI_API_KEY", "GOOGLE_API_KEY"}},
  {"generic", {"argv"}, {}},
};

/// What a profile may change, of an agent that has an option for it.
const words profile_members{"effort", "max_budget_micro_dollars", "max_turns", "model"};

const words options_of_all{"agent", "environment", "prompt", "secrets", "working_directory"};

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, "payload of an agent: " + sentence);
}

std::string quoted(const std::string& text) {
  return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

bool holds(const words& all, std::string_view x) {
  return std::find(all.begin(), all.end(), x) != all.end();
}

std::string listed(const words& all) {
  std::string result;
  for (const auto x : all)
    result.append(result.empty() ? "" : x == all.back() ? " and " : ", ").append(x);
  return result;
}

caf::error read_text(const std::string& name, const json& value, std::string& result) {
  if (!value.is_string() || value.get_ref<const std::string&>().empty())
    return wrong("'" + name + "' must be a string that isn't empty");
  result = value.get<std::string>();
  return {};
}

caf::error read_number(const std::string& name, const json& value, std::int64_t max, std::int64_t& result) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(max))
    return wrong("'" + name + "' must be a whole number up to " + std::to_string(max) + ", 0 for no limit");
  result = value.get<std::int64_t>();
  return {};
}

caf::error read_texts(const std::string& name, const json& value, std::vector<std::string>& result) {
  auto fits = [](const json& x) { return x.is_string() && !x.get_ref<const std::string&>().empty(); };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), fits))
    return wrong("'" + name + "' must be an array of strings that aren't empty");
  result = value.get<std::vector<std::string>>();
  return {};
}

caf::error read_argv(const json& value, std::vector<std::string>& result) {
  auto is_text = [](const json& x) { return x.is_string(); };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), is_text)
      || value[0].get_ref<const std::string&>().empty())
    return wrong("'argv' must be an array of strings, the program first");
  result = value.get<std::vector<std::string>>();
  return {};
}

caf::error read_environment(const json& value, std::map<std::string, std::string>& result) {
  auto is_text = [](const json& x) { return x.is_string(); };
  if (!value.is_object() || !std::all_of(value.begin(), value.end(), is_text))
    return wrong("'environment' must be an object with strings");
  result = value.get<std::map<std::string, std::string>>();
  for (const auto& [name, text] : result)
    if (name.empty() || name.find('=') != std::string::npos)
      return wrong("'environment' has a name that is empty or holds '='");
  return {};
}

caf::error read_directory(const json& value, std::string& result) {
  if (!value.is_string() || !value.get_ref<const std::string&>().starts_with('/'))
    return wrong("'working_directory' must be an absolute path");
  result = value.get<std::string>();
  return {};
}

caf::error read_member(const std::string& name, const json& value, agent_payload& x) {
  if (name == "agent" || name == "profiles")
    return {}; // known already, and read when all that they change is known
  if (name == "prompt")
    return read_text(name, value, x.prompt);
  if (name == "model")
    return read_text(name, value, x.model);
  if (name == "effort")
    return read_text(name, value, x.effort);
  if (name == "permission_mode")
    return read_text(name, value, x.permission_mode);
  if (name == "allowed_tools")
    return read_texts(name, value, x.allowed_tools);
  if (name == "argv")
    return read_argv(value, x.argv);
  if (name == "secrets")
    return read_texts(name, value, x.secrets);
  if (name == "environment")
    return read_environment(value, x.environment);
  if (name == "working_directory")
    return read_directory(value, x.working_directory);
  if (name == "max_budget_micro_dollars")
    return read_number(name, value, number_max, x.max_budget_micro_dollars);
  if (name == "max_turns") {
    std::int64_t turns = 0;
    auto failed = read_number(name, value, 1'000'000, turns);
    x.max_turns = static_cast<std::int32_t>(turns);
    return failed;
  }
  if (name == "schema") {
    x.schema = value.dump();
    if (!value.is_object())
      return wrong("'schema' must be a JSON Schema, an object");
    auto schema = json_schema::read(value, schema_formats::unjudged);
    return schema ? caf::error{} : wrong("'schema' " + render(schema.error()));
  }
  x.expects_changes = value.is_boolean() && value.get<bool>();
  return value.is_boolean() ? caf::error{} : wrong("'expects_changes' must be true or false");
}

words profile_members_of(const agent_kind& kind) {
  words result;
  for (const auto name : profile_members)
    if (holds(kind.options, name))
      result.push_back(name);
  return result;
}

caf::error check_as_a_whole(const agent_kind& kind, const agent_payload& x) {
  if (x.prompt.empty())
    return wrong("'prompt' is missing; it says what the agent shall do");
  if (x.prompt.size() > prompt_bytes_max)
    return wrong("'prompt' is longer than 8 MiB");
  if (kind.name == "generic" && x.argv.empty())
    return wrong("'argv' is missing; it holds the program of a generic agent and its arguments");
  for (const auto& name : x.secrets)
    if (!name.starts_with(secret_prefix) && !holds(kind.credentials, name))
      return wrong("'secrets' may not name " + quoted(name) + "; " + x.agent + " may be given variables that begin with "
                   "SWARM_SECRET_" + (kind.credentials.empty() ? "" : ", and " + listed(kind.credentials)));
  return {};
}

} // namespace

std::vector<std::string_view> credential_variables(std::string_view agent) {
  const auto found = std::find_if(kinds.begin(), kinds.end(), [&](const agent_kind& x) { return x.name == agent; });
  return found == kinds.end() ? words{} : found->credentials;
}

caf::expected<agent_payload> parse_agent_payload(std::string_view text, std::size_t profile) {
  const auto found = read_foreign_json(text);
  if (!found || !found->is_object())
    return wrong(found ? "must be a JSON object" : render(found.error()));
  const auto agent = found->value("agent", json{});
  const auto kind = std::find_if(kinds.begin(), kinds.end(), [&](auto& x) { return agent == json(x.name); });
  if (kind == kinds.end())
    return wrong("'agent' must be one of claude, codex, gemini and generic");
  agent_payload result;
  result.agent = kind->name;
  for (auto& [name, member] : found->items()) {
    if (!holds(options_of_all, name) && !holds(kind->options, name))
      return wrong(quoted(name) + " is nothing that " + result.agent + " has an option for; known are "
                   + listed(options_of_all) + ", and " + listed(kind->options));
    if (auto failed = read_member(name, member, result))
      return failed;
  }
  if (auto failed = check_as_a_whole(*kind, result))
    return failed;
  if (const auto profiles = found->find("profiles"); profiles != found->end())
    if (auto failed = read_profiles(*profiles, profile_members_of(*kind), profile, result, read_member))
      return failed;
  return result;
}

} // namespace swarm
