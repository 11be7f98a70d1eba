#pragma once

#include "config/load_config.hpp"
#include "runtime/embedded_postgres.hpp"
#include "runtime/home_lock.hpp"
#include "runtime/log.hpp"
#include "runtime/node.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/signals.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace swarm::cli {

/// A node in this process, with all that it stands on: the lock of the home, the log, and the embedded server unless
/// the configuration names a database.
class local_node {
public:
  /// @param incoming end a wait for the database with errc::shutting_down, and are left to the caller. They must
  /// outlive the node.
  static caf::expected<std::unique_ptr<local_node>> start(const runtime::home&, const config::node_config&,
                                                          const std::string& command, runtime::log_terminal,
                                                          const signals& incoming);

  /// Stops the node, then the database.
  ~local_node();

  /// Stops the node after the graph or the first signal: running tickets may finish. A signal meanwhile hands them back
  /// at once, and another one ends the process. @returns false when an actor is stuck and can't be stopped.
  bool stop_patiently(const signals& incoming);

  runtime::node& node() { return *node_; }

  /// Brings the embedded server up again if it died; the node waits it out meanwhile. To be called now and then.
  void tend_database();

  /// Ends the process without waiting for actors that are stuck. The node must have stopped as far as it can.
  [[noreturn]] void abandon(int code);

  /// For more connections to the same database.
  const std::string& conninfo() const { return conninfo_; }

private:
  explicit local_node(runtime::home_lock lock) : lock_(std::move(lock)) {}

  // In the order in which they stand on each other.
  runtime::home_lock lock_;
  std::unique_ptr<runtime::embedded_postgres> postgres_;
  std::string conninfo_;
  std::chrono::steady_clock::time_point tend_again_at_{};
  std::unique_ptr<runtime::node> node_;
};

} // namespace swarm::cli
