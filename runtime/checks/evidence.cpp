#include "runtime/checks/evidence.hpp"

#include "runtime/executors/command/output_buffer.hpp"

#include <algorithm>

namespace swarm::checks {

std::string listed(const std::vector<std::string>& names, std::uint64_t total) {
  const auto shown = std::min(names.size(), names_max);
  const auto has_more = total > shown;
  std::string result;
  for (std::size_t i = 0; i < shown; ++i)
    result += (i == 0 ? "" : i + 1 == shown && !has_more ? " and " : ", ") + in_quotes(names[i]);
  if (has_more)
    result += (shown > 0 ? " and " : "") + std::to_string(total - shown) + (shown > 0 ? " more" : " without a name");
  return result;
}

std::string counted(std::uint64_t count, std::string_view noun) {
  return std::to_string(count) + " " + std::string{noun} + (count == 1 ? "" : "s");
}

std::string head_and_tail(std::string_view text) {
  executors::output_buffer buffer{2 * 1024, 6 * 1024};
  buffer.append(text);
  return buffer.take();
}

} // namespace swarm::checks
