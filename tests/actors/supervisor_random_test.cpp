#define CAF_SUITE actors_supervisor_random

#include "tests/fixtures/seed.hpp"

#include <algorithm>
#include <random>

#include "tests/fixtures/scripted_children.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// A random tree of ten children in three branches, and a random operator.
struct fixture : supervisor_fixture {
  static constexpr const char* ids[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i"};

  strategy any_strategy() { return static_cast<strategy>(random() % 3); }

  supervisor_config lenient() {
    supervisor_config result;
    result.rule = any_strategy();
    result.limits.restarts_max = 100'000;
    result.limits.backoff = {1ms, 50ms};
    return result;
  }

  void grow() {
    std::vector<child_spec> branches;
    for (int i = 0; i < 3; ++i) {
      std::vector<child_spec> leaves;
      for (int k = 0; k < 3; ++k)
        leaves.push_back(child(ids[3 * i + k], restart_rule::permanent, random() % 4 == 0));
      branches.push_back(subtree("branch" + std::to_string(i), lenient(), std::move(leaves)));
    }
    auto settings = lenient();
    settings.place = actors->root("top");
    supervise(std::move(settings), std::move(branches));
  }

  void disturb() {
    switch (random() % 8) {
      case 0: return pass(std::chrono::milliseconds{random() % 2'000});
      case 1: { // a branch is killed, whatever it is doing
        auto branch = reports_of_branches();
        if (auto& victim = branch[random() % branch.size()].life)
          kill(victim);
        break;
      }
      case 2: home->failing_starts[ids[random() % 9]] = static_cast<unsigned>(1 + random() % 2); break;
      default: {
        auto victim = caf::actor_cast<caf::actor>(home->living[ids[random() % 9]]);
        if (victim)
          caf::anon_send(victim, atom::ended_v, static_cast<int>(random() % 5));
      }
    }
    // Not always to the end, so that the next event meets something unfinished.
    for (auto steps = random() % 20; steps > 0 && sched.try_run_once(); --steps) {}
  }

  std::vector<child_report> reports_of_branches() { return reports(); }

  /// The living by the census, as "a b c d e f g h i".
  std::string living() {
    std::string result;
    for (auto& x : actors->tree())
      if (x.place->state() == child_state::running && x.place->id().size() == 1)
        result += (result.empty() ? "" : " ") + x.place->id();
    return result;
  }

  std::mt19937_64 random;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_random_tests, fixture)

CAF_TEST(whatever happens everybody is back when it is over and stops in reverse order) {
  auto first = choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << first);
  constexpr int seeds = 300, events = 40;
  for (int i = 0; i < seeds; ++i) {
    random.seed(first + static_cast<std::uint64_t>(i));
    grow();
    for (int k = 0; k < events; ++k)
      disturb();
    home->failing_starts.clear();
    pass(1min);
    if (living() != "a b c d e f g h i" || has_ended(top))
      CAF_FAIL("SWARM_SEED=" << first + static_cast<std::uint64_t>(i) << " leaves alive: " << living());
    journal();
    end(top);
    pass(1min);
    if (journal() != "-i -h -g -f -e -d -c -b -a")
      CAF_FAIL("SWARM_SEED=" << first + static_cast<std::uint64_t>(i) << " stops out of order");
    if (actors->size() != 0)
      CAF_FAIL("SWARM_SEED=" << first + static_cast<std::uint64_t>(i) << " leaves places behind");
    home->living.clear();
  }
  CAF_CHECK(log.count("restarts '") > 1'000u); // it was no quiet life
}

CAF_TEST_FIXTURE_SCOPE_END()
