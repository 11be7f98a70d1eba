#pragma once

#include "runtime/executors/executor.hpp"

#include <mutex>
#include <utility>

namespace swarm::executors {

/// Lets one outcome through and no second one, whoever comes first: the work itself, or who stops it.
class one_outcome {
public:
  explicit one_outcome(on_outcome done) : done_(std::move(done)) {}

  void deliver(outcome x) {
    on_outcome done;
    {
      std::lock_guard guard{mutex_};
      done.swap(done_);
    }
    if (done)
      done(std::move(x));
  }

  void deliver(outcome_class end, std::string evidence) {
    outcome x;
    x.end = end;
    x.evidence = std::move(evidence);
    deliver(std::move(x));
  }

  void forget() {
    std::lock_guard guard{mutex_};
    done_ = nullptr;
  }

private:
  std::mutex mutex_;
  on_outcome done_; ///< Guarded; empty when it has been called.
};

} // namespace swarm::executors
