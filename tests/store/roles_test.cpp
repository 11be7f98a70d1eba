#define CAF_SUITE store_roles

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

constexpr auto denied = "42501";

struct fixture {
  desk d;
  session s = d.open();

  /// What a statement answers to a member of this role, whose search_path has a trap in it.
  std::string as(const std::string& role, const std::string& sql) {
    auto x = d.open();
    x.ask("SET ROLE " + role);
    return x.ask(sql);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_roles_tests, fixture)

CAF_TEST(a node can do its work without owning or changing a table) {
  auto settings = d.settings();
  settings.role = "swarm_node";
  auto db = must(store::connection::open(settings));
  must(store::submit(db, {"", {new_ticket{}}}));
  auto claimed = must(store::claim(db, {"default", 1, d.node, {}}));
  CAF_REQUIRE_EQUAL(claimed.size(), 1u);
  CAF_CHECK_EQUAL(must(store::heartbeat(db, {d.node, {{claimed[0].claim}, {1}}})).size(), 1u);
  CAF_CHECK_EQUAL(to_string(must(store::settle(db, {{{claimed[0].claim, {}}}, {}})).tickets[0].answer), "ok");
  reclaim_request request{std::chrono::minutes{5}, {}, 10, 3};
  must(store::reclaim(db, request));
  must(store::expire(db, request));
  must(store::promote(db, 10));
  must(store::propagate(db, 10));
  must(store::cascade(db, {ticket_id{0}, 10}));
  must(store::seal(db, 10));
  must(store::prune(db, {}));
  must(store::submit(db, {"", {new_ticket{}}}));
  must(store::configure_queue(db, {"gpu", 3, 0, 0, std::chrono::seconds{10}, false}));
  must(store::pause_queue(db, "gpu", "", "me"));
  must(store::resume_queue(db, "gpu"));
  settlement done{must(store::claim(db, {"default", 1, d.node, {}})).at(0).claim, {}};
  done.outcome.end = outcome_class::review;
  must(store::settle(db, {{done}, {}}));
  CAF_CHECK_EQUAL(must(store::approve(db, done.claim.ticket, "anna", "")), "completed");
  must(store::schedule(db, {"nightly", "0 4 * * *", "UTC", R"({"kind": "noop"})"}));
  CAF_CHECK_EQUAL(must(store::list_schedules(db)).size(), 1u);
  must(store::unschedule(db, "nightly"));
  must(store::stop_node(db, d.node));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM pg_class WHERE relowner = 'swarm_node'::regrole"), "0");
  for (auto table : {"tickets", "leases", "ready", "ticket_events", "nodes", "seals"}) {
    CAF_CHECK_EQUAL(as("swarm_node", std::string{"DELETE FROM swarm."} + table), denied);
    CAF_CHECK_EQUAL(as("swarm_node", std::string{"INSERT INTO swarm."} + table + " DEFAULT VALUES"), denied);
  }
}

CAF_TEST(who brings work can bring it and see nothing) {
  CAF_CHECK_EQUAL(as("swarm_enqueue", "SELECT swarm.enqueue('noop')"), "1");
  CAF_CHECK_EQUAL(as("swarm_enqueue", "SELECT swarm.cancel(1)"), "done");
  for (auto sql : {"SELECT * FROM swarm.tickets", "SELECT * FROM swarm.claim('default', 1, 1, '{}', '{}')",
                   "SELECT swarm.pause_queue('default')", "SELECT swarm.release(1)",
                   // Nobody approves what he has brought himself.
                   "SELECT swarm.approve(1)", "SELECT swarm.reject(1, 'me', 'no')"})
    CAF_CHECK_EQUAL(as("swarm_enqueue", sql), denied);
}

CAF_TEST(who reads can read everything and change nothing) {
  s.submit();
  CAF_CHECK_EQUAL(as("swarm_read", "SELECT state FROM swarm.tickets_view"), "ready");
  CAF_CHECK_EQUAL(as("swarm_read", "SELECT count(*) FROM swarm.ticket_events"), "1");
  for (auto sql : {"SELECT count(*) FROM swarm.why(1)", "SELECT count(*) FROM swarm.touched_by(1)",
                   "SELECT count(*) FROM swarm.events_after('0', 0, 10)", "SELECT count(*) FROM swarm.audit_verify()",
                   "SELECT count(*) FROM swarm.audit_replay()"})
    CAF_CHECK_NOT_EQUAL(as("swarm_read", sql), denied);
  for (auto sql : {"SELECT swarm.enqueue('noop')", "SELECT swarm.cancel(1)", "UPDATE swarm.tickets SET priority = 0"})
    CAF_CHECK_EQUAL(as("swarm_read", sql), denied);
}

CAF_TEST(who is no node signs with the name that he logged in with) {
  auto signed_by = [&](const std::string& user) {
    auto x = d.open();
    x.ask("SET swarm.actor = 'box/operator alice'");
    x.ask("SET SESSION AUTHORIZATION " + user);
    x.ask("SELECT swarm.enqueue('noop')");
    return s.ask("SELECT actor FROM swarm.ticket_events ORDER BY id DESC LIMIT 1");
  };
  s.ask("DO $$ BEGIN CREATE ROLE swarm_test_client LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  s.ask("GRANT swarm_enqueue TO swarm_test_client");
  CAF_CHECK_EQUAL(signed_by("swarm_test_client"), "swarm_test_client");
  s.ask("DO $$ BEGIN CREATE ROLE swarm_test_node LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$");
  s.ask("GRANT swarm_node TO swarm_test_node");
  CAF_CHECK_EQUAL(signed_by("swarm_test_node"), "box/operator alice");
}

CAF_TEST(a search path can not make the functions call something else) {
  must(s.db.script("CREATE SCHEMA trap; GRANT USAGE ON SCHEMA trap TO PUBLIC; "
                   "CREATE FUNCTION trap.nextval(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 666::bigint'; "
                   "CREATE FUNCTION trap.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS "
                   "$$SELECT '2000-01-01'::timestamptz$$",
                   "trap"));
  auto x = d.open();
  x.ask("SET ROLE swarm_enqueue");
  x.ask("SET search_path = trap, pg_catalog");
  CAF_CHECK_EQUAL(x.ask("SELECT swarm.enqueue('noop')"), "1");
  CAF_CHECK_EQUAL(s.ask("SELECT created_at > '2020-01-01' FROM swarm.tickets"), "t");
}

CAF_TEST(a ticket that can not be is refused with a sentence) {
  auto refusal = [&](const std::string& arguments) {
    return sentence_of(s.db.script("SELECT swarm.enqueue(" + arguments + ")", "enqueue"));
  };
  for (auto [arguments, sentence] : std::vector<std::pair<const char*, const char*>>{
         {"''", "a ticket needs a kind"},
         {"'noop', '[]'", "the payload must be an object"},
         {"'noop', queue => 'a b'", "the queue must be a name"},
         {"'noop', priority => 1001", "the priority must lie between 0 and 1000"},
         {"'noop', attempts => 0", "attempts must lie between 1 and 100"},
         {"'noop', on_failure => 'explode'", "on_failure must be block, cancel or ignore"},
         {"'noop', on_conflict => 'x'", "on_conflict must be return, replace or reject"}}) {
    CAF_MESSAGE(arguments);
    CAF_CHECK(refusal(arguments).find(sentence) != std::string::npos);
  }
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets"), "0");
}

CAF_TEST_FIXTURE_SCOPE_END()
