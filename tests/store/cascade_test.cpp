#define CAF_SUITE store_cascade

#include "tests/fixtures/desk.hpp"

#include <algorithm>
#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  static std::vector<std::pair<std::uint32_t, std::uint32_t>> edges_from(std::uint32_t parent, std::uint32_t first,
                                                                         std::uint32_t last) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> result;
    for (auto child = first; child <= last; ++child)
      result.emplace_back(parent, child);
    return result;
  }

  cascade_report repair() { return must(store::cascade(s.db, {ticket_id{0}, 1000})); }

  void set_remaining(ticket_id ticket, int remaining) {
    must(s.db.script("UPDATE swarm.blocked SET remaining = " + std::to_string(remaining) + " WHERE ticket_id = "
                       + to_string(ticket), "a wrong counter"));
  }

  std::string remaining(ticket_id ticket) {
    return s.ask("SELECT remaining FROM swarm.blocked WHERE ticket_id = " + to_string(ticket));
  }

  std::string deadlocks() {
    s.ask("SELECT pg_stat_force_next_flush()");
    return s.ask("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_cascade_tests, fixture)

CAF_TEST(a diamond is walked from its top to its bottom) {
  auto t = s.submit_graph(4, {{0, 1}, {0, 2}, {1, 3}, {2, 3}});
  CAF_CHECK_EQUAL(remaining(t[3]), "2");
  auto top = s.claim(10);
  CAF_REQUIRE_EQUAL(top.size(), 1u);
  CAF_CHECK_EQUAL(must(store::settle(s.db, {{{top[0], {}}}, d.rules()})).unblocked, 2);
  auto middle = s.claim(10);
  CAF_REQUIRE_EQUAL(middle.size(), 2u);
  CAF_CHECK_EQUAL(s.settle(middle[0]), "ok completed");
  CAF_CHECK_EQUAL(s.state(t[3]), "blocked");
  CAF_CHECK_EQUAL(remaining(t[3]), "1");
  CAF_CHECK_EQUAL(s.settle(middle[1]), "ok completed");
  CAF_CHECK_EQUAL(s.settle(middle[1]), "again");
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(s.history(t[3]), "submitted unblocked claimed completed");
  CAF_CHECK_EQUAL(s.ask("SELECT data ->> 'parent' FROM swarm.ticket_events WHERE kind = 'unblocked' AND ticket_id = " + to_string(t[3])),
                  to_string(middle[1].ticket));
}

CAF_TEST(two parents that are completed in one batch count twice) {
  auto t = s.submit_graph(6, {{0, 4}, {1, 4}, {0, 5}, {1, 5}, {2, 5}});
  auto claims = s.claim(10);
  CAF_REQUIRE_EQUAL(claims.size(), 4u);
  CAF_CHECK_EQUAL(s.complete({claims[0], claims[1]}), "ok completed, ok completed");
  CAF_CHECK_EQUAL(s.state(t[4]), "ready");
  CAF_CHECK_EQUAL(remaining(t[5]), "1");
}

CAF_TEST(only a completed parent releases its child) {
  auto t = s.submit_graph(2, {{0, 1}});
  s.settle(s.claim_one(), outcome_class::released);
  s.settle(s.claim_one(), outcome_class::permanent);
  CAF_CHECK_EQUAL(s.state(t[1]), "blocked");
  CAF_CHECK_EQUAL(repair().repaired, 0); // the net knows that, too
  CAF_CHECK_EQUAL(s.cancel(t[1]), "cancelled");
  s.retry(t[0]);
  s.settle(s.claim_one()); // a cancelled child stays what it is
  CAF_CHECK_EQUAL(s.state(t[1]), "cancelled");
}

CAF_TEST(a thousand children are released with their parent in order) {
  s.submit_graph(1001, edges_from(0, 1, 1000));
  CAF_CHECK_EQUAL(must(store::settle(s.db, {{{s.claim_one(), {}}}, d.rules()})).handed_over, 1);
  CAF_CHECK_EQUAL(must(store::propagate(s.db, 2000)).unblocked, 1000);
  auto children = s.claim(2000);
  CAF_CHECK_EQUAL(children.size(), 1000u);
  CAF_CHECK(std::is_sorted(children.begin(), children.end()));
}

CAF_TEST(two parents that two sessions complete at the same time release their child once) {
  auto other = d.open();
  for (int round = 0; round < 4; ++round) {
    auto t = s.submit_graph(3, {{0, 2}, {1, 2}});
    auto claims = s.claim(2);
    if (round % 2 == 1)
      std::swap(claims[0], claims[1]);
    std::string first, second;
    auto waited = overlap(d, s, [&](session& x) { first = x.settle(claims[0]); }, other,
                          [&](session& x) { second = x.settle(claims[1]); });
    CAF_CHECK(waited); // for the child's counter
    CAF_CHECK_EQUAL(first + ", " + second, "ok completed, ok completed");
    CAF_CHECK_EQUAL(s.history(t[2]), "submitted unblocked");
    CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  }
}

CAF_TEST(two parents that two sessions complete at the same time both count) {
  auto other = d.open();
  auto t = s.submit_graph(4, {{0, 3}, {1, 3}, {2, 3}});
  auto claims = s.claim(3);
  CAF_CHECK(overlap(d, s, [&](session& x) { x.settle(claims[0]); }, other, [&](session& x) { x.settle(claims[1]); }));
  CAF_CHECK_EQUAL(remaining(t[3]), "1");
}

CAF_TEST(a parent whose completion is rolled back releases nothing) {
  auto t = s.submit_graph(3, {{0, 2}, {1, 2}});
  auto claims = s.claim(2);
  auto other = d.open();
  must(s.db.script("BEGIN", "begin"));
  s.settle(claims[0]);
  std::thread second{[&] { other.settle(claims[1]); }};
  CAF_CHECK(eventually([&] { return d.is_blocked(other.pid()); }));
  must(s.db.script("ROLLBACK", "rollback"));
  second.join();
  CAF_CHECK_EQUAL(s.state(t[2]), "blocked");
  CAF_CHECK_EQUAL(s.settle(claims[0]), "ok completed");
  CAF_CHECK_EQUAL(s.state(t[2]), "ready");
}

CAF_TEST(overlapping fans are completed by two sessions without a deadlock) {
  auto other = d.open();
  auto before = deadlocks();
  for (int round = 0; round < 200; ++round) {
    // Two parents with the same eight children each, edges written in opposite orders.
    auto edges = edges_from(0, 2, 9);
    auto back = edges_from(1, 2, 9);
    edges.insert(edges.end(), back.rbegin(), back.rend());
    s.submit_graph(10, edges);
    auto claims = s.claim(2);
    std::string theirs;
    std::thread second{[&] {
      try {
        theirs = other.settle(claims[1]);
      } catch (const std::exception& x) {
        theirs = x.what();
      }
    }};
    auto mine = store::settle(s.db, {{{claims[0], {}}}, d.rules()});
    second.join();
    CAF_REQUIRE(mine);
    CAF_REQUIRE_EQUAL(theirs, "ok completed");
    auto children = s.claim(10);
    CAF_REQUIRE_EQUAL(children.size(), 8u);
    s.complete(children);
  }
  CAF_CHECK_EQUAL(deadlocks(), before);
}

CAF_TEST(a completion and a revival and a cancel do not wait for each other in a circle) {
  // 1 is needed by 0 and 2, and 0 by 2; 2 was cancelled.
  auto t = s.submit_graph(3, {{1, 0}, {0, 2}, {1, 2}});
  s.cancel(t[2]);
  auto claim = s.claim_one();
  auto reviver = d.open(), canceller = d.open();
  std::string revived, cancelled;
  must(s.db.script("BEGIN; SELECT FROM swarm.tickets WHERE id = " + to_string(t[1]) + " FOR UPDATE", "completion"));
  std::thread revival{[&] { revived = reviver.retry(t[2]); }};
  CAF_CHECK(eventually([&] { return d.is_blocked(reviver.pid()); })); // holds 0, waits for 1
  std::thread cancel{[&] { cancelled = canceller.cancel(t[0]); }};
  CAF_CHECK(eventually([&] { return d.is_blocked(canceller.pid()); })); // waits for 0
  CAF_CHECK_EQUAL(s.settle(claim), "ok completed");                     // holds 1, wants the counter of 0
  must(s.db.script("COMMIT", "commit"));
  revival.join();
  cancel.join();
  CAF_CHECK_EQUAL(revived + ", " + cancelled, "blocked, cancelled");
}

CAF_TEST(the net leaves right counters alone) {
  auto t = s.submit_graph(3, {{0, 1}, {0, 2}, {1, 2}});
  auto report = repair();
  CAF_CHECK_EQUAL(report.checked, 2);
  CAF_CHECK_EQUAL(report.repaired, 0);
  CAF_CHECK_EQUAL(report.unblocked, 0);
  CAF_CHECK_EQUAL(report.last, t[2]);
  CAF_CHECK_EQUAL(s.history(t[2]), "submitted");
}

CAF_TEST(the net goes through all slice by slice) {
  auto t = s.submit_graph(6, edges_from(0, 1, 5));
  auto first = must(store::cascade(s.db, {ticket_id{0}, 3}));
  CAF_CHECK(first.checked == 3 && first.last == t[3]);
  auto second = must(store::cascade(s.db, {first.last, 3}));
  CAF_CHECK(second.checked == 2 && second.last == t[5]);
  auto third = must(store::cascade(s.db, {second.last, 3}));
  CAF_CHECK(third.checked == 0 && third.last == ticket_id{0});
}

CAF_TEST(the net repairs a counter that is too high or too low and says so) {
  auto t = s.submit_graph(4, {{0, 3}, {1, 3}, {2, 3}});
  for (int wrong : {1, 9}) {
    set_remaining(t[3], wrong);
    auto report = repair();
    CAF_CHECK(report.repaired == 1 && report.unblocked == 0);
    CAF_CHECK_EQUAL(remaining(t[3]), "3");
  }
  CAF_CHECK_EQUAL(s.history(t[3]), "submitted repaired repaired");
  CAF_CHECK_EQUAL(s.ask("SELECT data ->> 'remaining' || ' ' || (data ->> 'derived') FROM swarm.ticket_events "
                        "WHERE kind = 'repaired' ORDER BY id LIMIT 1"),
                  "1 3");
}

CAF_TEST(the net frees a child that was stranded) {
  auto t = s.submit_graph(2, {{0, 1}});
  set_remaining(t[1], 2);
  s.settle(s.claim_one());
  CAF_CHECK_EQUAL(s.state(t[1]), "blocked");
  auto report = repair();
  CAF_CHECK(report.repaired == 1 && report.unblocked == 1);
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(s.history(t[1]), "submitted unblocked claimed completed");
}

CAF_TEST(the net repairs nothing while a parent is being completed) {
  auto t = s.submit_graph(3, {{0, 2}, {1, 2}});
  auto claims = s.claim(2);
  auto other = d.open();
  // The parent is completed and the counter lowered, and neither is committed.
  cascade_report report;
  auto waited = overlap(d, s, [&](session& x) { x.settle(claims[0]); }, other,
                        [&](session& x) { report = must(store::cascade(x.db, {ticket_id{0}, 10})); });
  CAF_CHECK(!waited);
  CAF_CHECK(report.checked == 0 && report.repaired == 0); // the row is in other hands
  // The other way round: the net has looked, and the completion comes before it commits.
  waited = overlap(d, s, [&](session& x) { report = must(store::cascade(x.db, {ticket_id{0}, 10})); }, other,
                   [&](session& x) { x.settle(claims[1]); });
  CAF_CHECK(waited);
  CAF_CHECK(report.checked == 1 && report.repaired == 0);
  CAF_CHECK_EQUAL(s.history(t[2]), "submitted unblocked");
}

CAF_TEST_FIXTURE_SCOPE_END()
