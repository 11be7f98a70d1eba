#define CAF_SUITE store_edges

#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  std::vector<ticket_id> submit_fan(std::size_t children, edge_policy on_failure = edge_policy::block) {
    new_graph graph{"fan", std::vector<new_ticket>(children + 1)};
    for (std::size_t i = 0; i <= children; ++i) {
      graph.tickets[i].key = "t" + std::to_string(i);
      graph.tickets[i].kind = "command";
      graph.tickets[i].on_failure = on_failure;
      if (i > 0)
        graph.tickets[i].needs = {0};
    }
    return must(store::submit(s.db, graph)).tickets;
  }

  ticket_id enqueue(const std::string& more) {
    auto answer = s.ask("SELECT swarm.enqueue('noop'" + more + ")");
    return ticket_id{std::stoll(answer)};
  }

  /// Takes the list down, so many dependents at a time.
  propagate_report propagate(std::int32_t limit = 1000) {
    propagate_report all;
    for (;;) {
      auto x = must(store::propagate(s.db, limit));
      if (x.pieces == 0)
        return all;
      all.pieces += x.pieces;
      all.unblocked += x.unblocked;
      all.cancelled += x.cancelled;
    }
  }

  std::string states() {
    return s.ask("SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n "
                 "FROM swarm.tickets_view GROUP BY state) x");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_edges_tests, fixture)

CAF_TEST(a hundred dependents are released with their parent and more are left to the cascade) {
  submit_fan(100);
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(states(), "completed 1, ready 100");
  auto parent = submit_fan(101)[0];
  CAF_REQUIRE(s.claim(100).size() == 100);
  auto claim = s.claim_one();
  CAF_REQUIRE_EQUAL(claim.ticket, parent);
  settle_request request{{{claim, {}}}, desk::rules()};
  auto report = must(store::settle(s.db, request));
  CAF_CHECK_EQUAL(report.unblocked, 0);
  CAF_CHECK_EQUAL(report.handed_over, 1);
  CAF_CHECK_EQUAL(states(), "blocked 101, completed 2, in_progress 100");
  CAF_CHECK_EQUAL(propagate().unblocked, 101);
  CAF_CHECK_EQUAL(states(), "completed 2, in_progress 100, ready 101");
}

CAF_TEST(the cascade releases each dependent once in slices and however often it dies) {
  submit_fan(250);
  s.settle(s.claim_one());
  CAF_CHECK_EQUAL(must(store::propagate(s.db, 100)).unblocked, 100);
  auto dying = d.open();
  must(dying.db.script("BEGIN", "begin"));
  CAF_CHECK_EQUAL(must(store::propagate(dying.db, 100)).unblocked, 100);
  must(dying.db.script("ROLLBACK", "it dies before its commit"));
  CAF_CHECK_EQUAL(propagate(100).unblocked, 150);
  CAF_CHECK_EQUAL(states(), "completed 1, ready 250");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.ticket_events WHERE kind = 'unblocked'"), "250");
}

CAF_TEST(a dependent that is retried while the cascade passes it is neither stranded nor counted twice) {
  for (auto retry_first : {true, false}) {
    auto t = submit_fan(150);
    auto doomed = t[1];
    s.cancel(doomed);
    s.settle(s.claim_one());
    auto other = d.open();
    auto pass = [&](session& x) { must(store::propagate(x.db, 1000)); };
    auto retry = [&](session& x) { x.retry(doomed); };
    retry_first ? overlap(d, s, retry, other, pass) : overlap(d, s, pass, other, retry);
    propagate();
    CAF_CHECK_EQUAL(s.state(doomed), "ready");
    for (auto& claim : s.claim(1000))
      s.settle(claim);
  }
}

CAF_TEST(a dependent that is retried behind the cascade is ready and one before it waits) {
  auto t = submit_fan(250);
  s.cancel(t[1]);
  s.cancel(t[250]);
  s.settle(s.claim_one());
  must(store::propagate(s.db, 100));
  CAF_CHECK_EQUAL(s.retry(t[1]), "ready");
  CAF_CHECK_EQUAL(s.retry(t[250]), "blocked");
  propagate();
  CAF_CHECK_EQUAL(states(), "completed 1, ready 250");
}

CAF_TEST(two cascades at once take different pieces) {
  submit_fan(150);
  submit_fan(150);
  for (auto& claim : s.claim(2))
    s.settle(claim);
  auto other = d.open();
  int first = 0, second = 0;
  auto waited = overlap(d, s, [&](session& x) { first = must(store::propagate(x.db, 1000)).unblocked; }, other,
                        [&](session& x) { second = must(store::propagate(x.db, 1000)).unblocked; });
  CAF_CHECK(!waited);
  CAF_CHECK_EQUAL(first, 150);
  CAF_CHECK_EQUAL(second, 150);
}

CAF_TEST(the check of the counters knows what the cascade has yet to bring) {
  submit_fan(250);
  s.settle(s.claim_one());
  must(store::propagate(s.db, 100));
  CAF_CHECK_EQUAL(must(store::cascade(s.db, {ticket_id{0}, 1000})).repaired, 0);
  CAF_CHECK_EQUAL(propagate().unblocked, 150);
}

CAF_TEST(dependents of a failed ticket wait until it is retried and completes) {
  auto t = submit_fan(2);
  s.settle(s.claim_one(), outcome_class::permanent);
  CAF_CHECK_EQUAL(propagate().pieces, 0);
  CAF_CHECK_EQUAL(states(), "blocked 2, failed 1");
  CAF_CHECK_EQUAL(s.retry(t[0]), "ready");
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(states(), "completed 1, ready 2");
}

CAF_TEST(dependents that shall not outlive a failure are cancelled down the line with the cause) {
  auto parent = s.submit();
  auto child = enqueue(", needs => '{" + to_string(parent) + "}', on_failure => 'cancel'");
  auto grandchild = enqueue(", needs => '{" + to_string(child) + "}', on_failure => 'cancel'");
  auto waiting = enqueue(", needs => '{" + to_string(child) + "}'");
  s.settle(s.claim_one(), outcome_class::permanent);
  CAF_CHECK_EQUAL(s.state(child), "blocked");
  CAF_CHECK_EQUAL(propagate().cancelled, 2);
  CAF_CHECK_EQUAL(s.state(child), "cancelled");
  CAF_CHECK_EQUAL(s.state(grandchild), "cancelled");
  CAF_CHECK_EQUAL(s.state(waiting), "blocked");
  CAF_CHECK_EQUAL(s.ask("SELECT data ->> 'parent' FROM swarm.ticket_events WHERE kind = 'cancelled' AND ticket_id = "
                        + to_string(grandchild)),
                  to_string(child));
}

CAF_TEST(a dependent that ignores a failure goes on and is not released a second time) {
  auto t = submit_fan(1, edge_policy::ignore);
  s.settle(s.claim_one(), outcome_class::permanent);
  CAF_CHECK_EQUAL(propagate().unblocked, 1);
  CAF_CHECK_EQUAL(s.state(t[1]), "ready");
  CAF_CHECK_EQUAL(s.retry(t[0]), "ready");
  for (auto& claim : s.claim(2))
    s.settle(claim);
  CAF_CHECK_EQUAL(s.history(t[1]), "submitted dependency_ignored unblocked claimed completed");
}

CAF_TEST(a parent whose failure was ignored does not count when it completes after all) {
  auto failed = s.submit(), open = s.submit();
  auto child = enqueue(", needs => '{" + to_string(failed) + "," + to_string(open) + "}', on_failure => 'ignore'");
  s.settle(s.claim_one(), outcome_class::permanent);
  propagate();
  CAF_CHECK_EQUAL(s.retry(failed), "ready");
  CAF_CHECK_EQUAL(must(store::cascade(s.db, {ticket_id{0}, 1000})).repaired, 0);
  auto claims = s.claim(2);
  s.settle(claims[1].ticket == failed ? claims[1] : claims[0]);
  CAF_CHECK_EQUAL(s.state(child), "blocked");
  s.settle(claims[1].ticket == failed ? claims[0] : claims[1]);
  CAF_CHECK_EQUAL(s.state(child), "ready");
}

CAF_TEST(a dependent that somebody holds keeps no other dependents waiting) {
  auto held = submit_fan(101), free = submit_fan(101);
  for (auto& claim : s.claim(2))
    CAF_CHECK_EQUAL(s.settle(claim), "ok completed");
  auto stranger = d.open();
  must(stranger.db.script("BEGIN; SELECT FROM swarm.blocked WHERE ticket_id = " + to_string(held[50]) + " FOR UPDATE", "hold"));
  for (int i = 0; i < 3; ++i)
    propagate();
  CAF_CHECK_EQUAL(s.state(free[101]), "ready");
  CAF_CHECK_EQUAL(s.state(held[1]), "blocked");
  must(stranger.db.script("ROLLBACK", "let go"));
  propagate();
  CAF_CHECK_EQUAL(states(), "completed 2, ready 202");
}

CAF_TEST(a parent that is retried in time spares its dependents) {
  auto t = submit_fan(2, edge_policy::cancel);
  s.settle(s.claim_one(), outcome_class::permanent);
  CAF_CHECK_EQUAL(s.retry(t[0]), "ready");
  CAF_CHECK_EQUAL(propagate().cancelled, 0);
  s.settle(s.claim_one());
  CAF_CHECK_EQUAL(states(), "completed 1, ready 2");
}

CAF_TEST(a ticket may wait for others that exist already) {
  auto done = s.submit();
  s.settle(s.claim_one());
  auto open = s.submit();
  auto both = enqueue(", needs => '{" + to_string(done) + "," + to_string(open) + "}'");
  auto none = enqueue(", needs => '{" + to_string(done) + "}'");
  CAF_CHECK_EQUAL(s.state(both), "blocked");
  CAF_CHECK_EQUAL(s.state(none), "ready");
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(s.state(both), "ready");
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.enqueue('noop', needs => '{999}')"), "SW002");
}

CAF_TEST(who depends on a failure that has happened is treated as if it came later) {
  auto failed = s.submit();
  s.settle(s.claim_one(), outcome_class::permanent);
  auto needs = ", needs => '{" + to_string(failed) + "}', on_failure => ";
  auto blocked = enqueue(needs + "'block'"), doomed = enqueue(needs + "'cancel'"), going = enqueue(needs + "'ignore'");
  propagate();
  CAF_CHECK_EQUAL(s.state(blocked), "blocked");
  CAF_CHECK_EQUAL(s.state(doomed), "cancelled");
  CAF_CHECK_EQUAL(s.state(going), "ready");
}

CAF_TEST(no dependent is stranded when its parent completes while it is submitted) {
  for (auto submit_first : {true, false}) {
    auto parent = s.submit();
    auto claim = s.claim_one();
    auto other = d.open();
    auto submit = [&](session& x) { x.ask("SELECT swarm.enqueue('noop', needs => '{" + to_string(parent) + "}')"); };
    auto complete = [&](session& x) { CAF_CHECK_EQUAL(x.settle(claim), "ok completed"); };
    CAF_CHECK(submit_first ? overlap(d, s, submit, other, complete) : overlap(d, s, complete, other, submit));
    CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.blocked"), "0");
    s.settle(s.claim_one());
  }
}

CAF_TEST(an edge can be added to a ticket that waits and to no other) {
  auto a = s.submit(), b = s.submit();
  auto add = [&](ticket_id parent, ticket_id child) {
    return s.ask("SELECT swarm.add_dependency(" + to_string(parent) + ", " + to_string(child) + ")");
  };
  CAF_CHECK_EQUAL(add(a, b), "blocked");
  CAF_CHECK_EQUAL(add(a, b), "blocked"); // once is enough
  CAF_CHECK_EQUAL(s.ask("SELECT remaining FROM swarm.blocked"), "1");
  CAF_CHECK_EQUAL(add(b, a), "SW002");
  CAF_CHECK_EQUAL(add(a, a), "SW002");
  auto claim = s.claim_one();
  auto c = s.submit();
  CAF_CHECK_EQUAL(add(c, a), "SW002");
  s.settle(claim);
  CAF_CHECK_EQUAL(s.state(b), "ready");
  CAF_CHECK_EQUAL(add(a, c), "ready"); // a is done
  CAF_CHECK_EQUAL(add(c, a), "SW002");
}

CAF_TEST(two transactions can not close a cycle together) {
  auto a = s.submit(), b = s.submit();
  auto other = d.open();
  std::string second;
  auto add = [](session& x, ticket_id parent, ticket_id child) {
    return x.ask("SELECT swarm.add_dependency(" + to_string(parent) + ", " + to_string(child) + ")");
  };
  CAF_CHECK(overlap(d, s, [&](session& x) { CAF_CHECK_EQUAL(add(x, a, b), "blocked"); }, other,
                    [&](session& x) { second = add(x, b, a); }));
  CAF_CHECK_EQUAL(second, "SW002");
}

CAF_TEST(two transactions with old snapshots close no circle) {
  auto a = s.submit(), b = s.submit();
  auto other = d.open();
  must(other.db.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM swarm.tickets", "looks"));
  auto add = [](session& x, ticket_id parent, ticket_id child) {
    return x.ask("SELECT swarm.add_dependency(" + to_string(parent) + ", " + to_string(child) + ")");
  };
  CAF_CHECK_EQUAL(add(s, a, b), "blocked");
  CAF_CHECK_EQUAL(add(other, b, a), "40001"); // to be repeated, and then refused
  must(other.db.script("ROLLBACK", "rollback"));
}

CAF_TEST(a graph with countless ways through it can still get an edge) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> edges;
  for (std::uint32_t layer = 0; layer < 30; ++layer)
    for (std::uint32_t i = 0; i < 9; ++i)
      edges.emplace_back(layer * 3 + i / 3, layer * 3 + 3 + i % 3);
  auto t = s.submit_graph(93, edges);
  auto added = s.submit();
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.add_dependency(" + to_string(t[92]) + ", " + to_string(added) + ")"), "blocked");
  auto circle = sentence_of(s.db.script("SELECT swarm.add_dependency(" + to_string(added) + ", " + to_string(t[0]) + ")",
                                        "close a circle"));
  CAF_CHECK(circle.find("ticket " + to_string(t[0]) + " would wait for itself: " + to_string(t[0]) + " -> ")
            != std::string::npos);
  CAF_CHECK(circle.find(" -> " + to_string(added) + " -> " + to_string(t[0])) != std::string::npos);
}

CAF_TEST(a ticket that gets a parent keeps the moment that it was put off to) {
  ticket_id child{std::stoll(s.ask("SELECT swarm.enqueue('noop', run_at => now() + interval '1 day')"))};
  must(s.db.script("UPDATE swarm.tickets SET run_at = NULL", "as after a failed attempt"));
  auto parent = s.submit();
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.add_dependency(" + to_string(parent) + ", " + to_string(child) + ")"), "blocked");
  s.settle(s.claim_one());
  CAF_CHECK_EQUAL(s.state(child), "scheduled");
}

CAF_TEST(why names the failure that doomed a parent) {
  auto t = s.submit_graph(3, {{0, 1}, {1, 2}});
  s.ask("UPDATE swarm.dependencies SET on_failure = 'cancel' WHERE parent_id = " + to_string(t[0]));
  s.cancel(t[0]);
  must(store::propagate(s.db, 10));
  CAF_CHECK_EQUAL(s.state(t[1]), "cancelled");
  auto why = [&](ticket_id x) { return s.ask("SELECT string_agg(w, '; ') FROM swarm.why(" + to_string(x) + ") AS w"); };
  CAF_CHECK(why(t[2]).find("at the root of it is ticket " + to_string(t[0])) != std::string::npos);
  CAF_CHECK(why(t[2]).find("swarm retry " + to_string(t[1])) == std::string::npos);
  s.retry(t[0]);
  CAF_CHECK(why(t[2]).find("swarm retry " + to_string(t[1])) != std::string::npos);
}

CAF_TEST(a cycle is refused with its way round) {
  auto refusal = [&](const std::string& tickets) {
    return sentence_of(s.db.script("SELECT swarm.enqueue_graph('g', '" + tickets + "')", "enqueue"));
  };
  auto circle = refusal(R"({"a": {"kind": "noop", "needs": ["c"]}, "b": {"kind": "noop", "needs": ["a"]},
                            "c": {"kind": "noop", "needs": ["b"]}, "d": {"kind": "noop", "needs": ["c"]}})");
  CAF_CHECK(circle.find("a -> b -> c -> a") != std::string::npos);
  CAF_CHECK(refusal(R"({"a": {"kind": "noop", "needs": ["x"]}})").find("needs 'x', which isn't in the graph")
            != std::string::npos);
  // Against the order, and no cycle.
  CAF_CHECK_EQUAL(refusal(R"({"a": {"kind": "noop", "needs": ["b"]}, "b": {"kind": "noop"}})"), "");
}

CAF_TEST(a running ticket spawns others under its fence and within its limits) {
  new_ticket spec;
  spec.priority = 7;
  spec.deadline = std::chrono::hours{1};
  auto parent = s.submit(spec);
  auto claim = s.claim_one();
  auto spawn = [&](const claim_ref& x) {
    return s.ask("SELECT swarm.spawn(" + to_string(x.ticket) + ", " + to_string(x.fence) + ", 'noop', '{}')");
  };
  auto child = spawn(claim);
  CAF_CHECK_EQUAL(s.ask("SELECT concat_ws(' ', c.priority, c.spawned_by, c.depth, c.deadline_at <= p.deadline_at + "
                        "interval '1 s') FROM swarm.tickets c JOIN swarm.tickets p ON p.id = c.spawned_by WHERE c.id = "
                        + child),
                  "7 " + to_string(parent) + " 1 t");
  CAF_CHECK_EQUAL(spawn({claim.ticket, fence{claim.fence.value + 1}}), "SW003");
  s.ask("UPDATE swarm.tickets SET depth = 10 WHERE id = " + to_string(parent));
  CAF_CHECK_EQUAL(spawn(claim), "SW002");
  s.settle(claim);
  CAF_CHECK_EQUAL(spawn(claim), "SW003");
}

CAF_TEST(the fence tells the outside who holds a ticket) {
  s.submit();
  auto claim = s.claim_one();
  auto assert_current = [&](const claim_ref& x) {
    return s.ask("SELECT swarm.assert_current(" + to_string(x.ticket) + ", " + to_string(x.fence) + ")");
  };
  CAF_CHECK_EQUAL(assert_current(claim), "");
  CAF_CHECK_EQUAL(assert_current({claim.ticket, fence{claim.fence.value - 1}}), "SW003");
  s.settle(claim, outcome_class::released);
  CAF_CHECK_EQUAL(assert_current(claim), "SW003");
  CAF_CHECK_EQUAL(assert_current(s.claim_one()), "");
}

CAF_TEST_FIXTURE_SCOPE_END()
