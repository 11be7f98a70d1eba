#define CAF_SUITE store_schedules

#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  /// When it fires next, in its own time zone.
  std::string next(const std::string& cron, const std::string& zone, const std::string& after) {
    return s.ask("SELECT to_char(swarm.next_fire('" + cron + "', '" + zone + "', '" + after + "') AT TIME ZONE '" + zone
                 + "', 'YYYY-MM-DD HH24:MI')");
  }
};

struct example {
  const char* cron;
  const char* zone;
  const char* after;
  const char* next;
};

// 2026-03-29 and 2026-10-25 are the days on which Berlin changes its clocks.
const std::vector<example> examples = {
  {"* * * * *", "UTC", "2026-11-24 10:00:30Z", "2026-11-24 10:01"},
  {"* * * * *", "UTC", "2026-11-24 10:01:00Z", "2026-11-24 10:02"},
  {"*/15 9-17 * * mon-fri", "Europe/Berlin", "2026-11-27 16:50Z", "2026-11-30 09:00"},
  {"0 12 1,15 * *", "UTC", "2026-11-15 12:00Z", "2026-12-01 12:00"},
  {"0 0 13 * 5", "UTC", "2026-11-24 00:00Z", "2026-11-27 00:00"}, // either will do
  {"0 0 * * 7", "UTC", "2026-11-24 00:00Z", "2026-11-29 00:00"},  // Sunday is 0 and 7
  {"0 0 29 feb *", "UTC", "2026-03-01 00:00Z", "2028-02-29 00:00"},
  {"5/20 3 * * *", "UTC", "2026-11-24 03:05Z", "2026-11-24 03:25"},
  {"30 2 * * *", "Europe/Berlin", "2026-03-28 12:00Z", "2026-03-29 03:30"}, // left out: as much later as the clock jumps
  {"30 2 * * *", "Europe/Berlin", "2026-10-24 12:00Z", "2026-10-25 02:30"},
  {"30 2 * * *", "Europe/Berlin", "2026-10-25 01:30Z", "2026-10-26 02:30"}, // comes twice, fires once
  {"30 * * * *", "Europe/Berlin", "2026-10-25 00:30Z", "2026-10-25 02:30"}, // but every hour is every hour
  {"0 8 * * fri-sun", "UTC", "2026-11-24 12:00Z", "2026-11-27 08:00"},
  {"0 8 * * sat-sun", "UTC", "2026-11-28 12:00Z", "2026-11-29 08:00"},
  {"0 8 * * *", "America/New_York", "2026-11-24 12:00Z", "2026-11-24 08:00"},
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_schedules_tests, fixture)

CAF_TEST(cron expressions mean what cron means by them in their time zone) {
  for (auto& x : examples) {
    CAF_MESSAGE(x.cron << " after " << x.after);
    CAF_CHECK_EQUAL(next(x.cron, x.zone, x.after), x.next);
  }
}

CAF_TEST(what is no cron expression is refused with a sentence) {
  for (auto cron : {"* * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *",
                    "5-2 * * * *", "x * * * *", "0 0 30 feb *"})
    CAF_CHECK_EQUAL(next(cron, "UTC", "2026-11-24"), "SW002");
  CAF_CHECK_EQUAL(next("* * * * *", "Mars/Olympus", "2026-11-24"), "SW002");
}

CAF_TEST(a schedule submits one ticket per moment however many look) {
  s.ask(R"(SELECT swarm.schedule('nightly', '0 3 * * *', '{"kind": "noop", "priority": 5}', 'Europe/Berlin'))");
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 0);
  must(s.db.script("UPDATE swarm.schedules SET next_at = clock_timestamp() - interval '3 days'", "long ago"));
  auto other = d.open();
  int first = 0, second = 0;
  overlap(d, s, [&](session& x) { first = must(store::promote(x.db, 10)).fired; }, other,
          [&](session& x) { second = must(store::promote(x.db, 10)).fired; });
  CAF_CHECK_EQUAL(first + second, 1);
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(kind || ' ' || priority, ', ') FROM swarm.tickets"), "noop 5");
  CAF_CHECK_EQUAL(s.ask("SELECT next_at > clock_timestamp() FROM swarm.schedules"), "t");
  // The same moment again, as after a restore of the schedule: it was fired before.
  must(s.db.script("UPDATE swarm.schedules SET next_at = (SELECT fire_at FROM swarm.firings)", "again"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 0);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.schedules WHERE last_failure IS NOT NULL"), "0"); // and no failure
}

CAF_TEST(a schedule whose ticket is refused says so and holds up nobody) {
  s.ask(R"(SELECT swarm.schedule('bad', '* * * * *', '{"kind": "noop", "needs": [12345]}'))");
  s.ask(R"(SELECT swarm.schedule('good', '* * * * *', '{"kind": "noop"}'))");
  must(s.db.script("UPDATE swarm.schedules SET next_at = clock_timestamp() - interval '3 days'", "long ago"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 1);
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(name || ' ' || (next_at > clock_timestamp()) || ' ' "
                        "|| coalesce(last_failure LIKE '%there is no ticket 12345%', false), ', ' ORDER BY name) "
                        "FROM swarm.schedules"),
                  "bad true true, good true false");
  s.ask(R"(SELECT swarm.schedule('bad', '* * * * *', '{"kind": "noop"}'))");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.schedules WHERE last_failure IS NOT NULL"), "0");
}

CAF_TEST(a schedule whose time zone is gone fires once more and holds up nobody) {
  s.ask(R"(SELECT swarm.schedule('bad', '* * * * *', '{"kind": "noop"}'))");
  s.ask(R"(SELECT swarm.schedule('good', '* * * * *', '{"kind": "noop"}'))");
  must(s.db.script("UPDATE swarm.schedules SET next_at = clock_timestamp() - interval '3 days'", "long ago"));
  must(s.db.script("UPDATE swarm.schedules SET time_zone = 'Atlantis/Capital' WHERE name = 'bad'", "the sea"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 2);
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(concat_ws(' ', name, next_at > clock_timestamp(), last_failure), ', ' "
                        "ORDER BY name) FROM swarm.schedules"),
                  "bad stopped: there is no time zone 'Atlantis/Capital', good t");
}

CAF_TEST(a schedule whose unique key is being taken waits for the next look) {
  s.ask(R"(SELECT swarm.schedule('keyed', '* * * * *', '{"kind": "noop", "unique_key": "x"}'))");
  s.ask(R"(SELECT swarm.schedule('other', '* * * * *', '{"kind": "noop"}'))");
  must(s.db.script("UPDATE swarm.schedules SET next_at = clock_timestamp() - interval '3 s'", "a moment ago"));
  auto client = d.open();
  must(client.db.script("BEGIN", "begin"));
  client.ask("SELECT swarm.enqueue('noop', unique_key => 'x')");
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 1);
  must(client.db.script("ROLLBACK", "rollback"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 1);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.firings f JOIN swarm.tickets t ON t.id = f.ticket_id"), "2");
}

CAF_TEST(a crowd of schedules whose unique key is being taken holds up nobody) {
  s.ask("SELECT count(swarm.schedule('keyed ' || n, '* * * * *', '{\"kind\": \"noop\", \"unique_key\": \"x\"}')) "
        "FROM generate_series(1, 60) AS n");
  s.ask(R"(SELECT swarm.schedule('other', '* * * * *', '{"kind": "noop"}'))");
  must(s.db.script("UPDATE swarm.schedules SET next_at = clock_timestamp() - interval '1 s' * length(name)", "others first"));
  auto client = d.open();
  must(client.db.script("BEGIN; SELECT swarm.enqueue('noop', unique_key => 'x')", "takes the key"));
  // A fifth of a second for each would be twelve.
  must(s.db.script("SET statement_timeout = '5s'", "no patience"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 1); // though more than ten are due before it
  CAF_CHECK(must(store::promote(s.db, 10)).next_due >= std::chrono::milliseconds{100}); // no reason to ask all the time
}

CAF_TEST(a crowd of schedules whose parent somebody has in hand holds up nobody for long) {
  auto parent = s.ask("SELECT swarm.enqueue('noop')");
  s.ask("SELECT count(swarm.schedule('needy ' || n, '* * * * *', '{\"kind\": \"noop\", \"needs\": [" + parent
        + "]}')) FROM generate_series(1, 60) AS n");
  s.ask(R"(SELECT swarm.schedule('other', '* * * * *', '{"kind": "noop"}'))");
  must(s.db.script("UPDATE swarm.schedules SET next_at = clock_timestamp() - interval '3 s'", "a moment ago"));
  auto client = d.open();
  must(client.db.script("BEGIN; SELECT FROM swarm.tickets FOR UPDATE", "has the parent in hand"));
  must(s.db.script("SET statement_timeout = '5s'", "a fifth of a second for each would be twelve"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 100)).fired, 1);
}

CAF_TEST(what waits and is in a stranger s hand is not asked for all the time) {
  must(s.db.script("SELECT swarm.enqueue('noop', run_at => clock_timestamp() + interval '1 hour'); "
                   "UPDATE swarm.scheduled SET run_at = clock_timestamp() - interval '1 s'", "one is due"));
  auto client = d.open();
  must(client.db.script("BEGIN; SELECT FROM swarm.scheduled FOR UPDATE", "has it in hand"));
  auto report = must(store::promote(s.db, 10));
  CAF_CHECK_EQUAL(report.promoted, 0);
  CAF_CHECK(report.next_due >= std::chrono::milliseconds{100});
}

CAF_TEST(a schedule whose parent somebody has in hand waits for the next look) {
  auto parent = s.ask("SELECT swarm.enqueue('noop')");
  s.ask("SELECT swarm.schedule('needy', '* * * * *', '{\"kind\": \"noop\", \"needs\": [" + parent + "]}')");
  s.ask(R"(SELECT swarm.schedule('other', '* * * * *', '{"kind": "noop"}'))");
  must(s.db.script("UPDATE swarm.schedules SET next_at = clock_timestamp() - interval '3 s'", "a moment ago"));
  auto client = d.open();
  must(client.db.script("BEGIN; SELECT FROM swarm.tickets FOR UPDATE", "has the parent in hand"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 1);
  must(client.db.script("COMMIT", "lets go"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 1);
}

CAF_TEST(a schedule that is set again fires what was due) {
  s.ask(R"(SELECT swarm.schedule('x', '0 0 1 1 *', '{"kind": "noop"}'))");
  must(s.db.script("UPDATE swarm.schedules SET next_at = clock_timestamp() - interval '3 s'", "a moment ago"));
  s.ask(R"(SELECT swarm.schedule('x', '0 0 1 1 *', '{"kind": "noop"}'))");
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 1);
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 0);
}

CAF_TEST(what can not become a ticket is refused when it is scheduled) {
  for (auto ticket : {R"({"kind": "noop", "timeout": "abc"})", R"({"kind": "noop", "priority": 50.5})",
                      R"({"kind": "noop", "priority": "abc"})", R"({"kind": "noop", "run_at": "soon"})",
                      R"({"kind": "noop", "needs": ["x"]})", R"({"kind": "noop", "needs": 7})",
                      R"({"kind": "noop", "attempts": 70000})"}) {
    CAF_MESSAGE(ticket);
    CAF_CHECK_EQUAL(s.ask("SELECT swarm.schedule('x', '* * * * *', '" + std::string{ticket} + "')"), "SW002");
  }
  CAF_CHECK_EQUAL(s.ask(R"(SELECT swarm.schedule('', '* * * * *', '{"kind": "noop"}'))"), "SW002");
}

CAF_TEST(a paused schedule brings nothing until it goes on and nothing for what it missed) {
  s.ask(R"(SELECT swarm.schedule('x', '* * * * *', '{"kind": "noop"}'))");
  must(store::pause_schedule(s.db, "x", "the API is down", "ann"));
  CAF_CHECK(must(store::promote(s.db, 10)).next_due < caf::timespan{0});
  s.ask(R"(SELECT swarm.schedule('x', '*/2 * * * *', '{"kind": "noop"}'))"); // a new definition doesn't wake it
  CAF_CHECK_EQUAL(s.ask("SELECT concat_ws(', ', cron, next_at, paused_by, pause_reason) FROM swarm.schedules"),
                  "*/2 * * * *, ann, the API is down");
  must(store::resume_schedule(s.db, "x"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).fired, 0);
  CAF_CHECK(must(store::promote(s.db, 10)).next_due > caf::timespan{0});
  CAF_CHECK_EQUAL(s.ask("SELECT concat(paused_at, paused_by, pause_reason) FROM swarm.schedules"), "");
  CAF_CHECK(failure_of(store::pause_schedule(s.db, "y", "", "ann")) == errc::not_found);
  CAF_CHECK(failure_of(store::resume_schedule(s.db, "y")) == errc::not_found);
}

CAF_TEST(nothing is due where nothing is scheduled) {
  CAF_CHECK(must(store::promote(s.db, 10)).next_due < caf::timespan{0});
}

CAF_TEST(a schedule of the same name replaces and can be removed) {
  auto schedule = [&](const std::string& cron) {
    return s.ask("SELECT swarm.schedule('x', '" + cron + R"(', '{"kind": "noop"}'))");
  };
  schedule("0 0 * * *");
  schedule("* * * * *");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) || ' ' || max(cron) FROM swarm.schedules"), "1 * * * * *");
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.schedule('y', '* * * * *', '{\"knid\": \"noop\"}')"), "SW002");
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.unschedule('x')"), "t");
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.unschedule('x')"), "f");
}

CAF_TEST_FIXTURE_SCOPE_END()
