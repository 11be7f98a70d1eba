#include "runtime/node.hpp"

#include "actors/logging.hpp"
#include "actors/restart_policy.hpp"
#include "messages/add_messages.hpp"
#include "runtime/claude_settings.hpp"
#include "runtime/executors/attempt_files.hpp"
#include "runtime/introspection.hpp"
#include "runtime/secrets.hpp"
#include "runtime/store/migrate.hpp"
#include "runtime/store/tickets.hpp"
#include "runtime/supervision_tree.hpp"

#include <caf/all.hpp>

#include <atomic>
#include <mutex>
#include <thread>
#include <unistd.h>

namespace swarm::runtime {

namespace {

using namespace std::chrono_literals;

/// For all actors to have done their first steps, none of which waits for anything outside.
constexpr auto start_patience = 60s;

/// For actors that still run when the tree has ended.
constexpr auto leftover_patience = 5s;

/// For an actor's own facts, when somebody looks at all of them.
constexpr auto facts_patience = 500ms;

std::unique_ptr<caf::actor_system_config> system_config() {
  auto result = std::make_unique<caf::actor_system_config>();
  add_messages(*result);
  // CAF's defaults (work stealing, unlimited throughput) let two chatty actors starve all others for ever.
  result->set("scheduler.policy", caf::atom("sharing"));
  result->set("scheduler.max-throughput", std::size_t{50});
  result->set("scheduler.max-threads", std::size_t{std::max(2u, std::thread::hardware_concurrency())});
  return result;
}

store::connection_settings connection_settings(const node_settings& x, const std::string& name) {
  auto& db = x.values.database;
  return {x.conninfo, "swarm " + name, db.connect_timeout, db.statement_timeout, db.lock_timeout,
          db.idle_in_transaction_timeout};
}

std::string join(const std::vector<std::string>& xs) {
  std::string result;
  for (auto& x : xs)
    result += (result.empty() ? "" : ",") + x;
  return result;
}

} // namespace

struct node::impl {
  impl() : config(system_config()), system(std::make_unique<caf::actor_system>(*config)) {}

  ~impl() {
    if (!has_stuck_actor)
      return;
    // Both wait for every actor to end, and one never will.
    (void) system.release();
    (void) config.release();
  }

  std::unique_ptr<caf::actor_system_config> config;
  std::unique_ptr<caf::actor_system> system;
  bool has_stuck_actor = false;
  store::connection_settings database;
  node_id id;
  std::string name;
  caf::timespan stop_within{0};
  std::optional<supervision_tree> tree;
  ticket_workers_actor workers; ///< A stable address: usable while `stop` takes the tree down in another thread.
  std::shared_ptr<census> actors = std::make_shared<census>();
  /// Outlives this struct: the tree's last words may come when nobody listens any more.
  struct last_words {
    std::mutex mutex;
    std::optional<caf::error> cause;
    std::atomic<std::int64_t> alive_at{0}; ///< Nanoseconds of the steady clock.

    void say(const caf::error& x) {
      std::lock_guard guard{mutex};
      if (!cause)
        cause = x;
    }
    void live() { alive_at = std::chrono::steady_clock::now().time_since_epoch() / 1ns; }
  };
  std::shared_ptr<last_words> words = std::make_shared<last_words>();

  caf::error await_start();
  bool wait_for_actors() const;
};

/// @returns why the tree couldn't start; nothing when it runs.
caf::error node::impl::await_start() {
  caf::error result;
  caf::scoped_actor self{*system};
  self->request(tree->root(), start_patience, atom::which_children_v)
    .receive([](const std::vector<child_report>&) {}, [&](const caf::error& x) { result = x; });
  if (!result)
    return result;
  // The root's own last words tell more than that it is gone.
  self->monitor(tree->root());
  self->send_exit(tree->root(), caf::exit_reason::user_shutdown);
  self->receive([&](const caf::down_msg& x) { result = is_abnormal(x.reason) ? x.reason : result; },
                caf::after(start_patience) >> [] {});
  tree->unbind();
  tree.reset();
  workers = nullptr;
  has_stuck_actor = !wait_for_actors();
  return make_error(errc::actor_failed, "the node's actors couldn't start: " + describe_exit(result));
}

/// A root that has ended may leave actors behind that can't be stopped. @returns false when there are such.
bool node::impl::wait_for_actors() const {
  auto deadline = std::chrono::steady_clock::now() + leftover_patience;
  while (system->registry().running() > 0) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(1ms); // there is no event for this
  }
  return true;
}

node::node(std::unique_ptr<impl> x) : impl_(std::move(x)) {}

node::~node() {
  stop();
}

caf::expected<std::unique_ptr<node>> node::start(const node_settings& settings) {
  auto& values = settings.values;
  auto name = values.node.name.empty() ? host_name() : values.node.name;
  caf::expected<std::shared_ptr<const redact::redactor>> redactor = settings.redactor;
  if (!settings.redactor)
    redactor = make_redactor(values);
  if (!redactor)
    return std::move(redactor.error());
  auto claude = claude_settings(values);
  if (!claude)
    return std::move(claude.error());
  auto database = connection_settings(settings, name);
  auto db = store::connection::open(database);
  if (!db)
    return std::move(db.error());
  auto server = store::check_server(*db);
  if (!server)
    return std::move(server.error());
  auto migrated = store::migrate(*db);
  if (!migrated)
    return std::move(migrated.error());
  auto registered = store::register_node(*db, {settings.home_id, name, host_name(), static_cast<std::int32_t>(getpid()),
                                               std::string{version()}, values.node.queues});
  if (!registered)
    return std::move(registered.error());

  auto log = logger_for("node");
  log->info("swarm {} starts: node={} name={} pid={}", version(), to_string(registered->id), fact(name), getpid());
  log->info("database is ready: server={} database={} schema={} migrated_from={}", fact(server->version_text),
            fact(server->database), migrated->to, migrated->from);
  log->info("working on queues: queues={} slots={}", join(values.node.queues), values.node.slots);
  if (!registered->dead_nodes.empty())
    log->warn("an earlier node of this home ended without handing its tickets back; they are reclaimed: nodes={}",
              registered->dead_nodes.size());

  auto state = std::make_unique<impl>();
  state->database = database;
  state->id = registered->id;
  state->name = name;
  state->stop_within = values.node.drain_timeout + values.command.interrupt_grace + values.command.terminate_grace
                       + std::chrono::seconds{60};
  auto words = state->words;
  words->live();
  tree_settings tree;
  tree.values = values;
  tree.database = database;
  tree.node = registered->id;
  tree.dead_nodes = registered->dead_nodes;
  tree.working_directory = settings.working_directory.string();
  tree.actors = state->actors;
  tree.control_socket = settings.control_socket;
  tree.attempts_folder = settings.attempts_folder;
  if (!settings.workspaces_folder.empty())
    tree.workspaces = std::make_shared<workspace::workspaces>(settings.workspaces_folder);
  tree.functions = settings.functions;
  tree.redactor = std::move(*redactor);
  tree.claude = std::move(*claude);
  executors::sweep_attempt_files(settings.attempts_folder, values.command.outputs_kept);
  tree.routes["/actors"] = [&system = *state->system, actors = state->actors] {
    return to_json(inspect_actors(system, *actors, facts_patience));
  };
  tree.alive = [words] { words->live(); };
  tree.give_up = [words](const caf::error& x) { words->say(x); };
  state->tree.emplace(*state->system, tree);
  state->workers = state->tree->ticket_workers();
  state->tree->root()->attach_functor([words](const caf::error& cause) {
    if (is_abnormal(cause)) // an order to stop isn't
      words->say(cause);
  });
  if (auto failure = state->await_start())
    return failure;
  return std::unique_ptr<node>{new node{std::move(state)}};
}

std::optional<caf::error> node::failure() const {
  std::lock_guard guard{impl_->words->mutex};
  return impl_->words->cause;
}

void node::hand_back() {
  caf::anon_send(impl_->workers, atom::hand_back_v);
}

std::chrono::nanoseconds node::silent_for() const {
  return std::chrono::steady_clock::now().time_since_epoch() - std::chrono::nanoseconds{impl_->words->alive_at};
}

std::shared_ptr<const census> node::actors() const {
  return impl_->actors;
}

caf::actor_system& node::system() {
  return *impl_->system;
}

bool node::stop() {
  if (!impl_->tree)
    return !impl_->has_stuck_actor;
  {
    caf::scoped_actor self{*impl_->system};
    self->monitor(impl_->tree->root());
    self->send_exit(impl_->tree->root(), caf::exit_reason::user_shutdown);
    self->receive([](const caf::down_msg&) {},
                  caf::after(impl_->stop_within) >> [] {
                    logger_for("node")->error("the actors didn't stop in time; their tickets will be reclaimed");
                  });
  }
  impl_->tree->unbind();
  impl_->tree.reset();
  impl_->has_stuck_actor = !impl_->wait_for_actors();
  // A courtesy for those who look at the table of nodes; without it the heartbeat's age tells the same.
  if (auto db = store::connection::open(impl_->database))
    (void) store::stop_node(*db, impl_->id);
  logger_for("node")->info("swarm has stopped: node={}", to_string(impl_->id));
  return !impl_->has_stuck_actor;
}

std::string_view version() {
  return SWARM_VERSION;
}

std::string host_name() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name[0] == '\0' ? "localhost" : name;
}

} // namespace swarm::runtime
