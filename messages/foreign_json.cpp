#include "messages/foreign_json.hpp"

#include "messages/error.hpp"

namespace swarm {

namespace {

constexpr int depth_max = 100;

bool holds_nul(const nlohmann::json& x) {
  return x.is_string() && x.get_ref<const std::string&>().find('\0') != std::string::npos;
}

} // namespace

caf::expected<nlohmann::json> read_foreign_json(std::string_view text, std::size_t values_max) {
  bool is_deep = false, has_nul = false;
  std::size_t values = 0;
  // What is refused is dropped on the way, so the value itself is never deeper than we allow.
  auto keep = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& x) {
    using kind = nlohmann::json::parse_event_t;
    if (event == kind::key || event == kind::value)
      has_nul = has_nul || holds_nul(x);
    is_deep = is_deep || depth > depth_max;
    return depth <= depth_max && ++values <= values_max;
  };
  auto result = nlohmann::json::parse(text, keep, false);
  if (is_deep)
    return make_error(errc::invalid_input, "is nested more than 100 levels deep");
  if (values > values_max)
    return make_error(errc::invalid_input, "has more than " + std::to_string(values_max) + " values");
  if (has_nul)
    return make_error(errc::invalid_input, "has a NUL in a text");
  if (result.is_discarded())
    return make_error(errc::invalid_input, "isn't JSON");
  return result;
}

} // namespace swarm
