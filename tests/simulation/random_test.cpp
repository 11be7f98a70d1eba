#define CAF_SUITE simulation_random

#include "tests/fixtures/seed.hpp"

#include "tests/fixtures/simulation.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// What one seed leaves behind, to the last event.
std::string history_of(std::uint64_t seed) {
  simulation one{simulation_plan{seed}};
  auto result = one.run() + "\nsteps " + std::to_string(one.tally().steps);
  for (auto& x : one.store().tables().events)
    result += "\n" + to_string(x.ticket) + " " + std::string{x.kind} + " " + to_string(x.fence) + " "
              + to_string(x.node);
  return result;
}

} // namespace

CAF_TEST(whatever goes wrong every ticket is completed once when it is over) {
  auto first = choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << first);
  auto all = simulate(first, seeds_for_this_build(1'500));
  CAF_MESSAGE(all.text());
  // A simulation that never gets to the rare paths says nothing about them.
  CAF_CHECK(all.again > 0u);
  CAF_CHECK(all.lost > 0u);
  CAF_CHECK(all.reclaimed > 0u);
  CAF_CHECK(all.poisoned > 0u);
  CAF_CHECK(all.beats_refused > 0u);
  CAF_CHECK(all.self_fences > 0u);
  CAF_CHECK(all.running_cancelled > 0u);
  CAF_CHECK(all.orphans_released > 0u);
  CAF_CHECK(all.released > 0u);
  CAF_CHECK(all.claim_answers_lost > 0u);
  CAF_CHECK(all.failed_retried > 0u);
  CAF_CHECK(all.propagated > 0u);
  CAF_CHECK(all.extended > 0u);
  CAF_CHECK(all.breakers_opened > 0u && all.breakers_closed > 0u);
  CAF_CHECK(all.kills > 0u && all.pauses > 0u && all.crashes > 0u);
}

CAF_TEST(the same seed gives the same life) {
  auto first = choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << first);
  for (auto seed = first; seed < first + 5; ++seed) {
    auto once = history_of(seed);
    CAF_CHECK(once.find(" completed ") != std::string::npos);
    CAF_CHECK_EQUAL(history_of(seed), once);
  }
}
