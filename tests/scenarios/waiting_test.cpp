#define CAF_SUITE scenario_waiting

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"
#include "tests/fixtures/scripted_server.hpp"

#include <algorithm>
#include <csignal>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  scratch_database database;
  user me{database.conninfo()};
  const std::vector<std::string> one_slot{"--node.slots", "1", "--scheduler.interval", "20ms"};

  ~fixture() { CAF_CHECK_EQUAL(violations(database.conninfo()), ""); }

  /// The next look isn't due for an hour; now it is.
  void let_look() {
    ask(database.conninfo(), "UPDATE swarm.scheduled SET run_at = clock_timestamp()");
  }

  bool waits_again(const scripted_server& server, std::size_t requests) {
    return within(30s, [&] { return server.requests().size() == requests && me.state("call") == "waiting"; });
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_waiting_tests, fixture)

CAF_TEST(a call whose answer comes later leaves its slot to others and outlives its node) {
  scripted_server server{{answer_with(202, "", {"Location: /jobs/7"}), answer_with(200, R"({"state": "busy"})"),
                          answer_with(200, R"({"state": "busy"})"), answer_with(200, R"({"state": "done", "id": 42})")}};
  me.write("g.yaml", R"(graph: g
tickets:
  call:
    http:
      url: )" + server.url("/jobs") + R"(
      method: POST
      body: build it
      result: /id
      async: {poll: {interval_ms: 3600000, done: {at: /state, is: [done]}}}
    priority: 0
  other: {command: ['true']}
  after: {command: [echo, 'built ${ticket.call.result}'], needs: [call]}
)");
  auto first = me.start_node(one_slot);
  auto running = me.start({"run", "g.yaml"});
  CAF_REQUIRE(waits_again(server, 1));
  CAF_CHECK(within(30s, [&] { return me.state("other") == "completed"; })); // in the only slot
  const auto why = me.run({"why", me.ticket("call")}).out;
  CAF_CHECK(contains(why, "has waited for an answer for "));
  CAF_CHECK(contains(why, "it is looked at next in 59m"));
  CAF_CHECK(contains(me.run({"show", me.ticket("call")}).out, "for         POST " + server.url("/jobs") + ": answered 202"));
  CAF_CHECK(contains(me.run({"list", "--state", "waiting"}).out, "looked at "));
  let_look();
  CAF_REQUIRE(waits_again(server, 2));
  first.signal(SIGKILL);
  first.end();
  auto node = me.start_node(one_slot);
  let_look();
  CAF_REQUIRE(waits_again(server, 3));
  CAF_CHECK(contains(me.run({"show", me.ticket("call")}).out, "looked at 2 times"));
  let_look();
  CAF_CHECK_EQUAL(running.end().code, 0);
  CAF_CHECK(contains(me.run({"show", me.ticket("after")}).out, "| built 42"));
  CAF_CHECK(contains(me.run({"show", me.ticket("call")}).out, "attempts    0 of 3 used"));
  CAF_CHECK_EQUAL(me.history("call"), "submitted claimed waiting promoted claimed waiting promoted claimed waiting promoted "
                                      "claimed completed");
  const auto requests = server.requests();
  CAF_CHECK_EQUAL(requests.size(), 4u);
  CAF_CHECK_EQUAL(std::count_if(requests.begin(), requests.end(), [](auto& x) { return contains(x, "build it"); }), 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
