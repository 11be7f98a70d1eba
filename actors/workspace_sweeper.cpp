#include "actors/workspace_sweeper.hpp"

#include "actors/actor_shell.hpp"

#include <algorithm>

namespace swarm {

workspace_sweeper::workspace_sweeper(interface::pointer self, workspace_sweeper_config config)
  : self_(self), config_(std::move(config)), outage_(name) {}

workspace_sweeper::~workspace_sweeper() {
  *stops_ = true;
}

workspace_sweeper::interface::behavior_type workspace_sweeper::make_behavior() {
  self_->send(self_, atom::tick_v);
  return {
    [this](atom::wake) { sweep(); },
    [this](atom::tick) {
      // Reschedule first, so that nothing below can end the loop.
      self_->delayed_send(self_, config_.interval, atom::tick_v);
      sweep();
    },
    [this](atom::found) { on_swept(); },
  };
}

std::vector<actor_fact> workspace_sweeper::facts() const {
  return {{"sweeps", std::to_string(sweeps_)}, {"bytes", std::to_string(bytes_left_)}};
}

void workspace_sweeper::sweep() {
  if (found_)
    return; // one is under way
  found_ = std::make_shared<caf::expected<workspace::sweep_report>>(caf::error{});
  // By address: a sweep that takes long must not keep an actor that is gone.
  config_.aside([sweep = config_.sweep, stops = stops_, to = found_, me = self_->address()] {
    *to = sweep([&] { return stops->load(); });
    if (auto sweeper = caf::actor_cast<caf::actor>(me))
      caf::anon_send(sweeper, atom::found_v);
  });
}

void workspace_sweeper::on_swept() {
  const auto found = std::exchange(found_, nullptr);
  ++sweeps_;
  if (!*found)
    return outage_.begins("workspaces can't be swept", found->error());
  outage_.is_over("workspaces can be swept again");
  const auto& report = **found;
  bytes_left_ = report.bytes_left;
  for (const auto& problem : report.problems)
    logger_for(name)->warn("{}", problem);
  if (report.removed.empty())
    return;
  auto count = [&](workspace::removal_cause cause) {
    return std::count_if(report.removed.begin(), report.removed.end(), [&](auto& x) { return x.cause == cause; });
  };
  using enum workspace::removal_cause;
  logger_for(name)->info("workspaces were removed: gone={} old={} large={} bytes_left={}", count(orphan), count(age),
                         count(size), report.bytes_left);
}

} // namespace swarm
