#include "config/config_file.hpp"

#include "config/options.hpp"
#include "config/values.hpp"
#include "config/yaml_document.hpp"
#include "messages/error.hpp"

#include <algorithm>

namespace swarm::config {

namespace {

std::string describe(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Scalar: return "text";
    case YAML::NodeType::Sequence: return "a list";
    case YAML::NodeType::Map: return "keys";
    default: return "nothing";
  }
}

std::string expectation(option_type x) {
  switch (x) {
    case option_type::integer: return "an integer";
    case option_type::duration: return "a duration such as 30s";
    case option_type::size: return "a size such as 64KiB";
    case option_type::text:
    case option_type::choice: return "text";
    case option_type::path: return "a path";
    case option_type::names: return "a list of names such as [default, build]";
    case option_type::levels: return "levels of components such as {store: debug}";
  }
  return "something else";
}

// Keys are text and unique in their map, or `read_yaml` has reported them already.
class config_file_reader {
public:
  config_file_reader(std::filesystem::path file, std::string source, settings& result, problems& found)
    : folder_(file.parent_path()), source_(std::move(source)), result_(result), found_(found) {
    for (const auto& x : options())
      if (sections_.empty() || sections_.back() != x.section())
        sections_.push_back(x.section());
  }

  void read(const YAML::Node& root) {
    // A file of nothing but comments sets nothing.
    if (!root.IsDefined() || root.IsNull())
      return;
    if (!root.IsMap())
      return report(root, "a configuration holds sections such as 'heartbeat: {interval: 30s}', got " + describe(root));
    for (const auto& entry : root)
      read_section(entry.first, entry.second);
  }

private:
  void report(const YAML::Node& node, std::string text) {
    found_.push_back(problem_at(source_, node, std::move(text)));
  }

  void read_section(const YAML::Node& key, const YAML::Node& value) {
    const auto& section = key.Scalar();
    if (std::find(sections_.begin(), sections_.end(), section) == sections_.end())
      return report(key, unknown_section(section));
    if (value.IsNull())
      return;
    if (!value.IsMap())
      return report(value, in_quotes(section) + " is a section and holds keys, got " + describe(value));
    for (const auto& entry : value) {
      if (const auto* x = find_option(section + "." + entry.first.Scalar()))
        read_option(*x, entry.first, entry.second);
      else
        report(entry.first, unknown_key(section, entry.first.Scalar()));
    }
  }

  std::string unknown_section(const std::string& section) const {
    const auto result = "unknown section " + in_quotes(section);
    if (const auto* x = find_option(section))
      return result + ", write " + in_quotes(x->name()) + " inside the section " + in_quotes(x->section());
    const auto meant = nearest(section, sections_);
    if (meant.empty())
      return result + ", known are " + joined(sections_);
    return result + ", did you mean " + in_quotes(meant) + "?";
  }

  static std::string unknown_key(const std::string& section, const std::string& name) {
    std::vector<std::string_view> names;
    for (const auto& x : options())
      if (x.section() == section)
        names.push_back(x.name());
    const auto result = "unknown key " + in_quotes(section + "." + name);
    const auto meant = nearest(name, names);
    if (meant.empty())
      return result + ", known in this section are " + joined(names);
    return result + ", did you mean " + in_quotes(section + "." + std::string{meant}) + "?";
  }

  static std::string joined(const std::vector<std::string_view>& names) {
    std::string result;
    for (const auto name : names)
      result.append(result.empty() ? "" : ", ").append(name);
    return result;
  }

  void read_option(const option& x, const YAML::Node& key, const YAML::Node& node) {
    // Nothing has no place of its own.
    const auto place = problem_at(source_, node.IsNull() ? key : node, "");
    result_.set(x, read_value(x, node), {setting_layer::file, place.source, place.line, place.column}, found_);
  }

  caf::expected<option_value> read_value(const option& x, const YAML::Node& node) const {
    if (node.IsNull())
      return wrong(x, " has no value, remove the key to get the default");
    switch (x.type) {
      case option_type::names: return read_names(x, node);
      case option_type::levels: return read_levels(x, node);
      default: break;
    }
    if (!node.IsScalar())
      return wrong(x, node);
    auto value = parse_value(x, node.Scalar());
    if (value && x.type == option_type::path)
      make_absolute(std::get<std::filesystem::path>(*value));
    return value;
  }

  // A file means the same from wherever the program is started.
  void make_absolute(std::filesystem::path& path) const {
    if (!path.empty() && path.is_relative())
      path = folder_ / path;
  }

  static caf::expected<option_value> read_names(const option& x, const YAML::Node& node) {
    if (!node.IsSequence())
      return wrong(x, node);
    std::vector<std::string> names;
    for (const auto& name : node) {
      if (!name.IsScalar())
        return wrong(x, " must hold only names, got " + describe(name) + " in their midst");
      names.push_back(name.Scalar());
    }
    return checked(x, std::move(names));
  }

  static caf::expected<option_value> read_levels(const option& x, const YAML::Node& node) {
    if (!node.IsMap())
      return wrong(x, node);
    std::map<std::string, std::string> levels;
    for (const auto& entry : node) {
      if (!entry.second.IsScalar())
        return wrong(x, " must hold only names and levels, such as {store: debug}");
      levels.emplace(entry.first.Scalar(), entry.second.Scalar());
    }
    return checked(x, std::move(levels));
  }

  static caf::expected<option_value> checked(const option& x, option_value value) {
    if (auto error = check_value(x, value))
      return error;
    return value;
  }

  static caf::error wrong(const option& x, const std::string& rest) {
    return make_error(errc::invalid_input, x.key + rest);
  }

  static caf::error wrong(const option& x, const YAML::Node& node) {
    return wrong(x, " must be " + expectation(x.type) + ", got " + describe(node));
  }

  std::filesystem::path folder_;
  std::string source_;
  settings& result_;
  problems& found_;
  std::vector<std::string_view> sections_;
};

} // namespace

void read_config_file(const std::filesystem::path& file, settings& result, problems& found) {
  const auto document = read_yaml(file, found);
  if (document)
    config_file_reader{file, document->source, result, found}.read(document->root);
}

} // namespace swarm::config
