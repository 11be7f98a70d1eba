#include "runtime/store/clean_text.hpp"

#include <nlohmann/json.hpp>

namespace swarm::store {

std::string clean_text(std::string_view text) {
  using nlohmann::json;
  // The library replaces what isn't UTF-8 when it writes.
  auto result = json::parse(json(text).dump(-1, ' ', false, json::error_handler_t::replace)).get<std::string>();
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  for (auto at = result.find('\0'); at != std::string::npos; at = result.find('\0', at))
    result.replace(at, 1, replacement);
  return result;
}

} // namespace swarm::store
