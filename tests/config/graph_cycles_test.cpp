#define CAF_SUITE config_graph_cycles

#include "config/graph_cycles.hpp"

#include <algorithm>
#include <functional>
#include <random>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::config;

namespace {

using needs_of = std::vector<std::vector<std::uint32_t>>;

std::vector<new_ticket> tickets_of(const needs_of& needs) {
  std::vector<new_ticket> result(needs.size());
  for (std::size_t i = 0; i < needs.size(); ++i) {
    result[i].key.append("t").append(std::to_string(i));
    result[i].needs = needs[i];
  }
  return result;
}

std::vector<std::string> cycles_of(const needs_of& needs) {
  const auto tickets = tickets_of(needs);
  std::vector<std::string> result;
  for (const auto& cycle : find_cycles(tickets))
    result.push_back(describe_cycle(cycle, tickets));
  return result;
}

bool has_cycle_by_depth_first_search(const needs_of& needs) {
  std::vector<int> color(needs.size(), 0);
  std::function<bool(std::uint32_t)> visit = [&](std::uint32_t i) {
    color[i] = 1;
    for (const auto need : needs[i])
      if (color[need] == 1 || (color[need] == 0 && visit(need)))
        return true;
    color[i] = 2;
    return false;
  };
  for (std::uint32_t i = 0; i < needs.size(); ++i)
    if (color[i] == 0 && visit(i))
      return true;
  return false;
}

needs_of ring(std::uint32_t size) {
  needs_of result(size);
  for (std::uint32_t i = 0; i < size; ++i)
    result[i] = {(i + 1) % size};
  return result;
}

} // namespace

CAF_TEST(a graph without a circle has none) {
  CAF_CHECK(cycles_of({}).empty());
  CAF_CHECK(cycles_of({{}}).empty());
  CAF_CHECK(cycles_of({{}, {0}, {0}, {1, 2}}).empty());
}

CAF_TEST(every knot is reported once with its shortest path from its first ticket) {
  const std::vector<std::string> expected{"t0 -> t2 -> t0", "t3 -> t4 -> t3"};
  CAF_CHECK_EQUAL(cycles_of({{1, 2}, {2}, {0, 1}, {4, 0}, {3}}), expected);
}

CAF_TEST(a ticket that only leads to a circle is not part of it) {
  const std::vector<std::string> expected{"t1 -> t2 -> t1"};
  CAF_CHECK_EQUAL(cycles_of({{1}, {2}, {1}}), expected);
}

CAF_TEST(the middle of a long path is counted) {
  const std::vector<std::string> ten{"t0 -> t1 -> t2 -> t3 -> t4 -> t5 -> t6 -> t7 -> t8 -> t9 -> t0"};
  CAF_CHECK_EQUAL(cycles_of(ring(10)), ten);
  const std::vector<std::string> eleven{"t0 -> t1 -> t2 -> t3 -> t4 -> ... 1 more ... -> "
                                        "t6 -> t7 -> t8 -> t9 -> t10 -> t0"};
  CAF_CHECK_EQUAL(cycles_of(ring(11)), eleven);
}

CAF_TEST(a circle as long as the largest graph overflows nothing) {
  const auto cycles = cycles_of(ring(100'000));
  CAF_REQUIRE_EQUAL(cycles.size(), 1u);
  CAF_CHECK_EQUAL(cycles.front(), "t0 -> t1 -> t2 -> t3 -> t4 -> ... 99,990 more ... -> "
                                  "t99995 -> t99996 -> t99997 -> t99998 -> t99999 -> t0");
}

CAF_TEST(random graphs have a circle exactly when a plain depth first search says so) {
  const auto seed = 4'711u;
  CAF_MESSAGE("seed " << seed);
  std::mt19937 random{seed};
  int with_cycle = 0;
  for (int round = 0; round < 5'000; ++round) {
    const auto size = static_cast<std::uint32_t>(2 + random() % 9);
    needs_of needs(size);
    for (std::uint32_t i = 0; i < size; ++i)
      for (std::uint32_t j = 0; j < size; ++j)
        if (i != j && random() % size == 0)
          needs[i].push_back(j);
    const auto tickets = tickets_of(needs);
    const auto cycles = find_cycles(tickets);
    CAF_REQUIRE_EQUAL(!cycles.empty(), has_cycle_by_depth_first_search(needs));
    with_cycle += cycles.empty() ? 0 : 1;
    for (const auto& cycle : cycles)
      for (std::size_t i = 0; i < cycle.size(); ++i) {
        const auto& edges = needs[cycle[i]];
        const auto next = cycle[(i + 1) % cycle.size()];
        CAF_REQUIRE(std::find(edges.begin(), edges.end(), next) != edges.end());
        CAF_REQUIRE_EQUAL(std::count(cycle.begin(), cycle.end(), next), 1);
      }
  }
  // Otherwise the comparison would say little.
  CAF_CHECK(with_cycle > 500 && with_cycle < 4'500);
}
