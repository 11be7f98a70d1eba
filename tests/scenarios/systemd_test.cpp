#define CAF_SUITE scenario_systemd

#include "runtime/postgres_binaries.hpp"
#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <future>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace std::chrono_literals;
using swarm::test::contains;
using swarm::test::is_alive;
using swarm::test::read_all;
using swarm::test::user;
using swarm::test::within;

namespace {

/// What systemd would hear of a service of type notify.
class ear {
public:
  explicit ear(const fs::path& socket) : file_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    CAF_REQUIRE(socket.native().copy(address.sun_path, sizeof address.sun_path - 1) == socket.native().size());
    CAF_REQUIRE_EQUAL(::bind(file_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  ~ear() { ::close(file_); }
  ear(const ear&) = delete;
  ear& operator=(const ear&) = delete;

  /// The next notice; empty when none comes.
  std::string hear(std::chrono::milliseconds patience = std::chrono::seconds{10}) const {
    pollfd news{file_, POLLIN, 0};
    char text[512];
    if (::poll(&news, 1, static_cast<int>(patience.count())) != 1)
      return {};
    auto got = ::recv(file_, text, sizeof text, 0);
    return {text, got > 0 ? static_cast<std::size_t>(got) : 0};
  }

  /// Throws away what was said before.
  void forget() const {
    while (!hear(std::chrono::milliseconds{0}).empty()) {
    }
  }

  /// Hears on while something else happens. Whoever doesn't holds the node up: the kernel queues ten notices or so.
  template <class F>
  auto hear_during(F something) const {
    auto result = std::async(std::launch::async, std::move(something));
    while (result.wait_for(std::chrono::seconds{0}) != std::future_status::ready)
      hear(std::chrono::milliseconds{50});
    return result.get();
  }

private:
  int file_;
};

/// The server programs of this machine in a folder of their own. Once it is asked to, `postgres` waits before it starts,
/// as it does when it has much to recover.
class slow_programs {
public:
  explicit slow_programs(const fs::path& folder) : folder_(folder) {
    // Also for the account that the server runs as.
    for (const auto& x : {folder, folder.parent_path()})
      fs::permissions(x, fs::perms{0711}, fs::perm_options::add);
    auto real = swarm::runtime::find_postgres({}, std::nullopt, {});
    CAF_REQUIRE(real);
    for (auto& entry : fs::directory_iterator{real->directory})
      if (entry.path().filename() != "postgres")
        fs::create_symlink(entry.path(), folder / entry.path().filename());
    std::ofstream{folder / "postgres"} << "#!/bin/sh\n[ ! -p '" << gate().native() << "' ] || read -r go < '"
                                       << gate().native() << "'\nexec '" << (real->directory / "postgres").native()
                                       << "' \"$@\"\n";
    fs::permissions(folder / "postgres", fs::perms{0755});
  }

  const fs::path& folder() const { return folder_; }

  void slow_down() const {
    CAF_REQUIRE_EQUAL(::mkfifo(gate().c_str(), 0666), 0);
    fs::permissions(gate(), fs::perms{0666});
  }

  /// Waits until the server's start waits.
  std::ofstream wait() const { return std::ofstream{gate()}; }

private:
  fs::path gate() const { return folder_ / "gate"; }

  fs::path folder_;
};

struct fixture {
  // A short path: it must fit into an address.
  fs::path folder = swarm::test::scratch_directory();
  ear systemd{folder / "notify"};

  void be_started_by_systemd(user& me) const {
    me.environment["NOTIFY_SOCKET"] = (folder / "notify").string();
    me.environment["WATCHDOG_USEC"] = "2000000";
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_systemd_tests, fixture)

CAF_TEST(systemd hears when the node is ready and that it lives and that it stops) {
  swarm::test::scratch_database database;
  user me{database.conninfo()};
  be_started_by_systemd(me);
  auto node = me.start({"up"});
  CAF_CHECK(systemd.hear().starts_with("READY=1"));
  CAF_CHECK(contains(node.err(), "ready for tickets"));
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(systemd.hear(), "WATCHDOG=1");
  me.write("g.yaml", "graph: g\ntickets: {a: {command: [sh, -c, 'echo $$ > pid; until [ -e go ]; do sleep 0.05; done']}}\n");
  auto watching = me.start({"run", "g.yaml"});
  auto pid = me.folder() / "pid";
  CAF_REQUIRE(within(20s, [&] { return read_all(pid).ends_with('\n'); }));
  node.signal(SIGTERM);
  auto last = systemd.hear();
  while (last == "WATCHDOG=1")
    last = systemd.hear();
  CAF_CHECK_EQUAL(last, "STOPPING=1");
  // Told when it begins to stop, not when it has stopped.
  CAF_CHECK(is_alive(std::stoi(read_all(pid))));
  me.write("go", "");
  CAF_CHECK_EQUAL(node.end().code, 0);
}

CAF_TEST(a node whose watchdog is asked for by another process says nothing of it) {
  swarm::test::scratch_database database;
  user me{database.conninfo()};
  be_started_by_systemd(me);
  me.environment["WATCHDOG_PID"] = "1";
  auto node = me.start({"up"});
  CAF_CHECK(systemd.hear().starts_with("READY=1"));
  me.write("g.yaml", "graph: g\ntickets: {x: {command: [sh, -c, 'env; sleep 1.2']}}\n");
  CAF_CHECK_EQUAL(me.run({"run", "g.yaml"}).code, 0);
  node.signal(SIGTERM);
  CAF_CHECK_EQUAL(systemd.hear(), "STOPPING=1");
  CAF_CHECK_EQUAL(node.end().code, 0);
  // Nor do commands hear of it: they could speak for the node.
  CAF_CHECK(me.run({"show", me.ticket("x")}).out.find("NOTIFY_SOCKET") == std::string::npos);
}

CAF_TEST(systemd hears that the node lives while its database takes long to come back) {
  user me;
  be_started_by_systemd(me);
  slow_programs programs{swarm::test::scratch_directory()};
  auto node = me.start({"up", "--postgres.bin_dir", programs.folder().string()});
  CAF_REQUIRE(systemd.hear(40s).starts_with("READY=1"));
  programs.slow_down();
  CAF_REQUIRE_EQUAL(::kill(me.postmaster(), SIGKILL), 0);
  auto gate = programs.wait();
  systemd.forget();
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(systemd.hear(), "WATCHDOG=1");
  gate << "go" << std::endl;
  gate.close();
  me.write("g.yaml", "graph: g\ntickets: {a: {command: ['true']}}\n");
  CAF_CHECK_EQUAL(systemd.hear_during([&] { return me.run({"run", "g.yaml"}).code; }), 0);
  node.signal(SIGTERM);
  CAF_CHECK_EQUAL(systemd.hear_during([&] { return node.end().code; }), 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
