#define CAF_SUITE actors_workspace_sweeper

#include "actors/workspace_sweeper.hpp"

#include <utility>

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;
using workspace::removal_cause;
using workspace::sweep_report;

namespace {

struct fixture : virtual_time {
  fixture() {
    config.interval = 1min;
    config.sweep = [this](const std::function<bool()>& stops) {
      ++sweeps;
      stops_now = stops();
      return report;
    };
  }

  void start_sweeper() { it = caf::actor_cast<workspace_sweeper_actor>(start<workspace_sweeper>(config)); }

  workspace_sweeper_config config;
  int sweeps = 0;
  bool stops_now = false;
  caf::expected<sweep_report> report = sweep_report{};
  workspace_sweeper_actor it;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(workspace_sweeper_tests, fixture)

CAF_TEST(workspaces are swept when the node starts and then at the interval and when somebody asks) {
  start_sweeper();
  CAF_CHECK_EQUAL(sweeps, 1);
  pass(59s);
  CAF_CHECK_EQUAL(sweeps, 1);
  pass(1s);
  CAF_CHECK_EQUAL(sweeps, 2);
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(sweeps, 3);
}

CAF_TEST(a sweep that takes long is the only one and ends with the actor) {
  std::vector<std::function<void()>> jobs;
  config.aside = [&](auto job) { jobs.push_back(std::move(job)); };
  start_sweeper();
  pass(3min);
  CAF_REQUIRE_EQUAL(jobs.size(), 1u);
  jobs[0]();
  CAF_CHECK(!stops_now);
  pass(1min);
  CAF_REQUIRE_EQUAL(jobs.size(), 2u);
  end(it);
  jobs[1]();
  CAF_CHECK(stops_now);
}

CAF_TEST(what was removed and what could not be is told) {
  report = sweep_report{{{ticket_id{1}, removal_cause::orphan, 5}, {ticket_id{2}, removal_cause::age, 5},
                         {ticket_id{3}, removal_cause::age, 5}},
                        700,
                        0,
                        {"cannot remove that"}};
  start_sweeper();
  CAF_CHECK_EQUAL(log.count("info workspace_sweeper: workspaces were removed: gone=1 old=2 large=0 bytes_left=700"), 1u);
  CAF_CHECK_EQUAL(log.count("warning workspace_sweeper: cannot remove that"), 1u);
}

CAF_TEST(an outage is told when it begins and when it is over) {
  report = outage();
  start_sweeper();
  pass(2min);
  report = sweep_report{};
  pass(2min);
  CAF_CHECK_EQUAL(log.count("workspaces can't be swept"), 1u);
  CAF_CHECK_EQUAL(log.count("workspaces can be swept again"), 1u);
  CAF_CHECK_EQUAL(log.count("were removed"), 0u);
}

CAF_TEST_FIXTURE_SCOPE_END()
