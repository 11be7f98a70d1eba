#include "tools/swarm/local_node.hpp"

#include "actors/logging.hpp"
#include "runtime/secrets.hpp"

#include <future>
#include <unistd.h>
#include <utility>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// For a command that has the embedded server for a moment; a node holds the home for longer than this.
constexpr std::chrono::seconds lock_patience{5};

/// Between tries to bring a dead server up again.
constexpr std::chrono::seconds restart_pause{5};

/// Homes that share a root would take each other's workspaces for those of tickets that are gone.
caf::expected<std::filesystem::path> workspaces_folder(const runtime::home& home, const config::node_config& values) {
  const auto& root = values.workspaces.root;
  if (root.empty())
    return home.workspaces();
  std::error_code failure;
  std::filesystem::create_directories(root, failure);
  const auto absolute = failure ? root : std::filesystem::canonical(root, failure);
  if (failure)
    return make_error(errc::io_failed, "workspaces.root: cannot create " + root.string() + ": " + failure.message());
  return absolute / home.id();
}

} // namespace

caf::expected<std::unique_ptr<local_node>> local_node::start(const runtime::home& home,
                                                             const config::node_config& values,
                                                             const std::string& command,
                                                             runtime::log_terminal terminal,
                                                             const signals& incoming) {
  auto name = values.node.name.empty() ? runtime::host_name() : values.node.name;
  auto lock = runtime::home_lock::take(home, command, name, lock_patience);
  if (!lock)
    return std::move(lock.error());
  auto redactor = runtime::make_redactor(values);
  if (!redactor)
    return std::move(redactor.error());
  if (auto logging = runtime::set_up_logging(values.log, home.log() / "swarm.log", terminal, *redactor); !logging)
    return std::move(logging.error());
  std::unique_ptr<local_node> result{new local_node{std::move(*lock)}};
  result->conninfo_ = values.database.url;
  if (values.database.url.empty()) {
    auto settings = embedded_settings(values);
    settings.say = [](const std::string& sentence) { logger_for("postgres")->info("{}", sentence); };
    settings.give_up = [&incoming] { return incoming.is_pending(); };
    auto started = runtime::embedded_postgres::start(result->lock_, std::move(settings));
    if (!started)
      return std::move(started.error());
    result->postgres_ = std::move(*started);
    result->conninfo_ = result->postgres_->conninfo();
    logger_for("postgres")->info("embedded PostgreSQL is up: version={} pid={} adopted={}",
                                 result->postgres_->version(), result->postgres_->pid(),
                                 result->postgres_->adopted());
  }
  auto work = home.root() / "work";
  std::error_code failure;
  std::filesystem::create_directories(work, failure);
  if (failure)
    return make_error(errc::io_failed, "cannot create " + work.string() + ": " + failure.message());
  auto workspaces = workspaces_folder(home, values);
  if (!workspaces)
    return std::move(workspaces.error());
  auto node = runtime::node::start({values, result->conninfo_, home.id(), work, home.control_socket(),
                                    home.attempts(), *workspaces, {}, *redactor});
  if (!node)
    return std::move(node.error());
  result->node_ = std::move(*node);
  return result;
}

bool local_node::stop_patiently(const signals& incoming) {
  auto stopped = std::async(std::launch::async, [this] { return node_->stop(); });
  auto is_first = true;
  while (stopped.wait_for(0s) != std::future_status::ready)
    if (incoming.wait_for(100ms)) {
      if (!std::exchange(is_first, false))
        _exit(exit_interrupted); // leases run out, and the next start reclaims them at once
      node_->hand_back();
    }
  return stopped.get();
}

void local_node::abandon(int code) {
  postgres_.reset();
  spdlog::shutdown();
  _exit(code);
}

void local_node::tend_database() {
  if (!postgres_ || std::chrono::steady_clock::now() < tend_again_at_)
    return;
  auto restarted = postgres_->restart_if_ended();
  if (restarted)
    return;
  logger_for("postgres")->error("the embedded PostgreSQL can't be started again: cause={}",
                                fact(render(restarted.error())));
  tend_again_at_ = std::chrono::steady_clock::now() + restart_pause;
}

local_node::~local_node() {
  node_.reset();
  postgres_.reset();
}

} // namespace swarm::cli
