#pragma once

#include "actors/relay.hpp"
#include "actors/supervisor.hpp"
#include "actors/ticket_worker.hpp"
#include "config/node_config.hpp"
#include "runtime/control/control_server.hpp"
#include "runtime/executors/claude/settings.hpp"
#include "runtime/executors/function_executor.hpp"
#include "runtime/store/connection.hpp"
#include "runtime/workspace/workspaces.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace swarm::runtime {

/// What the tree needs to know beyond the configuration.
struct tree_settings {
  config::node_config values;
  store::connection_settings database; ///< `application` is completed with each store's role.
  node_id node;
  std::vector<std::int64_t> dead_nodes; ///< Predecessors of this node that still hold leases.
  std::string working_directory;        ///< For commands that name none.
  std::filesystem::path control_socket; ///< Empty for none.
  std::filesystem::path attempts_folder; ///< Empty for none.
  std::shared_ptr<workspace::workspaces> workspaces; ///< Null for none.
  executors::function_table functions;   ///< For tickets of kind function.
  executors::claude::settings claude;    ///< For tickets of kind claude, without an environment.
  std::map<std::string, control::answer> routes; ///< What may be asked there.
  std::shared_ptr<const redact::redactor> redactor; ///< Of all that attempts leave behind; may be absent.
  std::shared_ptr<census> actors = std::make_shared<census>();
  std::function<void()> alive = [] {};  ///< Called now and then, as long as the scheduler's threads do their work.
  std::function<void(const caf::error&)> give_up = [](const caf::error&) {}; ///< A stuck actor can't be dealt with.
};

/// The actors of a node, under their supervisors. The tree is data: a list of child specifications in start order.
///
///   root                   rest_for_one
///   ├─ infrastructure      one_for_one   watchdog, store/claims, store/settlements, store/maintenance, executor,
///   │                                    notifier
///   ├─ leases              one_for_one   completer, heartbeat
///   ├─ work                one_for_one   ticket_workers, dispatcher/<queue> ...
///   ├─ maintenance         one_for_one   reaper, cascade, scheduler, sealer, pruner, workspace_sweeper
///   └─ surface             one_for_one   control_socket
///
/// It stops in reverse order: nobody looks in and nothing is claimed any more, running tickets end or are handed back while the heartbeat
/// still beats for them, their outcomes are written, and the connections go last.
class supervision_tree {
public:
  supervision_tree(caf::actor_system&, const tree_settings&);

  const supervisor_actor& root() const { return root_; }
  const ticket_workers_actor& ticket_workers() const;
  const std::vector<dispatcher_actor>& dispatchers() const;

  /// Forgets who serves. Call it when the root has ended: the addresses would keep dead actors, and their threads.
  void unbind();

private:
  struct addresses;
  struct table;
  std::shared_ptr<addresses> addresses_;
  std::shared_ptr<seat> place_;
  supervisor_actor root_;
};

} // namespace swarm::runtime
