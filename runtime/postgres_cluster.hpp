#pragma once

#include "runtime/home.hpp"
#include "runtime/postgres_binaries.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace swarm::runtime {

/// What of the private server depends on the machine.
struct postgres_tuning {
  std::uint64_t shared_buffers_bytes = 128u << 20;
  int max_connections = 100; ///< Every store connection counts, and people with psql.
};

/// The files of the private database: `<home>/postgres`, which belongs to the account that PostgreSQL runs as.
///
///   data/   the cluster        log/   the server's log, a file per day of the week
///   .s.PGSQL.5432              the socket, the only way in
///
/// PostgreSQL refuses to run as root, and root's home is closed to everybody else. So its programs get this directory
/// as descriptor 3 and reach all of it below /proc/self/fd/3, whatever lies above. The paths in its command line,
/// postmaster.pid and log are spelled that way.
class postgres_cluster {
public:
  /// Creates the directory when it is missing.
  /// @returns errc::not_permitted when it belongs to an account that this process may not become.
  static caf::expected<postgres_cluster> open(const home&);

  /// The version that made the cluster; nothing when there is none yet.
  caf::expected<std::optional<int>> major() const;

  /// Makes the cluster, or nothing of it: it is built aside and renamed. Also removes what an interrupted try left.
  /// @returns errc::disk_full, errc::conflict when something else is in its place, errc::io_failed with initdb's words.
  caf::expected<void> create(const postgres_binaries&);

  /// Writes swarm.conf, pg_hba.conf and pg_ident.conf where they differ from what they should say.
  /// @returns whether anything changed, so that a running server must be restarted.
  caf::expected<bool> configure(const postgres_tuning&);

  /// The cluster's directory `data` as an open file. Only for an existing cluster.
  caf::expected<descriptor> open_data() const;

  /// "cannot <what> in <path>: <words>", or that the disk is full when the words say so.
  caf::error failed(const std::string& what, const std::string& words) const;

  const os_account& account() const { return account_; }
  const std::filesystem::path& path() const { return path_; }
  int directory() const { return directory_.get(); }

private:
  std::filesystem::path path_;
  os_account account_;
  descriptor directory_;
};

} // namespace swarm::runtime
