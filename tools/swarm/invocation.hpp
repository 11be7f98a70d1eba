#pragma once

#include "config/load_config.hpp"
#include "messages/error.hpp"
#include "runtime/embedded_postgres.hpp"
#include "runtime/home.hpp"
#include "runtime/home_lock.hpp"
#include "runtime/store/connection.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace swarm::cli {

/// Exit codes of the program.
enum exit_code : int {
  exit_success = 0,
  exit_failure = 1,       ///< It didn't work: the sentence on stderr says why.
  exit_bad_input = 2,     ///< The user's file, flag or variable is wrong; nothing was changed.
  exit_gave_up = 70,      ///< The supervision tree gave up (EX_SOFTWARE).
  exit_interrupted = 130, ///< Ctrl-C.
};

/// What the user said that isn't particular to one subcommand.
struct invocation {
  std::string home;        ///< --home; empty for $SWARM_HOME and the rest.
  std::string config_file; ///< --config; empty for $SWARM_CONFIG and the usual places.
  std::vector<std::pair<std::string, std::string>> settings; ///< --heartbeat.interval 30s ...
};

/// A subcommand that was chosen, ready to run.
using action = std::function<int(const invocation&)>;

/// Registers a subcommand's syntax; sets `chosen` when the user picked it. One per file of this folder.
using registration = void(CLI::App& program, invocation&, action& chosen);
registration add_up, add_run, add_list, add_show, add_logs, add_why, add_events, add_retry, add_cancel, add_release, add_approve,
  add_reject, add_queues, add_configure, add_breakers, add_limits, add_pause, add_resume, add_schedules, add_schedule,
  add_unschedule, add_audit, add_actors, add_config, add_migrate, add_bench;

/// Of who runs this program; for the record.
std::string user_name();

/// What is wrong with the number of a ticket or graph on the command line; empty when nothing.
std::string check_number(const std::string& text);

/// Lets a subcommand take every option of the table as a flag, e.g. --heartbeat.interval 30s.
void add_setting_flags(CLI::App& command, invocation&, bool in_help = true);

/// Prints "swarm: <sentence>" on stderr. @returns the exit code that fits.
int complain(const caf::error&);
int complain(const config::problems&);

/// Loads the configuration as told; complains about what is wrong with it.
std::optional<config::loaded_config> load_settings(const invocation&);

/// Where the home as told is, or would be.
caf::expected<std::filesystem::path> home_path(const invocation&);

/// The home as told, opened.
caf::expected<runtime::home> open_home(const invocation&);

/// The settings of the embedded server, with progress on stderr.
runtime::embedded_postgres_settings embedded_settings(const config::node_config&);

/// A way to the database for a command that only needs it for a moment.
struct database_access {
  // In this order, so that the connection goes first and the lock last.
  std::optional<runtime::home_lock> lock;               ///< Held when no node runs here.
  std::unique_ptr<runtime::embedded_postgres> postgres; ///< Started for us, or attached to a running node's.
  std::optional<store::connection> connection;
};

enum class schema_need { newest, any };

/// Opens the database that the node of this home uses: the one of `database.url`, or the embedded one, of a running
/// node or brought up for the moment. A home that never had one is errc::not_found: reading creates nothing.
/// @param command for those who find the home busy meanwhile, e.g. "swarm list".
caf::expected<database_access> open_database(const invocation&, const config::node_config&, const std::string& command,
                                             schema_need = schema_need::newest);

/// Whether there is a database to open: a named one, or one in the home.
bool has_database(const invocation&, const config::node_config&);

/// Settings of a connection of this program, e.g. for `application` "swarm list".
store::connection_settings connection_settings(const config::node_config&, std::string conninfo,
                                               std::string application);

/// The whole of most commands: loads the configuration, opens the database, runs `work`, complains about errors.
int with_database(const invocation&, const std::string& command,
                  const std::function<caf::expected<void>(store::connection&)>& work);

} // namespace swarm::cli
