#pragma once

#include "runtime/executors/executor.hpp"

namespace swarm::executors {

class http_client;

/// Sends a request and judges the answer: tickets of kind "http", see http_payload.hpp. What fails by no fault of the
/// ticket is repeated in place as long as that takes seconds, and else given back with the wait that was asked for.
class http_executor : public executor {
public:
  explicit http_executor(std::shared_ptr<http_client> client) : client_(std::move(client)) {}

  std::unique_ptr<execution> start(const claimed_ticket&, on_outcome) override;

  /// Of every secret of the environment that a header may name.
  std::vector<std::string> credentials() const override;

private:
  std::shared_ptr<http_client> client_;
};

} // namespace swarm::executors
