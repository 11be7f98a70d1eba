#define CAF_SUITE store_connection

#include "runtime/store/sqlstate.hpp"
#include "tests/fixtures/desk.hpp"

#include <libpq-fe.h>

#include <future>
#include <string_view>
#include <utility>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  session open_impatient() {
    auto settings = d.settings();
    settings.statement_timeout = std::chrono::milliseconds{100};
    settings.lock_timeout = std::chrono::milliseconds{50};
    settings.idle_in_transaction_timeout = std::chrono::milliseconds{50};
    return {must(store::connection::open(settings)), d.node};
  }

  /// The class of the error, after a check that its sentence holds `words`.
  static errc failure(const caf::expected<void>& x, std::string_view words) {
    CAF_MESSAGE(sentence_of(x));
    CAF_CHECK(sentence_of(x).find(words) != std::string::npos);
    CAF_CHECK(sentence_of(x).find_first_of("\n\t") == std::string::npos);
    return failure_of(x);
  }

  errc open_failure(std::string conninfo) {
    store::connection_settings settings;
    settings.conninfo = std::move(conninfo);
    return failure_of(store::connection::open(settings));
  }

  /// The scratch server with one word of its conninfo added: the last one counts.
  std::string with(const std::string& words) { return d.settings().conninfo + " " + words; }
};

} // namespace

CAF_TEST(each SQLSTATE has the class that says what to do) {
  const std::pair<std::string_view, errc> classes[] = {
    {"", errc::database_unavailable},      {"08000", errc::database_unavailable}, {"08006", errc::database_unavailable},
    {"57P01", errc::database_unavailable}, {"57P02", errc::database_unavailable}, {"57P03", errc::database_unavailable},
    {"57P05", errc::database_unavailable}, {"25006", errc::database_unavailable}, {"25P03", errc::database_unavailable},
    {"53300", errc::database_unavailable}, {"40001", errc::database_contended},   {"40P01", errc::database_contended},
    {"55P03", errc::database_contended},   {"57014", errc::database_contended},   {"23505", errc::constraint_violated},
    {"23514", errc::constraint_violated},  {"23502", errc::constraint_violated},  {"28P01", errc::database_denied},
    {"28000", errc::database_denied},      {"42501", errc::database_denied},      {"3D000", errc::database_denied},
    {"53100", errc::disk_full},            {"42P01", errc::database_error},       {"22021", errc::constraint_violated},
    {"53200", errc::database_error},       {"40002", errc::database_error},       {"XX000", errc::database_error},
  };
  for (auto [code, expected] : classes)
    CAF_CHECK_EQUAL(std::string{code} + " " + to_string(store::classify_sqlstate(code)),
                    std::string{code} + " " + to_string(expected));
}

CAF_TEST_FIXTURE_SCOPE(store_connection_tests, fixture)

CAF_TEST(a violated constraint is named and the connection goes on) {
  auto again = s.db.script("INSERT INTO swarm.queues (name) VALUES ('default')", "adding a queue");
  CAF_CHECK_EQUAL(failure(again, "queue_name_once"), errc::constraint_violated);
  CAF_CHECK_EQUAL(failure(again, "adding a queue failed: "), errc::constraint_violated);
  CAF_CHECK_EQUAL(failure(again, "(SQLSTATE 23505)"), errc::constraint_violated);
  CAF_CHECK(s.db.is_usable());
  CAF_CHECK_EQUAL(s.ask("SELECT 1"), "1");
}

CAF_TEST(a statement that takes too long is contention) {
  auto hasty = open_impatient();
  CAF_CHECK_EQUAL(failure(hasty.db.script("SELECT pg_sleep(60)", "a nap"), "57014"), errc::database_contended);
  CAF_CHECK_EQUAL(hasty.ask("SELECT 1"), "1");
}

CAF_TEST(a lock that is held for too long is contention) {
  must(s.db.script("BEGIN; LOCK swarm.ready", "lock"));
  auto hasty = open_impatient();
  CAF_CHECK_EQUAL(failure(hasty.db.script("BEGIN; LOCK swarm.ready", "a lock"), "55P03"), errc::database_contended);
  must(hasty.db.script("ROLLBACK", "rollback"));
  CAF_CHECK_EQUAL(hasty.ask("SELECT 1"), "1");
}

CAF_TEST(a deadlock is contention) {
  auto other = d.open();
  must(s.db.script("SET deadlock_timeout = 10; BEGIN; LOCK swarm.ready", "lock"));
  must(other.db.script("SET deadlock_timeout = '1 h'; BEGIN; LOCK swarm.leases", "lock"));
  auto second = std::async(std::launch::async, [&] { return other.db.script("LOCK swarm.ready", "cross"); });
  CAF_REQUIRE(eventually([&] { return d.is_blocked(other.pid()); }));
  CAF_CHECK_EQUAL(failure(s.db.script("LOCK swarm.leases", "cross"), "40P01"), errc::database_contended);
  CAF_CHECK(second.get());
}

CAF_TEST(a session that the server ended is an outage) {
  auto other = d.open();
  must(other.db.run(store::sql::promote, store::params::of(1)));
  CAF_CHECK_EQUAL(s.ask("SELECT pg_terminate_backend(" + std::to_string(other.pid()) + ", 10000)"), "t");
  auto found = other.db.run(store::sql::promote, store::params::of(1));
  CAF_CHECK_EQUAL(failure_of(found), errc::database_unavailable);
  CAF_CHECK(sentence_of(found).find("terminating connection") != std::string::npos);
  CAF_CHECK(!other.db.is_usable());
  auto again = other.db.run(store::sql::promote, store::params::of(1));
  CAF_CHECK_EQUAL(failure_of(again), errc::database_unavailable);
  CAF_CHECK_EQUAL(failure_of(other.db.transaction({{store::sql::promote, store::params::of(1)}})),
                  errc::database_unavailable);
}

CAF_TEST(a session that sleeps inside a transaction loses its locks) {
  auto ticket = s.submit();
  auto sleeper = open_impatient();
  must(sleeper.db.script("BEGIN", "begin"));
  sleeper.claim_one();
  CAF_CHECK(eventually([&] { return !s.claim(1).empty(); }));
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed");
  auto late = sleeper.db.script("COMMIT", "commit");
  CAF_CHECK_EQUAL(failure(late, "idle-in-transaction timeout"), errc::database_unavailable);
}

CAF_TEST(wrong names and refused ports and unreadable settings are told apart) {
  CAF_CHECK_EQUAL(open_failure(with("")), errc::none);
  CAF_CHECK_EQUAL(open_failure(with("user=nobody_of_this_name")), errc::database_denied);
  CAF_CHECK_EQUAL(open_failure(with("dbname=no_such_database")), errc::database_denied);
  CAF_CHECK_EQUAL(open_failure(with("host=127.0.0.1 port=1")), errc::database_unavailable);
  CAF_CHECK_EQUAL(open_failure(with("host=/nowhere/at/all")), errc::database_unavailable);
  for (auto nonsense : {"nonsense", "colour=red", "host='x", "postgresql://[", "port=abc", "port=99999999",
                        "sslmode=maybe", "target_session_attrs=any_of_them"}) {
    CAF_MESSAGE(nonsense);
    CAF_CHECK_EQUAL(open_failure(nonsense), errc::invalid_input);
  }
}

CAF_TEST(a wrong password or role is denied and a crowd is an outage) {
  // Read and written by the server, whose way to the file may be its own.
  auto file = "'" + s.ask("SHOW hba_file") + "'";
  auto old_rules = s.ask("SELECT pg_read_file(" + file + ")");
  auto put_rules = [&](const std::string& text) {
    must(s.db.script("COPY (SELECT unnest(string_to_array('" + text + "', E'\n'))) TO " + file, "rules"));
    must(s.db.script("SELECT pg_reload_conf()", "reload"));
  };
  must(s.db.script("CREATE ROLE locked LOGIN PASSWORD 'right'; CREATE ROLE mute; "
                   "CREATE ROLE crowd LOGIN CONNECTION LIMIT 0", "roles"));
  put_rules("local all locked scram-sha-256\nlocal all mute,crowd,stranger trust\n" + old_rules);
  CAF_CHECK(eventually([&] { return open_failure(with("user=locked password=right")) == errc::none; }));
  CAF_CHECK_EQUAL(open_failure(with("user=locked password=wrong")), errc::database_denied);
  CAF_CHECK_EQUAL(open_failure(with("user=locked")), errc::database_denied);
  CAF_CHECK_EQUAL(open_failure(with("user=mute")), errc::database_denied);
  CAF_CHECK_EQUAL(open_failure(with("user=stranger")), errc::database_denied);
  CAF_CHECK_EQUAL(open_failure(with("user=crowd")), errc::database_unavailable);
  put_rules(old_rules);
  must(s.db.script("DROP ROLE locked; DROP ROLE mute; DROP ROLE crowd", "roles"));
}

CAF_TEST(a session runs under the settings that the protocol needs whatever the defaults of the database are) {
  must(s.db.script("DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET default_transaction_isolation = serializable', "
                   "current_database()); EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', "
                   "current_database()); END $$",
                   "hostile defaults"));
  auto other = d.open();
  CAF_CHECK_EQUAL(other.ask("SHOW transaction_isolation"), "read committed");
  CAF_CHECK_EQUAL(other.ask("SHOW synchronous_commit"), "on");
  CAF_CHECK_EQUAL(other.ask("SHOW statement_timeout"), "30s");
  CAF_CHECK_EQUAL(other.ask("SHOW plan_cache_mode"), "force_generic_plan");
  CAF_CHECK_EQUAL(other.ask("SHOW application_name"), "test");
}

CAF_TEST(the scratch server is fit to hold tickets) {
  auto facts = must(store::check_server(s.db));
  CAF_CHECK(facts.version >= 150000);
  CAF_CHECK(facts.database.starts_with("scratch_"));
  CAF_CHECK_EQUAL(facts.version_text, s.ask("SHOW server_version"));
}

CAF_TEST(a server that may lose what it has acknowledged is refused) {
  for (std::string setting : {"fsync", "full_page_writes"}) {
    auto change = [&](const std::string& value) {
      must(s.db.script("ALTER SYSTEM SET " + setting + " = " + value, "change"));
      must(s.db.script("SELECT pg_reload_conf()", "change"));
      CAF_REQUIRE(eventually([&] { return s.ask("SHOW " + setting) == value; }));
    };
    change("off");
    auto facts = store::check_server(s.db);
    change("on");
    must(s.db.script("ALTER SYSTEM RESET " + setting, "change"));
    CAF_CHECK_EQUAL(failure_of(facts), errc::database_unsuitable);
    CAF_CHECK_EQUAL(sentence_of(facts), "the database server runs with " + setting
                                             + " = off and may lose what it has acknowledged; switch it on");
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
