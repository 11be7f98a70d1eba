#define CAF_SUITE store_locks

#include "tests/fixtures/desk.hpp"

#include <future>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// Deadlocks need luck to be seen. What makes them impossible doesn't: rows are locked in one order, so whoever waits
/// for a row holds none that comes after it.
struct fixture {
  desk d;
  session s = d.open(), holder = d.open(), waiter = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  /// Runs `word` in a session that must wait for `first`, a row of the table, and answers which of `later` it holds
  /// meanwhile.
  template <class Word>
  std::string held_by(Word word, const std::string& table, const std::string& key, ticket_id first,
                      const std::vector<ticket_id>& later) {
    auto row = [&](ticket_id x) { return "SELECT 1 FROM swarm." + table + " WHERE " + key + " = " + to_string(x); };
    must(holder.db.script("BEGIN; " + row(first) + " FOR UPDATE", "hold"));
    auto running = std::async(std::launch::async, [&] { word(waiter); });
    CAF_CHECK(eventually([&] { return d.is_blocked(waiter.pid()); }));
    std::string held;
    for (auto x : later)
      if (s.ask(row(x) + " FOR UPDATE SKIP LOCKED").empty())
        held += to_string(x) + " ";
    must(holder.db.script("COMMIT", "let go"));
    running.get();
    return held;
  }

  /// Runs `word`, which brings the queues "b" and "a", while somebody else is bringing "a", and answers whether "b" can
  /// be brought meanwhile.
  template <class Word>
  bool leaves_the_later_queue(Word word) {
    must(holder.db.script("BEGIN; INSERT INTO swarm.queues (name) VALUES ('a')", "hold"));
    auto running = std::async(std::launch::async, [&] { word(waiter); });
    CAF_CHECK(eventually([&] { return d.is_blocked(waiter.pid()); }));
    must(s.db.script("SET lock_timeout = 200", "impatience"));
    bool left = s.db.script("INSERT INTO swarm.queues (name) VALUES ('b')", "the later queue") ? true : false;
    must(holder.db.script("COMMIT", "let go"));
    running.get();
    return left;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_locks_tests, fixture)

CAF_TEST(a settlement locks leases in the order of their tickets) {
  auto first = s.submit(), second = s.submit();
  auto claims = s.claim(2);
  auto settle = [&](session& x) { x.complete({claims[1], claims[0]}); };
  CAF_CHECK_EQUAL(held_by(settle, "leases", "ticket_id", first, {second}), "");
  CAF_CHECK_EQUAL(s.state(second), "completed");
}

CAF_TEST(a settlement locks tickets in their order) {
  auto first = s.submit(), second = s.submit();
  auto claims = s.claim(2);
  auto settle = [&](session& x) { x.complete({claims[1], claims[0]}); };
  CAF_CHECK_EQUAL(held_by(settle, "tickets", "id", first, {second}), "");
  CAF_CHECK_EQUAL(s.state(second), "completed");
}

CAF_TEST(a heartbeat passes over what somebody has in hand and loses nothing) {
  s.submit();
  s.submit();
  auto claims = s.claim(2);
  must(waiter.db.script("SET lock_timeout = '1s'", "no patience"));
  for (auto work : {"SELECT swarm.cancel(" + to_string(claims[0].ticket) + ")",
                    "SELECT 1 FROM swarm.leases WHERE ticket_id = " + to_string(claims[0].ticket) + " FOR UPDATE"}) {
    must(holder.db.script("BEGIN; " + work, "hold"));
    CAF_CHECK_EQUAL(waiter.beat(claims), 2u);
    must(holder.db.script("ROLLBACK", "let go"));
  }
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(heartbeat_count::text, ' ' ORDER BY ticket_id) FROM swarm.leases"), "0 2");
  // What only relies on the claim doesn't even do that.
  must(holder.db.script("BEGIN; SELECT swarm.assert_current(" + to_string(claims[0].ticket) + ", "
                          + to_string(claims[0].fence) + ")", "rely on it"));
  CAF_CHECK_EQUAL(waiter.beat(claims), 2u);
  must(holder.db.script("ROLLBACK", "let go"));
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(heartbeat_count::text, ' ' ORDER BY ticket_id) FROM swarm.leases"), "1 3");
}

CAF_TEST(a reclaim passes over a ticket that somebody has in hand) {
  auto first = s.submit(), second = s.submit();
  s.claim(2);
  for (auto x : {first, second})
    s.age(x, std::chrono::minutes{6});
  must(waiter.db.script("SET lock_timeout = '1s'", "no patience"));
  must(holder.db.script("BEGIN; SELECT swarm.enqueue('noop', needs => ARRAY[" + to_string(first) + "])", "hold"));
  CAF_CHECK_EQUAL(waiter.reclaim().reclaimed, 1);
  CAF_CHECK_EQUAL(s.state(second), "ready");
  must(holder.db.script("COMMIT", "let go"));
  CAF_CHECK_EQUAL(waiter.reclaim().reclaimed, 1);
  CAF_CHECK_EQUAL(s.state(first), "ready");
}

CAF_TEST(an expired attempt of a ticket that somebody has in hand is left for later) {
  new_ticket spec;
  spec.timeout = std::chrono::seconds{60};
  auto first = s.submit(spec), second = s.submit(spec);
  s.claim(2);
  s.ask("UPDATE swarm.leases SET deadline_at = clock_timestamp() - interval '1 hour'");
  must(waiter.db.script("SET lock_timeout = '1s'", "no patience"));
  must(holder.db.script("BEGIN; SELECT swarm.enqueue('noop', needs => ARRAY[" + to_string(first) + "])", "hold"));
  auto expire = [&] { return must(store::expire(waiter.db, {std::chrono::minutes{5}, {}, 1000, 3})).timed_out; };
  CAF_CHECK_EQUAL(expire(), 1);
  CAF_CHECK_EQUAL(s.state(second), "scheduled");
  must(holder.db.script("COMMIT", "let go"));
  CAF_CHECK_EQUAL(expire(), 1);
}

CAF_TEST(a settlement waits a moment for a ticket that somebody has in hand and no longer) {
  s.submit();
  auto claim = s.claim_one();
  must(waiter.db.script("SET lock_timeout = 0", "all patience"));
  must(holder.db.script("BEGIN; SELECT swarm.enqueue('noop', needs => ARRAY[" + to_string(claim.ticket) + "])", "hold"));
  settlement ended{claim, {}};
  ended.outcome.end = outcome_class::permanent;
  auto settle = [&] { return store::settle(waiter.db, {{ended}, desk::rules()}); };
  auto held_up = settle();
  CAF_REQUIRE(!held_up);
  CAF_CHECK(sentence_of(held_up).find("lock timeout") != std::string::npos);
  must(holder.db.script("COMMIT", "let go"));
  CAF_CHECK_EQUAL(must(settle()).tickets.at(0).event, "failed");
}

CAF_TEST(a completion locks the counters of its children in the order of their tickets) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  for (std::uint32_t child = 100; child > 0; --child)
    edges.emplace_back(0, child);
  auto t = s.submit_graph(101, edges);
  auto claim = s.claim_one();
  CAF_CHECK_EQUAL(held_by([&](session& x) { x.settle(claim); }, "blocked", "ticket_id", t[1], {t.begin() + 2, t.end()}),
                  "");
  CAF_CHECK_EQUAL(s.claim(1000).size(), 100u);
}

CAF_TEST(a revival locks a ticket and its parents in one order) {
  auto t = s.submit_graph(3, {{0, 2}, {1, 2}});
  s.cancel(t[2]);
  CAF_CHECK_EQUAL(held_by([&](session& x) { x.retry(t[2]); }, "tickets", "id", t[0], {t[1], t[2]}), "");
  CAF_CHECK_EQUAL(s.state(t[2]), "blocked");
}

CAF_TEST(a failure locks the counters of a slice in their order) {
  auto t = s.submit_graph(4, {{0, 2}, {0, 3}, {1, 2}, {1, 3}});
  s.ask("UPDATE swarm.dependencies SET on_failure = CASE WHEN child_id = " + to_string(t[2])
        + " THEN 'ignore' ELSE 'cancel' END::swarm.edge_policy WHERE parent_id = " + to_string(t[0]));
  s.cancel(t[0]);
  auto propagate = [](session& x) { must(store::propagate(x.db, 100)); };
  CAF_CHECK_EQUAL(held_by(propagate, "blocked", "ticket_id", t[2], {t[3]}), "");
  CAF_CHECK_EQUAL(s.state(t[3]), "cancelled");
}

CAF_TEST(a failure locks a young parent after its older child) {
  auto child = s.submit_graph(2, {{0, 1}})[1];
  auto parent = s.submit();
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.add_dependency(" + to_string(parent) + ", " + to_string(child) + ", 'cancel')"), "blocked");
  s.cancel(parent);
  auto propagate = [](session& x) { must(store::propagate(x.db, 100)); };
  CAF_CHECK_EQUAL(held_by(propagate, "tickets", "id", child, {parent}), "");
  CAF_CHECK_EQUAL(s.state(child), "cancelled");
}

CAF_TEST(an expiry passes over a ticket that somebody has in hand) {
  new_ticket spec;
  spec.queue_timeout = std::chrono::hours{1};
  auto first = s.submit(spec), second = s.submit(spec);
  s.ask("UPDATE swarm.ready SET expires_at = clock_timestamp() - interval '1 s'");
  must(waiter.db.script("SET lock_timeout = '1s'", "no patience"));
  must(holder.db.script("BEGIN; SELECT swarm.enqueue('noop', needs => ARRAY[" + to_string(first) + "])", "hold"));
  auto expire = [&] { return must(store::expire(waiter.db, {std::chrono::minutes{5}, {}, 1000, 3})).expired; };
  CAF_CHECK_EQUAL(expire(), 1);
  CAF_CHECK_EQUAL(s.state(second), "failed");
  must(holder.db.script("COMMIT", "let go"));
  CAF_CHECK_EQUAL(expire(), 1);
}

CAF_TEST(a submission brings new queues in the order of their names) {
  CAF_CHECK(leaves_the_later_queue([](session& x) {
    new_graph graph{"", std::vector<new_ticket>(2)};
    graph.tickets[0].queue = "b";
    graph.tickets[1].queue = "a";
    must(store::submit(x.db, graph));
  }));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.ready"), "2");
}

CAF_TEST(a node that starts brings new queues in the order of their names) {
  CAF_CHECK(leaves_the_later_queue([](session& x) {
    must(store::register_node(x.db, {"00000000-0000-0000-0000-000000000002", "box", "host", 1, "0", {"b", "a"}}));
  }));
}

CAF_TEST_FIXTURE_SCOPE_END()
