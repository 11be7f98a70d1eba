#define CAF_SUITE scenario_lifecycle

#include "config/graph_file.hpp"
#include "runtime/control/control_server.hpp"
#include "runtime/node.hpp"
#include "tests/fixtures/captured_log.hpp"
#include "tests/fixtures/desk.hpp"
#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <caf/all.hpp>

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <map>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace std::chrono_literals;
using swarm::test::ask;
using swarm::test::contains;
using swarm::test::is_alive;
using swarm::test::must;
using swarm::test::program;
using swarm::test::read_all;
using swarm::test::user;
using swarm::test::within;

namespace {

/// Two tickets; each writes the number of its process and waits until somebody makes `go`.
constexpr auto slow_graph = R"(graph: slow
tickets:
  a: {command: [sh, -c, 'echo $$ > a.pid; until [ -e go ]; do sleep 0.05; done']}
  b: {command: [sh, -c, 'echo $$ > b.pid; until [ -e go ]; do sleep 0.05; done']}
)";

/// The same, with one that no kind word can stop.
constexpr auto stubborn_graph = R"(graph: stubborn
tickets:
  a: {command: [sh, -c, 'trap "" INT TERM; echo $$ > a.pid; until [ -e go ]; do sleep 0.05; done']}
)";

/// A server process that stands still, as if its disk did.
class frozen {
public:
  explicit frozen(pid_t pid) : pid_(pid) { CAF_REQUIRE_EQUAL(::kill(pid_, SIGSTOP), 0); }
  ~frozen() { ::kill(pid_, SIGCONT); }
  frozen(const frozen&) = delete;
  frozen& operator=(const frozen&) = delete;

private:
  pid_t pid_;
};

sockaddr_un address_of(const fs::path& socket) {
  sockaddr_un result{};
  result.sun_family = AF_UNIX;
  CAF_REQUIRE(socket.native().copy(result.sun_path, sizeof result.sun_path - 1) == socket.native().size());
  return result;
}

/// Nobody waits long for an actor that hangs, and nobody puts up with one. The rest is for a stop that finds no store.
const std::vector<std::string> no_mercy{"--node.name", "box",
                                        "--supervisor.restarts_max", "0",
                                        "--supervisor.stuck_after", "2s",
                                        "--database.statement_timeout", "1s",
                                        "--node.drain_timeout", "1s",
                                        "--command.interrupt_grace", "100ms",
                                        "--command.terminate_grace", "100ms"};

/// Why such a tree gives up when the store for claims hangs.
constexpr auto chain_of_causes = "root gave up: more than 0 restarts within 30s, the last of 'infrastructure': "
                                 "root/infrastructure gave up: more than 0 restarts within 30s, the last of "
                                 "'store/claims': root/infrastructure/store/claims is stuck handling 'claim' for 2";

/// Somebody with an external database, so that no test has to wait for a server.
struct fixture {
  swarm::test::scratch_database database;
  user me{database.conninfo()};

  ~fixture() { CAF_CHECK_EQUAL(swarm::test::violations(database.conninfo()), ""); }

  /// Submits the graph and doesn't watch it any longer than it takes to begin.
  void submit(const std::string& graph) {
    me.write("g.yaml", graph);
    auto watching = me.start({"run", "g.yaml"});
    running("a");
  }

  /// Waits until the ticket's command runs. Answers the number of its process.
  pid_t running(const std::string& key) const {
    auto file = me.folder() / (key + ".pid");
    CAF_REQUIRE(within(20s, [&] { return read_all(file).ends_with('\n'); }));
    return std::stoi(read_all(file));
  }

  void forget() const { fs::remove(me.folder() / "a.pid"); }

  fs::path socket() const { return me.home() / "run" / "control.sock"; }

  /// The server's process for a connection of the node `box` that waits for a question.
  pid_t server_of(const std::string& role) const {
    std::string pid;
    CAF_REQUIRE(within(20s, [&] {
      pid = ask(database.conninfo(), "SELECT pid FROM pg_stat_activity WHERE state = 'idle' AND application_name = "
                                     "'swarm box " + role + "'");
      return !pid.empty();
    }));
    return std::stoi(pid);
  }

  std::string last_heartbeat() const {
    return ask(database.conninfo(), "SELECT max(last_heartbeat) FROM swarm.leases");
  }

  static void check_no_trouble(const std::string& log) {
    for (auto level : {" warning ", " error ", " critical "})
      if (log.find(level) != std::string::npos)
        CAF_CHECK_EQUAL(log, "no trouble");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_lifecycle_tests, fixture)

CAF_TEST(a node drains through its tree in order and without trouble) {
  auto node = me.start_node({"--node.slots", "1", "--heartbeat.interval", "100ms"});
  CAF_REQUIRE(within(20s, [&] { return fs::exists(socket()); }));
  submit(slow_graph);
  node.signal(SIGTERM);
  CAF_CHECK(node.says("stopping on signal"));
  CAF_CHECK(node.says("waiting for running tickets: count=1"));
  // The surface is closed, and what the running ticket stands on isn't.
  CAF_CHECK(!fs::exists(socket()));
  auto beat = last_heartbeat();
  CAF_CHECK(within(20s, [&] { return last_heartbeat() > beat; }));
  CAF_CHECK(is_alive(running("a")));
  me.write("go", "");
  auto said = node.end();
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(said.err, "swarm has stopped: node=1"));
  check_no_trouble(said.err);
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed completed");
  CAF_CHECK_EQUAL(me.history("b"), "submitted");
}

CAF_TEST(a node without work ends at once on either signal) {
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) {
    auto node = me.start_node();
    node.signal(signal);
    auto said = node.end(10s);
    CAF_CHECK_EQUAL(said.code, 0);
    check_no_trouble(said.err);
  }
}

CAF_TEST(a node that is told to stop while it starts ends in order) {
  for (int i = 0; i < 10; ++i) {
    auto node = me.start({"up"});
    CAF_REQUIRE(node.says(i % 2 == 0 ? "starts: node=" : "working on queues"));
    node.signal(SIGTERM);
    auto said = node.end(10s);
    CAF_CHECK_EQUAL(said.code, 0);
    CAF_CHECK(contains(said.err, "swarm has stopped"));
    check_no_trouble(said.err);
  }
}

CAF_TEST(somebody who hangs on at the control socket does not hold up a stop) {
  auto node = me.start_node();
  auto address = address_of(socket());
  auto file = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CAF_REQUIRE_EQUAL(::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  CAF_CHECK_EQUAL(me.run({"actors"}).code, 0); // who is answered later proves that the node listens to the first
  node.signal(SIGTERM);
  auto said = node.end(20s);
  ::close(file);
  CAF_CHECK_EQUAL(said.code, 0);
  check_no_trouble(said.err);
}

CAF_TEST(a second signal hands back at once) {
  auto node = me.start_node({"--node.drain_timeout", "10m"});
  submit(slow_graph);
  auto work = running("a");
  running("b");
  node.signal(SIGTERM);
  CAF_CHECK(node.says("waiting for running tickets: count=2"));
  node.signal(SIGTERM);
  auto said = node.end(20s);
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(said.err, "handing back running tickets"));
  check_no_trouble(said.err);
  CAF_CHECK(!is_alive(work));
  for (auto key : {"a", "b"}) {
    CAF_CHECK_EQUAL(me.state(key), "ready");
    CAF_CHECK_EQUAL(me.history(key), "submitted claimed released");
  }
}

CAF_TEST(work whose ticket is released is stopped at once and begins again) {
  auto node = me.start_node(); // its next beat of its own is half a minute away
  submit(slow_graph);
  auto work = running("a");
  forget();
  CAF_CHECK_EQUAL(me.run({"release", ask(database.conninfo(), "SELECT id FROM swarm.tickets WHERE key = 'a'")}).code, 0);
  CAF_CHECK(within(10s, [&] { return !is_alive(work); }));
  running("a");
  me.write("go", "");
  CAF_CHECK(within(20s, [&] { return me.state("a") == "completed"; }));
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed released claimed completed");
}

CAF_TEST(a third signal kills and the next start takes the tickets back) {
  auto node = me.start_node({"--node.drain_timeout", "10m", "--command.interrupt_grace", "10m"});
  submit(stubborn_graph);
  auto work = running("a");
  node.signal(SIGTERM);
  CAF_CHECK(node.says("waiting for running tickets"));
  node.signal(SIGINT);
  CAF_CHECK(node.says("handing back running tickets"));
  CAF_CHECK(is_alive(work));
  node.signal(SIGTERM);
  auto said = node.end(10s);
  CAF_CHECK_EQUAL(said.code, 130);
  CAF_CHECK(said.err.find("swarm has stopped") == std::string::npos);
  CAF_CHECK(within(5s, [&] { return !is_alive(work); }));
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed");
  forget();
  auto next = me.start_node();
  CAF_CHECK(next.says("reaper reclaimed"));
  running("a");
  me.write("go", "");
  CAF_CHECK(within(20s, [&] { return me.state("a") == "completed"; }));
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed reclaimed claimed completed");
}

CAF_TEST(a tree that gives up ends the process with 70 and the chain of causes) {
  auto node = me.start_node(no_mercy);
  submit(slow_graph);
  auto work = running("a");
  {
    frozen disk{server_of("store/claims")};
    CAF_CHECK(node.says("the supervision tree gave up"));
  }
  auto said = node.end(60s);
  CAF_CHECK_EQUAL(said.code, 70);
  // All of it in one line, for whoever reads only the last.
  CAF_CHECK(contains(said.err, "critical node: the supervision tree gave up, the node ends: cause=\""
                                 + std::string{chain_of_causes}));
  // Its thread came back in time, so the node ended in order.
  CAF_CHECK(said.err.find("an actor is stuck and can't be stopped") == std::string::npos);
  CAF_CHECK(contains(said.err, "swarm has stopped: node=1"));
  CAF_CHECK(!is_alive(work));
  // What could not be handed back is taken back.
  forget();
  auto next = me.start_node();
  running("a");
  me.write("go", "");
  for (auto key : {"a", "b"})
    CAF_CHECK(within(20s, [&] { return me.state(key) == "completed"; }));
  next.signal(SIGTERM);
  CAF_CHECK_EQUAL(next.end().code, 0);
}

CAF_TEST(a run whose node gives up ends with 70 and the chain of causes) {
  me.write("g.yaml", slow_graph);
  auto arguments = no_mercy;
  arguments.insert(arguments.begin(), {"run", "g.yaml"});
  auto node = me.start(arguments);
  running("a");
  frozen disk{server_of("store/claims")};
  auto said = node.end(60s);
  CAF_CHECK_EQUAL(said.code, 70);
  CAF_CHECK(contains(said.err, "swarm: " + std::string{chain_of_causes}));
  CAF_CHECK(contains(said.err, "swarm list --graph 1"));
}

CAF_TEST(an actor that is stuck can not keep a node from ending) {
  auto node = me.start_node({"--node.name", "box", "--supervisor.stuck_after", "2s", "--database.statement_timeout",
                             "1s"});
  submit(slow_graph);
  frozen disk{server_of("store/claims")};
  CAF_CHECK(node.says("root/infrastructure goes on without it: cause=\"root/infrastructure/store/claims is stuck"));
  node.signal(SIGTERM);
  CAF_CHECK(node.says("waiting for running tickets"));
  me.write("go", "");
  auto said = node.end(30s);
  CAF_CHECK_EQUAL(said.code, 70);
  CAF_CHECK(contains(said.err, "an actor is stuck and can't be stopped; the process ends without it"));
  for (auto key : {"a", "b"})
    CAF_CHECK_EQUAL(me.history(key), "submitted claimed completed");
}

CAF_TEST_FIXTURE_SCOPE_END()

namespace {

/// A runtime::node in this process, as a program embeds it.
struct embedded_node {
  swarm::test::scratch_database database;
  fs::path folder = swarm::test::scratch_directory();
  fs::path socket = folder / "control.sock";
  swarm::test::captured_log log;

  swarm::runtime::node_settings settings() const {
    swarm::runtime::node_settings result;
    result.conninfo = database.conninfo();
    result.home_id = "00000000-0000-0000-0000-000000000001";
    result.working_directory = folder;
    result.control_socket = socket;
    return result;
  }

  /// What is known of the actors at the control socket, or why not.
  std::string answer() const {
    auto text = swarm::control::ask(socket, "/actors");
    return text ? *text : swarm::render(text.error());
  }

  /// One that takes for ever. The tables must be there.
  void submit_a_ticket() const {
    std::ofstream{folder / "g.yaml"} << "graph: g\ntickets: {x: {command: [sleep, '600']}}\n";
    swarm::config::problems found;
    auto graph = swarm::config::load_graph(folder / "g.yaml", {}, found);
    CAF_REQUIRE(graph);
    auto db = must(swarm::store::connection::open({database.conninfo(), "test"}));
    must(swarm::store::submit(db, *graph));
  }

  static bool is_at_work(const swarm::runtime::node& node) {
    for (auto& x : node.actors()->seats())
      if (x->path() == "root/work/ticket_workers/1")
        return true;
    return false;
  }

  std::string count_events(const std::string& kind) const {
    return ask(database.conninfo(), "SELECT count(*) FROM swarm.ticket_events WHERE kind = '" + kind + "'");
  }

  void check_no_trouble() const {
    for (auto& line : log.lines())
      if (line.starts_with("warning ") || line.starts_with("error ") || line.starts_with("critical "))
        CAF_CHECK_EQUAL(line, "no trouble");
  }

  ~embedded_node() { CAF_CHECK_EQUAL(swarm::test::violations(database.conninfo()), ""); }
};

/// What a process holds that a node could forget to give back: by name, so that a failure tells whose it is.
struct inventory {
  std::string threads;
  std::string descriptors;

  static inventory take() {
    std::map<std::string, int> names, targets;
    std::error_code ignored;
    for (auto& x : fs::directory_iterator{"/proc/self/task"}) {
      auto name = read_all(x.path() / "comm");
      ++names[name.substr(0, name.find('\n'))];
    }
    for (auto& x : fs::directory_iterator{"/proc/self/fd"}) {
      auto target = fs::read_symlink(x.path(), ignored).string();
      // Without numbers, which differ each time, and without the one that does the looking.
      if (!target.ends_with("/fd"))
        ++targets[target.substr(0, target.find(":["))];
    }
    return {joined(names), joined(targets)};
  }

  static std::string joined(const std::map<std::string, int>& counts) {
    std::string result;
    for (auto& [name, count] : counts)
      result += std::to_string(count) + " " + name + "; ";
    return result;
  }
};

void check_nothing_is_left_over(const inventory& before) {
  // Threads that have told of their end may take a moment to be gone.
  within(5s, [&] { return inventory::take().threads == before.threads; });
  auto now = inventory::take();
  CAF_CHECK_EQUAL(now.threads, before.threads);
  CAF_CHECK_EQUAL(now.descriptors, before.descriptors);
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_lifecycle_embedded_tests, embedded_node)

CAF_TEST(a hundred starts and stops leave no thread and no descriptor over) {
  auto before = inventory::take();
  for (int i = 0; i < 100; ++i) {
    auto node = must(swarm::runtime::node::start(settings()));
    if (i % 5 == 0)
      CAF_REQUIRE(contains(answer(), "root/surface/control_socket"));
    CAF_REQUIRE(node->stop());
    node.reset();
    CAF_REQUIRE(!fs::exists(socket));
    if (i == 0) // some libraries keep one for good
      before.descriptors = inventory::take().descriptors;
  }
  check_nothing_is_left_over(before);
  CAF_CHECK_EQUAL(ask(database.conninfo(), "SELECT count(*) FROM swarm.nodes"), "100");
  check_no_trouble();
}

CAF_TEST(a hundred starts and stops with work in hand leave nothing over and hand it back) {
  auto busy = settings();
  busy.values.node.drain_timeout = 0s;
  must(swarm::runtime::node::start(busy)); // makes the tables
  submit_a_ticket();
  auto before = inventory::take();
  for (int i = 0; i < 100; ++i) {
    auto node = must(swarm::runtime::node::start(busy));
    CAF_REQUIRE(within(20s, [&] { return is_at_work(*node); }));
    CAF_REQUIRE(node->stop());
    node.reset();
    if (i == 0) // some libraries keep one for good
      before.descriptors = inventory::take().descriptors;
  }
  check_nothing_is_left_over(before);
  CAF_CHECK_EQUAL(count_events("claimed"), "100");
  CAF_CHECK_EQUAL(count_events("released"), "100");
  CAF_CHECK_EQUAL(ask(database.conninfo(), "SELECT concat_ws(' ', state, attempts) FROM swarm.tickets_view"),
                  "ready 0");
  check_no_trouble();
}

CAF_TEST(a node that was told to stop has not failed) {
  auto node = must(swarm::runtime::node::start(settings()));
  CAF_CHECK(node->stop());
  CAF_CHECK(node->stop());
  CAF_CHECK(!node->failure());
  check_no_trouble();
}

CAF_TEST(a start that fails leaves nothing over) {
  auto wrong = settings();
  wrong.conninfo = "host='" + folder.string() + "' dbname=nowhere";
  auto before = inventory::take();
  for (int i = 0; i < 5; ++i)
    CAF_CHECK(swarm::test::failure_of(swarm::runtime::node::start(wrong)) == swarm::errc::database_unavailable);
  check_nothing_is_left_over(before);
  CAF_CHECK(!fs::exists(socket));
  CAF_CHECK(swarm::runtime::node::start(settings())); // also for the fixture, which looks into the tables
}

CAF_TEST(a tree that gives up hands its tickets back and keeps the causes) {
  auto modest = settings();
  modest.values.node.drain_timeout = 10min; // which isn't used up when nobody can work
  modest.values.supervisor.restarts_max = 1;
  modest.values.supervisor.backoff_first = modest.values.supervisor.backoff_max = 1ms;
  auto node = must(swarm::runtime::node::start(modest));
  submit_a_ticket();
  CAF_REQUIRE(within(20s, [&] { return is_at_work(*node); }));
  // Two lives end the branch, and two branches end the root.
  int kills = 0;
  std::uint64_t last = 0;
  auto gave_up = within(30s, [&] {
    for (auto& x : node->actors()->seats())
      if (auto life = x->life(); life && x->path() == "root/maintenance/reaper" && x->report().actor != last) {
        last = x->report().actor;
        ++kills;
        caf::anon_send_exit(caf::actor_cast<caf::actor>(life), caf::exit_reason::kill);
      }
    return node->failure().has_value();
  });
  CAF_CHECK(gave_up);
  if (!gave_up)
    node->hand_back(); // or the end of this test would be waited for
  CAF_CHECK_EQUAL(kills, 4);
  auto cause = node->failure().value_or(caf::error{});
  CAF_CHECK_EQUAL(swarm::render(cause), "root gave up: more than 1 restarts within 30s, the last of 'maintenance': "
                                        "root/maintenance gave up: more than 1 restarts within 30s, the last of "
                                        "'reaper': killed");
  CAF_CHECK(node->stop());
  node.reset();
  CAF_CHECK_EQUAL(ask(database.conninfo(), "SELECT state FROM swarm.tickets_view"), "ready");
  CAF_CHECK_EQUAL(ask(database.conninfo(), "SELECT string_agg(kind::text, ' ' ORDER BY id) FROM swarm.ticket_events"),
                  "submitted claimed released");
  CAF_CHECK(log.count("error supervisor: root/maintenance gave up: ") >= 2);
  CAF_CHECK_EQUAL(log.count("error supervisor: root gave up: "), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
