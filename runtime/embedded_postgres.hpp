#pragma once

#include "runtime/child_process.hpp"
#include "runtime/home_lock.hpp"
#include "runtime/postgres_cluster.hpp"
#include "runtime/server_log.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace swarm::runtime {

struct embedded_postgres_settings {
  std::filesystem::path bin_dir; ///< Folder of `initdb` and `postgres`; empty to look in the usual places.
  postgres_tuning tuning;
  std::chrono::milliseconds start_timeout{60'000}; ///< Without a sign of life; recovery after a crash may take longer.
  std::chrono::milliseconds stop_timeout{60'000};  ///< Then the server is stopped hard and recovers at the next start.
  std::function<void(const std::string&)> say;     ///< Gets a sentence when something takes long or is unusual.
  std::function<bool()> give_up;                   ///< Asked while waiting for the server: true ends the start.
};

/// The private database server of a home. Without it a user would have to install, start and secure a server before the
/// first ticket. Nobody but this user reaches it: no TCP port, a socket in a directory of mode 0700, and the kernel's
/// word for who is at the other end.
///
/// The server outlives a node that is killed, and the next node adopts it. It is up to the holder of the home's lock
/// alone: nobody else may start or stop it. All calls block; they belong to the main thread at boot and at the end.
class embedded_postgres {
public:
  /// Makes the cluster when there is none, starts or adopts the server, makes the database `swarm`.
  /// @returns errc::not_found without suitable programs, errc::disk_full, errc::not_permitted, errc::shutting_down
  /// when told to give up, errc::database_unavailable with the server's last words when it doesn't come up.
  static caf::expected<std::unique_ptr<embedded_postgres>> start(const home_lock&, embedded_postgres_settings = {});

  /// The way to the server of a node that holds the home now. Starts and stops nothing; the server may still be on its
  /// way up, or down.
  static caf::expected<std::unique_ptr<embedded_postgres>> attach(const home&);

  /// Stops the server, unless attached.
  ~embedded_postgres();

  /// For libpq, e.g. "host='/home/x/.local/share/swarm/postgres' user=swarm dbname=swarm". A path that doesn't fit into
  /// a socket's address is replaced by one that is valid in this process and while this object lives.
  std::string conninfo(const std::string& database = "swarm") const;

  /// Whether the server ran already.
  bool adopted() const { return adopted_; }

  /// "15.4"
  const std::string& version() const { return version_; }

  /// Process id of the server.
  pid_t pid() const { return server_.pid(); }

  /// Brings the server up again when it has ended by itself, e.g. killed by the kernel for memory. To be called now and
  /// then by whoever waits; does nothing while the server lives.
  /// @returns whether it was started again.
  caf::expected<bool> restart_if_ended();

  /// Ends sessions, writes everything down and ends the server. Does nothing the second time.
  /// @returns errc::io_failed when the server can't be ended at all.
  caf::expected<void> stop();

private:
  embedded_postgres(postgres_cluster cluster, embedded_postgres_settings settings);

  caf::expected<void> prepare();
  caf::expected<void> bring_up();
  caf::expected<bool> try_to_adopt();
  caf::expected<void> launch();
  caf::expected<bool> wait_until_ready(const server_log&);
  caf::expected<void> open_database();
  caf::expected<void> end_server();
  std::string ping_target() const;
  void say(const std::string& sentence) const;

  postgres_cluster cluster_;
  embedded_postgres_settings settings_;
  postgres_binaries programs_;
  descriptor data_;
  child_process server_;
  std::string version_;
  bool adopted_ = false;
  bool must_restart_ = false;
  bool running_ = false;
  bool stopped_ = false; ///< On request, and so for good.
};

} // namespace swarm::runtime
