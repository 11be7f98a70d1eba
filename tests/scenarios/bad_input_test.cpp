#define CAF_SUITE scenario_bad_input

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <random>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using swarm::test::ask;
using swarm::test::contains;

namespace {

struct fixture {
  swarm::test::scratch_database database;
  swarm::test::user me{database.conninfo()};

  /// Everything that a command could have changed, as a text.
  std::string rows() {
    return ask(database.conninfo(), "SELECT concat_ws(' ', (SELECT count(*) FROM swarm.graphs), (SELECT count(*) FROM "
                                    "swarm.tickets), (SELECT count(*) FROM swarm.ticket_events), (SELECT count(*) FROM "
                                    "swarm.nodes))");
  }

  /// The words of a command that must end with this code and change nothing.
  std::string refused(int code, std::vector<std::string> arguments, bool without_privileges = false) {
    auto before = rows();
    auto said = without_privileges ? me.run_unprivileged(std::move(arguments)) : me.run(std::move(arguments));
    CAF_CHECK_EQUAL(said.code, code);
    CAF_CHECK_EQUAL(said.out, "");
    CAF_CHECK_EQUAL(rows(), before);
    return said.err;
  }

  std::string refused_graph(const std::string& text) {
    me.write("graph.yaml", text);
    return refused(2, {"run", "graph.yaml"});
  }

  void prepare() { CAF_REQUIRE_EQUAL(me.run({"migrate"}).code, 0); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_bad_input_tests, fixture)

CAF_TEST(a graph that cannot be read is named with its remedy) {
  prepare();
  CAF_CHECK_EQUAL(refused(2, {"run", "none.yaml"}), "none.yaml: there is no such file; check the path\n");
  CAF_CHECK_EQUAL(refused(2, {"run", "."}), ".: is a directory; name a file in it\n");
  CAF_CHECK_EQUAL(refused_graph(""), "graph.yaml: is empty\n");
  me.write("huge.yaml", "");
  fs::resize_file(me.folder() / "huge.yaml", 100u << 20);
  CAF_CHECK_EQUAL(refused(2, {"run", "huge.yaml"}),
                  "huge.yaml: is larger than 16,777,216 bytes, the most that is read; split it\n");
  ::chmod(me.write("closed.yaml", "graph: x\n").c_str(), 0);
  CAF_CHECK(
    contains(refused(2, {"run", "closed.yaml"}, true), "closed.yaml: permission denied: this user may not read"));
  ::mkfifo((me.folder() / "pipe.yaml").c_str(), 0600);
  CAF_CHECK(contains(refused(2, {"run", "pipe.yaml"}), "pipe.yaml: "));
  std::mt19937 random{4711};
  std::string noise(5000, ' ');
  for (auto& c : noise)
    c = static_cast<char>(random());
  CAF_CHECK(contains(refused_graph(noise), "a YAML file is UTF-8 text"));
}

CAF_TEST(a graph that makes no sense is refused as a whole) {
  prepare();
  std::string bomb = "a: &a [x,x,x,x,x,x,x,x,x]\n";
  for (char c = 'b'; c < 'z'; ++c)
    bomb += std::string{c} + ": &" + c + " [*" + std::string(1, static_cast<char>(c - 1)) + ",*"
            + static_cast<char>(c - 1) + ",*" + static_cast<char>(c - 1) + "]\n";
  CAF_CHECK(contains(refused_graph(bomb), "graph.yaml:"));
  std::string circle = "graph: circle\ntickets:\n";
  for (int i = 0; i < 10'000; ++i)
    circle += "  t" + std::to_string(i) + ": {command: ['true'], needs: [t" + std::to_string((i + 1) % 10'000) + "]}\n";
  auto words = refused_graph(circle);
  CAF_CHECK(contains(words.substr(0, 400), "circle"));
  CAF_CHECK(words.size() < 5000);
  words =
    refused_graph("graph: x\nticket: {}\ntickets:\n  a: {comand: ['true'], needs: [b]}\n  b: {command: 'true'}\n");
  CAF_CHECK(contains(words, "graph.yaml:2:1: unknown key 'ticket', did you mean 'tickets'?\n"));
  CAF_CHECK(contains(words, "graph.yaml:4:7: ticket 'a': unknown key 'comand', did you mean 'command'?\n"));
  CAF_CHECK(contains(words, "graph.yaml:5:16: ticket 'b': command is one text, write it as a list"));
  CAF_CHECK(contains(refused_graph(std::string(100'000, '[')), "graph.yaml:1:"));
}

CAF_TEST(mistakes in the configuration are told all at once) {
  prepare();
  me.environment["SWARM_NODE_SLOTS"] = "many";
  auto file = me.write("swarm.yaml", "heartbeat: {interval: 10m, stale_after: 1s}\nreaper: {intervall: 5s}\n");
  for (auto command : {std::vector<std::string>{"up"}, {"run", "graph.yaml"}, {"list"}, {"config", "print"}}) {
    command.insert(command.begin(), {"--config", file.string()});
    auto words = refused(2, command);
    CAF_CHECK(contains(words, "SWARM_NODE_SLOTS"));
    CAF_CHECK(contains(words, "intervall"));
    CAF_CHECK(contains(words, "did you mean 'reaper.interval'"));
  }
  me.environment.erase("SWARM_NODE_SLOTS");
  CAF_CHECK(contains(refused(2, {"--config", "none.yaml", "list"}), "none.yaml: there is no such file"));
  me.environment["SWARM_HARTBEAT_INTERVAL"] = "1s";
  CAF_CHECK(contains(refused(2, {"list"}), "SWARM_HARTBEAT_INTERVAL"));
}

CAF_TEST(a home that cannot be used is named) {
  prepare();
  fs::create_directory(me.folder() / "closed");
  me.write("graph.yaml", "graph: g\ntickets: {x: {command: ['true']}}\n");
  ::chmod((me.folder() / "closed").c_str(), 0500);
  me.environment["SWARM_HOME"] = (me.folder() / "closed/home").string();
  for (auto command : {std::vector<std::string>{"up"}, {"run", "graph.yaml"}}) {
    auto words = refused(1, command, true);
    CAF_CHECK(
      contains(words, "swarm: cannot use " + me.environment["SWARM_HOME"] + " as swarm's home: Permission denied"));
    CAF_CHECK(contains(words, "set SWARM_HOME to a directory that you may write"));
  }
  me.environment["SWARM_HOME"] = (me.folder() / "graph.yaml").string();
  CAF_CHECK(contains(refused(2, {"up"}), "isn't a directory"));
  me.environment["SWARM_HOME"] = (me.folder() / "fresh").string();
  me.environment.erase("SWARM_DATABASE_URL");
  CAF_CHECK(
    contains(refused(1, {"list"}), "there is no database in " + me.environment["SWARM_HOME"] + " yet; `swarm up`"));
  CAF_CHECK(!fs::exists(me.folder() / "fresh"));
}

CAF_TEST(a database that cannot be used is told apart from one that is away) {
  prepare();
  me.write("graph.yaml", "graph: g\ntickets: {x: {command: ['true']}}\n");
  struct attempt {
    std::string url;
    int code;
    std::string words;
  };
  for (auto& x : {attempt{"host=127.0.0.1 port=1 dbname=x", 1, "cannot connect to the database: "},
                  {database.conninfo() + " user=nobody_knows", 1, "nobody_knows"},
                  {database.conninfo() + " dbname=no_such", 1, "\"no_such\""},
                  {"host=127.0.0.1 prot=1", 2, "prot"},
                  {"postgresql://me:sec%ret@127.0.0.1", 2, "\"***\""}})
    for (auto command : {std::vector<std::string>{"up"}, {"run", "graph.yaml"}, {"list"}, {"migrate"}}) {
      me.environment["SWARM_DATABASE_URL"] = x.url;
      auto words = refused(x.code, command);
      CAF_CHECK(contains(words, "swarm: cannot "));
      CAF_CHECK(contains(words, x.words));
    }
}

CAF_TEST(mistakes in the command line are one sentence and the way to help) {
  prepare();
  struct mistake {
    std::vector<std::string> arguments;
    std::string words;
  };
  for (auto& x : std::vector<mistake>{
         {{}, "A subcommand is required; see `swarm --help`"},
         {{"shwo", "1"}, "there is no command 'shwo'; see `swarm --help`"},
         {{"--bogus", "list"}, "--bogus"},
         {{"list", "--bogus"}, "there is no option '--bogus'; see `swarm list --help`"},
         {{"up", "--node.slot", "3"}, "there is no option '--node.slot', did you mean '--node.slots'; see `swarm up "},
         {{"run"}, "GRAPH is required; see `swarm run --help`"},
         {{"run", "a", "b"}, "b; see `swarm run --help`"},
         {{"show", "abc"}, "'abc' isn't a number as in the first columns of `swarm list`; see `swarm show --help`"},
         {{"events", "99999999999999999999"}, "'99999999999999999999' isn't a number"},
         {{"retry", "0"}, "'0' isn't a number"},
         {{"cancel", "1.5"}, "'1.5' isn't a number"},
         {{"show", "a\nb\033[31m"}, "'a\\nb\\x1b[31m' isn't a number"},
         {{"list", "--state", "done"}, "done"},
         {{"list", "--limit", "0"}, "0"},
         {{"config", "prnit"}, "there is no command 'prnit'; see `swarm config --help`"}}) {
    auto words = refused(2, x.arguments);
    CAF_CHECK(contains(words, x.words));
    CAF_CHECK(words.starts_with("swarm: "));
    CAF_CHECK_EQUAL(std::count(words.begin(), words.end(), '\n'), 1);
  }
}

CAF_TEST(a ticket that nobody knows is said to be unknown) {
  prepare();
  for (auto command : {"show", "events", "retry", "cancel"})
    CAF_CHECK_EQUAL(refused(1, {command, "4711"}), "swarm: there is no ticket 4711\n");
}

CAF_TEST_FIXTURE_SCOPE_END()
