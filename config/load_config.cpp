#include "config/load_config.hpp"

#include "config/config_file.hpp"
#include "config/cross_checks.hpp"
#include "config/options.hpp"
#include "config/setting.hpp"
#include "config/values.hpp"

#include <algorithm>
#include <array>

#include <unistd.h>

namespace swarm::config {

namespace {

constexpr std::string_view variable_prefix = "SWARM_";

// Variables of the program, of its tickets and of its tests, which aren't options.
bool is_reserved(std::string_view name) {
  constexpr std::array<std::string_view, 7> reserved{"SWARM_HOME",    "SWARM_CONFIG", "SWARM_BINARY",   "SWARM_TICKET",
                                                     "SWARM_ATTEMPT", "SWARM_FENCE",  "SWARM_WORKSPACE"};
  return name.starts_with("SWARM_TEST_") || std::find(reserved.begin(), reserved.end(), name) != reserved.end();
}

std::optional<std::filesystem::path> file_of(const config_sources& sources) {
  if (!sources.file.empty())
    return sources.file;
  for (const auto& candidate : sources.candidates) {
    // One that exists and can't be read is taken, so that it is reported instead of silently replaced by another.
    std::error_code ignored;
    if (std::filesystem::status(candidate, ignored).type() != std::filesystem::file_type::not_found)
      return candidate;
  }
  return std::nullopt;
}

void report_unknown_variable(const std::string& name, problems& found) {
  // Compared without the prefix, which would make everything resemble everything.
  const auto& table = options();
  std::vector<std::string> variables;
  std::transform(table.begin(), table.end(), std::back_inserter(variables),
                 [](const option& x) { return x.environment_name(); });
  std::vector<std::string_view> suffixes;
  for (const std::string_view variable : variables)
    suffixes.push_back(variable.substr(variable_prefix.size()));
  const auto meant = nearest(std::string_view{name}.substr(variable_prefix.size()), suffixes);
  if (!meant.empty()) {
    const auto right = std::string{variable_prefix}.append(meant);
    found.push_back({name, 0, 0, "no option has this variable, did you mean " + in_quotes(right) + "?"});
    return;
  }
  const auto is_in_section = [&](const std::string& variable, const option& x) {
    return name.starts_with(variable.substr(0, variable_prefix.size() + x.section().size() + 1));
  };
  for (std::size_t i = 0; i < table.size(); ++i) {
    if (is_in_section(variables[i], table[i])) {
      found.push_back({name, 0, 0, "no option has this variable, unset it or see swarm config reference"});
      return;
    }
  }
}

void read_environment(const std::map<std::string, std::string>& environment, settings& result, problems& found) {
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(variable_prefix) || is_reserved(name))
      continue;
    const auto is_meant = [&variable = name](const option& x) { return x.environment_name() == variable; };
    const auto x = std::find_if(options().begin(), options().end(), is_meant);
    if (x != options().end())
      result.set(*x, parse_value(*x, text), {setting_layer::environment, name, 0, 0}, found);
    else
      report_unknown_variable(name, found);
  }
}

void read_flags(const std::vector<std::pair<std::string, std::string>>& flags, settings& result, problems& found) {
  for (const auto& [key, text] : flags) {
    if (const auto* x = find_option(key)) {
      result.set(*x, parse_value(*x, text), {setting_layer::flag, "--" + key, 0, 0}, found);
      continue;
    }
    std::vector<std::string_view> keys;
    for (const auto& x : options())
      keys.push_back(x.key);
    const auto meant = nearest(key, keys);
    const auto hint = meant.empty() ? std::string{} : ", did you mean " + in_quotes("--" + std::string{meant}) + "?";
    found.push_back({"--" + key, 0, 0, "no option has this flag" + hint});
  }
}

} // namespace

std::map<std::string, std::string> swarm_environment() {
  std::map<std::string, std::string> result;
  for (auto** entry = environ; entry && *entry; ++entry) {
    const std::string_view text{*entry};
    const auto equals = text.find('=');
    if (text.starts_with(variable_prefix) && equals != std::string_view::npos)
      result.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

std::optional<loaded_config> load_config(const config_sources& sources, problems& found) {
  const auto problems_before = found.size();
  settings read;
  const auto file = file_of(sources);
  if (file)
    read_config_file(*file, read, found);
  read_environment(sources.environment, read, found);
  read_flags(sources.flags, read, found);
  cross_check(read, found);
  if (found.size() > problems_before)
    return std::nullopt;
  loaded_config result;
  for (const auto& x : options())
    result.origins.emplace(x.key, to_string(read.origin(x.key)));
  result.values = std::move(read.values);
  result.file = file.value_or("");
  return result;
}

} // namespace swarm::config
