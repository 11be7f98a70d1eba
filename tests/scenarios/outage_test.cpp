#define CAF_SUITE scenario_outage

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <csignal>
#include <memory>

#include "tests/fixtures/caf_test.hpp"

using namespace std::chrono_literals;
using swarm::test::ask;
using swarm::test::contains;
using swarm::test::is_alive;
using swarm::test::read_all;
using swarm::test::user;
using swarm::test::within;

namespace {

const std::vector<std::string> quick_lease{"--heartbeat.interval",
                                           "200ms",
                                           "--heartbeat.stale_after",
                                           "1s",
                                           "--reaper.interval",
                                           "100ms",
                                           "--database.idle_in_transaction_timeout",
                                           "400ms"};

std::string many_tickets(int count, const std::string& script) {
  std::string result = "graph: many\ntickets:\n";
  for (int i = 0; i < count; ++i)
    result += "  t" + std::to_string(i) + ": {command: [sh, -c, '" + script + "']"
              + (i >= 10 ? ", needs: [t" + std::to_string(i - 10) + "]" : "") + "}\n";
  return result;
}

void kill_and_await(pid_t pid, int signal) {
  CAF_REQUIRE(pid > 1);
  ::kill(pid, signal);
  CAF_CHECK(within(20s, [&] { return !is_alive(pid); }));
}

std::string completed(const std::string& database) {
  return ask(database, "SELECT concat_ws(' of ', count(*), count(DISTINCT ticket_id)) FROM swarm.ticket_events "
                       "WHERE kind = 'completed'");
}

std::vector<std::string> with_name(const std::string& name, std::vector<std::string> settings) {
  settings.insert(settings.end(), {"--node.name", name});
  return settings;
}

} // namespace

CAF_TEST(two nodes share a graph and each ticket is done once) {
  swarm::test::scratch_database database;
  user one{database.conninfo()};
  user two{database.conninfo()};
  auto left = one.start_node({"--node.name", "left"});
  auto right = two.start_node({"--node.name", "right"});
  one.write("g.yaml", many_tickets(60, "echo $SWARM_TICKET >> done; sleep 0.02"));
  auto said = one.run({"run", "g.yaml"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK_EQUAL(completed(database.conninfo()), "60 of 60");
  auto done = read_all(one.folder() / "done");
  CAF_CHECK_EQUAL(std::count(done.begin(), done.end(), '\n'), 60);
  CAF_CHECK_EQUAL(
    ask(database.conninfo(), "SELECT count(DISTINCT node_id) FROM swarm.ticket_events WHERE kind = 'claimed'"), "2");
  CAF_CHECK_EQUAL(swarm::test::violations(database.conninfo()), "");
}

CAF_TEST(what a killed node held is taken back by another when it is stale) {
  swarm::test::scratch_database database;
  user one{database.conninfo()};
  user two{database.conninfo()};
  one.write("g.yaml", many_tickets(12, "echo $$ > pid$SWARM_TICKET; until [ -e go ]; do sleep 0.05; done"));
  auto doomed = one.start_node(with_name("doomed", quick_lease));
  auto watching = one.start({"run", "g.yaml"});
  CAF_REQUIRE(within(20s, [&] { return read_all(one.folder() / "pid4").ends_with('\n'); }));
  auto heir = two.start_node(with_name("heir", quick_lease));
  CAF_REQUIRE(within(20s, [&] { return read_all(one.folder() / "pid8").ends_with('\n'); }));
  auto child = std::stoi(read_all(one.folder() / "pid4"));
  doomed.signal(SIGKILL);
  CAF_CHECK(within(5s, [&] { return !is_alive(child); }));
  CAF_CHECK(heir.says("reaper reclaimed"));
  one.write("go", "");
  CAF_CHECK_EQUAL(watching.end().code, 0);
  CAF_CHECK_EQUAL(completed(database.conninfo()), "12 of 12");
  CAF_CHECK_EQUAL(ask(database.conninfo(), "SELECT count(*) FROM swarm.ticket_events WHERE kind = 'reclaimed'"), "4");
  CAF_CHECK_EQUAL(swarm::test::violations(database.conninfo()), "");
}

CAF_TEST(a database that dies in the middle is waited for) {
  auto root = swarm::test::scratch_directory();
  auto server = std::make_unique<swarm::test::node>(root);
  user me{server->server().conninfo()};
  me.write("g.yaml", many_tickets(20, "until [ -e go ]; do sleep 0.05; done"));
  auto running = me.start({"run", "g.yaml", "--json"});
  CAF_REQUIRE(running.says("started, attempt 1 of 3"));
  kill_and_await(server->server().pid(), SIGQUIT);
  CAF_CHECK(running.says("swarm: waiting for the database: "));
  me.write("go", "");
  server.reset();
  server = std::make_unique<swarm::test::node>(root);
  auto said = running.end();
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(said.err, "swarm: the database is back\n"));
  CAF_CHECK(contains(said.out, "\"completed\":20,"));
  CAF_CHECK_EQUAL(completed(server->server().conninfo()), "20 of 20");
  CAF_CHECK_EQUAL(ask(server->server().conninfo(), "SELECT sum(attempts + reclaims) FROM swarm.tickets"), "0");
}

CAF_TEST(a node whose embedded server is killed starts it again) {
  user me;
  auto node = me.start_node();
  me.write("g.yaml", many_tickets(12, "echo > began; until [ -e go ]; do sleep 0.05; done"));
  auto watching = me.start({"run", "g.yaml"});
  CAF_REQUIRE(within(20s, [&] { return std::filesystem::exists(me.folder() / "began"); }));
  auto first = me.postmaster();
  kill_and_await(first, SIGKILL);
  CAF_CHECK(node.says("the database has ended (was ended by signal 9) and is started again"));
  me.write("go", "");
  CAF_CHECK_EQUAL(watching.end().code, 0);
  CAF_CHECK_NOT_EQUAL(me.postmaster(), first);
  CAF_CHECK_EQUAL(me.history("t11"), "submitted unblocked claimed completed");
  node.signal(SIGTERM);
  CAF_CHECK_EQUAL(node.end().code, 0);
  CAF_CHECK(me.leaves_no_server());
}
