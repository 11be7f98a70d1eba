#include "runtime/embedded_postgres.hpp"

#include "runtime/postmaster.hpp"

#include <libpq-fe.h>
#include <sys/un.h>

#include <csignal>
#include <cstring>
#include <string_view>

namespace swarm::runtime {

namespace {

using clock = std::chrono::steady_clock;

// How often a starting server is asked whether it is ready; it wakes earlier when the server ends.
constexpr std::chrono::milliseconds ask_interval{20};

// A start that takes longer is worth a sentence.
constexpr std::chrono::seconds quiet_start{3};

// A server that was told to stop hard kills its own children after 5 s.
constexpr std::chrono::seconds hard_stop_patience{15};

// PG* variables are meant for the user's other servers. PGHOSTADDR would even lead to one of them.
constexpr std::string_view own_parameters = " hostaddr='' requirepeer='' options='' sslmode=disable gssencmode=disable"
                                            " channel_binding=disable target_session_attrs=read-write";

struct connection_deleter {
  void operator()(PGconn* x) const { PQfinish(x); }
};
using connection = std::unique_ptr<PGconn, connection_deleter>;

struct result_deleter {
  void operator()(PGresult* x) const { PQclear(x); }
};
using result = std::unique_ptr<PGresult, result_deleter>;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' '))
    text.pop_back();
  return text;
}

std::string conninfo_value(const std::string& value) {
  std::string text = "'";
  for (char c : value) {
    if (c == '\'' || c == '\\')
      text += '\\';
    text += c;
  }
  return text + "'";
}

bool fits_into_address(const std::string& directory) {
  constexpr auto bytes_max = sizeof(sockaddr_un::sun_path) - sizeof("/.s.PGSQL.5432");
  // libpq splits a host at commas and knows no way to quote one.
  return directory.size() <= bytes_max && directory.find(',') == std::string::npos;
}

} // namespace

embedded_postgres::embedded_postgres(postgres_cluster cluster, embedded_postgres_settings settings)
  : cluster_(std::move(cluster)), settings_(std::move(settings)) {}

embedded_postgres::~embedded_postgres() {
  if (auto stopped = stop(); !stopped)
    say(render(stopped.error()));
}

caf::expected<std::unique_ptr<embedded_postgres>> embedded_postgres::start(const home_lock& lock,
                                                                           embedded_postgres_settings settings) {
  auto cluster = postgres_cluster::open(lock.where());
  if (!cluster)
    return cluster.error();
  std::unique_ptr<embedded_postgres> self{new embedded_postgres(std::move(*cluster), std::move(settings))};
  if (auto prepared = self->prepare(); !prepared)
    return prepared.error();
  if (auto up = self->bring_up(); !up)
    return up.error();
  if (auto opened = self->open_database(); !opened)
    return opened.error();
  return self;
}

caf::expected<std::unique_ptr<embedded_postgres>> embedded_postgres::attach(const home& where) {
  auto cluster = postgres_cluster::open(where);
  if (!cluster)
    return cluster.error();
  return std::unique_ptr<embedded_postgres>{new embedded_postgres(std::move(*cluster), {})};
}

caf::expected<void> embedded_postgres::prepare() {
  auto major = cluster_.major();
  if (!major)
    return major.error();
  auto programs = find_postgres(settings_.bin_dir, *major, cluster_.account());
  if (!programs)
    return programs.error();
  programs_ = std::move(*programs);
  if (!*major) {
    say("creating a database in " + cluster_.path().string() + " with PostgreSQL " + programs_.version);
    if (auto created = cluster_.create(programs_); !created)
      return created.error();
  }
  auto changed = cluster_.configure(settings_.tuning);
  if (!changed)
    return changed.error();
  must_restart_ = *changed;
  auto data = cluster_.open_data();
  if (!data)
    return data.error();
  data_ = std::move(*data);
  return caf::unit;
}

caf::expected<void> embedded_postgres::bring_up() {
  // A second round when the server that ran was about to end, or one that a killed node had begun to start came first.
  for (;;) {
    auto adopted = try_to_adopt();
    if (!adopted)
      return adopted.error();
    server_log log{cluster_.path() / "log"};
    if (!*adopted)
      if (auto launched = launch(); !launched)
        return launched.error();
    running_ = true;
    auto ready = wait_until_ready(log);
    if (!ready)
      return ready.error();
    if (*ready)
      return caf::unit;
  }
}

caf::expected<bool> embedded_postgres::try_to_adopt() {
  adopted_ = false;
  auto found = running_postmaster(data_.get());
  if (!found)
    return false;
  server_ = std::move(*found);
  running_ = true;
  if (must_restart_) {
    must_restart_ = false;
    say("restarting the database, because its settings changed");
    if (auto stopped = end_server(); !stopped)
      return stopped.error();
    return false;
  }
  adopted_ = true;
  say("adopting the running database, process " + std::to_string(server_.pid()));
  return true;
}

caf::expected<void> embedded_postgres::launch() {
  must_restart_ = false;
  // In another container of this machine, say, where the lock isn't seen either.
  if (auto answer = PQping(ping_target().c_str()); answer == PQPING_OK || answer == PQPING_REJECT)
    return make_error(errc::conflict, "a server that can't be seen from here serves " + cluster_.path().string()
                                        + "; stop it where it runs and start again");
  if (auto cleared = clear_remains(data_.get(), cluster_.directory(), settings_.start_timeout); !cleared)
    return cleared.error();
  child_plan plan;
  // What keeps strangers out stands here, where no edited file can change it.
  plan.argv = {(programs_.directory / "postgres").string(), "-D", "/proc/self/fd/3/data",
               "-c", "listen_addresses=", "-c", "unix_socket_directories=/proc/self/fd/3", "-c", "port=5432"};
  plan.account = cluster_.account();
  plan.directory = cluster_.directory();
  plan.outlives_this_process = true;
  auto started = child_process::start(plan);
  if (!started)
    return started.error();
  server_ = std::move(*started);
  return caf::unit;
}

caf::expected<bool> embedded_postgres::wait_until_ready(const server_log& log) {
  auto target = ping_target();
  auto begin = clock::now();
  auto deadline = begin + settings_.start_timeout;
  auto has_told = false;
  while (clock::now() < deadline) {
    switch (PQping(target.c_str())) {
      case PQPING_OK: return true;
      case PQPING_REJECT:
        if (!has_told && clock::now() - begin > quiet_start) {
          say("the database is still starting up; after a crash it recovers first, which may take minutes");
          has_told = true;
        }
        deadline = clock::now() + settings_.start_timeout;
        break;
      default: break;
    }
    if (settings_.give_up && settings_.give_up())
      return make_error(errc::shutting_down, "the start of the database was given up on request");
    if (server_.ended(ask_interval)) {
      running_ = false;
      // The one that was adopted just ended, or another one came first.
      if (adopted_ || running_postmaster(data_.get()))
        return false;
      return cluster_.failed("start the database", log.complaint(server_));
    }
  }
  return make_error(errc::database_unavailable, "the database in " + cluster_.path().string() + " didn't answer within "
                                                  + std::to_string(settings_.start_timeout.count() / 1000)
                                                  + " s; see " + (cluster_.path() / "log").string());
}

caf::expected<void> embedded_postgres::open_database() {
  connection own{PQconnectdb(conninfo().c_str())};
  if (PQstatus(own.get()) != CONNECTION_OK) {
    connection admin{PQconnectdb(conninfo("postgres").c_str())};
    if (PQstatus(admin.get()) != CONNECTION_OK)
      return cluster_.failed("connect to the database", trimmed(PQerrorMessage(admin.get())));
    result created{PQexec(admin.get(), "CREATE DATABASE swarm")};
    // "Exists already" means that the first connection failed for another reason, which the second try tells.
    if (PQresultStatus(created.get()) != PGRES_COMMAND_OK
        && std::strcmp(PQresultErrorField(created.get(), PG_DIAG_SQLSTATE), "42P04") != 0)
      return cluster_.failed("create the database 'swarm'", trimmed(PQerrorMessage(admin.get())));
    own.reset(PQconnectdb(conninfo().c_str()));
    if (PQstatus(own.get()) != CONNECTION_OK)
      return cluster_.failed("connect to the database", trimmed(PQerrorMessage(own.get())));
  }
  const std::string version = PQparameterStatus(own.get(), "server_version");
  version_ = version.substr(0, version.find(' '));
  return caf::unit;
}

std::string embedded_postgres::conninfo(const std::string& database) const {
  auto directory = cluster_.path().string();
  if (!fits_into_address(directory))
    directory = "/proc/self/fd/" + std::to_string(cluster_.directory());
  return "host=" + conninfo_value(directory) + " port=5432 user=swarm dbname=" + conninfo_value(database)
         + std::string{own_parameters};
}

std::string embedded_postgres::ping_target() const {
  return conninfo("postgres") + " connect_timeout=2";
}

caf::expected<bool> embedded_postgres::restart_if_ended() {
  // An attached one is up to the node that started it.
  if (stopped_ || server_.pid() <= 0 || !server_.ended())
    return false;
  say("the database has ended (" + server_.ending() + ") and is started again");
  running_ = false;
  if (auto up = bring_up(); !up)
    return up.error();
  return true;
}

caf::expected<void> embedded_postgres::stop() {
  stopped_ = true;
  return end_server();
}

caf::expected<void> embedded_postgres::end_server() {
  if (!running_)
    return caf::unit;
  // SIGINT ends sessions first; SIGTERM would wait for them.
  server_.signal(SIGINT);
  if (!server_.ended(settings_.stop_timeout)) {
    say("the database didn't stop in time and is stopped hard; it recovers at the next start");
    server_.signal(SIGQUIT);
    if (!server_.ended(hard_stop_patience))
      return make_error(errc::io_failed,
                        "the database, process " + std::to_string(server_.pid()) + ", can't be stopped");
  }
  running_ = false;
  return caf::unit;
}

void embedded_postgres::say(const std::string& sentence) const {
  if (settings_.say)
    settings_.say(sentence);
}

} // namespace swarm::runtime
