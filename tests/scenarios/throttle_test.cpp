#define CAF_SUITE scenario_throttle

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"
#include "tests/fixtures/scripted_server.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::test;
using namespace std::chrono_literals;

CAF_TEST(one not now that a node sits out keeps all nodes from asking until it is over) {
  scratch_database database;
  user me{database.conninfo()}, neighbour{database.conninfo()};
  scripted_server server{{answer_with(429, "", {"Retry-After: 5"}), answer_with(200)}};
  auto sql = [&](const std::string& statement) { return ask(database.conninfo(), statement); };
  auto call = [&] { sql("SELECT swarm.enqueue('http', '{\"url\": \"" + server.url() + "\"}')"); };
  auto one = me.start_node(), two = neighbour.start_node();
  call();
  CAF_REQUIRE(within(30s, [&] { return sql("SELECT count(*) FROM swarm.limits") == "1"; }));
  CAF_CHECK_EQUAL(sql("SELECT state FROM swarm.tickets_view"), "in_progress"); // sits it out
  call();
  call();
  CAF_CHECK(within(30s, [&] { return sql("SELECT count(*) FROM swarm.tickets WHERE final_state = 'completed'") == "3"; }));
  CAF_CHECK_EQUAL(sql("SELECT bool_and(e.at >= l.throttled_until) FROM swarm.ticket_events e, swarm.limits l "
                      "WHERE e.kind = 'claimed' AND e.ticket_id > 1"), "t");
  CAF_CHECK_EQUAL(sql("SELECT throttles FROM swarm.tickets WHERE id = 1"), "0");
  CAF_CHECK_EQUAL(violations(database.conninfo()), "");
}
