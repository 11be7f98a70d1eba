#pragma once

#include "actors/logging.hpp"
#include "messages/interfaces.hpp"
#include "runtime/workspace/sweep.hpp"

#include <atomic>
#include <functional>
#include <memory>

namespace swarm {

struct workspace_sweeper_config {
  caf::timespan interval{std::chrono::hours{1}};
  /// One sweep, which ends early when `stops` says so. It reads disk and database, and takes as long as these like.
  std::function<caf::expected<workspace::sweep_report>(const std::function<bool()>& stops)> sweep;
  std::function<void(std::function<void()>)> aside = [](auto job) { job(); }; ///< Runs it where nobody waits.
};

/// The WORKSPACE SWEEPER: has workspaces removed that nobody needs any more, when the node starts and then at an
/// interval. Without it the workspaces of tickets that have ended fill the disk.
class workspace_sweeper {
public:
  using interface = workspace_sweeper_actor::extend<caf::reacts_to<atom::tick>, caf::reacts_to<atom::found>>;
  static constexpr const char* name = "workspace_sweeper";

  workspace_sweeper(interface::pointer self, workspace_sweeper_config config);

  /// What still sweeps ends soon.
  ~workspace_sweeper();

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  void sweep();
  void on_swept();

  interface::pointer self_;
  workspace_sweeper_config config_;
  std::shared_ptr<std::atomic<bool>> stops_ = std::make_shared<std::atomic<bool>>(false);
  std::shared_ptr<caf::expected<workspace::sweep_report>> found_; ///< Where the one sweep leaves its report.
  std::uint64_t sweeps_ = 0;
  std::uint64_t bytes_left_ = 0;
  outage_log outage_;
};

} // namespace swarm
