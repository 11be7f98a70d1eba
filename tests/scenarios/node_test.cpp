#define CAF_SUITE scenario_node

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"

#include <csignal>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

using namespace std::chrono_literals;
using swarm::test::contains;
using swarm::test::is_alive;
using swarm::test::read_all;
using swarm::test::user;
using swarm::test::within;

namespace {

/// Four tickets in two layers; each writes the number of its process and waits until somebody makes `go`.
constexpr auto slow_graph = R"(graph: slow
tickets:
  a: {command: [sh, -c, 'echo $$ > a.pid; until [ -e go ]; do sleep 0.05; done']}
  b: {command: [sh, -c, 'echo $$ > b.pid; until [ -e go ]; do sleep 0.05; done']}
  c: {command: ['true'], needs: [a, b]}
  d: {command: ['true'], needs: [c]}
)";

/// Waits until the ticket's command runs. Answers the number of its process.
pid_t running(const user& me, const std::string& key) {
  auto file = me.folder() / (key + ".pid");
  CAF_REQUIRE(within(20s, [&] { return read_all(file).ends_with('\n'); }));
  return std::stoi(read_all(file));
}

void forget(const user& me) {
  for (auto key : {"a.pid", "b.pid"})
    std::filesystem::remove(me.folder() / key);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t result = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
    ++result;
  return result;
}

} // namespace

CAF_TEST(a node tells what it is and a second one who holds the home) {
  user me;
  auto node = me.start_node();
  CAF_REQUIRE(node.says("Heartbeat started"));
  for (auto words : {"swarm 0.", "starts: node=1 name=", " pid=", "database is ready: server=\"",
                     "database=swarm schema=", "working on queues: queues=default slots=4",
                     "Heartbeat started (interval=30000ms, stale=5min)"})
    CAF_CHECK(contains(node.err(), words));
  auto second = me.run({"up"});
  CAF_CHECK_EQUAL(second.code, 1);
  CAF_CHECK(contains(second.err, "swarm: " + me.home().string() + " is in use by process " + std::to_string(node.pid())
                                   + " (swarm up, since "));
  node.signal(SIGTERM);
  CAF_CHECK_EQUAL(node.end().code, 0);
  CAF_CHECK(me.leaves_no_server());
}

CAF_TEST(a log in JSON is one object per line) {
  user me;
  auto node = me.start_node({"--log.format", "json"});
  me.write("g.yaml", "graph: g\ntickets: {x: {command: [echo, \"a\\n\\\"b\\\"\\e\"]}}\n");
  CAF_CHECK_EQUAL(me.run({"run", "g.yaml"}).code, 0);
  node.signal(SIGTERM);
  std::istringstream lines{node.end().err};
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) {
    auto parsed = nlohmann::json::parse(line, nullptr, false);
    CAF_CHECK(parsed.is_object() && parsed.contains("at") && parsed.contains("level") && parsed.contains("component")
              && parsed.contains("message"));
  }
  CAF_CHECK(count > 6);
}

CAF_TEST(a node that is asked to stop lets running tickets finish) {
  user me;
  auto node = me.start_node({"--node.slots", "1"});
  me.write("g.yaml", slow_graph);
  auto watching = me.start({"run", "g.yaml"});
  running(me, "a");
  node.signal(SIGTERM);
  CAF_CHECK(node.says("stopping on signal"));
  me.write("go", "");
  CAF_CHECK_EQUAL(node.end().code, 0);
  CAF_CHECK(me.leaves_no_server());
  watching.signal(SIGINT);
  auto said = watching.end();
  CAF_CHECK_EQUAL(said.code, 130);
  CAF_CHECK(contains(said.err, "the graph stays in the database: swarm list --graph 1"));
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed completed");
  CAF_CHECK_EQUAL(me.history("b"), "submitted");
}

CAF_TEST(what does not finish in time is handed back and a second signal hurries) {
  user me;
  me.write("g.yaml", slow_graph);
  for (bool patient : {false, true}) {
    auto node = me.start_node({"--node.drain_timeout", patient ? "10m" : "100ms"});
    swarm::test::program watching = me.start(patient ? std::vector<std::string>{"list"}
                                                     : std::vector<std::string>{"run", "g.yaml"});
    auto pid = running(me, "a");
    running(me, "b");
    node.signal(SIGINT);
    CAF_CHECK(node.says("stopping on signal"));
    if (patient)
      node.signal(SIGINT);
    CAF_CHECK_EQUAL(node.end(30s).code, 0);
    CAF_CHECK(!is_alive(pid));
    CAF_CHECK(me.leaves_no_server());
    forget(me);
  }
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed released claimed released");
  CAF_CHECK(contains(me.run({"show", me.ticket("a")}).out, "attempts    0 of 3 used"));
}

CAF_TEST(a run that is interrupted twice hands its tickets back) {
  user me;
  me.write("g.yaml", slow_graph);
  auto run = me.start({"run", "g.yaml", "--node.drain_timeout", "10m"});
  auto pid = running(me, "a");
  running(me, "b");
  run.signal(SIGINT);
  CAF_CHECK(run.says("stopped watching"));
  auto log = me.home() / "log/swarm.log";
  CAF_CHECK(within(20s, [&] { return read_all(log).find("waiting for running tickets") != std::string::npos; }));
  run.signal(SIGINT);
  CAF_CHECK_EQUAL(run.end(30s).code, 130);
  CAF_CHECK(!is_alive(pid));
  CAF_CHECK(me.leaves_no_server());
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed released");
}

CAF_TEST(a run that comes while the first node of a home is starting waits for it) {
  user me;
  me.write("g.yaml", "graph: g\ntickets: {x: {command: ['true']}}\n");
  auto node = me.start({"up"});
  CAF_REQUIRE(node.says("creating a database"));
  CAF_CHECK_EQUAL(me.run({"run", "g.yaml"}).code, 0);
  node.signal(SIGTERM);
  CAF_CHECK_EQUAL(node.end().code, 0);
}

CAF_TEST(a run whose node was that of another run goes on with one of its own) {
  user me;
  me.write("first.yaml", "graph: first\ntickets: {x: {command: [sh, -c, 'until [ -e go ]; do sleep 0.05; done']}}\n");
  me.write("second.yaml", "graph: second\n"
                          "tickets:\n"
                          "  a: {command: [sh, -c, 'echo $$ > a.pid; until [ -e end ]; do sleep 0.05; done']}\n"
                          "  b: {command: ['true'], needs: [a]}\n");
  auto first = me.start({"run", "first.yaml", "--node.drain_timeout", "1s"});
  CAF_REQUIRE(first.says("started, attempt 1"));
  auto second = me.start({"run", "second.yaml"});
  running(me, "a");
  me.write("go", "");
  CAF_CHECK_EQUAL(first.end().code, 0);
  me.write("end", "");
  auto said = second.end();
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(said.err, "this run goes on with one of its own"));
  CAF_CHECK(me.leaves_no_server());
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed released claimed completed");
  CAF_CHECK_EQUAL(count(me.history("b"), "completed"), 1u);
}

CAF_TEST(a graph survives the kill of its node while somebody watches) {
  user me;
  me.write("g.yaml", slow_graph);
  std::vector<pid_t> children;
  auto first = me.start_node();
  auto watching = me.start({"run", "g.yaml", "--json"});
  for (auto key : {"a", "b"})
    children.push_back(running(me, key));
  first.signal(SIGKILL);
  CAF_CHECK_EQUAL(first.end().code, 128 + SIGKILL);
  for (auto pid : children)
    CAF_CHECK(within(5s, [&] { return !is_alive(pid); }));
  CAF_CHECK(!me.servers().empty());
  forget(me);
  auto second = me.start_node();
  CAF_CHECK(contains(second.err(), "adopted=true"));
  CAF_CHECK(contains(second.err(), "an earlier node of this home ended without handing its tickets back"));
  running(me, "a");
  me.write("go", "");
  auto said = watching.end();
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(said.out, "\"completed\":4,"));
  CAF_CHECK_EQUAL(me.history("a"), "submitted claimed reclaimed claimed completed");
  for (auto key : {"b", "c", "d"})
    CAF_CHECK_EQUAL(count(me.history(key), "completed"), 1u);
}

