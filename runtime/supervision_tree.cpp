#include "runtime/supervision_tree.hpp"

#include "actors/actor_shell.hpp"
#include "actors/cascade.hpp"
#include "actors/command_executor.hpp"
#include "actors/completer.hpp"
#include "actors/dispatcher.hpp"
#include "actors/heartbeat.hpp"
#include "actors/notifier.hpp"
#include "actors/reaper.hpp"
#include "actors/scheduler.hpp"
#include "actors/store_service.hpp"
#include "actors/ticket_workers.hpp"

#include <cstdlib>
#include <map>

namespace swarm::runtime {

/// Where to reach each actor, whichever life of it serves now.
struct supervision_tree::addresses {
  explicit addresses(caf::actor_system& x, const std::vector<std::string>& names)
    : claims(x), settlements(x), maintenance(x), executor(x), notifier(x), completer(x), heartbeat(x), workers(x),
      reaper(x), cascade(x), scheduler(x) {
    for (auto& name : names) {
      queues.emplace(name, x);
      dispatchers.push_back(queues.at(name).handle());
    }
  }

  stable_address<store_actor> claims, settlements, maintenance;
  stable_address<command_executor_actor> executor;
  stable_address<notifier_actor> notifier;
  stable_address<completer_actor> completer;
  stable_address<heartbeat_actor> heartbeat;
  stable_address<ticket_workers_actor> workers;
  stable_address<reaper_actor> reaper;
  stable_address<cascade_actor> cascade;
  stable_address<scheduler_actor> scheduler;
  std::map<std::string, stable_address<dispatcher_actor>> queues;
  std::vector<dispatcher_actor> dispatchers;
};

namespace {

/// A child whose every life serves behind the same address. `Options` says whether it has a thread of its own.
template <class Impl, caf::spawn_options Options = caf::no_spawn_options, class Handle, class... Args>
child_spec child(std::string id, stable_address<Handle> address, Args... args) {
  auto start = [address, args...](caf::scheduled_actor& parent) mutable {
    auto life = parent.spawn<actor_shell<Impl>, Options>(args...);
    address.bind(caf::actor_cast<Handle>(life));
    return untyped(life);
  };
  return {std::move(id), std::move(start)};
}

swarm::supervisor_config supervise(const config::node_config& x, std::string name,
                                   strategy rule = strategy::one_for_one) {
  swarm::supervisor_config result;
  result.name = std::move(name);
  result.rule = rule;
  result.restarts_max = static_cast<unsigned>(x.supervisor.restarts_max);
  result.period = x.supervisor.period;
  result.backoff = {x.supervisor.backoff_first, x.supervisor.backoff_max};
  return result;
}

/// The variables of the node that commands may see. Everything else stays here: it may hold secrets.
std::map<std::string, std::string> allowed_environment() {
  std::map<std::string, std::string> result;
  for (const char* name : {"PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"})
    if (const char* value = std::getenv(name))
      result[name] = value;
  return result;
}

backoff_rule reconnect_rule(const config::node_config& x) {
  return {x.database.reconnect_first, x.database.reconnect_max};
}

store::connection_settings for_role(store::connection_settings x, const std::string& role) {
  x.application += " " + role;
  return x;
}

child_spec store_child(const tree_settings& x, const stable_address<store_actor>& address, const std::string& role) {
  return child<store_service, caf::detached>(
    role, address, store_config{for_role(x.database, role), reconnect_rule(x.values)});
}

} // namespace

supervision_tree::supervision_tree(caf::actor_system& system, const tree_settings& settings)
  : addresses_(std::make_shared<addresses>(system, settings.values.node.queues)) {
  auto& to = *addresses_;
  auto& x = settings.values;
  // Rather more than the drain and the slowest stop of a command need together.
  const caf::timespan stop_work = x.node.drain_timeout + x.command.interrupt_grace + x.command.terminate_grace
                                  + std::chrono::seconds{10};

  std::vector<child_spec> infrastructure{
    store_child(settings, to.claims, "store/claims"),
    store_child(settings, to.settlements, "store/settlements"),
    store_child(settings, to.maintenance, "store/maintenance"),
    child<command_executor>("executor", to.executor,
                            executors::stop_ladder{x.command.interrupt_grace, x.command.terminate_grace}),
    child<swarm::notifier, caf::detached>(
      "notifier", to.notifier, notifier_config{for_role(settings.database, "notifier"), reconnect_rule(x)},
      to.dispatchers, to.heartbeat.handle()),
  };

  completer_config completing;
  completing.batch = static_cast<std::size_t>(x.completer.batch);
  completing.rules = {x.retry.backoff_first, x.retry.backoff_max, x.retry.infra_max, x.retry.check_errors_max};
  completing.repeat = reconnect_rule(x);
  std::vector<child_spec> leases{
    child<swarm::completer>("completer", to.completer, completing, to.settlements.handle(), to.dispatchers),
    child<swarm::heartbeat>("heartbeat", to.heartbeat,
                            swarm::heartbeat_config{settings.node, x.heartbeat.interval, x.heartbeat.stale_after},
                            to.settlements.handle(), to.workers.handle()),
  };

  auto context = std::make_shared<worker_context>();
  context->completer = to.completer.handle();
  context->executor = to.executor.handle();
  context->environment = allowed_environment();
  context->working_directory = settings.working_directory;
  context->output_head_bytes = x.command.output_head;
  context->output_tail_bytes = x.command.output_tail;
  std::map<std::string, dispatcher_actor> dispatcher_of;
  for (auto& [queue, address] : to.queues)
    dispatcher_of.emplace(queue, address.handle());
  std::vector<child_spec> work{
    child<swarm::ticket_workers>("ticket_workers", to.workers, ticket_workers_config{x.node.drain_timeout},
                                 std::shared_ptr<const worker_context>{context}, dispatcher_of)};
  work.back().shutdown = stop_work;
  for (auto& [queue, address] : to.queues)
    work.push_back(child<dispatcher>("dispatcher/" + queue, address,
                                     swarm::dispatcher_config{queue, settings.node, x.node.slots,
                                                              x.dispatcher.claim_batch, x.dispatcher.poll_interval},
                                     to.claims.handle(), to.workers.handle()));

  auto store = to.maintenance.handle();
  std::vector<child_spec> maintenance{
    child<sweeper<reaper>>("reaper", to.reaper,
                           reaper{x.reaper.interval, x.heartbeat.stale_after, x.reaper.batch, x.reaper.reclaims_max,
                                  settings.dead_nodes},
                           store, to.dispatchers),
    child<sweeper<cascade>>("cascade", to.cascade, cascade{x.cascade.interval, x.cascade.batch}, store,
                            to.dispatchers),
    child<sweeper<scheduler>>("scheduler", to.scheduler, scheduler{x.scheduler.interval}, store, to.dispatchers),
  };

  std::vector<child_spec> branches{
    subtree("infrastructure", supervise(x, "root/infrastructure"), std::move(infrastructure)),
    subtree("leases", supervise(x, "root/leases"), std::move(leases)),
    subtree("work", supervise(x, "root/work"), std::move(work)),
    subtree("maintenance", supervise(x, "root/maintenance"), std::move(maintenance)),
  };
  branches[2].shutdown = stop_work + std::chrono::seconds{10};
  root_ = caf::actor_cast<supervisor_actor>(system.spawn<actor_shell<supervisor>>(
    supervise(x, "root", strategy::rest_for_one), std::move(branches)));
}

const ticket_workers_actor& supervision_tree::ticket_workers() const {
  return addresses_->workers.handle();
}

const std::vector<dispatcher_actor>& supervision_tree::dispatchers() const {
  return addresses_->dispatchers;
}

void supervision_tree::unbind() {
  auto& x = *addresses_;
  x.claims.unbind();
  x.settlements.unbind();
  x.maintenance.unbind();
  x.executor.unbind();
  x.notifier.unbind();
  x.completer.unbind();
  x.heartbeat.unbind();
  x.workers.unbind();
  x.reaper.unbind();
  x.cascade.unbind();
  x.scheduler.unbind();
  for (auto& [queue, address] : x.queues)
    address.unbind();
  root_ = nullptr;
}

} // namespace swarm::runtime
