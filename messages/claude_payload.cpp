#include "messages/claude_payload.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "messages/json_schema.hpp"
#include "messages/profiles.hpp"

#include <algorithm>
#include <array>
#include <map>

namespace swarm {

namespace {

using nlohmann::json;

/// Small enough that no cost overflows, and more than anybody pays for one attempt.
constexpr std::int64_t cost_bound = 1'000'000'000'000;
constexpr std::int64_t tokens_bound = 1'000'000'000;
constexpr std::int64_t max_tokens_bound = 1'000'000;
constexpr std::int64_t turns_bound = 10'000;
const std::vector<std::string_view> profile_members{"effort", "fallback_model", "limits", "max_tokens", "model"};
constexpr std::int64_t command_ms_bound = 24 * 3'600'000;

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, "payload of a call of Claude: " + sentence);
}

std::string quoted(const std::string& name) {
  return json(name).dump(-1, ' ', true);
}

caf::error read_text(const std::string& name, const json& value, std::string& result) {
  if (!value.is_string())
    return wrong("'" + name + "' must be a string");
  result = value.get<std::string>();
  return {};
}

caf::error read_flag(const std::string& name, const json& value, bool& result) {
  if (!value.is_boolean())
    return wrong("'" + name + "' must be true or false");
  result = value.get<bool>();
  return {};
}

caf::error read_number(const std::string& name, const json& value, std::int64_t least, std::int64_t most,
                       std::int64_t& result) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(most)
      || value.get<std::int64_t>() < least)
    return wrong("'" + name + "' must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  result = value.get<std::int64_t>();
  return {};
}

/// It travels in a header of ours, and stands in sentences.
caf::error read_model(const std::string& name, const json& value, std::string& result) {
  if (auto failed = read_text(name, value, result))
    return failed;
  const auto is_plain = [](char c) { return c > ' ' && c < '\x7f'; };
  if (result.empty() || result.size() > 200 || !std::all_of(result.begin(), result.end(), is_plain))
    return wrong("'" + name + "' must be a model's name such as claude-sonnet-5-5");
  return {};
}

caf::error read_effort(const json& value, std::string& result) {
  if (auto failed = read_text("effort", value, result))
    return failed;
  constexpr std::array<std::string_view, 5> efforts{"low", "medium", "high", "xhigh", "max"};
  if (std::find(efforts.begin(), efforts.end(), result) == efforts.end())
    return wrong("'effort' must be low, medium, high, xhigh or max");
  return {};
}

caf::error read_directory(const json& value, std::string& result) {
  if (auto failed = read_text("working_directory", value, result))
    return failed;
  return result.starts_with('/') ? caf::error{} : wrong("'working_directory' must be an absolute path");
}

caf::error read_programs(const json& value, std::vector<std::string>& result) {
  const auto is_name = [](const json& x) { return x.is_string() && !x.get_ref<const std::string&>().empty(); };
  if (!value.is_array() || value.empty() || !std::all_of(value.begin(), value.end(), is_name))
    return wrong("'run_command' must be a list of the programs that may be run, as in [\"make\"]");
  result = value.get<std::vector<std::string>>();
  return {};
}

caf::error read_tools(const json& value, claude_tools& result) {
  if (!value.is_object())
    return wrong("'tools' must be an object");
  const std::map<std::string, bool*> flags{{"read_file", &result.read_file},
                                           {"write_file", &result.write_file},
                                           {"list_files", &result.list_files},
                                           {"finish", &result.finish}};
  for (const auto& [name, member] : value.items()) {
    const auto flag = flags.find(name);
    if (flag == flags.end() && name != "run_command")
      return wrong("there is no tool " + quoted(name)
                   + ", known are finish, list_files, read_file, run_command and write_file");
    if (auto failed = flag == flags.end() ? read_programs(member, result.run_command)
                                          : read_flag(name, member, *flag->second))
      return failed;
  }
  return {};
}

caf::error read_limit(const std::string& name, const json& value, claude_limits& result) {
  if (name == "turns")
    return read_number(name, value, 1, turns_bound, result.turns);
  if (name == "output_tokens")
    return read_number(name, value, 1, tokens_bound, result.output_tokens);
  if (name == "cost_micro_dollars")
    return read_number(name, value, 1, cost_bound, result.cost_micro_dollars);
  if (name != "command_ms")
    return wrong("there is no limit " + quoted(name)
                 + ", known are command_ms, cost_micro_dollars, output_tokens and turns");
  std::int64_t command_ms = 0;
  auto failed = read_number(name, value, 1, command_ms_bound, command_ms);
  result.command = std::chrono::milliseconds{command_ms};
  return failed;
}

caf::error read_limits(const json& value, claude_limits& result) {
  if (!value.is_object())
    return wrong("'limits' must be an object");
  for (const auto& [name, member] : value.items())
    if (auto failed = read_limit(name, member, result))
      return failed;
  return {};
}

caf::error read_member(const std::string& name, const json& value, claude_payload& result) {
  if (name == "prompt")
    return read_text(name, value, result.prompt);
  if (name == "system")
    return read_text(name, value, result.system);
  if (name == "model")
    return read_model(name, value, result.model);
  if (name == "fallback_model")
    return read_model(name, value, result.fallback_model);
  if (name == "max_tokens")
    return read_number(name, value, 1, max_tokens_bound, result.max_tokens);
  if (name == "effort")
    return read_effort(value, result.effort);
  if (name == "working_directory")
    return read_directory(value, result.working_directory);
  if (name == "tools")
    return read_tools(value, result.tools);
  if (name == "limits")
    return read_limits(value, result.limits);
  if (name == "expects_changes")
    return read_flag(name, value, result.expects_changes);
  if (name == "batch")
    return read_flag(name, value, result.batch);
  if (name == "schema") {
    result.schema = value.dump(-1, ' ', false, json::error_handler_t::replace);
    if (!value.is_object())
      return wrong("'schema' must be a JSON Schema, an object");
    auto schema = json_schema::read(value, schema_formats::unjudged);
    return schema ? caf::error{} : wrong("'schema' " + render(schema.error()));
  }
  if (name == "profiles")
    return {}; // when all that they change is known
  return wrong("unknown member " + quoted(name)
               + ", known are batch, effort, expects_changes, fallback_model, limits, max_tokens, model, profiles, prompt, "
                 "schema, system, tools and working_directory");
}

bool is_blank(const std::string& x) {
  return x.find_first_not_of(" \t\r\n\v\f") == std::string::npos;
}

/// Whether the agent is let at the file system.
bool has_place(const claude_tools& x) {
  return !x.run_command.empty() || x.read_file || x.write_file || x.list_files;
}

/// A batch answers one request, and nobody is there to say something more.
caf::error check_batch(const claude_payload& x) {
  if (has_place(x.tools) || x.tools.finish)
    return wrong("'batch' and 'tools' don't go together: a batch is a single turn");
  if (x.expects_changes)
    return wrong("'batch' and 'expects_changes' don't go together: without tools nothing changes");
  if (!x.fallback_model.empty())
    return wrong("'batch' and 'fallback_model' don't go together: a batch is a single turn; name the other model in a profile");
  return {};
}

} // namespace

caf::expected<claude_payload> parse_claude_payload(std::string_view text, std::size_t profile) {
  const auto found = read_foreign_json(text);
  if (!found || !found->is_object())
    return wrong(found ? "must be a JSON object" : render(found.error()));
  claude_payload result;
  for (const auto& [name, member] : found->items())
    if (auto failed = read_member(name, member, result))
      return failed;
  if (is_blank(result.prompt))
    return wrong("'prompt' is missing or blank");
  if (has_place(result.tools) && result.working_directory.empty())
    return wrong("'working_directory' is missing, and its tools need one");
  std::vector<std::string> models{result.model, result.fallback_model};
  const auto read_of_profile = [&models](const std::string& name, const json& value, claude_payload& under) {
    auto failed = read_member(name, value, under);
    models.insert(models.end(), {under.model, under.fallback_model});
    return failed || !under.batch ? failed : check_batch(under);
  };
  if (result.batch)
    if (auto failed = check_batch(result))
      return failed;
  if (const auto profiles = found->find("profiles"); profiles != found->end())
    if (auto failed = read_profiles(*profiles, profile_members, profile, result, read_of_profile))
      return failed;
  std::sort(models.begin(), models.end());
  models.erase(std::unique(models.begin(), models.end()), models.end());
  std::erase(models, "");
  result.models = std::move(models);
  return result;
}

} // namespace swarm
