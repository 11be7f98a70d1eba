#define CAF_SUITE scenario_bench

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"

#include <csignal>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using swarm::test::contains;
using swarm::test::is_alive;
using swarm::test::read_all;

namespace {

struct fixture {
  swarm::test::user me;

  fixture() {
    fs::create_directory(scratch());
    me.environment["TMPDIR"] = scratch().string();
  }

  fs::path scratch() const { return me.folder() / "scratch"; }

  /// The homes of benchmarks that are there now.
  std::vector<fs::path> homes() const {
    return {fs::directory_iterator{scratch()}, fs::directory_iterator{}};
  }

  /// Of the only benchmark there is; 0 before it has a server.
  pid_t server() const {
    pid_t pid = 0;
    if (homes().size() == 1)
      std::istringstream{read_all(homes()[0] / "postgres/data/postmaster.pid")} >> pid;
    return pid;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_bench_tests, fixture)

CAF_TEST(a benchmark tells its figures as one object and leaves nothing) {
  auto said = me.run({"bench", "tickets", "--count", "300", "--batch", "70", "--slots", "20", "--json"});
  CAF_CHECK_EQUAL(said.code, 0);
  auto x = nlohmann::json::parse(said.out, nullptr, false);
  CAF_REQUIRE(x.is_object());
  CAF_CHECK(x["count"] == 300 && x["batch"] == 70 && x["slots"] == 20);
  for (auto& figures : {x["node"], x["limits"]["fused"], x["limits"]["separate"], x["limits"]["single"]}) {
    CAF_CHECK_EQUAL(figures["count"].get<int>(), 300);
    CAF_CHECK_EQUAL(figures["events_per_ticket"].get<double>(), 3.0);
    CAF_CHECK(figures["per_second"].get<double>() > 0);
    CAF_CHECK(figures["wal_bytes_per_ticket"].get<double>() > 300);
    CAF_CHECK(figures["transactions_per_ticket"].get<double>() > 0);
  }
  // Two and a little; the server counts some of them only after we have looked.
  CAF_CHECK(x["limits"]["single"]["transactions_per_ticket"].get<double>() > 1.5);
  CAF_CHECK(x["limits"]["commits"]["per_second"].get<double>() > 0);
  for (auto& figures : {x["drain"], x["enqueue"], x["limits"]["drain"]})
    CAF_CHECK(figures["count"] == 300 && figures["per_second"].get<double>() > 0);
  CAF_CHECK(x["ratio"].get<double>() > 0);
  CAF_CHECK(x["machine"]["postgresql"].is_string());
  CAF_CHECK(homes().empty());
  CAF_CHECK(!fs::exists(me.home()));
}

CAF_TEST(the benchmark of executors has a figure for everything that was promised and leaves nothing) {
  const std::vector<std::string> small{"bench", "executors", "--streams", "20", "--events", "10", "--commands", "20"};
  auto as_object = small;
  as_object.push_back("--json");
  auto said = me.run(as_object);
  CAF_CHECK_EQUAL(said.code, 0);
  auto x = nlohmann::json::parse(said.out, nullptr, false);
  CAF_REQUIRE(x.is_object());
  CAF_REQUIRE_EQUAL(x["streams"].size(), 2u);
  CAF_CHECK(x["streams"][0]["streams"] == 1 && x["streams"][1]["streams"] == 20);
  for (auto& figures : x["streams"]) {
    CAF_CHECK(figures["memory_bytes"].get<double>() > 0);
    CAF_CHECK(figures["cpu_ms_per_1000_events"].get<double>() > 0);
    CAF_CHECK(figures["delay_us"]["p50"].get<double>() > 0);
    CAF_CHECK(figures["delay_us"]["p99"].get<double>() >= figures["delay_us"]["p50"].get<double>());
    CAF_CHECK_EQUAL(figures["io_threads"].get<int>(), 1);
  }
  for (auto figure : {"per_second", "bare_per_second", "ratio", "cpu_us", "bare_cpu_us"})
    CAF_CHECK(x["commands"][figure].get<double>() > 0);
  for (auto aim : {"memory_bytes", "io_threads", "ratio"})
    CAF_CHECK(x["aims"][aim]["met"].is_boolean());
  CAF_CHECK(x["machine"]["cores"].get<int>() > 0);
  said = me.run(small);
  CAF_CHECK_EQUAL(said.code, 0);
  for (auto part : {"memory of each, bytes", "CPU per 1,000 events, ms", "delay of an event, us, p99", "I/O threads",
                    "BARE POSIX_SPAWN", "1, met", ">= 0.70, ", "< 65536, "})
    CAF_CHECK(contains(said.out, part));
  CAF_CHECK(homes().empty());
}

CAF_TEST(an interrupted benchmark ends with 130 and takes its server along) {
  auto bench = me.start({"bench", "tickets", "--count", "10000000"});
  CAF_REQUIRE(bench.says("measuring a node"));
  auto pid = server();
  CAF_REQUIRE(pid > 0);
  CAF_CHECK(is_alive(pid));
  bench.signal(SIGINT);
  auto said = bench.end();
  CAF_CHECK_EQUAL(said.code, 130);
  CAF_CHECK(contains(said.err, "interrupted"));
  CAF_CHECK_EQUAL(said.out, "");
  CAF_CHECK(!is_alive(pid));
  CAF_CHECK(homes().empty());
}

CAF_TEST(a benchmark that can not have its scratch home or makes no sense says so) {
  for (std::vector<std::string> wrong : {std::vector<std::string>{"bench"}, {"bench", "tickets", "--count", "0"},
                                         {"bench", "tickets", "--slots", "x"}, {"bench", "nonsense"},
                                         {"bench", "executors", "--streams", "0"}})
    CAF_CHECK_EQUAL(me.run(wrong).code, 2);
  me.environment["TMPDIR"] = "/proc/nowhere";
  auto said = me.run({"bench", "tickets"});
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK(contains(said.err, "name a directory with some GB of room in $TMPDIR"));
}

CAF_TEST_FIXTURE_SCOPE_END()
