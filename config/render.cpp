#include "config/render.hpp"

#include "messages/mask_password.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace swarm::config {

namespace {

constexpr std::size_t columns = 100;

// Breaks a text between words, each line behind `prefix`.
std::string wrapped(std::string_view text, const std::string& prefix) {
  std::string result;
  auto line = prefix;
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    if (line.size() > prefix.size() && line.size() + 1 + word.size() > columns) {
      result += line + "\n";
      line = prefix;
    }
    line.append(line.size() > prefix.size() ? " " : "").append(word);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
  }
  return result + line + "\n";
}

bool is_textual(option_type x) {
  return x == option_type::text || x == option_type::path;
}

// Defaults hold nothing that YAML would need escaped.
std::string default_as_yaml(const option& x) {
  const auto text = format_value(x.initial);
  if (is_textual(x.type))
    return "\"" + text + "\"";
  if (x.type == option_type::names)
    return "[" + text + "]";
  return x.type == option_type::levels ? "{" + text + "}" : text;
}

std::string bounds_with_unit(const option& x) {
  const auto bounds = describe_bounds(x);
  return x.unit.empty() ? bounds : bounds + " " + x.unit;
}

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

// Pipes would end a cell of a Markdown table.
std::string cell(std::string_view text) {
  std::string result;
  for (const char c : text)
    result.append(c == '|' ? "\\" : "").append(1, c);
  return result;
}

std::string shown_value(const option& x, const node_config& values) {
  const auto text = format_value(x.get(values));
  return x.secret && !text.empty() ? mask_password(text) : text;
}

nlohmann::ordered_json json_value(const option& x, const node_config& values) {
  const auto value = x.get(values);
  if (const auto* number = std::get_if<int>(&value))
    return *number;
  if (const auto* names = std::get_if<std::vector<std::string>>(&value))
    return *names;
  if (const auto* levels = std::get_if<std::map<std::string, std::string>>(&value))
    return *levels;
  return shown_value(x, values);
}

} // namespace

std::string example_yaml() {
  std::string result = "# The configuration of a swarm node, every option at its default.\n"
                       "# Made by `swarm config example`; what a node really uses shows `swarm config print`.\n"
                       "#\n"
                       "# Each option is also a flag, --heartbeat.interval 30s, and an environment variable,\n"
                       "# SWARM_HEARTBEAT_INTERVAL=30s. Flags win over variables, variables over this file.\n"
                       "# Durations are written as 250ms, 30s, 5m, 1h30m or 2d, sizes as 512B, 64KiB, 16MiB or 1GiB.\n"
                       "# A change takes effect when the node is started again, unless said otherwise.\n";
  std::string_view section;
  for (const auto& x : options()) {
    result += "\n";
    if (x.section() != section) {
      section = x.section();
      result.append(section).append(":\n");
    }
    result += wrapped(x.sentence, "  # ");
    auto note = capitalized(bounds_with_unit(x));
    if (!x.needs_restart)
      note += note.empty() ? "Takes effect without a restart" : "; takes effect without a restart";
    if (!note.empty())
      result += wrapped(note + ".", "  # ");
    result.append("  ").append(x.name()).append(": ").append(default_as_yaml(x)).append("\n");
  }
  return result;
}

std::string reference_markdown() {
  std::string result = "# Options\n\n"
                       "Made by `swarm config reference`. An option is set in a file, in the environment or by a flag; "
                       "flags win over the environment, the environment over the file. The variable of "
                       "`heartbeat.interval` is `SWARM_HEARTBEAT_INTERVAL`, its flag `--heartbeat.interval`.\n";
  std::string_view section;
  for (const auto& x : options()) {
    if (x.section() != section) {
      section = x.section();
      result.append("\n## ").append(section).append("\n\n");
      result += "| Option | Type | Default | Accepts | Needs restart | Meaning |\n|---|---|---|---|---|---|\n";
    }
    const auto initial = format_value(x.initial);
    const std::array<std::string, 6> cells{
      "`" + x.key + "`",   to_string(x.type),           initial.empty() ? "" : "`" + initial + "`",
      bounds_with_unit(x), x.needs_restart ? "yes" : "no", x.sentence};
    for (const auto& text : cells)
      result += "| " + cell(text) + (text.empty() ? "" : " ");
    result += "|\n";
  }
  return result;
}

std::string help_text(const option& x) {
  const auto bounds = bounds_with_unit(x);
  const auto initial = format_value(x.initial);
  const auto facts = bounds + (bounds.empty() || initial.empty() ? "" : "; ")
                     + (initial.empty() ? "" : "default " + initial);
  return facts.empty() ? x.sentence : x.sentence + " (" + facts + ")";
}

std::string print_config(const loaded_config& x) {
  // An empty column would make the origin look like the value.
  const auto shown = [&x](const option& option) {
    const auto text = shown_value(option, x.values);
    return text.empty() ? std::string{"\"\""} : text;
  };
  std::size_t key_width = 0;
  std::size_t value_width = 0;
  for (const auto& option : options()) {
    key_width = std::max(key_width, option.key.size());
    // One long connection string must not push every origin out of sight.
    const auto width = shown(option).size();
    value_width = width > columns / 3 ? value_width : std::max(value_width, width);
  }
  const auto padded = [](std::string text, std::size_t width) {
    text.resize(std::max(width, text.size()), ' ');
    return text;
  };
  std::string result;
  for (const auto& option : options())
    result += padded(option.key, key_width) + "  " + padded(shown(option), value_width) + "  "
              + x.origins.at(option.key) + "\n";
  return result;
}

std::string print_config_json(const loaded_config& x) {
  auto result = nlohmann::ordered_json::object();
  for (const auto& option : options())
    result[option.key] = {{"value", json_value(option, x.values)}, {"origin", x.origins.at(option.key)}};
  // Paths and variables may hold bytes that aren't UTF-8, on which dump() would throw.
  return result.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

} // namespace swarm::config
