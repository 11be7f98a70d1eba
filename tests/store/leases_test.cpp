#define CAF_SUITE store_leases

#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  reclaim_report reclaim_from(std::vector<std::int64_t> dead_nodes) {
    return must(store::reclaim(s.db, {std::chrono::minutes{5}, std::move(dead_nodes), 1000, 3}));
  }

  store::registered_node register_in(const std::string& home) {
    return must(store::register_node(s.db, {home, "box", "host", 1, "0", {"a", "b"}}));
  }
};

const std::string home_1 = "00000000-0000-0000-0000-000000000001"; // the fixture's node lives here
const std::string home_2 = "00000000-0000-0000-0000-000000000002";

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_leases_tests, fixture)

CAF_TEST(a heartbeat renews what is held and counts) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  s.age(ticket, std::chrono::minutes{4});
  CAF_CHECK_EQUAL(s.beat({claim}), 1u);
  CAF_CHECK_EQUAL(s.beat({claim}), 1u);
  CAF_CHECK_EQUAL(s.ask("SELECT heartbeat_count FROM swarm.leases"), "2");
  CAF_CHECK_EQUAL(s.ask("SELECT clock_timestamp() - last_heartbeat < interval '1 minute' FROM swarm.leases"), "t");
  CAF_CHECK_EQUAL(s.ask("SELECT last_seen_at > started_at FROM swarm.nodes"), "t");
  CAF_CHECK_EQUAL(s.reclaim().total(), 0);
}

CAF_TEST(a heartbeat returns only what is held under this very fence) {
  for (int i = 0; i < 4; ++i)
    s.submit();
  auto claims = s.claim(4);
  s.settle(claims[0]);
  s.settle(claims[1], outcome_class::released);
  auto reclaimed = s.claim_one(); // the second ticket again
  claims[3].fence.value += 1;
  auto held = must(store::heartbeat(s.db, {s.node, {claims, {}}}));
  CAF_REQUIRE_EQUAL(held.size(), 1u);
  CAF_CHECK_EQUAL(held[0].claim.ticket, claims[2].ticket);
  CAF_CHECK(!held[0].cancel_requested);
  CAF_CHECK_EQUAL(s.ask("SELECT sum(heartbeat_count) FROM swarm.leases"), "1");
  CAF_CHECK_EQUAL(s.beat({reclaimed}), 1u);
  CAF_CHECK_EQUAL(s.beat({}), 0u);
}

CAF_TEST(a lease that a node has forgotten comes back as an orphan and gets no beat) {
  for (int i = 0; i < 3; ++i)
    s.submit();
  auto claims = s.claim(3);
  beat_request request{s.node, {{claims[0]}, {}}, std::chrono::minutes{1}};
  CAF_CHECK_EQUAL(must(store::heartbeat(s.db, request)).size(), 1u); // too young: its worker may be about to start
  s.ask("UPDATE swarm.leases SET claimed_at = claimed_at - interval '61 seconds' WHERE ticket_id <> "
        + to_string(claims[2].ticket));
  auto answer = must(store::heartbeat(s.db, request));
  CAF_REQUIRE_EQUAL(answer.size(), 2u);
  CAF_CHECK(answer[0].claim == claims[0] && !answer[0].orphan);
  CAF_CHECK(answer[1].claim == claims[1] && answer[1].orphan);
  CAF_CHECK_EQUAL(s.ask("SELECT sum(heartbeat_count) FROM swarm.leases"), "2");
  request.node = node_id{s.node.value + 1}; // another node's leases are none of our business
  request.held = {};
  CAF_CHECK_EQUAL(must(store::heartbeat(s.db, request)).size(), 0u);
}

CAF_TEST(a heartbeat says that an operator wants a ticket cancelled) {
  auto wanted = s.submit(), other = s.submit();
  auto claims = s.claim(2);
  CAF_CHECK_EQUAL(s.cancel(wanted), "requested");
  for (auto& x : must(store::heartbeat(s.db, {s.node, {claims, {}}})))
    CAF_CHECK_EQUAL(x.cancel_requested, x.claim.ticket == wanted);
  CAF_CHECK_EQUAL(s.state(other), "in_progress");
}

CAF_TEST(only what was silent for too long by the clock of the database is reclaimed) {
  auto fresh = s.submit(), silent = s.submit();
  s.claim(2);
  s.age(fresh, std::chrono::seconds{290});
  s.age(silent, std::chrono::seconds{301});
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
  CAF_CHECK_EQUAL(s.state(fresh), "in_progress");
  CAF_CHECK_EQUAL(s.state(silent), "ready");
  CAF_CHECK_EQUAL(s.history(silent), "submitted claimed reclaimed");
  CAF_CHECK_EQUAL(s.reclaim().total(), 0);
}

CAF_TEST(a ticket may run for as long as its worker beats) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  must(s.db.script("UPDATE swarm.leases SET claimed_at = claimed_at - interval '3 days'", "a long run"));
  s.age(ticket, std::chrono::minutes{4});
  CAF_CHECK_EQUAL(s.reclaim().total(), 0);
  CAF_CHECK_EQUAL(s.settle(claim), "ok completed");
}

CAF_TEST(reclaiming uses no attempt) {
  auto ticket = s.submit();
  s.claim_one();
  s.age(ticket, std::chrono::hours{1});
  s.reclaim();
  CAF_CHECK_EQUAL(s.ask("SELECT attempts || ' ' || reclaims FROM swarm.tickets"), "0 1");
  auto claimed = must(store::claim(s.db, {"default", 1, s.node}));
  CAF_CHECK_EQUAL(claimed.at(0).attempt, 1);
}

CAF_TEST(a ticket that loses its worker too often is poison) {
  auto ticket = s.submit();
  for (int loss = 1; loss <= 3; ++loss) {
    s.claim_one();
    s.age(ticket, std::chrono::hours{1});
    auto report = s.reclaim(3);
    CAF_CHECK_EQUAL(report.poisoned, loss == 3 ? 1 : 0);
    CAF_CHECK_EQUAL(report.reclaimed, loss == 3 ? 0 : 1);
  }
  CAF_CHECK_EQUAL(s.state(ticket), "failed");
  CAF_CHECK_EQUAL(s.ask("SELECT data ->> 'class' || ' ' || (data ->> 'reclaims') FROM swarm.ticket_events "
                        "WHERE kind = 'failed'"),
                  "reclaim 3");
}

CAF_TEST(a lost ticket that was to be cancelled is cancelled) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  s.cancel(ticket);
  s.age(ticket, std::chrono::hours{1});
  CAF_CHECK_EQUAL(s.reclaim().cancelled, 1);
  CAF_CHECK_EQUAL(s.state(ticket), "cancelled");
  CAF_CHECK_EQUAL(s.settle(claim), "lost");
}

CAF_TEST(the leases of dead nodes are reclaimed at once and only theirs) {
  auto mine = s.submit(), theirs = s.submit();
  s.claim_one();
  auto other = register_in(home_2);
  must(store::claim(s.db, {"default", 1, other.id}));
  CAF_CHECK_EQUAL(reclaim_from({}).total(), 0);
  CAF_CHECK_EQUAL(reclaim_from({other.id.value}).reclaimed, 1);
  CAF_CHECK_EQUAL(s.state(theirs), "ready");
  CAF_CHECK_EQUAL(s.state(mine), "in_progress");
}

CAF_TEST(a node that starts learns of its predecessors that still hold leases) {
  CAF_CHECK(register_in(home_1).dead_nodes.empty()); // the fixture's node holds none
  s.submit();
  s.claim_one();
  CAF_CHECK(register_in(home_2).dead_nodes.empty());
  auto successor = register_in(home_1);
  CAF_CHECK(successor.dead_nodes == std::vector{s.node.value});
  CAF_CHECK(successor.id > s.node);
  CAF_CHECK_EQUAL(reclaim_from(successor.dead_nodes).reclaimed, 1);
  CAF_CHECK(register_in(home_1).dead_nodes.empty());
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(name, ' ' ORDER BY name) FROM swarm.queues"), "a b default");
}

CAF_TEST(two reapers at once take different leases) {
  for (int i = 0; i < 10; ++i)
    s.submit();
  for (auto& x : s.claim(10))
    s.age(x.ticket, std::chrono::hours{1});
  auto other = d.open();
  int first = 0, second = 0;
  auto reap = [](session& x, std::int32_t limit) {
    return must(store::reclaim(x.db, {std::chrono::minutes{5}, {}, limit, 3})).reclaimed;
  };
  auto waited = overlap(d, s, [&](session& x) { first = reap(x, 6); }, other, [&](session& x) { second = reap(x, 9); });
  CAF_CHECK(!waited);
  CAF_CHECK_EQUAL(first, 6);
  CAF_CHECK_EQUAL(second, 4);
}

CAF_TEST(only due tickets are promoted and the longest due first) {
  auto now = s.submit(), later = s.submit(), earlier = s.submit();
  for (auto& x : s.claim(3))
    s.settle(x, outcome_class::content);
  must(s.db.script("UPDATE swarm.scheduled SET run_at = clock_timestamp() + CASE ticket_id WHEN " + to_string(now)
                     + " THEN interval '-1 s' WHEN " + to_string(later) + " THEN interval '1 hour' "
                     + "ELSE interval '-1 min' END",
                   "set times"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 1)).promoted, 1);
  CAF_CHECK_EQUAL(s.state(earlier), "ready");
  CAF_CHECK_EQUAL(s.state(now), "scheduled");
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).promoted, 1);
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).promoted, 0);
  CAF_CHECK_EQUAL(s.state(later), "scheduled");
  CAF_CHECK_EQUAL(s.history(now), "submitted claimed attempt_failed promoted");
}

CAF_TEST(two schedulers at once promote different tickets) {
  for (int i = 0; i < 10; ++i)
    s.submit();
  for (auto& x : s.claim(10))
    s.settle(x, outcome_class::content);
  must(s.db.script("UPDATE swarm.scheduled SET run_at = clock_timestamp()", "all are due"));
  auto other = d.open();
  int first = 0, second = 0;
  auto waited = overlap(d, s, [&](session& x) { first = must(store::promote(x.db, 6)).promoted; }, other,
                        [&](session& x) { second = must(store::promote(x.db, 10)).promoted; });
  CAF_CHECK(!waited);
  CAF_CHECK_EQUAL(first, 6);
  CAF_CHECK_EQUAL(second, 4);
}

CAF_TEST_FIXTURE_SCOPE_END()
