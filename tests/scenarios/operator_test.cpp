#define CAF_SUITE scenario_operator

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <cstdio>

#include "tests/fixtures/caf_test.hpp"

using namespace std::chrono_literals;
using swarm::test::ask;
using swarm::test::contains;
using swarm::test::read_all;

namespace {

/// Somebody who looks after a swarm whose nodes run elsewhere.
struct fixture {
  fixture() { me.run({"migrate"}); }
  ~fixture() { CAF_CHECK_EQUAL(swarm::test::violations(database.conninfo()), ""); }

  std::string sql(const std::string& statement) { return ask(database.conninfo(), statement); }

  std::string said(std::vector<std::string> words) {
    auto x = me.run(std::move(words));
    CAF_CHECK_EQUAL(x.code, 0);
    return x.out + x.err;
  }

  swarm::test::scratch_database database;
  swarm::test::user me{database.conninfo()};
};

/// The first block of SQL in the README.
std::string readme_sql() {
  auto text = read_all(SWARM_SOURCE_DIR "/README.md");
  auto begin = text.find("```sql\n") + 7;
  return text.substr(begin, text.find("```", begin) - begin);
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_operator_tests, fixture)

CAF_TEST(the SQL of the readme runs with psql and what it brought is run by a node) {
  auto file = me.write("readme.sql", readme_sql());
  auto command = "psql -X -q -v ON_ERROR_STOP=1 -d \"" + database.conninfo() + "\" -f " + file.string() + " > "
                 + (me.folder() / "psql.out").string() + " 2>&1";
  CAF_CHECK_EQUAL(std::system(command.c_str()), 0);
  auto printed = read_all(me.folder() / "psql.out");
  CAF_CHECK(contains(printed, "ticket 1 is ready"));
  CAF_CHECK_EQUAL(sql("SELECT count(*) FROM orders"), "1");
  me.write("empty.yaml", "graph: last\ntickets: {x: {command: ['true'], priority: 900}}\n");
  CAF_CHECK_EQUAL(me.run({"run", "empty.yaml"}).code, 0);
  CAF_CHECK_EQUAL(sql("SELECT string_agg(DISTINCT state, ' ') FROM swarm.tickets_view"), "completed");
}

CAF_TEST(breakers and limits say who waits for what and until when and are changed by hand) {
  CAF_CHECK(contains(said({"breakers"}), "no breaker is open"));
  CAF_CHECK(contains(said({"limits"}), "no service is limited"));
  sql("SELECT swarm.enqueue('mock', '{\"route\": \"api x\"}')");
  sql("INSERT INTO swarm.breakers (route, credential, state, failures, until, opened_at, reason, ticket_id) "
      "VALUES ('api x', 'ba7816bf8f01', 'open', 5, now() + interval '1 hour', now(), 'it is down', 1)");
  auto shown = said({"breakers"});
  for (auto part : {"api x", "ba7816bf8f01", "open", "until ", "it is down"})
    CAF_CHECK(contains(shown, part));
  CAF_CHECK(contains(said({"breakers", "--json"}), "\"waiting\":1"));
  CAF_CHECK(contains(said({"why", "1"}), "it is behind the open breaker of api x for credential ba7816bf8f01 until "));
  CAF_CHECK(contains(me.run({"breakers", "close", "api y"}).err, "there is no breaker of 'api y'"));
  CAF_CHECK(contains(said({"breakers", "close", "api x"}), "1 breaker of api x closed"));
  CAF_CHECK(contains(said({"limits", "set", "api x", "--requests", "60", "--concurrent", "2"}), "api x is limited"));
  CAF_CHECK(contains(said({"limits"}), "60 of 60"));
  CAF_CHECK(contains(said({"limits", "--json"}), "\"concurrent\":2"));
  CAF_CHECK(contains(said({"limits", "set", "api x"}), "api x isn't limited"));
  CAF_CHECK_EQUAL(me.run({"limits", "set"}).code, 2);
  CAF_CHECK_EQUAL(me.run({"limits", "set", "x", "--requests", "0"}).code, 2);
}

CAF_TEST(why says what a ticket waits for and a retry lets it go on) {
  sql("SELECT swarm.enqueue_graph('g', '{\"a\": {\"kind\": \"noop\"}, \"b\": {\"kind\": \"noop\", \"needs\": [\"a\"]}}')");
  CAF_CHECK(contains(said({"why", "1"}), "no living node serves queue default"));
  CAF_CHECK(contains(said({"why", "2"}), "at the root of it is ticket 1 (a), which is ready"));
  CAF_CHECK(contains(said({"pause", "default", "--reason", "lunch"}), "swarm resume default lets it go on"));
  CAF_CHECK(contains(said({"why", "1"}), ": lunch"));
  CAF_CHECK(contains(said({"queues"}), "lunch"));
  CAF_CHECK(contains(said({"queues", "--json"}), "\"reason\":\"lunch\""));
  said({"resume", "default"});
  CAF_CHECK(!contains(said({"why", "1"}), "lunch"));
  said({"cancel", "1"});
  CAF_CHECK(contains(said({"why", "2"}), "swarm retry 1 lets it go on"));
  said({"retry", "1"});
  CAF_CHECK(contains(said({"why", "1"}), "ticket 1 (a) is ready"));
  sql("UPDATE swarm.tickets SET final_state = 'failed', finished_at = now(), end_reason = 'infra_exhausted' WHERE id = 1");
  sql("INSERT INTO swarm.ticket_events (ticket_id, kind, data) VALUES (1, 'failed', '{\"reason\": \"infra_exhausted\"}')");
  sql("DELETE FROM swarm.ready");
  CAF_CHECK(contains(said({"list", "--state", "failed"}), "infra_exhausted"));
  CAF_CHECK(contains(said({"show", "1"}), "infra_exhausted"));
  CAF_CHECK(contains(said({"why", "1"}), "swarm retry --infra-exhausted"));
  CAF_CHECK_EQUAL(said({"retry", "--infra-exhausted"}), "1 ticket is on the way again\n");
  CAF_CHECK_EQUAL(said({"retry", "--infra-exhausted"}), "0 tickets are on the way again\n");
  CAF_CHECK_EQUAL(me.run({"retry"}).code, 2);
  auto unknown = me.run({"why", "99"});
  CAF_CHECK_EQUAL(unknown.code, 1);
  CAF_CHECK(contains(unknown.err, "there is no ticket 99"));
  CAF_CHECK(contains(me.run({"pause", "nowhere"}).err, "there is no queue 'nowhere'"));
}

CAF_TEST(a schedule is paused and goes on) {
  said({"schedule", "nightly", "0 3 * * *", "--", "true"});
  CAF_CHECK(contains(said({"pause", "--schedule", "nightly", "--reason", "lunch"}), "swarm resume --schedule nightly lets it go on"));
  CAF_CHECK(contains(said({"schedules"}), ": lunch"));
  CAF_CHECK(contains(said({"schedules", "--json"}), "\"reason\":\"lunch\""));
  CAF_CHECK(contains(said({"resume", "--schedule", "nightly"}), "schedule nightly goes on"));
  CAF_CHECK(!contains(said({"schedules"}), "lunch"));
  auto unknown = me.run({"pause", "--schedule", "nowhere"});
  CAF_CHECK_EQUAL(unknown.code, 1);
  CAF_CHECK(contains(unknown.err, "there is no schedule 'nowhere'"));
  CAF_CHECK_EQUAL(me.run({"pause", "default", "--schedule", "nightly"}).code, 2);
  CAF_CHECK_EQUAL(me.run({"resume"}).code, 2);
}

CAF_TEST(flags may stand behind every command) {
  CAF_CHECK_EQUAL(me.run({"list", "--home", me.home().string(), "--database.statement_timeout", "20s"}).code, 0);
  CAF_CHECK(contains(me.run({"queues", "--database.url", "host=/nowhere"}).err, "cannot connect to the database"));
  auto typo = me.run({"list", "--databas.url", "x"});
  CAF_CHECK_EQUAL(typo.code, 2);
  CAF_CHECK(contains(typo.err, "did you mean '--database.url'"));
}

CAF_TEST(a queue gets limits and loses them again) {
  CAF_CHECK(contains(said({"configure", "gpu", "--slots", "2", "--slots-per-key", "1", "--ageing", "10s"}),
                     "queue gpu is configured"));
  auto row = [&] { return sql("SELECT concat_ws(' ', slots, slots_per_node, slots_per_key, ageing_ms, is_fair) "
                              "FROM swarm.queues WHERE name = 'gpu'"); };
  CAF_CHECK_EQUAL(row(), "2 1 10000 f");
  said({"configure", "gpu", "--cpu", "1m", "--memory", "2GiB", "--core", "0B", "--files", "64", "--processes", "9"});
  const auto* limits = R"({"files": 64, "cpu_ms": 60000, "processes": 9, "core_bytes": 0, "memory_bytes": 2147483648})";
  CAF_CHECK_EQUAL(sql("SELECT command_limits FROM swarm.queues WHERE name = 'gpu'"), limits);
  CAF_CHECK(contains(said({"queues"}), std::string{"limits of its commands: "} + limits));
  said({"configure", "gpu", "--fair", "--slots-per-node", "3"});
  CAF_CHECK_EQUAL(row(), "3 t");
  CAF_CHECK_EQUAL(sql("SELECT command_limits IS NULL FROM swarm.queues WHERE name = 'gpu'"), "t");
  for (auto& wrong : std::vector<std::vector<std::string>>{{"gpu", "--slots", "0"}, {"gpu", "--ageing", "10"},
                                                           {"gpu", "--ageing", "1s", "--fair"},
                                                           {"gpu", "--cpu", "60"}, {"gpu", "--files", "-1"},
                                                           {"a queue", "--slots", "1"}, {}}) {
    auto words = wrong;
    words.insert(words.begin(), "configure");
    CAF_CHECK_EQUAL(me.run(words).code, 2);
  }
  CAF_CHECK_EQUAL(row(), "3 t");
}

CAF_TEST(a schedule is set and shown and forgotten) {
  CAF_CHECK(contains(said({"schedule", "nightly", "30 4 1 1 *", "--time-zone", "Europe/Zurich", "--", "make", "-j2"}),
                     "schedule nightly fires first at "));
  CAF_CHECK_EQUAL(sql("SELECT ticket -> 'payload' ->> 'command' FROM swarm.schedules"), "[\"make\", \"-j2\"]");
  CAF_CHECK(contains(said({"schedules"}), "-01-01 03:30:00")); // in UTC
  said({"schedule", "nightly", "0 0 * * *", "--ticket", R"({"kind": "noop", "group_key": "a"})"});
  CAF_CHECK(contains(said({"schedules", "--json"}), R"("ticket":{"kind":"noop","group_key":"a"})"));
  auto wrong = me.run({"schedule", "nightly", "61 * * * *", "--", "true"});
  CAF_CHECK_EQUAL(wrong.code, 2);
  CAF_CHECK(contains(wrong.err, "61"));
  CAF_CHECK_EQUAL(me.run({"schedule", "nightly", "* * * * *"}).code, 2);
  CAF_CHECK_EQUAL(me.run({"schedule", "nightly", "* * * * *", "--ticket", "[]"}).code, 2);
  CAF_CHECK_EQUAL(me.run({"schedule", "nightly", "* * * * *", "--ticket", R"({"kind": "noop", "priority": "x"})"}).code, 2);
  CAF_CHECK_EQUAL(me.run({"schedule", "nightly", "* * * * *", "--ticket", R"({"kind": "x\u0000"})"}).code, 2);
  CAF_CHECK_EQUAL(me.run({"schedule", "nightly", "* * * * *", "--queue", "q", "--ticket", R"({"kind": "noop"})"}).code, 2);
  CAF_CHECK_EQUAL(me.run({"schedule", "nightly", "* * * * *", "--", "cat", "\xff"}).code, 2);
  CAF_CHECK_EQUAL(sql("SELECT cron FROM swarm.schedules"), "0 0 * * *");
  said({"unschedule", "nightly"});
  CAF_CHECK_EQUAL(me.run({"unschedule", "nightly"}).code, 1);
  CAF_CHECK_EQUAL(sql("SELECT count(*) FROM swarm.schedules"), "0");
}

CAF_TEST(a cancellation can be looked at before it is done) {
  sql("SELECT swarm.enqueue_graph('g', '{\"a\": {\"kind\": \"noop\"}, "
      "\"b\": {\"kind\": \"noop\", \"needs\": [\"a\"], \"on_failure\": \"cancel\"}, "
      "\"c\": {\"kind\": \"noop\", \"needs\": [\"b\"]}, "
      "\"d\": {\"kind\": \"noop\", \"needs\": [\"b\"], \"on_failure\": \"ignore\"}}')");
  auto preview = said({"cancel", "1", "--dry-run"});
  CAF_CHECK(contains(preview, "left waiting"));
  CAF_CHECK(contains(preview, "goes on"));
  CAF_CHECK_EQUAL(sql("SELECT count(*) FROM swarm.tickets WHERE final_state IS NOT NULL"), "0");
}

CAF_TEST(a running ticket can be taken away from its worker) {
  sql("SELECT swarm.enqueue('noop')");
  CAF_CHECK_EQUAL(me.run({"release", "1"}).code, 1);
  sql("SELECT ticket_id FROM swarm.claim('default', 1, (SELECT node_id FROM swarm.register_node("
      "gen_random_uuid(), 'box', 'h', 1, '0', '{default}')), '{}', '{}')");
  CAF_CHECK(contains(said({"release", "1"}), "ticket 1 is ready again"));
}

CAF_TEST(an audit passes on an honest log and names what was changed) {
  sql("SELECT swarm.enqueue('noop')");
  CAF_CHECK(contains(me.run({"audit", "head"}).err, "nothing is sealed yet"));
  sql("SELECT swarm.seal(100)");
  auto head = said({"audit", "head"});
  CAF_CHECK(contains(head, "seal 1, 1 events"));
  CAF_CHECK(contains(said({"audit", "verify", "--head", head.substr(0, 64)}), "the chain is whole: 1 events in 1 seals"));
  CAF_CHECK_EQUAL(me.run({"audit", "verify", "--head", std::string(64, 'a')}).code, 1);
  CAF_CHECK(contains(said({"audit", "replay", "--rebuild", "copy"}), "1 tickets were rebuilt from the log in schema copy"));
  sql("UPDATE swarm.tickets SET attempts = 1");
  auto replay = me.run({"audit", "replay"});
  CAF_CHECK_EQUAL(replay.code, 1);
  CAF_CHECK(contains(replay.out, "ticket 1: the log says ready 0/0/0/0/0/0/0/0, the tables say ready 1/0/0/0/0/0/0/0"));
  sql("UPDATE swarm.tickets SET attempts = 0");
  sql("ALTER TABLE swarm.ticket_events DISABLE TRIGGER ALL");
  sql("UPDATE swarm.ticket_events SET actor = 'nobody'");
  auto verify = me.run({"audit", "verify"});
  CAF_CHECK_EQUAL(verify.code, 1);
  CAF_CHECK(contains(verify.err, "event 1 was changed after it was sealed"));
}

CAF_TEST_FIXTURE_SCOPE_END()
