#define CAF_SUITE store_operators

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }
};

const ticket_id nobody{999'999};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_operators_tests, fixture)

CAF_TEST(a ticket that waits is cancelled at once wherever it waits) {
  auto blocked = s.submit_graph(2, {{0, 1}})[1];
  auto claim = s.claim_one();
  s.settle(claim, outcome_class::content);
  auto scheduled = claim.ticket;
  auto ready = s.submit();
  CAF_CHECK_EQUAL(s.state(blocked), "blocked");
  CAF_CHECK_EQUAL(s.state(scheduled), "scheduled");
  CAF_CHECK_EQUAL(s.state(ready), "ready");
  for (auto x : {blocked, scheduled, ready}) {
    CAF_CHECK_EQUAL(s.cancel(x), "cancelled");
    CAF_CHECK_EQUAL(s.state(x), "cancelled");
    CAF_CHECK_EQUAL(s.cancel(x), "conflict");
  }
  CAF_CHECK_EQUAL(s.history(scheduled), "submitted claimed attempt_failed cancelled");
  CAF_CHECK(s.claim(10).empty());
}

CAF_TEST(cancelling a running ticket is a request to its worker) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  CAF_CHECK_EQUAL(s.cancel(ticket), "requested");
  auto first_request = must(store::show_ticket(s.db, ticket)).cancel_requested_at;
  CAF_CHECK(!first_request.empty());
  CAF_CHECK_EQUAL(s.cancel(ticket), "requested");
  CAF_CHECK_EQUAL(must(store::show_ticket(s.db, ticket)).cancel_requested_at, first_request);
  CAF_CHECK_EQUAL(s.state(ticket), "in_progress");
  CAF_CHECK_EQUAL(s.settle(claim, outcome_class::cancelled), "ok cancelled");
  CAF_CHECK_EQUAL(s.state(ticket), "cancelled");
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed cancel_requested cancelled");
}

CAF_TEST(work that was done before the request reached it counts) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  s.cancel(ticket);
  CAF_CHECK_EQUAL(s.settle(claim), "ok completed");
  CAF_CHECK_EQUAL(s.cancel(ticket), "conflict");
}

CAF_TEST(a requested cancel is not forgotten when the attempt ends in another way) {
  for (auto end : {outcome_class::content, outcome_class::transient, outcome_class::check_error, outcome_class::review,
                   outcome_class::released}) {
    auto ticket = s.submit();
    auto claim = s.claim_one();
    s.cancel(ticket);
    CAF_MESSAGE(to_string(end));
    CAF_CHECK_EQUAL(s.settle(claim, end), "ok cancelled");
    CAF_CHECK_EQUAL(s.state(ticket), "cancelled");
  }
  auto hopeless = s.submit();
  auto claim = s.claim_one();
  s.cancel(hopeless);
  CAF_CHECK_EQUAL(s.settle(claim, outcome_class::permanent), "ok failed");
}

CAF_TEST(final tickets and unknown ones can not be cancelled) {
  auto completed = s.submit();
  s.settle(s.claim_one());
  auto failed = s.submit();
  s.settle(s.claim_one(), outcome_class::permanent);
  CAF_CHECK_EQUAL(s.cancel(completed), "conflict");
  CAF_CHECK_EQUAL(s.cancel(failed), "conflict");
  CAF_CHECK_EQUAL(s.cancel(nobody), "not_found");
  CAF_CHECK_EQUAL(sentence_of(store::cancel(s.db, failed)), "ticket " + to_string(failed) + " is failed already");
  CAF_CHECK_EQUAL(s.history(completed), "submitted claimed completed");
}

CAF_TEST(a failed or cancelled ticket gets a second chance with fresh counters) {
  auto failed = s.submit();
  auto old = s.claim_one();
  s.settle(old, outcome_class::permanent);
  auto cancelled = s.submit();
  s.cancel(cancelled);
  for (auto x : {failed, cancelled}) {
    CAF_CHECK_EQUAL(s.retry(x), "ready");
    CAF_CHECK_EQUAL(s.state(x), "ready");
  }
  CAF_CHECK_EQUAL(s.ask("SELECT sum(attempts + infra_retries + check_retries + reclaims) FROM swarm.tickets"), "0");
  for (auto& claim : s.claim(2)) {
    CAF_CHECK(claim.fence > old.fence);
    CAF_CHECK_EQUAL(s.settle(claim), "ok completed");
  }
  CAF_CHECK_EQUAL(s.settle(old, outcome_class::permanent), "again");
  CAF_CHECK_EQUAL(s.history(failed), "submitted claimed failed retried claimed completed");
}

CAF_TEST(a second chance forgets every way in which the first was used up) {
  new_ticket spec;
  spec.deadline = std::chrono::hours{1};
  auto ticket = s.submit(spec);
  auto counters = [&] {
    return s.ask("SELECT concat_ws('/', attempts, infra_retries, check_retries, throttles, auth_denials, "
                 "budget_denials, reclaims, deadline_at IS NULL) FROM swarm.tickets");
  };
  for (auto end : {outcome_class::check_error, outcome_class::transient, outcome_class::throttled, outcome_class::auth,
                   outcome_class::budget}) {
    s.settle(s.claim_one(), end);
    if (end == outcome_class::check_error)
      must(store::reject(s.db, ticket, "anna", "it is wrong")); // which uses the attempt
    must(s.db.script("UPDATE swarm.scheduled SET run_at = clock_timestamp()", "due"));
    CAF_REQUIRE_EQUAL(must(store::promote(s.db, 1)).promoted, 1);
  }
  s.claim_one();
  s.age(ticket, std::chrono::hours{1});
  CAF_CHECK_EQUAL(s.reclaim(1).poisoned, 1);
  CAF_CHECK_EQUAL(counters(), "1/1/1/1/1/1/1/f");
  CAF_CHECK_EQUAL(s.retry(ticket), "ready");
  CAF_CHECK_EQUAL(counters(), "0/0/0/0/0/0/0/t");
}

CAF_TEST(a ticket that is alive or completed can not be retried) {
  auto graph = s.submit_graph(2, {{0, 1}});
  CAF_CHECK_EQUAL(s.retry(graph[0]), "conflict");
  CAF_CHECK_EQUAL(s.retry(graph[1]), "conflict");
  auto claim = s.claim_one();
  CAF_CHECK_EQUAL(s.retry(graph[0]), "conflict");
  s.settle(claim, outcome_class::content);
  CAF_CHECK_EQUAL(s.retry(graph[0]), "conflict");
  CAF_CHECK_EQUAL(sentence_of(store::retry(s.db, graph[0])),
                  "ticket " + to_string(graph[0]) + " is scheduled; only failed and cancelled tickets can be retried");
  must(s.db.script("UPDATE swarm.scheduled SET run_at = clock_timestamp()", "due"));
  must(store::promote(s.db, 1));
  s.settle(s.claim_one());
  CAF_CHECK_EQUAL(s.retry(graph[0]), "conflict");
  CAF_CHECK_EQUAL(s.retry(nobody), "not_found");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.ticket_events WHERE kind = 'retried'"), "0");
}

CAF_TEST(a revived ticket waits for the parents that are unfinished) {
  auto graph = s.submit_graph(3, {{0, 2}, {1, 2}});
  auto claims = s.claim(2);
  s.settle(claims[0]);
  s.settle(claims[1], outcome_class::permanent);
  s.cancel(graph[2]);
  CAF_CHECK_EQUAL(s.retry(graph[2]), "blocked");
  CAF_CHECK_EQUAL(must(store::show_ticket(s.db, graph[2])).remaining, 1);
  CAF_CHECK(s.claim(10).empty());
  CAF_CHECK_EQUAL(s.retry(graph[1]), "ready");
  s.settle(s.claim_one());
  CAF_CHECK_EQUAL(s.state(graph[2]), "ready");
}

CAF_TEST(the child of a failed parent waits until the parent is retried) {
  auto graph = s.submit_graph(2, {{0, 1}});
  s.settle(s.claim_one(), outcome_class::permanent);
  CAF_CHECK_EQUAL(s.state(graph[1]), "blocked");
  s.retry(graph[0]);
  s.settle(s.claim_one());
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(s.history(graph[1]), "submitted unblocked claimed completed");
}

CAF_TEST(what is asked about tickets is what happened) {
  new_graph release{"release", std::vector<new_ticket>(2)};
  release.tickets[0] = {"build", "heavy", "command", 5, 2, {}, {}, {}, {}, {}, {}, {}, "{}", {}};
  release.tickets[1] = {"test", "default", "command", 9, 1, {}, {}, {}, {}, {}, {}, {}, "{}", {}};
  release.tickets[1].needs = {0};
  auto submitted = must(store::submit(s.db, release));
  auto build = submitted.tickets[0], test = submitted.tickets[1];
  s.settle(s.claim_one("heavy"), outcome_class::content, "exit code 2");
  auto rows = must(store::list_tickets(s.db, {}));
  CAF_REQUIRE_EQUAL(rows.size(), 2u);
  CAF_CHECK(rows[0].id == test && rows[1].id == build);
  CAF_CHECK(rows[1].graph == submitted.graph);
  CAF_CHECK_EQUAL(rows[1].key + "/" + rows[1].queue + "/" + rows[1].kind + "/" + rows[1].state,
                  "build/heavy/command/scheduled");
  CAF_CHECK(rows[1].attempts == 1 && rows[1].attempts_max == 2 && !rows[1].run_at.empty());
  CAF_CHECK_EQUAL(rows[0].remaining, 1);
  store::list_filter filter;
  filter.state = "blocked";
  CAF_CHECK_EQUAL(must(store::list_tickets(s.db, filter)).size(), 1u);
  filter = {};
  filter.before = test;
  filter.limit = 1;
  CAF_CHECK(must(store::list_tickets(s.db, filter)).at(0).id == build);
  filter.graph = graph_id{submitted.graph.value + 1};
  CAF_CHECK(must(store::list_tickets(s.db, filter)).empty());

  auto parents = must(store::list_parents(s.db, test));
  CAF_REQUIRE_EQUAL(parents.size(), 1u);
  CAF_CHECK(parents[0].id == build && parents[0].key == "build" && parents[0].state == "scheduled");
  auto events = must(store::list_events(s.db, build));
  CAF_REQUIRE_EQUAL(events.size(), 3u);
  CAF_CHECK_EQUAL(events[1].kind + " on " + events[1].node, "claimed on box");
  CAF_CHECK(events[2].data.find("exit code 2") != std::string::npos);
  auto members = must(store::graph_tickets(s.db, submitted.graph));
  CAF_REQUIRE_EQUAL(members.size(), 2u);
  CAF_CHECK(members[0].evidence == "exit code 2" && members[0].ended == 1 && members[1].evidence.empty());
  CAF_CHECK_EQUAL(must(store::count_unfinished(s.db)), 2);
  CAF_CHECK_EQUAL(to_string(failure_of(store::show_ticket(s.db, nobody))), "not_found");
  auto before = must(store::measure(s.db));
  s.submit();
  CAF_CHECK(must(store::measure(s.db)).wal_bytes > before.wal_bytes);
}

CAF_TEST(one command revives all that came to the end of limits that are not theirs and nobody else) {
  auto fail = [&](outcome_class end) {
    auto ticket = s.submit();
    must(s.db.script("UPDATE swarm.tickets SET infra_retries = 1000 WHERE id = " + to_string(ticket), "tried often"));
    must(s.db.script("INSERT INTO swarm.ticket_events (ticket_id, kind, data) SELECT " + to_string(ticket)
                       + ", 'repaired', '{\"class\": \"transient\"}' FROM generate_series(1, 1000)",
                     "tried often"));
    CAF_CHECK_EQUAL(s.settle(s.claim_one(), end), "ok failed");
    return ticket;
  };
  auto lost = std::vector<ticket_id>{fail(outcome_class::transient), fail(outcome_class::transient)};
  auto guilty = fail(outcome_class::permanent);
  s.ask("UPDATE swarm.tickets SET unique_key = 'k' WHERE id = " + to_string(lost[1]));
  s.ask("SELECT swarm.enqueue('noop', unique_key => 'k', queue => 'elsewhere')");
  auto report = must(store::retry_exhausted(s.db));
  CAF_CHECK_EQUAL(report.revived, 1);
  CAF_REQUIRE_EQUAL(report.refusals.size(), 1u);
  CAF_CHECK(report.refusals[0].find("holds the unique key 'k'") != std::string::npos);
  CAF_CHECK_EQUAL(s.state(lost[0]), "ready");
  CAF_CHECK_EQUAL(s.ask("SELECT concat(infra_retries, end_reason, infra_since) FROM swarm.tickets WHERE id = "
                        + to_string(lost[0])), "0");
  CAF_CHECK_EQUAL(s.ask("SELECT kind FROM swarm.ticket_events WHERE ticket_id = " + to_string(lost[0])
                        + " ORDER BY id DESC LIMIT 1"), "retried");
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.retry(" + to_string(guilty) + ", 'infra_exhausted')"), "failed");
  CAF_CHECK_EQUAL(s.state(guilty), "failed");
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(must(store::retry_exhausted(s.db)).revived, 0);
}

CAF_TEST(of two operators who revive at once one does it) {
  auto ticket = s.submit();
  auto rules = desk::rules();
  rules.infra_retries_max = 0;
  settlement lost{s.claim_one(), {}};
  lost.outcome.end = outcome_class::transient;
  must(store::settle(s.db, {{lost}, rules}));
  auto other = d.open();
  auto revive = [&](session& x) { return x.ask("SELECT swarm.retry(" + to_string(ticket) + ", 'infra_exhausted')"); };
  std::string first, second;
  CAF_CHECK(overlap(d, s, [&](session& x) { first = revive(x); }, other, [&](session& x) { second = revive(x); }));
  CAF_CHECK_EQUAL(first, "revived_ready");
  CAF_CHECK_EQUAL(second, "ready");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.ticket_events WHERE kind = 'retried'"), "1");
}

CAF_TEST(of tickets in every state it is told whether they are final and of others nothing) {
  std::map<ticket_id, bool> expected;
  auto graph = s.submit_graph(2, {{0, 1}});
  expected[graph[1]] = false; // blocked
  const auto failing = s.claim_one();
  s.settle(failing, outcome_class::content);
  expected[failing.ticket] = false; // scheduled
  expected[s.submit()] = false;
  expected[s.claim_one().ticket] = false;
  expected[s.submit()] = false; // ready
  const auto cancelled = s.submit();
  s.cancel(cancelled);
  expected[cancelled] = true;
  auto asked = std::vector<ticket_id>{nobody};
  for (auto& [ticket, is_final] : expected)
    asked.push_back(ticket);
  CAF_CHECK(must(store::find_ends(s.db, asked)) == expected);
  CAF_CHECK(must(store::find_ends(s.db, {})).empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
