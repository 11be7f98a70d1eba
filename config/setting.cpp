#include "config/setting.hpp"

#include "messages/error.hpp"

#include <utility>

namespace swarm::config {

std::string to_string(const setting_origin& x) {
  if (x.layer == setting_layer::initial)
    return "default";
  return x.line > 0 ? x.source + ":" + std::to_string(x.line) : x.source;
}

void settings::set(const option& x, const caf::expected<option_value>& value, setting_origin from, problems& found) {
  if (!value) {
    found.push_back({std::move(from.source), from.line, from.column, render(value.error())});
    broken.insert(x.key);
    return;
  }
  x.set(values, *value);
  origins.insert_or_assign(x.key, std::move(from));
}

setting_origin settings::origin(const std::string& key) const {
  const auto found = origins.find(key);
  return found == origins.end() ? setting_origin{} : found->second;
}

} // namespace swarm::config
