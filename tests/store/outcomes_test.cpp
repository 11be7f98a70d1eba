#define CAF_SUITE store_outcomes

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include <set>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  std::string counters(ticket_id ticket) {
    return s.ask("SELECT concat_ws('/', attempts, infra_retries, check_retries, reclaims) FROM swarm.tickets "
                 "WHERE id = " + to_string(ticket));
  }

  settled_ticket settle(claim_ref claim, outcome_class end, const retry_rules& rules) {
    settlement x{claim, {}};
    x.outcome.end = end;
    return must(store::settle(s.db, {{x}, rules})).tickets.at(0);
  }
};

/// What one outcome does to a ticket that has used so much of its limits.
struct transition {
  outcome_class end;
  int attempts_before; ///< Of two.
  int infra_before;    ///< Of two retries.
  const char* event;
  const char* state;
  const char* counters; ///< attempts/infra_retries/check_retries/reclaims
};

using enum outcome_class;

const std::vector<transition> transitions = {
  {completed, 0, 0, "completed", "completed", "0/0/0/0"},
  {completed, 1, 2, "completed", "completed", "1/2/0/0"},
  {content, 0, 0, "attempt_failed", "scheduled", "1/0/0/0"},
  {content, 1, 0, "failed", "failed", "2/0/0/0"},
  {crash, 0, 0, "attempt_failed", "scheduled", "1/0/0/0"},
  {crash, 1, 0, "failed", "failed", "2/0/0/0"},
  {timeout, 0, 0, "attempt_failed", "scheduled", "1/0/0/0"},
  {timeout, 1, 0, "failed", "failed", "2/0/0/0"},
  {check_failed, 0, 0, "attempt_failed", "scheduled", "1/0/0/0"},
  {check_failed, 1, 0, "failed", "failed", "2/0/0/0"},
  {check_error, 0, 0, "review_requested", "in_review", "0/0/1/0"},
  {check_error, 1, 2, "review_requested", "in_review", "1/2/1/0"},
  {review, 0, 0, "review_requested", "in_review", "0/0/0/0"},
  {review, 1, 2, "review_requested", "in_review", "1/2/0/0"},
  {transient, 0, 0, "attempt_failed", "scheduled", "0/1/0/0"},
  {transient, 1, 1, "attempt_failed", "scheduled", "1/2/0/0"},
  {transient, 0, 2, "failed", "failed", "0/3/0/0"},
  {throttled, 0, 0, "attempt_failed", "scheduled", "0/0/0/0"},
  {auth, 1, 2, "attempt_failed", "scheduled", "1/2/0/0"},
  {budget, 0, 0, "attempt_failed", "scheduled", "0/0/0/0"},
  {snoozed, 1, 2, "snoozed", "scheduled", "1/2/0/0"},
  {waiting, 1, 2, "waiting", "waiting", "1/2/0/0"},
  {permanent, 0, 0, "failed", "failed", "1/0/0/0"},
  {permanent, 1, 2, "failed", "failed", "2/2/0/0"},
  {released, 0, 0, "released", "ready", "0/0/0/0"},
  {released, 1, 2, "released", "ready", "1/2/0/0"},
  {cancelled, 0, 0, "cancelled", "cancelled", "0/0/0/0"},
  {cancelled, 1, 2, "cancelled", "cancelled", "1/2/0/0"},
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_outcomes_tests, fixture)

CAF_TEST(each outcome has its event and its state and its counter) {
  auto rules = desk::rules();
  rules.infra_retries_max = 2;
  for (auto& x : transitions) {
    new_ticket spec;
    spec.attempts_max = 2;
    auto ticket = s.submit(spec);
    auto use_up = [&](outcome_class end, int times) {
      for (int i = 0; i < times; ++i) {
        CAF_REQUIRE_EQUAL(settle(s.claim_one(), end, rules).event, "attempt_failed");
        CAF_CHECK(eventually([&] { return must(store::promote(s.db, 10)).promoted > 0; }));
      }
    };
    use_up(content, x.attempts_before);
    use_up(transient, x.infra_before);
    auto answer = settle(s.claim_one(), x.end, rules);
    CAF_MESSAGE(to_string(x.end) << " after " << x.attempts_before << "/" << x.infra_before);
    CAF_CHECK_EQUAL(to_string(answer.answer), "ok");
    CAF_CHECK_EQUAL(answer.event, x.event);
    CAF_CHECK_EQUAL(s.state(ticket), x.state);
    CAF_CHECK_EQUAL(counters(ticket), x.counters);
    const std::string event = x.event;
    CAF_CHECK_EQUAL(answer.delay.count() > 0, event == "attempt_failed" || event == "review_requested");
    s.cancel(ticket); // so that the next line of the table finds an empty queue
  }
}

CAF_TEST(a ticket that meets nothing but trouble fails when that has lasted too long) {
  auto ticket = s.submit();
  auto reason = [&] { return s.ask("SELECT end_reason FROM swarm.tickets WHERE id = " + to_string(ticket)); };
  auto end = [&](outcome_class how) {
    auto event = settle(s.claim_one(), how, desk::rules()).event;
    CAF_CHECK(event == "failed" || event == "released" || eventually([&] { return must(store::promote(s.db, 1)).promoted > 0; }));
    return event;
  };
  auto let_pass = [&](const std::string& time) {
    must(s.db.script("UPDATE swarm.tickets SET infra_since = infra_since - interval '" + time + "'", "let time pass"));
  };
  end(transient);
  let_pass("23 hours");
  CAF_CHECK_EQUAL(end(transient), "attempt_failed");
  let_pass("2 hours");
  CAF_CHECK_EQUAL(end(content), "attempt_failed"); // it reached its work
  CAF_CHECK_EQUAL(end(transient), "attempt_failed");
  let_pass("23 hours");
  CAF_CHECK_EQUAL(end(released), "released"); // that says nothing
  CAF_CHECK_EQUAL(end(throttled), "attempt_failed");
  let_pass("2 hours");
  CAF_CHECK_EQUAL(end(snoozed), "snoozed");
  CAF_CHECK_EQUAL(end(transient), "attempt_failed");
  let_pass("20 hours");
  CAF_CHECK_EQUAL(end(transient), "attempt_failed");
  let_pass("5 hours");
  CAF_CHECK_EQUAL(end(transient), "failed");
  CAF_CHECK_EQUAL(reason(), "infra_exhausted");
  CAF_CHECK_EQUAL(s.ask("SELECT data ->> 'reason' FROM swarm.ticket_events WHERE kind = 'failed'"), "infra_exhausted");
  for (auto& x : must(store::replay(s.db)))
    CAF_CHECK_EQUAL(x.log, x.table);
}

CAF_TEST(who comes to the end of a limit that is not its own is told from who failed) {
  auto rules = desk::rules();
  rules.infra_retries_max = rules.throttled_max = rules.auth_max = rules.budget_max = 0;
  for (auto end : {transient, throttled, auth, budget, permanent, content}) {
    new_ticket spec;
    spec.attempts_max = 1;
    auto ticket = s.submit(spec);
    CAF_CHECK_EQUAL(settle(s.claim_one(), end, rules).event, "failed");
    auto is_own = end == permanent || end == content;
    CAF_CHECK_EQUAL(must(store::show_ticket(s.db, ticket)).end_reason, is_own ? "" : "infra_exhausted");
  }
  CAF_CHECK_EQUAL(must(store::list_tickets(s.db, {})).back().end_reason, "infra_exhausted");
}

CAF_TEST(the attempt has the number that follows the used ones) {
  auto ticket = s.submit();
  auto attempt_of_next = [&] { return must(store::claim(s.db, {"default", 1, s.node})).at(0); };
  auto first = attempt_of_next();
  CAF_CHECK_EQUAL(first.attempt, 1);
  s.settle(first.claim, released);
  auto second = attempt_of_next();
  CAF_CHECK_EQUAL(second.attempt, 1); // a released one counts nothing
  s.settle(second.claim, content);
  CAF_CHECK(eventually([&] { return must(store::promote(s.db, 1)).promoted == 1; }));
  CAF_CHECK_EQUAL(attempt_of_next().attempt, 2);
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed released claimed attempt_failed promoted claimed");
}

CAF_TEST(the delay grows with each failure and stays in its bounds) {
  retry_rules rules;
  rules.backoff_first = std::chrono::milliseconds{1000};
  rules.backoff_max = std::chrono::milliseconds{5000};
  rules.infra_retries_max = 1000;
  for (int i = 0; i < 40; ++i)
    s.submit();
  for (std::int64_t bound : {1000, 2000, 4000, 5000, 5000}) {
    std::set<std::int64_t> seen;
    for (auto& claim : s.claim(40)) {
      auto before = s.ask("SELECT clock_timestamp()");
      auto delay = settle(claim, transient, rules).delay / std::chrono::milliseconds{1};
      CAF_CHECK(delay > 0 && delay <= bound);
      CAF_CHECK_EQUAL(s.ask("SELECT run_at >= timestamptz '" + before + "' + interval '" + std::to_string(delay)
                            + " ms' FROM swarm.scheduled WHERE ticket_id = " + to_string(claim.ticket)),
                      "t");
      seen.insert(delay);
    }
    // Spread over the range: 40 draws that all miss one half are a coin that falls on one side 40 times.
    CAF_CHECK(*seen.begin() <= bound / 2 && *seen.rbegin() > bound / 2);
    CAF_CHECK_EQUAL(s.ask("SELECT max(run_at) <= clock_timestamp() + interval '" + std::to_string(bound)
                          + " ms' FROM swarm.scheduled"),
                    "t");
    must(s.db.script("UPDATE swarm.scheduled SET run_at = clock_timestamp()", "let time pass"));
    CAF_CHECK_EQUAL(must(store::promote(s.db, 100)).promoted, 40);
  }
}

CAF_TEST(two thousand failures do not overflow the delay) {
  auto ticket = s.submit();
  must(s.db.script("UPDATE swarm.tickets SET infra_retries = 2000", "many failures"));
  must(s.db.script("INSERT INTO swarm.ticket_events (ticket_id, kind, data) SELECT " + to_string(ticket)
                     + ", 'repaired', '{\"class\": \"transient\"}' FROM generate_series(1, 2000)",
                   "many failures"));
  retry_rules rules;
  rules.infra_retries_max = 3000;
  rules.backoff_max = std::chrono::hours{24 * 365};
  auto delay = settle(s.claim_one(), transient, rules).delay;
  CAF_CHECK(delay.count() > 0 && delay <= rules.backoff_max);
}

CAF_TEST(an outcome without evidence leaves no attempt and one with evidence leaves all of it) {
  auto ticket = s.submit();
  CAF_CHECK_EQUAL(s.settle(s.claim_one(), released, ""), "ok released");
  CAF_CHECK(must(store::list_attempts(s.db, ticket)).empty());
  auto claim = s.claim_one();
  settlement x{claim, {}};
  x.outcome = {crash, "killed by signal 9", "", {}, true, 137, "out\nput", 7'000'000'000};
  must(store::settle(s.db, {{x}, desk::rules()}));
  auto found = must(store::list_attempts(s.db, ticket));
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(found[0].attempt, 1);
  CAF_CHECK_EQUAL(found[0].fence, claim.fence.value);
  CAF_CHECK_EQUAL(found[0].node, "box");
  CAF_CHECK_EQUAL(found[0].end, "crash");
  CAF_CHECK_EQUAL(found[0].evidence, "killed by signal 9");
  CAF_CHECK(found[0].exit_code == 137);
  CAF_CHECK_EQUAL(found[0].output, "out\nput");
  CAF_CHECK_EQUAL(found[0].output_bytes, 7'000'000'000);
  CAF_CHECK(!found[0].started_at.empty() && found[0].started_at <= found[0].ended_at);
}

CAF_TEST(the next attempt learns how the last one failed) {
  s.submit();
  auto claimed = [&] { return must(store::claim(s.db, {"default", 1, s.node, {}})).at(0); };
  auto end = [&](const claimed_ticket& x, outcome_class how, std::string evidence, std::string output) {
    settlement ended{x.claim, {}};
    ended.outcome.end = how;
    ended.outcome.evidence = std::move(evidence);
    ended.outcome.output = std::move(output);
    must(store::settle(s.db, {{ended}, desk::rules()}));
    CAF_REQUIRE(how == outcome_class::released || eventually([&] { return must(store::promote(s.db, 1)).promoted > 0; }));
  };
  auto first = claimed();
  CAF_CHECK_EQUAL(first.last_failure, "");
  end(first, outcome_class::content, "exited with 3", "\377" + std::string(20'000, 'x') + "boom");
  auto second = claimed();
  CAF_CHECK(second.last_failure.starts_with("exited with 3\nxx"));
  CAF_CHECK(second.last_failure.ends_with("xboom"));
  CAF_CHECK_EQUAL(second.last_failure.size(), 14u + 16'384u);
  end(second, outcome_class::transient, "no memory", "");
  CAF_CHECK_EQUAL(claimed().last_failure, second.last_failure); // an outage teaches nothing
}

CAF_TEST(a result reaches those that refer to it) {
  new_graph graph{"g", std::vector<new_ticket>(3)};
  for (std::size_t i = 0; i < 3; ++i) {
    graph.tickets[i].key = "t" + std::to_string(i);
    graph.tickets[i].kind = "noop";
  }
  graph.tickets[1].payload = R"({"prompt": "${ticket.t0.result.n}"})";
  graph.tickets[1].needs = graph.tickets[2].needs = {0};
  must(store::submit(s.db, graph));
  settlement done{s.claim_one(), {}};
  done.outcome.evidence = "done";
  done.outcome.details = R"({"result": {"n": 7}, "notes": "x"})";
  must(store::settle(s.db, {{done}, desk::rules()}));
  auto claimed = must(store::claim(s.db, {"default", 2, s.node, {}}));
  CAF_REQUIRE_EQUAL(claimed.size(), 2u);
  CAF_CHECK_EQUAL(claimed[0].results, R"({"t0": {"n": 7}})");
  CAF_CHECK_EQUAL(claimed[1].results, ""); // it doesn't ask
  CAF_CHECK_EQUAL(s.ask("SELECT details ->> 'notes' FROM swarm.attempts"), "x");
}

CAF_TEST(a batch of different ends gives each its own) {
  for (int i = 0; i < 16; ++i)
    s.submit();
  settle_request request{{}, desk::rules()};
  for (auto& claim : s.claim(16)) {
    settlement x{claim, {}};
    x.outcome.end = static_cast<outcome_class>(request.settlements.size());
    x.outcome.evidence = to_string(x.outcome.end);
    request.settlements.push_back(x);
  }
  std::string events;
  for (auto& x : must(store::settle(s.db, request)).tickets)
    events += x.event + " ";
  CAF_CHECK_EQUAL(events, "completed attempt_failed attempt_failed attempt_failed attempt_failed review_requested "
                          "review_requested attempt_failed attempt_failed attempt_failed attempt_failed failed snoozed "
                          "waiting released cancelled ");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.attempts WHERE evidence = class"), "15");
}

CAF_TEST_FIXTURE_SCOPE_END()
