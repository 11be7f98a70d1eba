#define CAF_SUITE runtime_backoff

#include "runtime/backoff.hpp"

#include <limits>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace std::chrono_literals;

CAF_TEST(the bound doubles with each failure up to its limit) {
  const backoff_rule rule{100ms, 1s};
  const std::vector<std::pair<unsigned, caf::timespan>> table{
    {0, 0ms}, {1, 100ms}, {2, 200ms}, {3, 400ms}, {4, 800ms}, {5, 1s}, {6, 1s}, {31, 1s}, {32, 1s}, {1000, 1s},
    {std::numeric_limits<unsigned>::max(), 1s},
  };
  for (auto& [failures, bound] : table)
    CAF_CHECK_EQUAL(rule.bound(failures).count(), bound.count());
}

CAF_TEST(no rule overflows) {
  constexpr auto longest = caf::timespan::max();
  CAF_CHECK(backoff_rule({longest, longest}).bound(40) == longest);
  CAF_CHECK(backoff_rule({1ns, longest}).bound(31) == caf::timespan{std::int64_t{1} << 30});
  CAF_CHECK(backoff_rule({5s, 1s}).bound(1) == 1s);
  CAF_CHECK(backoff_rule({0ns, 1s}).bound(9) == 0ns);
}

CAF_TEST(a delay lies between half the bound and the bound and varies) {
  const backoff_rule rule{100ms, 1s};
  std::minstd_rand random{1};
  for (unsigned failures = 1; failures < 7; ++failures) {
    auto least = caf::timespan::max();
    auto most = caf::timespan::min();
    for (int i = 0; i < 1000; ++i) {
      auto x = rule.delay(failures, random);
      least = std::min(least, x);
      most = std::max(most, x);
    }
    auto bound = rule.bound(failures);
    CAF_CHECK(least >= bound / 2 && least < bound * 6 / 10);
    CAF_CHECK(most <= bound && most > bound * 9 / 10);
  }
  CAF_CHECK_EQUAL(rule.delay(0, random).count(), 0);
}
