#pragma once

#include "actors/promise.hpp"
#include "messages/interfaces.hpp"
#include "runtime/executors/command/command_runner.hpp"

#include <map>
#include <memory>

namespace swarm {

/// The COMMAND EXECUTOR: the actors' door to the command runner. It answers each request when its program has ended,
/// and ties every program to the life of the actor that asked for it.
class command_executor {
public:
  using interface = command_executor_actor::extend<caf::reacts_to<atom::ended, std::uint64_t, command_result>>;
  static constexpr const char* name = "command_executor";

  command_executor(interface::pointer self, executors::stop_ladder ladder,
                   std::shared_ptr<const redact::redactor> redactor = nullptr);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  struct run {
    caf::actor_addr asker;
    promise<command_result> answer;
    executors::command_runner::progress progress;
  };

  interface::pointer self_;
  std::map<std::uint64_t, run> runs_;
  executors::command_runner runner_; ///< Last, so that it is gone before what its callbacks touch.
};

} // namespace swarm
