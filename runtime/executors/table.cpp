#include "runtime/executors/table.hpp"

#include "runtime/executors/http/http_client.hpp"
#include "runtime/executors/http/http_executor.hpp"
#include "runtime/executors/mock_executor.hpp"

namespace swarm::executors {

executor_table make_table(const function_table& functions) {
  auto client = std::make_shared<http_client>();
  return {
    {"function", std::make_shared<function_executor>(functions)},
    {"http", std::make_shared<http_executor>(client)},
    {"mock", std::make_shared<mock_executor>(client)},
  };
}

} // namespace swarm::executors
