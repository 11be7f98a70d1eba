#include "runtime/executors/table.hpp"

#include "runtime/executors/claude/claude_executor.hpp"
#include "runtime/executors/http/http_client.hpp"
#include "runtime/executors/http/http_executor.hpp"
#include "runtime/executors/mock_executor.hpp"

#include <utility>

namespace swarm::executors {

executor_table make_table(const function_table& functions, agent_cli_settings agents, const claude::settings& claude) {
  auto client = std::make_shared<http_client>();
  return {
    {"agent_cli", std::make_shared<agent_cli_executor>(std::move(agents))},
    {"claude", std::make_shared<claude::claude_executor>(client, claude)},
    {"function", std::make_shared<function_executor>(functions)},
    {"http", std::make_shared<http_executor>(client)},
    {"mock", std::make_shared<mock_executor>(client)},
  };
}

} // namespace swarm::executors
