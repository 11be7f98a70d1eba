#include "tools/swarm/invocation.hpp"

#include "config/options.hpp"
#include "config/render.hpp"
#include "runtime/store/migrate.hpp"

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <thread>

#include <pwd.h>
#include <unistd.h>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// How long a command waits for a node that is just starting.
constexpr auto boot_patience = 30s;

/// How long a command waits for another one that has the embedded server for a moment.
constexpr auto command_patience = 10s;

std::vector<std::filesystem::path> usual_config_files(const invocation& x) {
  std::vector<std::filesystem::path> result;
  if (auto home = home_path(x))
    result.push_back(*home / "swarm.yaml");
  result.emplace_back("/etc/swarm/swarm.yaml");
  return result;
}

/// False when in doubt: whoever needs the file says better what is wrong with it.
bool is_missing(const std::filesystem::path& file) {
  std::error_code ignored;
  return std::filesystem::status(file, ignored).type() == std::filesystem::file_type::not_found;
}

caf::error no_database_yet(const std::filesystem::path& home) {
  return make_error(errc::not_found, "there is no database in " + home.string()
                                       + " yet; `swarm up` or `swarm run` makes one");
}

/// The embedded server of a node that runs, or is just starting.
caf::expected<void> attach(const runtime::home& home, const config::node_config& values, const std::string& command,
                           database_access& access) {
  auto deadline = std::chrono::steady_clock::now() + boot_patience;
  for (;;) {
    auto attached = runtime::embedded_postgres::attach(home);
    auto opened = attached ? store::connection::open(connection_settings(values, (*attached)->conninfo(), command))
                           : caf::expected<store::connection>{std::move(attached.error())};
    if (opened) {
      access.postgres = std::move(*attached);
      access.connection = std::move(*opened);
      return caf::unit;
    }
    auto holder = runtime::holder_of(home);
    if (!holder || !*holder || std::chrono::steady_clock::now() > deadline)
      return std::move(opened.error());
    std::this_thread::sleep_for(100ms);
  }
}

caf::expected<void> bring_up(const runtime::home& home, const config::node_config& values, const std::string& command,
                             database_access& access) {
  auto lock = runtime::home_lock::take(home, command, "", command_patience);
  if (!lock)
    return std::move(lock.error());
  access.lock = std::move(*lock);
  auto started = runtime::embedded_postgres::start(*access.lock, embedded_settings(values));
  if (!started)
    return std::move(started.error());
  access.postgres = std::move(*started);
  auto opened = store::connection::open(connection_settings(values, access.postgres->conninfo(), command));
  if (!opened)
    return std::move(opened.error());
  access.connection = std::move(*opened);
  return caf::unit;
}

/// Whether a node runs on this home or is just starting. False when in doubt.
bool has_node(const invocation& x) {
  auto path = home_path(x);
  if (!path || is_missing(*path))
    return false;
  auto home = runtime::home::open(*path);
  if (!home)
    return false;
  auto holder = runtime::holder_of(*home);
  return holder && *holder && !(*holder)->node.empty();
}

/// A node that is just starting opens the database a moment before it has brought the schema to its version.
void await_schema(const invocation& x, store::connection& db) {
  auto deadline = std::chrono::steady_clock::now() + boot_patience;
  for (;;) {
    auto found = store::found_schema(db);
    if (!found || *found == store::schema_version() || std::chrono::steady_clock::now() > deadline || !has_node(x))
      return;
    std::this_thread::sleep_for(100ms);
  }
}

caf::expected<void> require_schema(store::connection& db) {
  auto found = store::found_schema(db);
  if (!found)
    return std::move(found.error());
  if (*found == 0)
    return make_error(errc::not_found, "the database holds no tickets yet; `swarm up`, `swarm run` or `swarm migrate` "
                                       "prepares it");
  if (*found < store::schema_version())
    return make_error(errc::database_unsuitable, "the database's schema is version " + std::to_string(*found)
                                                   + ", older than this swarm's; run `swarm migrate` or start a node");
  return caf::unit;
}

} // namespace

std::string check_number(const std::string& text) {
  std::int64_t number = 0;
  auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure == std::errc{} && end == text.data() + text.size() && number > 0)
    return {};
  return "'" + text + "' isn't a number as in the first columns of `swarm list`";
}

void add_setting_flags(CLI::App& command, invocation& x, bool in_help) {
  for (auto& option : config::options())
    command
      .add_option_function<std::string>(
        "--" + option.key, [&x, key = option.key](const std::string& text) { x.settings.emplace_back(key, text); },
        config::help_text(option))
      ->type_name(config::to_string(option.type))
      ->group(in_help ? "Settings: " + std::string{option.section()} : std::string{});
}

int complain(const caf::error& x) {
  std::cerr << "swarm: " << render(x) << '\n';
  return exit_code_of(x);
}

int complain(const config::problems& xs) {
  std::cerr << to_string(xs);
  if (!to_string(xs).ends_with('\n'))
    std::cerr << '\n';
  return exit_bad_input;
}

std::optional<config::loaded_config> load_settings(const invocation& x) {
  config::config_sources sources;
  sources.file = x.config_file;
  sources.environment = config::swarm_environment();
  if (auto named = sources.environment.find("SWARM_CONFIG"); sources.file.empty() && named != sources.environment.end())
    sources.file = named->second;
  sources.candidates = usual_config_files(x);
  sources.flags = x.settings;
  config::problems found;
  auto loaded = config::load_config(sources, found);
  if (!loaded)
    complain(found);
  return loaded;
}

caf::expected<std::filesystem::path> home_path(const invocation& x) {
  if (x.home.empty())
    return runtime::home::resolve();
  return std::filesystem::absolute(x.home);
}

caf::expected<runtime::home> open_home(const invocation& x) {
  auto path = home_path(x);
  if (!path)
    return std::move(path.error());
  return runtime::home::open(*path);
}

runtime::embedded_postgres_settings embedded_settings(const config::node_config& x) {
  runtime::embedded_postgres_settings result;
  result.bin_dir = x.postgres.bin_dir;
  result.tuning.shared_buffers_bytes = x.postgres.shared_buffers;
  result.tuning.max_connections = x.postgres.max_connections;
  result.start_timeout = x.postgres.start_timeout;
  result.stop_timeout = x.postgres.stop_timeout;
  result.say = [](const std::string& sentence) { std::cerr << "swarm: " << sentence << '\n'; };
  return result;
}

store::connection_settings connection_settings(const config::node_config& x, std::string conninfo,
                                               std::string application) {
  return {std::move(conninfo),
          std::move(application),
          x.database.connect_timeout,
          x.database.statement_timeout,
          x.database.lock_timeout,
          x.database.idle_in_transaction_timeout};
}

caf::expected<database_access> open_database(const invocation& x, const config::node_config& values,
                                             const std::string& command, schema_need need) {
  database_access access;
  if (!values.database.url.empty()) {
    auto opened = store::connection::open(connection_settings(values, values.database.url, command));
    if (!opened)
      return std::move(opened.error());
    access.connection = std::move(*opened);
  } else {
    auto path = home_path(x);
    if (path && need == schema_need::newest && is_missing(*path))
      return no_database_yet(*path);
    auto home = open_home(x);
    if (!home)
      return std::move(home.error());
    auto holder = runtime::holder_of(*home);
    if (!holder)
      return std::move(holder.error());
    auto node_runs = *holder && !(*holder)->node.empty();
    if (!node_runs && is_missing(home->postgres() / "data") && need == schema_need::newest)
      return no_database_yet(home->root());
    auto reached = node_runs ? attach(*home, values, command, access) : bring_up(*home, values, command, access);
    if (!reached)
      return std::move(reached.error());
  }
  if (need == schema_need::newest) {
    await_schema(x, *access.connection);
    if (auto fits = require_schema(*access.connection); !fits)
      return std::move(fits.error());
  }
  return access;
}

bool has_database(const invocation& x, const config::node_config& values) {
  auto path = home_path(x);
  return !values.database.url.empty() || (path && !is_missing(*path / "postgres" / "data"));
}

std::string user_name() {
  auto* entry = getpwuid(getuid());
  return entry ? entry->pw_name : std::to_string(getuid());
}

int with_database(const invocation& x, const std::string& command,
                  const std::function<caf::expected<void>(store::connection&)>& work) {
  auto settings = load_settings(x);
  if (!settings)
    return exit_bad_input;
  auto access = open_database(x, settings->values, command);
  if (!access)
    return complain(access.error());
  auto done = work(*access->connection);
  return done ? exit_success : complain(done.error());
}

} // namespace swarm::cli
