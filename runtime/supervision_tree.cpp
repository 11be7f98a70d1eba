#include "runtime/supervision_tree.hpp"

#include "actors/actor_shell.hpp"
#include "actors/cascade.hpp"
#include "actors/command_executor.hpp"
#include "actors/completer.hpp"
#include "actors/control_socket.hpp"
#include "actors/dispatcher.hpp"
#include "actors/heartbeat.hpp"
#include "actors/notifier.hpp"
#include "actors/pruner.hpp"
#include "actors/reaper.hpp"
#include "actors/scheduler.hpp"
#include "actors/sealer.hpp"
#include "actors/store_service.hpp"
#include "actors/ticket_workers.hpp"
#include "actors/watchdog.hpp"
#include "actors/workspace_sweeper.hpp"
#include "runtime/executors/table.hpp"
#include "runtime/store/queries.hpp"

#include <cstdlib>
#include <map>

namespace swarm::runtime {

/// Where to reach each actor, whichever life of it serves now.
struct supervision_tree::addresses {
  explicit addresses(caf::actor_system& x, const std::vector<std::string>& names)
    : claims(x), settlements(x), maintenance(x), executor(x), notifier(x), completer(x), heartbeat(x), workers(x),
      reaper(x), cascade(x), scheduler(x), sealer(x), pruner(x),
      workspace_sweeper(x), watchdog(x), control(x) {
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
  stable_address<sealer_actor> sealer;
  stable_address<pruner_actor> pruner;
  stable_address<workspace_sweeper_actor> workspace_sweeper;
  stable_address<watchdog_actor> watchdog;
  stable_address<control_socket_actor> control;
  std::map<std::string, stable_address<dispatcher_actor>> queues;
  std::vector<dispatcher_actor> dispatchers;
};

namespace {

/// A child whose every life serves behind the same address. `Options` says whether it has a thread of its own.
template <class Impl, caf::spawn_options Options = caf::no_spawn_options, class Handle, class... Args>
child_spec child(std::string id, stable_address<Handle> address, Args... args) {
  auto start = [address, args...](const birth& x) mutable {
    auto life = x.parent.spawn<actor_shell<Impl>, Options>(args...);
    address.bind(caf::actor_cast<Handle>(life));
    return untyped(life);
  };
  child_spec result{std::move(id), std::move(start)};
  result.when_stuck = caf::has_detach_flag(Options) ? stuck_rule::restart : stuck_rule::escalate;
  return result;
}

swarm::supervisor_config supervise(const config::node_config& x, strategy rule = strategy::one_for_one) {
  swarm::supervisor_config result;
  result.rule = rule;
  result.limits.restarts_max = static_cast<unsigned>(x.supervisor.restarts_max);
  result.limits.period = x.supervisor.period;
  result.limits.backoff = {x.supervisor.backoff_first, x.supervisor.backoff_max};
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
  x.role = "swarm_node";
  return x;
}

/// A thread for each job, because it may wait for a disk as long as that takes.
std::function<void(std::function<void()>)> aside_in(caf::actor_system& system) {
  return [&system](std::function<void()> job) {
    system.spawn<caf::detached>([job = std::move(job)](caf::event_based_actor*) { job(); });
  };
}

child_spec store_child(const tree_settings& x, const stable_address<store_actor>& address, const std::string& role) {
  return child<store_service, caf::detached>(
    role, address, store_config{for_role(x.database, role), reconnect_rule(x.values)});
}

} // namespace

/// The table, a function per branch, children in start order.
struct supervision_tree::table {
  const tree_settings& settings;
  addresses& to;
  const config::node_config& x = settings.values;
  /// A stuck store never answers. Whoever waits for it goes on when the watchdog has had time to replace it.
  const caf::timespan store_patience = x.supervisor.stuck_after * 3 / 2;

  retry_rules rules() const {
    return {x.retry.backoff_first,  x.retry.backoff_max,  x.retry.infra_max, x.retry.deferral_first,
            x.retry.deferral_max,   x.retry.throttled_max, x.retry.auth_max, x.retry.budget_max, x.retry.infra_deadline,
            x.breaker.failures_max, x.breaker.pause_first, x.breaker.pause_max};
  }

  std::vector<child_spec> infrastructure() const {
    return {
      watchdog(),
      store_child(settings, to.claims, "store/claims"),
      store_child(settings, to.settlements, "store/settlements"),
      store_child(settings, to.maintenance, "store/maintenance"),
      child<command_executor>("executor", to.executor,
                              executors::stop_ladder{x.command.interrupt_grace, x.command.terminate_grace}, settings.redactor),
      child<swarm::notifier, caf::detached>(
        "notifier", to.notifier, notifier_config{for_role(settings.database, "notifier"), reconnect_rule(x)},
        to.dispatchers, to.heartbeat.handle()),
    };
  }

  std::vector<child_spec> leases() const {
    completer_config completing;
    completing.batch = static_cast<std::size_t>(x.completer.batch);
    completing.rules = rules();
    completing.repeat = reconnect_rule(x);
    completing.store_patience = store_patience;
    return {
      child<swarm::completer>("completer", to.completer, completing, to.settlements.handle(), to.dispatchers,
                              to.cascade.handle(), to.scheduler.handle()),
      child<swarm::heartbeat>("heartbeat", to.heartbeat,
                              swarm::heartbeat_config{settings.node, x.heartbeat.interval, x.heartbeat.stale_after,
                                                      store_patience},
                              to.settlements.handle(), to.workers.handle(), to.completer.handle(), to.dispatchers),
    };
  }

  std::vector<child_spec> work() const {
    auto claude = settings.claude;
    claude.environment = allowed_environment();
    claude.redactor = settings.redactor;
    claude.attempts_folder = settings.attempts_folder;
    auto executors = executors::make_table(settings.functions, agents(), claude);
    for (auto& [kind, executor] : executors)
      executor->tell([store = to.settlements.handle()](const claim_ref& claim, const route_report& report) {
        caf::anon_send(store, atom::throttle_v, throttle_request{claim, report});
      });
    auto credentials = [executors] {
      std::vector<std::string> result;
      for (auto& [kind, executor] : executors)
        for (auto& hash : executor->credentials())
          result.push_back(hash);
      return result;
    };
    std::vector<child_spec> result{ticket_workers(executors)};
    for (auto& [queue, address] : to.queues)
      result.push_back(child<dispatcher>("dispatcher/" + queue, address,
                                         swarm::dispatcher_config{queue, settings.node, x.node.slots,
                                                                  x.dispatcher.claim_batch, x.dispatcher.poll_interval,
                                                                  store_patience, x.dispatcher.idle_poll_interval, credentials},
                                         to.claims.handle(), to.workers.handle()));
    return result;
  }

  executors::agent_cli_settings agents() const {
    executors::agent_cli_settings result;
    result.ladder = {x.command.interrupt_grace, x.command.terminate_grace};
    result.redactor = settings.redactor;
    result.environment = allowed_environment();
    result.working_directory = settings.working_directory;
    result.attempts_folder = settings.attempts_folder;
    result.output_file_bytes_max = x.command.output_file;
    result.outputs_bytes_max = x.command.outputs_kept;
    result.memory_events = executors::find_memory_events();
    return result;
  }

  /// The one worker that has children, and so takes its place along.
  child_spec ticket_workers(const executors::executor_table& executors) const {
    auto context = std::make_shared<worker_context>();
    context->completer = to.completer.handle();
    context->executor = to.executor.handle();
    context->ledger = to.workers.handle();
    context->redactor = settings.redactor;
    context->environment = allowed_environment();
    context->executors = executors;
    context->working_directory = settings.working_directory;
    context->attempts_folder = settings.attempts_folder;
    if (settings.workspaces) {
      context->workspaces.path_of = [all = settings.workspaces](ticket_id id) { return all->path_of(id).string(); };
      context->workspaces.prepare = [all = settings.workspaces](const workspace::workspace_spec& wanted) {
        return all->prepare(wanted);
      };
    }
    context->output_head_bytes = x.command.output_head;
    context->output_tail_bytes = x.command.output_tail;
    context->output_file_bytes_max = x.command.output_file;
    context->outputs_bytes_max = x.command.outputs_kept;
    context->check_repeats = x.retry.check_errors_max;
    std::map<std::string, dispatcher_actor> dispatcher_of;
    for (auto& [queue, address] : to.queues)
      dispatcher_of.emplace(queue, address.handle());
    auto start = [context, dispatcher_of, address = to.workers, drain = x.node.drain_timeout](const birth& b) mutable {
      context->aside = aside_in(b.parent.home_system());
      auto life = b.parent.spawn<actor_shell<swarm::ticket_workers>>(
        ticket_workers_config{drain, b.place}, std::shared_ptr<const worker_context>{context}, dispatcher_of);
      address.bind(caf::actor_cast<ticket_workers_actor>(life));
      return untyped(life);
    };
    child_spec result{"ticket_workers", start};
    // Rather more than the drain and the slowest stop of a command need together.
    result.shutdown = caf::timespan{x.node.drain_timeout + x.command.interrupt_grace + x.command.terminate_grace
                                    + std::chrono::seconds{10}};
    return result;
  }

  std::vector<child_spec> maintenance() const {
    auto store = to.maintenance.handle();
    std::vector<child_spec> result{
      child<sweeper<reaper>>("reaper", to.reaper,
                             reaper{x.reaper.interval, x.heartbeat.stale_after, x.reaper.batch, x.reaper.reclaims_max,
                                    x.reaper.grace, x.reaper.slow_after, rules(), settings.dead_nodes},
                             store, to.dispatchers, store_patience),
      child<swarm::cascade>("cascade", to.cascade,
                            swarm::cascade_config{x.cascade.interval, x.cascade.work_interval, x.cascade.batch,
                                                  store_patience},
                            store, to.dispatchers),
      child<sweeper<scheduler>>("scheduler", to.scheduler, scheduler{x.scheduler.interval}, store, to.dispatchers,
                                store_patience),
      child<sweeper<sealer>>("sealer", to.sealer, sealer{x.sealer.interval}, store, std::vector<dispatcher_actor>{},
                             store_patience),
      child<sweeper<pruner>>("pruner", to.pruner, pruner{x.pruner.interval, x.pruner.keep}, store,
                             std::vector<dispatcher_actor>{}, store_patience),
    };
    if (settings.workspaces)
      result.push_back(workspace_sweeper());
    return result;
  }

  child_spec workspace_sweeper() const {
    workspace_sweeper_config config;
    config.interval = x.workspaces.interval;
    config.sweep = [all = settings.workspaces, keep = x.workspaces.keep, size_max = x.workspaces.size_max,
                    database = for_role(settings.database, "workspaces")](const std::function<bool()>& stops) {
      std::optional<store::connection> db; // for the time of a sweep, and only if there is something to ask
      auto ask = [&](const std::vector<ticket_id>& tickets) -> caf::expected<std::map<ticket_id, bool>> {
        if (!db) {
          auto opened = store::connection::open(database);
          if (!opened)
            return std::move(opened.error());
          db.emplace(std::move(*opened));
        }
        return store::find_ends(*db, tickets);
      };
      return all->sweep(std::chrono::floor<std::chrono::seconds>(keep), size_max, ask, stops,
                        std::chrono::system_clock::now());
    };
    auto start = [config, address = to.workspace_sweeper](const birth& b) mutable {
      config.aside = aside_in(b.parent.home_system());
      auto life = b.parent.spawn<actor_shell<swarm::workspace_sweeper>>(config);
      address.bind(caf::actor_cast<workspace_sweeper_actor>(life));
      return untyped(life);
    };
    child_spec result{"workspace_sweeper", start};
    result.when_stuck = stuck_rule::escalate;
    return result;
  }

  std::vector<child_spec> surface() const {
    return {child<swarm::control_socket, caf::detached>(
      "control_socket", to.control, control_socket_config{settings.control_socket, settings.routes, {}})};
  }

  child_spec watchdog() const {
    watchdog_config watching{x.supervisor.stuck_after, settings.actors, settings.alive, settings.give_up};
    return child<swarm::watchdog, caf::detached>("watchdog", to.watchdog, watching,
                                                 caf::actor_cast<status_actor>(to.scheduler.handle()));
  }

  std::vector<child_spec> root() const {
    return {
      subtree("infrastructure", supervise(x), infrastructure()),
      subtree("leases", supervise(x), leases()),
      subtree("work", supervise(x), work()),
      subtree("maintenance", supervise(x), maintenance()),
      subtree("surface", supervise(x), surface()),
    };
  }
};

supervision_tree::supervision_tree(caf::actor_system& system, const tree_settings& settings)
  : addresses_(std::make_shared<addresses>(system, settings.values.node.queues)), place_(settings.actors->root()) {
  auto config = supervise(settings.values, strategy::rest_for_one);
  config.place = place_;
  auto life = system.spawn<actor_shell<supervisor>>(std::move(config), table{settings, *addresses_}.root());
  place_->starts(untyped(life));
  place_->becomes(child_state::running);
  root_ = caf::actor_cast<supervisor_actor>(life);
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
  x.sealer.unbind();
  x.pruner.unbind();
  x.workspace_sweeper.unbind();
  x.watchdog.unbind();
  x.control.unbind();
  for (auto& [queue, address] : x.queues)
    address.unbind();
  root_ = nullptr;
}

} // namespace swarm::runtime
