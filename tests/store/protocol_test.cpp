#define CAF_SUITE store_protocol

#include "tests/fixtures/desk.hpp"

#include <algorithm>
#include <set>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  ticket_id submit_urgency(std::int16_t priority) {
    new_ticket x;
    x.priority = priority;
    return s.submit(x);
  }

  static std::vector<ticket_id> tickets_of(const std::vector<claim_ref>& claims) {
    std::vector<ticket_id> result;
    for (auto& x : claims)
      result.push_back(x.ticket);
    return result;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_protocol_tests, fixture)

CAF_TEST(a ticket is submitted then claimed then completed) {
  auto ticket = s.submit();
  CAF_CHECK_EQUAL(s.state(ticket), "ready");
  auto claim = s.claim_one();
  CAF_CHECK_EQUAL(claim.ticket, ticket);
  CAF_CHECK_EQUAL(s.state(ticket), "in_progress");
  CAF_CHECK_EQUAL(s.settle(claim), "ok completed");
  CAF_CHECK_EQUAL(s.state(ticket), "completed");
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed completed");
}

CAF_TEST(a claim tells all that a worker must know) {
  new_ticket x;
  x.key = "build";
  x.kind = "command";
  x.queue = "heavy";
  x.attempts_max = 7;
  x.timeout = std::chrono::milliseconds{1500};
  x.payload = R"({"command": ["make"]})";
  auto submitted = must(store::submit(s.db, {"g", {x}}));
  auto found = must(store::claim(s.db, {"heavy", 1, s.node}));
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  auto& c = found[0];
  CAF_CHECK_EQUAL(c.claim.ticket, submitted.tickets[0]);
  CAF_CHECK_EQUAL(c.attempt, 1);
  CAF_CHECK_EQUAL(c.attempts_max, 7);
  CAF_CHECK_EQUAL(c.queue, "heavy");
  CAF_CHECK_EQUAL(c.key, "build");
  CAF_CHECK_EQUAL(c.kind, "command");
  CAF_CHECK_EQUAL(c.payload, x.payload);
  CAF_CHECK(c.timeout == std::chrono::milliseconds{1500});
  CAF_CHECK_EQUAL(s.ask("SELECT deadline_at > claimed_at FROM swarm.leases"), "t");
}

CAF_TEST(the most urgent ticket is claimed first and among equals the oldest) {
  auto c = submit_urgency(100), a = submit_urgency(5), d1 = submit_urgency(100), b = submit_urgency(7);
  CAF_CHECK(tickets_of(s.claim(10)) == (std::vector{a, b, c, d1}));
}

CAF_TEST(a claim takes no more than its limit and the most urgent ones) {
  for (auto priority : std::vector<std::int16_t>{9, 3, 8, 1, 7, 2})
    submit_urgency(priority);
  // Not by the luck of a plan that walks an index.
  must(s.db.script("SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_seqscan = on", "another plan"));
  CAF_CHECK_EQUAL(s.claim(2).size(), 2u);
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(rank::text, ' ' ORDER BY rank) FROM swarm.ready"), "3 7 8 9");
}

CAF_TEST(a claim of less than all leaves the youngest) {
  std::vector<ticket_id> all;
  for (int i = 0; i < 4; ++i)
    all.push_back(s.submit());
  CAF_CHECK_EQUAL(s.claim_one().ticket, all[0]);
  CAF_CHECK_EQUAL(s.claim_one().ticket, all[1]);
  auto graph = s.submit_graph(3, {});
  all.insert(all.end(), graph.begin(), graph.end());
  for (std::size_t i = 2; i < all.size(); ++i)
    CAF_CHECK_EQUAL(s.claim_one().ticket, all[i]);
}

CAF_TEST(a claim stays in its queue) {
  new_ticket x;
  x.queue = "other";
  auto ticket = s.submit(x);
  CAF_CHECK(s.claim(10).empty());
  CAF_CHECK(s.claim(10, "no_such_queue").empty());
  CAF_CHECK(tickets_of(s.claim(10, "other")) == std::vector{ticket});
}

CAF_TEST(two claimers at once get different tickets and none waits for the other) {
  for (int i = 0; i < 20; ++i)
    s.submit();
  auto other = d.open();
  std::vector<claim_ref> mine, yours;
  auto waited = overlap(d, s, [&](session& x) { mine = x.claim(12); }, other, [&](session& x) { yours = x.claim(20); });
  CAF_CHECK(!waited);
  CAF_CHECK_EQUAL(mine.size(), 12u);
  CAF_CHECK_EQUAL(yours.size(), 8u);
  std::set<std::int64_t> all;
  for (auto& claims : {mine, yours})
    for (auto& x : claims)
      all.insert(x.ticket.value);
  CAF_CHECK_EQUAL(all.size(), 20u);
}

CAF_TEST(a fence is greater than all before it and carries the timeline) {
  std::int64_t last = std::int64_t{1} << 40;
  auto ticket = s.submit();
  for (int i = 0; i < 5; ++i) {
    auto claim = s.claim_one();
    CAF_CHECK_EQUAL(claim.ticket, ticket);
    CAF_CHECK(claim.fence.value > last);
    last = claim.fence.value;
    CAF_CHECK_EQUAL(s.settle(claim, outcome_class::released), "ok released");
  }
}

CAF_TEST(a promoted replica that has lost the newest fences issues greater ones) {
  s.submit();
  auto claim = s.claim_one();
  CAF_CHECK_EQUAL(s.settle(claim, outcome_class::released), "ok released");
  auto replica = d.open();
  // What it would say of its log, and a sequence that begins again.
  must(replica.db.script("CREATE SCHEMA replica; CREATE FUNCTION replica.pg_walfile_name(pg_lsn) RETURNS text "
                         "LANGUAGE sql AS 'SELECT ''00000002'' || substr(pg_catalog.pg_walfile_name($1), 9)'; "
                         "ALTER FUNCTION swarm.next_fence() SET search_path = replica, pg_catalog; SELECT setval('swarm.fence_counter', 1, false)",
                         "promotion"));
  auto next = replica.claim_one();
  CAF_CHECK_EQUAL(next.ticket, claim.ticket);
  CAF_CHECK(next.fence > claim.fence);
  CAF_CHECK_EQUAL(next.fence.value >> 40, 2);
}

CAF_TEST(a claim that finds nothing burns no fence) {
  s.claim(10);
  CAF_CHECK_EQUAL(s.ask("SELECT is_called FROM swarm.fence_counter"), "f");
}

CAF_TEST(a settlement with a wrong fence is lost and changes nothing) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  auto before = s.ask("SELECT t::text || l::text FROM swarm.tickets t, swarm.leases l");
  for (std::int64_t step : {-1, 1})
    CAF_CHECK_EQUAL(s.settle({ticket, fence{claim.fence.value + step}}), "lost");
  CAF_CHECK_EQUAL(s.settle({ticket_id{ticket.value + 1}, claim.fence}), "lost");
  CAF_CHECK_EQUAL(s.ask("SELECT t::text || l::text FROM swarm.tickets t, swarm.leases l"), before);
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed");
}

CAF_TEST(the same settlement twice is accepted once and recognised the second time) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  CAF_CHECK_EQUAL(s.settle(claim), "ok completed");
  CAF_CHECK_EQUAL(s.settle(claim), "again");
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed completed");
}

CAF_TEST(a settlement that is repeated after the next claim is recognised and harms nobody) {
  auto ticket = s.submit();
  auto first = s.claim_one();
  CAF_CHECK_EQUAL(s.settle(first, outcome_class::released), "ok released");
  auto second = s.claim_one();
  CAF_CHECK_EQUAL(s.settle(first, outcome_class::released), "again");
  CAF_CHECK_EQUAL(s.settle(second), "ok completed");
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed released claimed completed");
}

CAF_TEST(a settlement that stands twice in one batch is written once) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  settlement x{claim, {}};
  x.outcome.end = outcome_class::content;
  x.outcome.evidence = "it failed";
  auto report = must(store::settle(s.db, {{x, x}, d.rules()}));
  CAF_REQUIRE_EQUAL(report.tickets.size(), 2u);
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed attempt_failed");
}

CAF_TEST(a zombie can not settle what another worker holds) {
  auto ticket = s.submit();
  auto zombie = s.claim_one();
  s.age(ticket, std::chrono::hours{1});
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
  CAF_CHECK_EQUAL(s.settle(zombie), "lost");
  auto holder = s.claim_one();
  CAF_CHECK_EQUAL(s.settle(zombie), "lost");
  CAF_CHECK_EQUAL(s.settle(zombie, outcome_class::permanent), "lost");
  CAF_CHECK_EQUAL(s.settle(holder), "ok completed");
  CAF_CHECK_EQUAL(s.settle(zombie), "lost");
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed reclaimed claimed completed");
}

CAF_TEST(a zombie can not speak for a ticket that an operator revived) {
  auto ticket = s.submit();
  auto zombie = s.claim_one();
  s.age(ticket, std::chrono::hours{1});
  CAF_CHECK_EQUAL(s.reclaim(1).poisoned, 1);
  CAF_CHECK_EQUAL(s.retry(ticket), "ready");
  CAF_CHECK_EQUAL(s.settle(zombie), "lost");
  auto holder = s.claim_one();
  CAF_CHECK_EQUAL(s.settle(zombie), "lost");
  CAF_CHECK_EQUAL(s.settle(holder), "ok completed");
}

CAF_TEST(answers come in the order of the request) {
  for (int i = 0; i < 30; ++i)
    s.submit();
  auto claims = s.claim(30);
  std::reverse(claims.begin() + 3, claims.end());
  claims.insert(claims.begin() + 7, {ticket_id{12345}, fence{1}});
  settle_request request{{}, d.rules()};
  for (auto& x : claims)
    request.settlements.push_back({x, {}});
  auto report = must(store::settle(s.db, request));
  std::vector<claim_ref> answered;
  for (auto& x : report.tickets)
    answered.push_back(x.claim);
  CAF_CHECK(answered == claims);
  CAF_CHECK_EQUAL(to_string(report.tickets[7].answer), "lost");
  CAF_CHECK(must(store::settle(s.db, {{}, d.rules()})).tickets.empty());
}

CAF_TEST(evidence of any bytes fails no batch) {
  auto strange = s.submit(), plain = s.submit();
  auto claims = s.claim(2);
  settle_request request{{{claims[0], {}}, {claims[1], {}}}, d.rules()};
  auto& outcome = request.settlements[0].outcome;
  outcome.end = outcome_class::content;
  outcome.evidence = std::string{"a\0b\xFF\xC3 \xED\xA0\x80 \xC3\xA9 \\u0000 '", 22};
  outcome.output = std::string{"\0\xFF\n", 3};
  auto report = must(store::settle(s.db, request));
  CAF_CHECK_EQUAL(report.tickets[0].event, "attempt_failed");
  CAF_CHECK_EQUAL(s.state(plain), "completed");
  auto attempt = s.ask("SELECT evidence FROM swarm.attempts WHERE ticket_id = " + to_string(strange));
  CAF_CHECK(attempt.starts_with("a\xEF\xBF\xBD" "b\xEF\xBF\xBD"));
  CAF_CHECK(attempt.find("\xC3\xA9 \\u0000 '") != std::string::npos);
  CAF_CHECK_EQUAL(s.ask("SELECT output = '\\x00ff0a'::bytea FROM swarm.attempts"), "t");
}

CAF_TEST(the log refuses every change) {
  s.submit();
  for (std::string change : {"UPDATE swarm.ticket_events SET kind = 'completed'", "DELETE FROM swarm.ticket_events",
                             "TRUNCATE swarm.ticket_events"})
    CAF_CHECK_EQUAL(s.ask(change), "23001");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.ticket_events"), "1");
}

CAF_TEST(a submission that the database refuses leaves nothing) {
  new_graph graph{"g", {{}, {}}};
  graph.tickets[0].key = "a"; // and the second has none, as only tickets without a graph may
  graph.tickets[0].queue = "brand_new";
  CAF_CHECK_EQUAL(failure_of(store::submit(s.db, graph)), errc::constraint_violated);
  graph.tickets[1].key = "b";
  graph.tickets[1].needs = {7};
  CAF_CHECK_EQUAL(failure_of(store::submit(s.db, graph)), errc::constraint_violated);
  graph.tickets[1].needs = {1};
  CAF_CHECK_EQUAL(failure_of(store::submit(s.db, graph)), errc::constraint_violated);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets"), "0");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.queues"), "1");
}

CAF_TEST_FIXTURE_SCOPE_END()
