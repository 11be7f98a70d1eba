#define CAF_SUITE scenario_migrate

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include "tests/fixtures/caf_test.hpp"

using swarm::test::ask;
using swarm::test::contains;

namespace {

struct fixture {
  swarm::test::scratch_database database;
  swarm::test::user me{database.conninfo()};

  std::string schemas() {
    return ask(database.conninfo(), "SELECT count(*) FROM pg_namespace WHERE nspname = 'swarm'");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_migrate_tests, fixture)

CAF_TEST(a dry run tells what would be done and does nothing) {
  auto said = me.run({"migrate", "--dry-run"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(said.out, "0001_tickets would be applied\n"));
  CAF_CHECK(contains(said.out, "the schema would go from version 0 to "));
  CAF_CHECK_EQUAL(schemas(), "0");
}

CAF_TEST(a dry run in a home without a database makes none) {
  swarm::test::user newcomer;
  auto said = newcomer.run({"migrate", "--dry-run"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(said.out, "there is no database yet"));
  CAF_CHECK(!std::filesystem::exists(newcomer.home()) || std::filesystem::is_empty(newcomer.home()));
}

CAF_TEST(the second run finds nothing to do) {
  auto first = me.run({"migrate"});
  CAF_CHECK_EQUAL(first.code, 0);
  CAF_CHECK(contains(first.out, "0001_tickets applied\n"));
  CAF_CHECK(contains(first.out, "0017_refusals applied\nfunctions replaced\nthe schema went from version 0 to "));
  auto second = me.run({"migrate"});
  CAF_CHECK_EQUAL(second.code, 0);
  CAF_CHECK(contains(second.out, ", nothing to do\n"));
  CAF_CHECK(contains(me.run({"migrate", "--dry-run"}).out, ", nothing to do\n"));
}

CAF_TEST(a version that does not exist is bad input) {
  for (auto version : {"0", "-1", "999", "x", "1.5"}) {
    auto said = me.run({"migrate", "--to", version});
    CAF_CHECK_EQUAL(said.code, 2);
    CAF_CHECK(contains(said.err, "swarm: "));
  }
  CAF_CHECK(contains(me.run({"migrate", "--to", "999"}).err, "there is no schema version 999; this swarm knows 1 to "));
  CAF_CHECK_EQUAL(schemas(), "0");
  CAF_CHECK_EQUAL(me.run({"migrate", "--to", "1"}).code, 0);
  CAF_CHECK_EQUAL(ask(database.conninfo(), "SELECT max(version) FROM swarm.migrations"), "1");
}

CAF_TEST(of five at once one does the work and the others find it done) {
  std::vector<swarm::test::program> all;
  for (int i = 0; i < 5; ++i)
    all.push_back(me.start({"migrate"}));
  int applied = 0;
  int idle = 0;
  for (auto& x : all) {
    auto said = x.end();
    CAF_CHECK_EQUAL(said.code, 0);
    applied += said.out.find("0001_tickets applied") != std::string::npos;
    idle += said.out.find("nothing to do") != std::string::npos;
  }
  CAF_CHECK_EQUAL(applied, 1);
  CAF_CHECK_EQUAL(idle, 4);
}

CAF_TEST(the embedded database is made by five at once just as well) {
  me.environment.erase("SWARM_DATABASE_URL");
  std::vector<swarm::test::program> all;
  for (int i = 0; i < 5; ++i)
    all.push_back(me.start({"migrate"}));
  for (auto& x : all) {
    auto said = x.end();
    CAF_CHECK_EQUAL(said.err.substr(0, said.code == 0 ? 0 : said.err.size()), "");
  }
  CAF_CHECK(me.leaves_no_server());
}

CAF_TEST(a database of another build is left alone by every command) {
  CAF_CHECK_EQUAL(me.run({"migrate"}).code, 0);
  ask(database.conninfo(), "INSERT INTO swarm.migrations (version, name, checksum) VALUES (7777, '7777_future', 'x')");
  me.write("g.yaml", "graph: g\ntickets: {x: {command: ['true']}}\n");
  for (auto command : {std::vector<std::string>{"up"}, {"run", "g.yaml"}, {"list"}, {"migrate"}, {"show", "1"}}) {
    auto said = me.run(command);
    CAF_CHECK_EQUAL(said.code, 1);
    CAF_CHECK(contains(said.err, "the database's schema is version 7777, and this swarm knows only "));
    CAF_CHECK(contains(said.err, "; upgrade this node"));
  }
  CAF_CHECK_EQUAL(ask(database.conninfo(), "SELECT count(*) FROM swarm.tickets"), "0");
}

CAF_TEST_FIXTURE_SCOPE_END()
