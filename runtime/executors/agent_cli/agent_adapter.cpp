#include "runtime/executors/agent_cli/agent_adapter.hpp"

namespace swarm::executors {

const agent_adapter* find_adapter(std::string_view name) {
  for (const auto* x : {&claude_adapter, &codex_adapter, &gemini_adapter, &generic_adapter})
    if (name == x->name)
      return x;
  return nullptr;
}

void add_option(std::vector<std::string>& argv, std::string_view option, std::string_view value) {
  if (!value.empty())
    argv.push_back(std::string{option} + "=" + std::string{value});
}

std::string joined(const std::vector<std::string>& words) {
  std::string result;
  for (const auto& x : words)
    result += (result.empty() ? "" : ",") + x;
  return result;
}

} // namespace swarm::executors
