#define CAF_SUITE scenario_restarts

#include "actors/restart_policy.hpp"
#include "messages/payload.hpp"
#include "runtime/node.hpp"
#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"
#include "tests/fixtures/seed.hpp"

#include <caf/all.hpp>

#include <algorithm>
#include <cstdlib>
#include <random>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::chrono_literals;

namespace {

/// A real node under load, whose actors are killed while they work.
struct fixture {
  fixture() {
    runtime::node_settings settings;
    auto& x = settings.values;
    x.node.name = "victim";
    x.node.slots = 20;
    x.node.drain_timeout = 1s;
    x.dispatcher.poll_interval = 20ms;
    x.heartbeat.interval = 200ms;
    x.reaper.interval = 200ms;
    x.scheduler.interval = 20ms;
    x.cascade.interval = 100ms;
    x.retry.backoff_first = x.retry.backoff_max = 5ms;
    x.retry.infra_max = 1'000;
    // So long an answer to a claim may take, and a lease without a worker is left alone.
    x.database.statement_timeout = 1s;
    x.supervisor.stuck_after = 2s;
    x.supervisor.restarts_max = 1'000'000; // the test kills more than any bug would
    x.supervisor.backoff_first = x.supervisor.backoff_max = 1ms;
    settings.conninfo = d.settings().conninfo;
    settings.home_id = "00000000-0000-4000-8000-000000000001";
    settings.working_directory = "/tmp";
    it = must(runtime::node::start(settings));
  }

  /// Diamonds of seven tickets: no-ops, and a program in the middle.
  void submit(int graphs) {
    command_payload program;
    program.command = {"sleep", "0.02"};
    for (int i = 0; i < graphs; ++i) {
      new_graph graph{"diamond", {}};
      for (int k = 0; k < 7; ++k) {
        new_ticket ticket;
        ticket.key = std::to_string(k);
        ticket.kind = k == 3 ? "command" : "noop";
        ticket.payload = k == 3 ? to_json(program) : "{}";
        if (k > 0)
          ticket.needs = k < 6 ? std::vector<std::uint32_t>{0} : std::vector<std::uint32_t>{1, 2, 3, 4, 5};
        graph.tickets.push_back(std::move(ticket));
      }
      must(store::submit(s.db, graph));
    }
  }

  /// Keeps the node busy.
  void feed() {
    if (s.ask("SELECT count(*) < 200 FROM swarm.tickets WHERE final_state IS NULL") == "t")
      submit(20);
  }

  std::shared_ptr<const seat> find(const std::string& path) {
    for (auto& x : it->actors()->tree())
      if (x.place->path() == path)
        return x.place;
    return nullptr;
  }

  /// Whether an actor of this path works that isn't the life with this number.
  bool has_come_back(const std::string& path, std::uint64_t before) {
    auto place = find(path);
    auto report = place ? place->report() : actor_report{};
    return report.state == child_state::running && report.actor != before;
  }

  /// Every actor of the tree but the root, whose end is the node's, and the workers, which come and go.
  std::vector<std::string> paths() {
    std::vector<std::string> result;
    for (auto& x : it->actors()->tree()) {
      auto path = x.place->path();
      if (x.place->parent() && !path.starts_with("root/work/ticket_workers/"))
        result.push_back(path);
    }
    return result;
  }

  bool kill_and_wait(const std::string& path) {
    auto place = find(path);
    auto life = place ? place->life() : nullptr;
    if (!life)
      return true; // it is being restarted for somebody else's sake
    // A supervisor that starts anew makes new places; an old one that is kept would be found instead of them.
    place = nullptr;
    auto number = std::uint64_t{life->id()};
    kill(life);
    life = nullptr;
    return eventually([&] { return has_come_back(path, number); });
  }

  void kill_some_worker(std::mt19937_64& random) {
    std::vector<caf::strong_actor_ptr> workers;
    for (auto& x : it->actors()->tree())
      if (x.place->path().starts_with("root/work/ticket_workers/"))
        if (auto life = x.place->life())
          workers.push_back(std::move(life));
    if (!workers.empty())
      kill(workers[random() % workers.size()]);
  }

  std::string count(const std::string& condition) {
    return s.ask("SELECT count(*) FROM swarm.ticket_events WHERE " + condition);
  }

  desk d;
  session s = d.open();
  std::unique_ptr<runtime::node> it;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(restarts_tests, fixture)

CAF_TEST(no death of an actor loses a ticket or finishes one twice) {
  auto seed = choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  std::mt19937_64 random{seed};
  feed();
  auto all = paths();
  CAF_CHECK(all.size() >= 19u);
  for (auto& path : all) {
    feed();
    CAF_MESSAGE("killing " << path);
    CAF_REQUIRE(kill_and_wait(path));
  }
  std::vector<std::string> leaves, branches;
  for (auto& path : all)
    (std::count(path.begin(), path.end(), '/') == 1 ? branches : leaves).push_back(path);
  for (int i = 0; i < 1000; ++i) {
    if (i % 10 == 0)
      feed();
    // A branch takes all its actors along, and those of the branches after it: seldom is often enough.
    auto& from = random() % 50 == 0 ? branches : leaves;
    auto& path = from[random() % from.size()];
    if (random() % 10 == 0)
      kill_some_worker(random);
    if (!kill_and_wait(path))
      CAF_FAIL(path << " did not come back after kill number " << i);
  }
  CAF_CHECK(!it->failure());
  CAF_CHECK(eventually([&] { return !must(store::any_unfinished(s.db)); }, 60s));
  CAF_CHECK_EQUAL(d.violations(), "");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets WHERE final_state <> 'completed'"), "0");
  CAF_CHECK_EQUAL(count("kind = 'reclaimed'"), "0"); // a node takes care of what it has dropped
  CAF_CHECK(count("kind = 'completed'") != "0");
  CAF_MESSAGE("completed " << count("kind = 'completed'") << ", released " << count("kind = 'released'")
                           << ", failed attempts " << count("kind = 'attempt_failed'"));
  CAF_CHECK_EQUAL(s.ask("SELECT coalesce(max(attempts), 0) FROM swarm.tickets"), "0"); // nobody's attempt was used up
}

CAF_TEST(a dispatcher that is restarted claims no more than there are slots) {
  command_payload program;
  program.command = {"sleep", "60"};
  for (int i = 0; i < 60; ++i) {
    new_ticket ticket;
    ticket.kind = "command";
    ticket.payload = to_json(program);
    s.submit(ticket);
  }
  auto running = [&] { return s.ask("SELECT count(*) FROM swarm.leases"); };
  CAF_REQUIRE(eventually([&] { return running() == "20"; }));
  // Beaten for, so handed on: what a dispatcher has claimed and not handed on yet comes back by the heartbeat only.
  CAF_REQUIRE(eventually([&] { return s.ask("SELECT count(*) FROM swarm.leases WHERE heartbeat_count > 0") == "20"; }));
  for (int i = 0; i < 20; ++i) {
    CAF_REQUIRE(kill_and_wait("root/work/dispatcher/default"));
    CAF_CHECK_EQUAL(running(), "20");
  }
}

CAF_TEST(workers live on when those they talk to are restarted and are beaten for) {
  command_payload program;
  program.command = {"sleep", "60"};
  new_ticket ticket;
  ticket.kind = "command";
  ticket.payload = to_json(program);
  auto id = s.submit(ticket);
  auto fence = [&] { return s.ask("SELECT fence FROM swarm.leases"); };
  auto beats = [&] { return s.ask("SELECT heartbeat_count FROM swarm.leases"); };
  CAF_REQUIRE(eventually([&] { return fence() != ""; }));
  auto first = fence();
  for (auto path : {"root/infrastructure/store/claims", "root/infrastructure/store/settlements",
                    "root/infrastructure/store/maintenance", "root/leases/heartbeat", "root/leases/completer",
                    "root/maintenance/reaper", "root/maintenance/cascade", "root/work/dispatcher/default"})
    CAF_REQUIRE(kill_and_wait(path));
  auto before = beats();
  CAF_CHECK(eventually([&] { return beats() != before; }));
  CAF_CHECK_EQUAL(fence(), first); // the same claim all the time
  CAF_CHECK(find("root/work/ticket_workers/" + to_string(id)) != nullptr);
}

CAF_TEST_FIXTURE_SCOPE_END()
