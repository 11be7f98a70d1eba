#define CAF_SUITE embedded_postgres

#include "tests/fixtures/forked.hpp"
#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <libpq-fe.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace swarm;
using namespace swarm::runtime;
using test::ask;
using test::contains;
using test::node;
using test::read_all;

namespace {

using connection = std::unique_ptr<PGconn, decltype(&PQfinish)>;

connection connect(const std::string& conninfo) {
  return {PQconnectdb(conninfo.c_str()), &PQfinish};
}

std::string server_log_of(const fs::path& root) {
  std::string text;
  for (const auto& entry : fs::directory_iterator{root / "postgres/log"})
    text += read_all(entry.path());
  return text;
}

void end_and_await(pid_t pid, int signal) {
  auto process = child_process::follow(pid);
  CAF_REQUIRE(process);
  process->signal(signal);
  CAF_REQUIRE(process->ended(std::chrono::seconds{30}));
}

uid_t owner_of_process(pid_t pid) {
  struct stat info {};
  ::stat(("/proc/" + std::to_string(pid)).c_str(), &info);
  return info.st_uid;
}

/// Whether a process listens on TCP, by the kernel's tables.
bool listens_on_tcp(pid_t pid) {
  std::set<std::string> listening;
  for (const char* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream in{table};
    for (std::string line; std::getline(in, line);) {
      std::istringstream fields{line};
      std::vector<std::string> values{std::istream_iterator<std::string>{fields}, {}};
      if (values.size() > 9 && values[3] == "0A")
        listening.insert("socket:[" + values[9] + "]");
    }
  }
  for (const auto& entry : fs::directory_iterator{"/proc/" + std::to_string(pid) + "/fd"}) {
    std::error_code ignored;
    if (listening.count(fs::read_symlink(entry.path(), ignored).string()))
      return true;
  }
  return false;
}

/// A node that made a table with one committed row, was killed, and left its server running.
pid_t leave_running_server(const fs::path& root) {
  test::forked victim{[&] {
    node first{root};
    if (first.code() != errc::none)
      return first.failure();
    first.ask("CREATE TABLE kept AS SELECT 42 AS x");
    test::forked::tell(std::to_string(first.server().pid()));
    test::forked::wait_for_end();
    return std::string{};
  }};
  auto answer = victim.hear();
  victim.kill();
  return std::stoi(answer);
}

} // namespace

CAF_TEST(a fresh home serves its owner and nobody on the network) {
  auto scratch = test::scratch_directory();
  node first{scratch / "home"};
  CAF_CHECK_EQUAL(first.ask("SELECT current_user || ' ' || current_database()"), "swarm swarm");
  CAF_CHECK_EQUAL(first.ask("SHOW data_checksums"), "on");
  CAF_CHECK_EQUAL(first.ask("SHOW server_encoding"), "UTF8");
  CAF_CHECK_EQUAL(first.ask("SHOW fsync"), "on");
  CAF_CHECK_EQUAL(first.ask("SHOW full_page_writes"), "on");
  CAF_CHECK_EQUAL(first.ask("SHOW synchronous_commit"), "on");
  CAF_CHECK_EQUAL(first.ask("SHOW listen_addresses"), "");
  CAF_CHECK(first.ask("SHOW server_version").starts_with(first.server().version()));
  CAF_CHECK(first.server().version().starts_with("1"));
  CAF_CHECK(!first.server().adopted());
  CAF_CHECK(!listens_on_tcp(first.server().pid()));
  // Ctrl-C reaches the terminal's session only.
  CAF_CHECK_NOT_EQUAL(::getsid(first.server().pid()), ::getsid(0));
  auto mode = fs::status(scratch / "home/postgres").permissions();
  CAF_CHECK(mode == fs::perms::owner_all);
  if (::geteuid() == 0) {
    CAF_CHECK_NOT_EQUAL(owner_of_process(first.server().pid()), 0u);
    // As in root's own home.
    CAF_CHECK(fs::status(scratch).permissions() == fs::perms::owner_all);
    test::forked stranger{[&] {
      auto conninfo = first.server().conninfo();
      test::become(test::ordinary_user);
      return ask(conninfo, "SELECT 1");
    }};
    CAF_CHECK(contains(stranger.answer(), "Permission denied"));
  }
}

CAF_TEST(variables for another server lead nobody astray) {
  const std::map<std::string, std::string> variables{
    {"PGHOSTADDR", "192.0.2.1"}, {"PGREQUIREPEER", "nobody"},
    {"PGOPTIONS", "-c default_transaction_read_only=on"}, {"PGGSSENCMODE", "require"},
    {"PGCHANNELBINDING", "require"}, {"PGTARGETSESSIONATTRS", "standby"}};
  for (auto& [name, value] : variables)
    ::setenv(name.c_str(), value.c_str(), 1);
  {
    node first{test::scratch_directory()};
    CAF_CHECK_EQUAL(first.failure(), "no error");
    CAF_CHECK_EQUAL(first.ask("CREATE TABLE mine (x integer)"), "done");
  }
  for (auto& [name, value] : variables)
    ::unsetenv(name.c_str());
}

CAF_TEST(a clean stop needs no recovery and keeps everything) {
  auto root = test::scratch_directory();
  pid_t pid;
  {
    node first{root};
    CAF_CHECK(contains(first.said(), "creating a database"));
    first.ask("CREATE TABLE kept AS SELECT 42 AS x");
    pid = first.server().pid();
    // A session that is still open doesn't hold up the end.
    auto idle = connect(first.server().conninfo());
    CAF_CHECK(bool{first.server().stop()});
    CAF_CHECK(bool{first.server().stop()});
  }
  CAF_CHECK(!fs::exists("/proc/" + std::to_string(pid)));
  node second{root};
  CAF_CHECK(!second.server().adopted());
  CAF_CHECK_EQUAL(second.ask("SELECT x FROM kept"), "42");
  CAF_CHECK_EQUAL(second.said(), "");
  CAF_CHECK(contains(server_log_of(root), "database system was shut down at"));
  CAF_CHECK(server_log_of(root).find("not properly shut down") == std::string::npos);
}

CAF_TEST(a killed server recovers committed rows though its children linger) {
  auto root = test::scratch_directory();
  {
    node first{root};
    first.ask("CREATE TABLE kept AS SELECT 42 AS x");
    auto busy = connect(first.server().conninfo());
    // A session that computes doesn't notice that the server is gone.
    CAF_REQUIRE(PQsendQuery(busy.get(), "SELECT count(*) FROM generate_series(1, 1000000000000)"));
    CAF_REQUIRE(test::eventually([&] {
      return first.ask("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%0000000000%' "
                       "AND pid <> pg_backend_pid()") == "1";
    }));
    auto session = PQbackendPID(busy.get());
    end_and_await(first.server().pid(), SIGKILL);
    CAF_CHECK(fs::exists("/proc/" + std::to_string(session)));
  }
  node second{root};
  CAF_CHECK_EQUAL(second.ask("SELECT x FROM kept"), "42");
  CAF_CHECK(contains(server_log_of(root), "not properly shut down; automatic recovery in progress"));
}

CAF_TEST(process ids of the dead and of strangers in the lock files hinder nobody) {
  auto root = test::scratch_directory();
  pid_t dead;
  uid_t account;
  {
    node first{root};
    first.ask("CREATE TABLE kept AS SELECT 42 AS x");
    account = owner_of_process(first.server().pid());
    dead = first.server().pid();
    end_and_await(dead, SIGKILL);
  }
  auto pid_file = root / "postgres/data/postmaster.pid";
  CAF_CHECK(contains(read_all(pid_file), std::to_string(dead)));
  {
    node second{root};
    CAF_CHECK_EQUAL(second.ask("SELECT x FROM kept"), "42");
    end_and_await(second.server().pid(), SIGKILL);
  }
  test::forked stranger{[&] {
    test::become(account);
    test::forked::tell("ready");
    test::forked::wait_for_end();
    return std::string{};
  }};
  CAF_REQUIRE_EQUAL(stranger.hear(), "ready");
  for (auto file : {pid_file, root / "postgres/.s.PGSQL.5432.lock"}) {
    auto text = read_all(file);
    std::ofstream{file} << stranger.pid() << text.substr(text.find('\n'));
  }
  node third{root};
  CAF_CHECK_EQUAL(third.ask("SELECT x FROM kept"), "42");
  CAF_CHECK_EQUAL(::kill(stranger.pid(), 0), 0);
}

CAF_TEST(lock files that were never written to their end hinder nobody) {
  auto root = test::scratch_directory();
  {
    node first{root};
    first.ask("CREATE TABLE kept AS SELECT 42 AS x");
  }
  std::ofstream{root / "postgres/data/postmaster.pid"};
  std::ofstream{root / "postgres/.s.PGSQL.5432.lock"} << "garbage\n";
  node second{root};
  CAF_CHECK_EQUAL(second.ask("SELECT x FROM kept"), "42");
}

CAF_TEST(the server of a killed node is adopted) {
  auto root = test::scratch_directory();
  auto pid = leave_running_server(root);
  {
    node second{root};
    CAF_CHECK(second.server().adopted());
    CAF_CHECK_EQUAL(second.server().pid(), pid);
    CAF_CHECK_EQUAL(second.ask("SELECT x FROM kept"), "42");
    CAF_CHECK(contains(second.said(), "adopting the running database"));
  }
  CAF_CHECK(!fs::exists("/proc/" + std::to_string(pid) + "/cwd"));
  CAF_CHECK(server_log_of(root).find("not properly shut down") == std::string::npos);
}

CAF_TEST(the server of a killed node restarts when its settings changed) {
  auto root = test::scratch_directory();
  auto pid = leave_running_server(root);
  embedded_postgres_settings settings;
  settings.tuning.max_connections = 33;
  node second{root, settings};
  CAF_CHECK(!second.server().adopted());
  CAF_CHECK_NOT_EQUAL(second.server().pid(), pid);
  CAF_CHECK_EQUAL(second.ask("SHOW max_connections"), "33");
  CAF_CHECK_EQUAL(second.ask("SELECT x FROM kept"), "42");
}

CAF_TEST(a second node hears who holds the home and the first goes on) {
  auto root = test::scratch_directory();
  node first{root};
  node second{root};
  CAF_CHECK_EQUAL(second.code(), errc::home_is_busy);
  CAF_CHECK(contains(second.failure(), "is in use by process " + std::to_string(::getpid()) + " (swarm up, since "));
  CAF_CHECK_EQUAL(first.ask("SELECT 1"), "1");
}

CAF_TEST(a command beside a running node connects and stops nothing) {
  auto root = test::scratch_directory();
  auto where = home::open(root);
  CAF_REQUIRE(where);
  node first{root};
  first.ask("CREATE TABLE kept AS SELECT 42 AS x");
  test::forked command{[&] {
    auto attached = embedded_postgres::attach(*where);
    auto answer = attached ? ask((*attached)->conninfo(), "SELECT x FROM kept") : render(attached.error());
    attached = caf::error{};
    return answer;
  }};
  CAF_CHECK_EQUAL(command.answer(), "42");
  CAF_CHECK_EQUAL(first.ask("SELECT x FROM kept"), "42");
}

CAF_TEST(paths that no socket address holds work all the same) {
  auto scratch = test::scratch_directory();
  for (const auto& name : {std::string(120, 'x'), std::string{"it's, a \\ home"}}) {
    node first{scratch / name};
    CAF_CHECK_EQUAL(first.ask("SELECT current_user"), "swarm");
    CAF_CHECK(bool{first.server().stop()});
  }
}

CAF_TEST(a server that cannot stop in time is stopped hard and recovers) {
  auto root = test::scratch_directory();
  {
    embedded_postgres_settings settings;
    settings.stop_timeout = std::chrono::milliseconds{300};
    node first{root, settings};
    first.ask("CREATE TABLE kept AS SELECT 42 AS x");
    auto stuck = connect(first.server().conninfo());
    ::kill(PQbackendPID(stuck.get()), SIGSTOP);
    CAF_CHECK(bool{first.server().stop()});
    CAF_CHECK(contains(first.said(), "is stopped hard"));
  }
  node second{root};
  CAF_CHECK_EQUAL(second.ask("SELECT x FROM kept"), "42");
}

CAF_TEST(fresh databases are empty and apart) {
  auto kept = test::fresh_database();
  std::string gone;
  {
    test::scratch_database first;
    gone = first.conninfo();
    CAF_CHECK_EQUAL(ask(first.conninfo(), "CREATE TABLE x AS SELECT 1"), "done");
    CAF_CHECK(contains(ask(kept, "SELECT * FROM x"), "does not exist"));
  }
  CAF_CHECK(contains(ask(gone, "SELECT 1"), "does not exist"));
}
