#include "actors/command_executor.hpp"

#include "actors/actor_shell.hpp"

#include <algorithm>

namespace swarm {

command_executor::command_executor(interface::pointer self, executors::stop_ladder ladder,
                                   std::shared_ptr<const redact::redactor> redactor)
  : self_(self), runner_(ladder, std::move(redactor)) {}

command_executor::interface::behavior_type command_executor::make_behavior() {
  self_->set_down_handler([this](caf::down_msg& down) {
    for (auto& [id, x] : runs_)
      if (x.asker == down.source)
        runner_.stop(id);
  });
  return {
    [this](atom::execute, std::uint64_t id, command_spec& spec) -> caf::result<command_result> {
      if (runs_.contains(id))
        return make_error(errc::conflict, "run " + std::to_string(id) + " is in progress already");
      auto asker = self_->current_sender();
      self_->monitor(caf::actor_cast<caf::actor>(asker));
      promise<command_result> answer{self_};
      // The runner's thread may only post; a promise is delivered in our own context.
      auto progress = runner_.start(id, std::move(spec), [me = interface{self_}, id](command_result x) {
        caf::anon_send(me, atom::ended_v, id, std::move(x));
      });
      runs_.emplace(id, run{asker->address(), answer, std::move(progress)});
      return answer;
    },
    [this](atom::progress, std::uint64_t id) {
      auto i = runs_.find(id);
      return i == runs_.end() ? std::int64_t{0} : i->second.progress->load(std::memory_order_relaxed);
    },
    [this](atom::stop, std::uint64_t id) { runner_.stop(id); },
    [this](atom::kill, std::uint64_t id) { runner_.kill(id); },
    [this](atom::ended, std::uint64_t id, command_result& x) {
      auto i = runs_.find(id);
      if (i == runs_.end())
        return;
      i->second.answer.deliver(std::move(x));
      auto asker = i->second.asker;
      runs_.erase(i);
      // Takes away every monitor that we have on it, so it must wait for the asker's last run.
      if (std::none_of(runs_.begin(), runs_.end(), [&](const auto& other) { return other.second.asker == asker; }))
        self_->demonitor(asker);
    },
  };
}

std::vector<actor_fact> command_executor::facts() const {
  return {{"running", std::to_string(runs_.size())}};
}

} // namespace swarm
