#define CAF_SUITE store_random_graphs

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"
#include "tests/fixtures/seed.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <random>
#include <thread>
#include <utility>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

using random_source = std::mt19937_64;

std::size_t below(random_source& random, std::size_t limit) {
  return random() % limit;
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> random_edges(random_source& random, std::uint32_t size) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  for (std::uint32_t child = 1; child < size; ++child) {
    auto parents = std::min<std::size_t>(child, below(random, 5));
    // Close ones by preference: chains as well as fans.
    std::vector<std::uint32_t> chosen;
    while (chosen.size() < parents) {
      auto reach = std::min<std::size_t>(child, below(random, 4) == 0 ? child : 8);
      auto parent = static_cast<std::uint32_t>(child - 1 - below(random, reach));
      if (std::find(chosen.begin(), chosen.end(), parent) == chosen.end())
        chosen.push_back(parent);
      else if (reach <= chosen.size())
        break;
    }
    for (auto parent : chosen)
      edges.emplace_back(parent, child);
  }
  return edges;
}

struct tally {
  std::atomic<int> ok = 0, again = 0, lost = 0, reclaimed = 0, retried = 0, cancelled = 0, refused = 0;
};

/// A worker, a reaper, an operator and a zombie in one, all of them careless.
class actor {
public:
  actor(session s, std::uint64_t seed, tally& counts) : s_(std::move(s)), random_(seed), counts_(counts) {}

  void step() {
    switch (below(random_, 10)) {
      case 0: return reap();
      case 1: return operate();
      case 2: return settle(std::exchange(zombies_, {}));
      default: break;
    }
    must(store::promote(s_.db, 20));
    auto claims = s_.claim(static_cast<std::int32_t>(1 + below(random_, 12)));
    if (claims.empty())
      return operate();
    settle(claims);
    s_.beat(claims);
  }

private:
  static outcome_class draw_end(random_source& random) {
    using enum outcome_class;
    constexpr outcome_class others[] = {content, crash, timeout, check_failed, check_error, review, transient, permanent,
                                        released, cancelled};
    return below(random, 10) < 7 ? completed : others[below(random, std::size(others))];
  }

  void settle(std::vector<claim_ref> claims) {
    settle_request request{{}, desk::rules()};
    for (auto& claim : claims) {
      if (below(random_, 12) == 0)
        zombies_.push_back(claim); // goes silent, and comes back later
      else
        request.settlements.push_back({claim, {draw_end(random_), "it ended", "", {}, false, 0, "", 0}});
    }
    std::shuffle(request.settlements.begin(), request.settlements.end(), random_);
    auto times = below(random_, 4) == 0 ? 2 : 1;
    for (int i = 0; i < times; ++i)
      for (auto& x : must(store::settle(s_.db, request)).tickets)
        ++(x.answer == settle_answer::ok      ? counts_.ok
           : x.answer == settle_answer::again ? counts_.again
                                              : counts_.lost);
  }

  void reap() {
    for (auto& x : zombies_)
      s_.age(x.ticket, std::chrono::hours{1});
    counts_.reclaimed += s_.reclaim(3).total();
  }

  void operate() {
    auto any = s_.list("SELECT id FROM swarm.tickets WHERE final_state IN ('failed', 'cancelled') LIMIT 5");
    for (auto& x : any)
      ++(s_.retry(ticket_id{std::stoll(x)}) == "conflict" ? counts_.refused : counts_.retried);
    for (auto& x : s_.list("SELECT ticket_id FROM swarm.reviews LIMIT 5"))
      s_.ask(below(random_, 2) == 0 ? "SELECT swarm.approve(" + x + ")" : "SELECT swarm.reject(" + x + ", 'anna', 'no')");
    auto newest = std::stoull(s_.ask("SELECT max(id) FROM swarm.tickets"));
    if (below(random_, 3) == 0)
      ++(s_.cancel(ticket_id{static_cast<std::int64_t>(1 + below(random_, newest))}) == "conflict" ? counts_.refused
                                                                                                  : counts_.cancelled);
    must(store::cascade(s_.db, {ticket_id{0}, 1000}));
  }

  session s_;
  random_source random_;
  tally& counts_;
  std::vector<claim_ref> zombies_;
};

} // namespace

CAF_TEST(random graphs under careless workers end completed once each) {
  constexpr int graphs = 20, tickets = 200, threads = 4;
  auto seed = choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  random_source random{seed};
  desk d;
  auto s = d.open();
  tally counts;
  for (int i = 0; i < graphs; ++i)
    s.submit_graph(tickets, random_edges(random, tickets));
  std::vector<std::string> failures(threads);
  std::atomic<bool> done = false;
  std::vector<std::thread> running;
  for (int i = 0; i < threads; ++i)
    running.emplace_back([&, i, own_seed = random()] {
      try {
        actor worker{d.open(), own_seed, counts};
        while (!done)
          worker.step();
      } catch (const std::exception& x) {
        failures[static_cast<std::size_t>(i)] = x.what();
      }
    });
  auto completed = [&] {
    return s.ask("SELECT count(*) FROM swarm.tickets WHERE final_state = 'completed'")
           == std::to_string(graphs * tickets);
  };
  CAF_CHECK(eventually(completed, std::chrono::seconds{60}));
  done = true;
  for (auto& x : running)
    x.join();
  for (auto& x : failures)
    CAF_CHECK_EQUAL(x, "");
  CAF_CHECK(completed());
  CAF_CHECK_EQUAL(d.violations(), "");
  CAF_CHECK_EQUAL(must(store::count_unfinished(s.db)), 0);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.ticket_events WHERE kind = 'repaired' OR data ? 'cause'"), "0");
  CAF_MESSAGE("ok " << counts.ok << " again " << counts.again << " lost " << counts.lost << " reclaimed "
                    << counts.reclaimed << " retried " << counts.retried << " cancelled " << counts.cancelled);
  CAF_CHECK(counts.again > 0 && counts.lost > 0 && counts.reclaimed > 0 && counts.retried > 0 && counts.cancelled > 0);
}
