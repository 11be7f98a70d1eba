#define CAF_SUITE scenario_actors

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <algorithm>
#include <csignal>
#include <map>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace std::chrono_literals;
using nlohmann::json;
using swarm::test::ask;
using swarm::test::contains;
using swarm::test::user;
using swarm::test::within;

namespace {

/// One ticket that runs until somebody makes `go`.
constexpr auto slow_graph = R"(graph: slow
tickets: {a: {command: [sh, -c, 'echo > began; until [ -e go ]; do sleep 0.05; done']}}
)";

/// As `swarm actors` draws a node that does nothing, up to the second column.
const std::vector<std::string> idle_tree{
  "root",
  "├─ infrastructure",
  "│  ├─ watchdog",
  "│  ├─ store/claims",
  "│  ├─ store/settlements",
  "│  ├─ store/maintenance",
  "│  ├─ executor",
  "│  └─ notifier",
  "├─ leases",
  "│  ├─ completer",
  "│  └─ heartbeat",
  "├─ work",
  "│  ├─ ticket_workers",
  "│  └─ dispatcher/default",
  "├─ maintenance",
  "│  ├─ reaper",
  "│  ├─ cascade",
  "│  ├─ scheduler",
  "│  ├─ sealer",
  "│  ├─ pruner",
  "│  └─ workspace_sweeper",
  "└─ surface",
  "   └─ control_socket",
};

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t result = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++result;
  return result;
}

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

/// Somebody with an external database, so that no test has to wait for a server.
struct fixture {
  swarm::test::scratch_database database;
  user me{database.conninfo()};

  fs::path socket() const { return me.home() / "run" / "control.sock"; }

  /// What is said where no node runs.
  std::string nobody() const {
    return "swarm: no node runs in " + me.home().string() + "; `swarm up` starts one\n";
  }

  void check_nobody() const {
    for (auto flag : {"", "--json", "--watch"}) {
      auto said = me.run(*flag ? std::vector<std::string>{"actors", flag} : std::vector<std::string>{"actors"});
      CAF_CHECK_EQUAL(said.code, 1);
      CAF_CHECK_EQUAL(said.out, "");
      CAF_CHECK_EQUAL(said.err, nobody());
    }
  }

  /// What --json knows, by path.
  std::map<std::string, json> actors() const {
    std::map<std::string, json> result;
    auto documents = me.read({"actors"});
    CAF_REQUIRE_EQUAL(documents.size(), 1u);
    for (auto& x : documents[0]["actors"])
      CAF_REQUIRE(result.emplace(x["path"], x).second);
    return result;
  }

  bool all_run() const {
    auto found = actors();
    return found.contains("root/surface/control_socket")
           && std::all_of(found.begin(), found.end(), [](auto& x) { return x.second["state"] == "running"; });
  }

  /// A node whose actors have all come to their work: it is ready for tickets a little earlier.
  swarm::test::program start_node(std::vector<std::string> settings = {}) const {
    auto result = me.start_node(std::move(settings));
    CAF_REQUIRE(within(20s, [this] { return fs::exists(socket()); }));
    CAF_REQUIRE(within(20s, [this] { return all_run(); }));
    return result;
  }

  std::string drawn() const {
    auto said = me.run({"actors"});
    CAF_CHECK_EQUAL(said.code, 0);
    CAF_CHECK_EQUAL(said.err, "");
    return said.out;
  }

  /// The first column. A line whose actor isn't running comes as a whole.
  static std::vector<std::string> tree_in(const std::string& table) {
    std::vector<std::string> result;
    std::istringstream lines{table};
    std::string line;
    std::getline(lines, line);
    CAF_CHECK(line.starts_with("ACTOR  "));
    while (std::getline(lines, line)) {
      auto name = line.substr(0, line.find(" running "));
      result.push_back(name.substr(0, name.find_last_not_of(' ') + 1));
    }
    return result;
  }

  void await_the_ticket() const {
    CAF_REQUIRE(within(20s, [this] { return fs::exists(me.folder() / "began"); }));
  }

  static void stop(swarm::test::program& node) {
    node.signal(SIGTERM);
    CAF_CHECK_EQUAL(node.end().code, 0);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_actors_tests, fixture)

CAF_TEST(the whole tree is drawn and every actor runs) {
  auto node = start_node();
  auto text = drawn();
  CAF_CHECK(tree_in(text) == idle_tree);
  CAF_MESSAGE(text);
  CAF_CHECK(contains(text, "strategy=rest_for_one"));
  CAF_CHECK(contains(text, "socket=" + socket().string()));
  stop(node);
}

CAF_TEST(each queue has its dispatcher in the tree) {
  auto node = start_node({"--node.queues", "green,blue"});
  auto text = drawn();
  CAF_CHECK(contains(text, "├─ dispatcher/"));
  CAF_CHECK(contains(text, "└─ dispatcher/"));
  CAF_CHECK(contains(text, "─ dispatcher/green "));
  CAF_CHECK(contains(text, "─ dispatcher/blue "));
  stop(node);
}

CAF_TEST(a running ticket is seen below the ticket workers as long as it runs) {
  auto node = start_node();
  me.write("g.yaml", slow_graph);
  auto watching = me.start({"run", "g.yaml"});
  await_the_ticket();
  auto number = me.ticket("a");
  auto expected = idle_tree;
  expected.insert(std::find(expected.begin(), expected.end(), "│  └─ dispatcher/default"), "│  │  └─ " + number);
  auto text = drawn();
  CAF_CHECK(tree_in(text) == expected);
  CAF_MESSAGE(text);
  auto found = actors();
  auto& worker = found["root/work/ticket_workers/" + number];
  CAF_CHECK_EQUAL(worker["parent"], "root/work/ticket_workers");
  CAF_CHECK_EQUAL(worker["name"], "ticket_worker");
  CAF_CHECK_EQUAL(worker["facts"]["phase"], "executing");
  CAF_CHECK_EQUAL(found["root/work/ticket_workers"]["facts"]["running"], "1");
  me.write("go", "");
  CAF_CHECK_EQUAL(watching.end().code, 0);
  CAF_CHECK(within(20s, [&] { return tree_in(drawn()) == idle_tree; }));
  stop(node);
}

CAF_TEST(with json each actor has all that is known of it) {
  auto node = start_node();
  auto before = actors();
  CAF_CHECK_EQUAL(before.size(), idle_tree.size());
  for (auto& [path, x] : before) {
    CAF_MESSAGE(x.dump());
    CAF_CHECK_EQUAL(x["path"], path);
    CAF_CHECK_EQUAL(x["state"], "running");
    CAF_CHECK_EQUAL(x["incarnation"], 1);
    CAF_CHECK_EQUAL(x["restarts"], 0);
    CAF_CHECK(x["actor"].get<int>() > 0);
    CAF_CHECK(x["mailbox"].is_number_unsigned());
    CAF_CHECK(x["busy_ms"].is_number_unsigned());
    CAF_CHECK(x["facts"].is_object());
    CAF_CHECK(!x.contains("last_exit"));
    CAF_CHECK(path == "root" ? x["parent"] == "" : before.contains(x["parent"]));
    auto is_supervisor = x["name"] == "supervisor";
    CAF_CHECK_EQUAL(x["kind"], is_supervisor ? "supervisor" : "worker");
  }
  CAF_CHECK_EQUAL(before["root/work/dispatcher/default"]["name"], "dispatcher");
  CAF_CHECK_EQUAL(before["root/infrastructure/store/claims"]["facts"]["connected"], "yes");
  CAF_CHECK_EQUAL(before["root/work"]["facts"]["children"], "2");
  // Being asked is a message, too.
  auto after = actors();
  for (auto& [path, x] : after)
    CAF_CHECK(x["handled"].get<int>() > before[path]["handled"].get<int>());
  stop(node);
}

CAF_TEST(a watch prints again and again until it is interrupted) {
  auto node = start_node();
  for (bool as_json : {false, true}) {
    auto arguments = std::vector<std::string>{"actors", "--watch"};
    if (as_json)
      arguments.emplace_back("--json");
    auto watching = me.start(arguments);
    auto rounds = [&](const std::string& text) { return count(text, as_json ? "{\"actors\":[" : "ACTOR  "); };
    CAF_CHECK(within(20s, [&] { return rounds(watching.out()) >= 3; }));
    watching.signal(SIGINT);
    auto said = watching.end();
    CAF_CHECK_EQUAL(said.code, 0);
    CAF_CHECK_EQUAL(said.err, "");
    // Whole trees, and no codes for a screen where there is none.
    CAF_CHECK_EQUAL(count(said.out, "store/claims"), rounds(said.out));
    CAF_CHECK(said.out.ends_with('\n'));
    CAF_CHECK_EQUAL(count(said.out, "\033"), 0u);
  }
  stop(node);
}

CAF_TEST(a watch ends with a sentence when its node ends) {
  auto node = start_node();
  auto watching = me.start({"actors", "--watch"});
  CAF_REQUIRE(within(20s, [&] { return count(watching.out(), "ACTOR  ") > 0; }));
  stop(node);
  auto said = watching.end();
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK_EQUAL(said.err, nobody());
}

CAF_TEST(the socket is its owners alone and goes with its node) {
  auto node = start_node();
  auto found = fs::status(socket());
  CAF_CHECK(found.type() == fs::file_type::socket);
  CAF_CHECK(found.permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  stop(node);
  CAF_CHECK(!fs::exists(fs::symlink_status(socket())));
}

CAF_TEST(without a node the sentence names the home and the remedy) {
  fs::create_directory(me.home());
  fs::permissions(me.home(), fs::perms::owner_all);
  check_nobody();
  // One that runs elsewhere is none of ours.
  user other{database.conninfo()};
  auto node = other.start_node();
  check_nobody();
  stop(node);
}

CAF_TEST(looking at a home that is not there creates nothing) {
  check_nobody();
  CAF_CHECK(!fs::exists(me.home()));
}

CAF_TEST(a killed node is gone for those who look and its socket does not hinder the next) {
  auto node = start_node();
  auto first = node.pid();
  node.signal(SIGKILL);
  CAF_CHECK_EQUAL(node.end().code, 128 + SIGKILL);
  CAF_CHECK(fs::exists(socket()));
  check_nobody();
  auto next = start_node();
  CAF_CHECK_NOT_EQUAL(next.pid(), first);
  CAF_CHECK(tree_in(drawn()) == idle_tree);
  stop(next);
  check_nobody();
}

CAF_TEST(a home at a very deep path can be looked into) {
  auto deep = me.folder();
  while (deep.native().size() < 200)
    deep /= std::string(40, 'd');
  me.environment["SWARM_HOME"] = (deep / "home").string();
  auto node = me.start_node();
  CAF_REQUIRE(within(20s, [&] { return fs::exists(deep / "home" / "run" / "control.sock"); }));
  CAF_CHECK(within(20s, [this] { return all_run(); }));
  CAF_CHECK(tree_in(drawn()) == idle_tree);
  stop(node);
  auto said = me.run({"actors"});
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK(contains(said.err, "no node runs in " + (deep / "home").string() + "; `swarm up` starts one"));
}

CAF_TEST(the node of a run can be looked into as well) {
  me.write("g.yaml", slow_graph);
  auto running = me.start({"run", "g.yaml"});
  await_the_ticket();
  CAF_REQUIRE(within(20s, [this] { return fs::exists(socket()); }));
  CAF_CHECK(within(20s, [this] { return actors().contains("root/work/ticket_workers/" + me.ticket("a")); }));
  me.write("go", "");
  CAF_CHECK_EQUAL(running.end().code, 0);
  check_nobody();
}

CAF_TEST(an actor that hangs is seen at it and then with its restart and the cause) {
  auto node = start_node({"--node.name", "box", "--database.statement_timeout", "3s",
                          "--supervisor.stuck_after", "4s"});
  const std::string path = "root/infrastructure/store/claims";
  std::string server;
  CAF_REQUIRE(within(20s, [&] {
    server = ask(database.conninfo(), "SELECT pid FROM pg_stat_activity WHERE state = 'idle' AND application_name = "
                                      "'swarm box store/claims'");
    return !server.empty();
  }));
  {
    frozen disk{std::stoi(server)};
    CAF_CHECK(within(20s, [&] {
      auto x = actors()[path];
      return x["busy_ms"] > 1000 && x["handling"] == "claim" && x["incarnation"] == 1;
    }));
    CAF_CHECK(contains(drawn(), "handling=claim for="));
    CAF_CHECK(within(20s, [&] {
      auto x = actors()[path];
      return x["incarnation"] == 2 && x["state"] == "running" && x["facts"]["connected"] == "yes";
    }));
    auto found = actors();
    auto& x = found[path];
    CAF_CHECK_EQUAL(x["restarts"], 1);
    CAF_CHECK_EQUAL(x["last_exit"]["incarnation"], 1);
    CAF_CHECK(contains(x["last_exit"]["cause"], path + " is stuck handling 'claim' for 4"));
    CAF_CHECK(contains(drawn(), "last_exit=\"" + path + " is stuck"));
    // The others had no reason to start anew, and the new one does the work.
    CAF_CHECK_EQUAL(found["root/work/dispatcher/default"]["incarnation"], 1);
    me.write("g.yaml", "graph: g\ntickets: {x: {command: ['true']}}\n");
    CAF_CHECK_EQUAL(me.start({"run", "g.yaml"}).end(20s).code, 0);
  }
  stop(node);
  CAF_CHECK_EQUAL(swarm::test::violations(database.conninfo()), "");
}

CAF_TEST_FIXTURE_SCOPE_END()
