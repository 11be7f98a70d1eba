#pragma once

#include "config/node_config.hpp"
#include "runtime/embedded_postgres.hpp"
#include "runtime/home_lock.hpp"
#include "runtime/store/connection.hpp"
#include "runtime/store/tickets.hpp"
#include "tools/swarm/signals.hpp"

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace swarm::cli {

/// Where a benchmark happens: a scratch home with a database server of its own, full durability included, so that no
/// figure depends on what a user's database holds, and no user's database on a benchmark. Removed at the end.
///
/// The home is made in $TMPDIR or /var/tmp. Not in /tmp, which lies in memory on many machines, and there a commit
/// costs nothing.
class bench_site {
public:
  /// @param signals looked at while the server starts, and by `interrupted`.
  /// @param keep leave the home where it is, to look into it; its place is told on stderr.
  static caf::expected<std::unique_ptr<bench_site>> open(const config::node_config&, const signals&, bool keep);

  /// Stops the server and removes the home.
  ~bench_site();

  /// A new, empty, migrated database. @returns its conninfo.
  caf::expected<std::string> make_database(const std::string& name);

  /// Removes it again, unless all is kept: the server would tidy it up in the middle of the next measurement.
  caf::expected<void> drop_database(const std::string& name);

  /// A connection that may take its time.
  caf::expected<store::connection> connect(const std::string& conninfo) const;

  /// Whether the user wants it to end; stays true.
  bool interrupted();

  const runtime::home& home() const { return lock_->where(); }
  const config::node_config& values() const { return values_; }
  const store::server_facts& server() const { return server_; }

  /// What all processes of the server have used so far; sessions count until shortly before they end.
  std::chrono::microseconds server_cpu() const;

  /// Whether the home lies in memory, so that nothing measured here says anything about disks.
  bool is_in_memory() const;

private:
  bench_site(const config::node_config& values, const signals& incoming, bool keep)
    : values_(values), incoming_(incoming), keep_(keep) {}

  caf::expected<void> set_up();

  config::node_config values_;
  const signals& incoming_;
  bool keep_;
  bool interrupted_ = false;
  std::filesystem::path root_;
  // In the order in which they stand on each other.
  std::optional<runtime::home_lock> lock_;
  std::unique_ptr<runtime::embedded_postgres> postgres_;
  store::server_facts server_;
};

/// A new directory in $TMPDIR or /var/tmp.
caf::expected<std::filesystem::path> make_scratch_folder();

/// errc::shutting_down, for work that ends because `interrupted` said so.
caf::error interruption();

} // namespace swarm::cli
