#define CAF_SUITE store_plans

#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

using edges = std::vector<std::pair<std::uint32_t, std::uint32_t>>;

struct fixture {
  desk d;
  session s = d.open();

  /// Where the planner thinks that nothing is ever blocked.
  fixture() { must(s.db.script("VACUUM (ANALYZE) swarm.blocked, swarm.dependencies", "vacuum")); }

  static edges chain(std::uint32_t size) {
    edges result;
    for (std::uint32_t child = 1; child < size; ++child)
      result.emplace_back(child - 1, child);
    return result;
  }

  /// Entries that were read in the indexes of `blocked` so far.
  std::int64_t reads() {
    s.ask("SELECT pg_stat_force_next_flush()");
    return std::stoll(s.ask("SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes WHERE relname = 'blocked'"));
  }
};

constexpr std::uint32_t many = 20'000;

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_plans_tests, fixture)

CAF_TEST(a submission reads no blocked tickets but its own) {
  s.submit();
  auto before = reads();
  s.submit_graph(many, chain(many));
  CAF_CHECK(reads() - before < 100);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.blocked WHERE remaining = 1"), std::to_string(many - 1));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.ready"), "2");
}

CAF_TEST(a graph with several edges to one ticket counts each) {
  auto x = s.submit_graph(5, {{0, 3}, {1, 3}, {2, 3}, {3, 4}, {0, 4}});
  CAF_CHECK(s.list("SELECT ticket_id || ':' || remaining FROM swarm.blocked ORDER BY ticket_id")
            == (std::vector<std::string>{to_string(x[3]) + ":3", to_string(x[4]) + ":2"}));
  CAF_CHECK(s.list("SELECT ticket_id FROM swarm.ready ORDER BY seq")
            == (std::vector<std::string>{to_string(x[0]), to_string(x[1]), to_string(x[2])}));
}

CAF_TEST_FIXTURE_SCOPE_END()
