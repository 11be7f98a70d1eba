#pragma once

#include "config/load_config.hpp"
#include "runtime/embedded_postgres.hpp"
#include "runtime/home_lock.hpp"
#include "runtime/log.hpp"
#include "runtime/node.hpp"
#include "tools/swarm/invocation.hpp"

#include <chrono>
#include <memory>
#include <string>

namespace swarm::cli {

/// A node in this process, with all that it stands on: the lock of the home, the log, and the embedded server unless
/// the configuration names a database.
class local_node {
public:
  static caf::expected<std::unique_ptr<local_node>> start(const runtime::home&, const config::node_config&,
                                                          const std::string& command, runtime::log_terminal);

  /// Stops the node, then the database.
  ~local_node();

  runtime::node& node() { return *node_; }

  /// Brings the embedded server up again if it died; the node waits it out meanwhile. To be called now and then.
  void tend_database();

  /// For the end of a process that can't wait for its actors. The node must have stopped.
  void stop_database() { postgres_.reset(); }

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
