#pragma once

#include "runtime/executors/executor.hpp"

namespace swarm::executors {

class http_client;

/// Does nothing and ends as the ticket says, for tests and for dry runs of a graph. All members may be left out:
///
///   {"class": "content", "evidence": "it failed", "latency_ms": 50, "details": {"result": 7, "usage": {...}},
///    "hang": false, "crash": false, "attempts": [{...}, {...}]}
///
/// `hang` doesn't end until it is stopped, `crash` takes the worker down. `attempts` has such an object for each attempt in
/// turn, the last of which holds for all that follow.
class mock_executor : public executor {
public:
  /// The client's thread keeps the time.
  explicit mock_executor(std::shared_ptr<http_client> clock) : clock_(std::move(clock)) {}

  std::unique_ptr<execution> start(const claimed_ticket&, on_outcome) override;

private:
  std::shared_ptr<http_client> clock_;
};

} // namespace swarm::executors
