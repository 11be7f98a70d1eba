#define CAF_SUITE store_migrate

#include "runtime/store/migrate.hpp"
#include "tests/fixtures/desk.hpp"
#include "tests/fixtures/forked.hpp"

#include <atomic>
#include <set>
#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// An empty database, whose server runs already.
struct fixture {
  scratch_database database;

  session open() {
    store::connection_settings settings;
    settings.conninfo = database.conninfo();
    return {must(store::connection::open(settings)), {}};
  }

  static store::migrate_options up_to(int version) {
    store::migrate_options result;
    result.to = version;
    return result;
  }

  static std::string refusal(session& s, const store::migrate_options& options = {}) {
    auto report = store::migrate(s.db, options);
    return report ? "accepted" : to_string(failure_of(report)) + ": " + render(report.error());
  }

  static std::string migrate_and_tell(const store::connection_settings& settings) {
    auto db = store::connection::open(settings);
    if (!db)
      return render(db.error());
    auto report = store::migrate(*db);
    return report ? report->applied.empty() ? "found" : "made" : render(report.error());
  }

  /// All that a migration makes, to compare.
  static std::string shape(session& s) {
    return s.ask("SELECT string_agg(x, E'\\n' ORDER BY x) FROM (SELECT attrelid::regclass || '.' || attname || ' ' || "
                 "atttypid::regtype FROM pg_attribute JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = "
                 "(SELECT oid FROM pg_namespace WHERE nspname = 'swarm') UNION ALL SELECT proname || md5(prosrc) FROM "
                 "pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'swarm')) AS t (x)");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_migrate_tests, fixture)

CAF_TEST(tickets of the first schema go on in the newest with functions that have changed) {
  auto s = open();
  must(store::migrate(s.db, up_to(1)));
  // What a program of that time had there, in short.
  must(s.db.script("CREATE FUNCTION swarm.unblock(bigint[]) RETURNS integer LANGUAGE sql AS 'SELECT 0'; "
                   "INSERT INTO swarm.nodes (home_id, name, host, pid, version) VALUES (gen_random_uuid(), 'n', 'h', 1, '0'); "
                   "INSERT INTO swarm.tickets (id, queue_id, kind, priority, attempts_max, timeout_ms, payload) SELECT "
                   "nextval('swarm.ticket_ids'), 1, 'noop', 7, 3, 0, '{}' FROM generate_series(1, 4); "
                   "INSERT INTO swarm.dependencies VALUES (2, 3); "
                   "INSERT INTO swarm.ready (queue_id, priority, ticket_id) VALUES (1, 7, 1); "
                   "INSERT INTO swarm.leases (ticket_id, fence, node_id, attempt, queue_id, priority, claimed_at, last_heartbeat) "
                   "VALUES (2, 5, 1, 1, 1, 7, now(), now()); "
                   "INSERT INTO swarm.blocked VALUES (3, 1, 1, 7); "
                   "INSERT INTO swarm.scheduled VALUES (4, now() - interval '1 s', 1, 7); "
                   "INSERT INTO swarm.ticket_events (ticket_id, kind) SELECT generate_series(1, 4), 'submitted'",
                   "an old database"));
  must(store::migrate(s.db));
  s.node = node_id{1};
  CAF_CHECK_EQUAL(s.settle({ticket_id{2}, fence{5}}), "ok completed");
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).promoted, 1);
  CAF_CHECK_EQUAL(s.claim(10).size(), 3u);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.audit_replay()"), "0"); // of older tickets the log doesn't know all
  s.submit();
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.audit_replay()"), "0");
}

CAF_TEST(what older schemas let in is brought within bounds and its deferrals are told apart) {
  auto s = open();
  must(store::migrate(s.db, up_to(5)));
  must(s.db.script(
    "INSERT INTO swarm.tickets (id, queue_id, kind, priority, attempts_max, timeout_ms, payload, run_at, deadline_at, "
    "group_key, deferrals) VALUES (1, 1, 'noop', 100, 3, 9e17, '{}', 'infinity', '9999-01-01', repeat('x', 300), 4), "
    "(2, 1, 'noop', 100, 3, 0, '{}', '-infinity', NULL, NULL, 0); "
    "INSERT INTO swarm.scheduled VALUES (1, 'infinity'), (2, '-infinity'); "
    "INSERT INTO swarm.ticket_events (ticket_id, kind, data) VALUES "
    "(1, 'attempt_failed', '{\"class\": \"auth\"}'), (1, 'failed', '{\"class\": \"budget\"}'), (1, 'retried', NULL), "
    "(1, 'attempt_failed', '{\"class\": \"throttled\"}'), (1, 'attempt_failed', '{\"class\": \"auth\"}'), "
    "(1, 'attempt_failed', '{\"class\": \"auth\"}'), (1, 'attempt_failed', '{\"class\": \"budget\"}')",
    "old"));
  must(store::migrate(s.db));
  CAF_CHECK_EQUAL(s.ask("SELECT concat_ws(' ', timeout_ms, run_at AT TIME ZONE 'UTC', deadline_at AT TIME ZONE 'UTC', "
                        "length(group_key), throttles, auth_denials, budget_denials) FROM swarm.tickets WHERE id = 1"),
                  "315360000000 2500-01-01 00:00:00 2500-01-01 00:00:00 50 1 2 1");
  CAF_CHECK_EQUAL(s.ask("SELECT run_at IS NULL FROM swarm.tickets WHERE id = 2"), "t");
  CAF_CHECK_EQUAL(s.ask("SELECT max(run_at) < '2501-01-01' FROM swarm.scheduled"), "t");
}

CAF_TEST(an empty database becomes the newest and stays it) {
  auto s = open();
  CAF_CHECK_EQUAL(must(store::found_schema(s.db)), 0);
  auto first = must(store::migrate(s.db));
  CAF_CHECK_EQUAL(first.from, 0);
  CAF_CHECK_EQUAL(first.to, store::schema_version());
  CAF_CHECK_EQUAL(static_cast<int>(first.applied.size()), store::schema_version());
  CAF_CHECK_EQUAL(first.applied.front(), "0001_tickets");
  CAF_CHECK(first.functions_replaced);
  CAF_CHECK_EQUAL(must(store::found_schema(s.db)), store::schema_version());
  auto before = shape(s);
  auto second = must(store::migrate(s.db));
  CAF_CHECK_EQUAL(second.from, store::schema_version());
  CAF_CHECK(second.applied.empty() && !second.functions_replaced);
  CAF_CHECK_EQUAL(shape(s), before);
}

CAF_TEST(a dry run tells and changes nothing) {
  auto s = open();
  store::migrate_options dry;
  dry.dry_run = true;
  auto told = must(store::migrate(s.db, dry));
  CAF_CHECK_EQUAL(static_cast<int>(told.applied.size()), store::schema_version());
  CAF_CHECK(told.functions_replaced);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'swarm'"), "0");
  // The same connection, whose prepared statements remember what was rolled back.
  CAF_CHECK(must(store::migrate(s.db)).applied == told.applied);
  CAF_CHECK(must(store::migrate(s.db, dry)).applied.empty());
}

CAF_TEST(a target must be a version that exists and lies ahead) {
  auto s = open();
  auto newest = store::schema_version();
  for (int version : {-1, 0, newest + 1})
    CAF_CHECK_EQUAL(refusal(s, up_to(version)),
                    "invalid_input: there is no schema version " + std::to_string(version) + "; this swarm knows 1 to "
                      + std::to_string(newest));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM pg_namespace WHERE nspname = 'swarm'"), "0");
  CAF_CHECK_EQUAL(must(store::migrate(s.db, up_to(1))).to, 1);
  CAF_CHECK_EQUAL(must(store::found_schema(s.db)), 1);
  CAF_CHECK_EQUAL(must(store::migrate(s.db)).to, newest);
}

CAF_TEST(a newer schema is refused and both versions are named) {
  auto s = open();
  must(store::migrate(s.db));
  must(s.db.script("INSERT INTO swarm.migrations (version, name, checksum) VALUES (7001, '7001_future', 'x')",
                   "future"));
  auto before = shape(s);
  auto sentence = "database_unsuitable: the database's schema is version 7001, and this swarm knows only "
                  + std::to_string(store::schema_version()) + "; upgrade this node";
  CAF_CHECK_EQUAL(refusal(s), sentence);
  CAF_CHECK_EQUAL(refusal(s, up_to(1)), sentence);
  CAF_CHECK_EQUAL(to_string(failure_of(store::found_schema(s.db))), "database_unsuitable");
  CAF_CHECK_EQUAL(shape(s), before);
}

CAF_TEST(a migration that was applied with another text is refused) {
  auto s = open();
  must(store::migrate(s.db));
  must(s.db.script("UPDATE swarm.migrations SET checksum = md5('x') WHERE version = 1", "another build"));
  CAF_CHECK_EQUAL(refusal(s), "database_unsuitable: migration 0001_tickets was applied with another text than this "
                              "swarm's; the database belongs to another build");
  CAF_CHECK_EQUAL(to_string(failure_of(store::found_schema(s.db))), "database_unsuitable");
  CAF_CHECK_EQUAL(s.ask("SELECT 1"), "1"); // no transaction was left open
  CAF_CHECK_EQUAL(s.ask("SELECT state FROM pg_stat_activity WHERE pid = pg_backend_pid()"), "active");
}

CAF_TEST(other functions are replaced as one set) {
  auto s = open();
  must(store::migrate(s.db));
  auto before = shape(s);
  must(s.db.script("UPDATE swarm.function_set SET checksum = 'older'; DROP FUNCTION swarm.promote, swarm.retry; CREATE "
                   "FUNCTION swarm.retry(_ticket_id bigint) RETURNS text LANGUAGE sql AS 'SELECT ''old'''",
                   "older functions"));
  auto report = must(store::migrate(s.db));
  CAF_CHECK(report.applied.empty() && report.functions_replaced);
  CAF_CHECK_EQUAL(shape(s), before);
  CAF_CHECK(!must(store::migrate(s.db)).functions_replaced);
}

CAF_TEST(what others have built on the public functions outlives an upgrade) {
  auto s = open();
  must(store::migrate(s.db));
  must(s.db.script("CREATE VIEW reasons AS SELECT count(*) FROM swarm.why(1); "
                   "GRANT EXECUTE ON FUNCTION swarm.cancel TO pg_monitor; UPDATE swarm.function_set SET checksum = 'older'",
                   "what others have built"));
  must(store::migrate(s.db));
  CAF_CHECK_EQUAL(s.ask("SELECT count FROM reasons"), "0");
  CAF_CHECK_EQUAL(s.ask("SELECT has_function_privilege('pg_monitor', 'swarm.cancel(bigint)', 'EXECUTE')"), "t");
  CAF_CHECK_EQUAL(s.ask("SELECT has_function_privilege('pg_monitor', 'swarm.retry(bigint, text)', 'EXECUTE')"), "f");
}

CAF_TEST(a function that had other parameters is gone after an upgrade and one that somebody needs stops it) {
  auto s = open();
  must(store::migrate(s.db));
  const auto older = "UPDATE swarm.function_set SET checksum = 'older'; CREATE FUNCTION swarm.cancel(integer, text) RETURNS "
                     "text LANGUAGE sql AS 'SELECT ''old'''";
  must(s.db.script(older, "older functions"));
  must(s.db.script("CREATE FUNCTION swarm.theirs() RETURNS text LANGUAGE sql AS 'SELECT ''x'''", "a stranger's function"));
  must(store::migrate(s.db));
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(oid::regprocedure::text, ' ' ORDER BY proname) FROM pg_proc WHERE proname IN "
                        "('cancel', 'theirs') AND pronamespace = 'swarm'::regnamespace"),
                  "cancel(bigint) theirs()");
  must(s.db.script(older, "older functions"));
  must(s.db.script("CREATE VIEW stuck AS SELECT swarm.cancel(1, 'x')", "who needs one"));
  CAF_CHECK_EQUAL(refusal(s), "database_error: ~drop_old_signatures.sql failed: cannot drop function cancel(integer,text) "
                              "because other objects depend on it: view stuck depends on function cancel(integer,text) "
                              "(SQLSTATE 2BP01)");
  CAF_CHECK_EQUAL(s.ask("SELECT checksum FROM swarm.function_set"), "older");
}

CAF_TEST(functions can be replaced under a node that uses them) {
  auto s = open(), user = open();
  must(store::migrate(s.db));
  std::atomic<int> calls = 0;
  std::atomic<bool> done = false;
  std::set<std::string> failures;
  std::thread running{[&] {
    while (!done) {
      failures.insert(sentence_of(store::claim(user.db, {"default", 1, node_id{1}})));
      failures.insert(sentence_of(store::promote(user.db, 1)));
      ++calls;
    }
  }};
  for (int i = 0; i < 30; ++i) {
    must(s.db.script("UPDATE swarm.function_set SET checksum = 'older'", "older functions"));
    CAF_CHECK(must(store::migrate(s.db)).functions_replaced);
    auto so_far = calls.load();
    CAF_CHECK(eventually([&] { return calls > so_far; }));
  }
  done = true;
  running.join();
  for (auto& x : failures)
    CAF_CHECK_EQUAL(x, "");
}

CAF_TEST(thirty processes that start together migrate once) {
  store::connection_settings settings;
  settings.conninfo = database.conninfo();
  std::vector<forked> processes;
  for (int i = 0; i < 30; ++i)
    processes.emplace_back([&] { return migrate_and_tell(settings); });
  int made = 0, found = 0;
  for (auto& x : processes) {
    auto answer = x.answer();
    if (answer == "made")
      ++made;
    else if (answer == "found")
      ++found;
    else
      CAF_ERROR(answer);
  }
  CAF_CHECK_EQUAL(made, 1);
  CAF_CHECK_EQUAL(found, 29);
  auto s = open();
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.migrations"), std::to_string(store::schema_version()));
}

CAF_TEST(a process that is killed in the middle of a migration leaves the old schema) {
  store::connection_settings settings;
  settings.conninfo = database.conninfo();
  auto s = open();
  forked victim{[&]() -> std::string {
    auto db = must(store::connection::open(settings));
    must(db.script("BEGIN", "begin"));
    must(db.run(store::sql::migration_lock));
    for (auto& x : store::migrations())
      must(db.script(x.text, x.name));
    forked::tell("in the middle");
    forked::wait_for_end();
  }};
  CAF_REQUIRE_EQUAL(victim.hear(), "in the middle");
  forked successor{[&] { return migrate_and_tell(settings); }};
  CAF_CHECK(eventually([&] { return s.ask("SELECT count(*) FROM pg_locks WHERE NOT granted") == "1"; }));
  CAF_CHECK_EQUAL(must(store::found_schema(s.db)), 0);
  victim.kill();
  CAF_CHECK_EQUAL(successor.answer(), "made");
  CAF_CHECK_EQUAL(must(store::found_schema(s.db)), store::schema_version());
}

CAF_TEST_FIXTURE_SCOPE_END()
