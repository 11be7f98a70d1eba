#include "runtime/executors/table.hpp"

#include "runtime/executors/http/http_client.hpp"
#include "runtime/executors/http/http_executor.hpp"
#include "runtime/executors/mock_executor.hpp"

#include <utility>

namespace swarm::executors {

executor_table make_table(const function_table& functions, agent_cli_settings agents) {
  auto client = std::make_shared<http_client>();
  return {
    {"agent_cli", std::make_shared<agent_cli_executor>(std::move(agents))},
    {"function", std::make_shared<function_executor>(functions)},
    {"http", std::make_shared<http_executor>(client)},
    {"mock", std::make_shared<mock_executor>(client)},
  };
}

} // namespace swarm::executors
