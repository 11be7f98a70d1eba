#include "runtime/executors/refuse.hpp"

namespace swarm::executors {

namespace {

/// What never began.
class no_execution : public execution {
public:
  std::int64_t progress() const override { return 0; }
  void stop() override {}
  void kill() override {}
};

} // namespace

std::unique_ptr<execution> refuse(on_outcome done, outcome_class end, const std::string& evidence) {
  outcome x;
  x.end = end;
  x.evidence = evidence;
  done(std::move(x));
  return std::make_unique<no_execution>();
}

} // namespace swarm::executors
