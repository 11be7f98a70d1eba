#define CAF_SUITE store_clocks

#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  /// Moves all that a ticket has of clocks so far into the past.
  void pass(std::chrono::seconds time) {
    auto past = " - interval '" + std::to_string(time.count()) + " s'";
    must(s.db.script("UPDATE swarm.ready SET expires_at = expires_at" + past
                       + "; UPDATE swarm.deadlines SET at = at" + past
                       + "; UPDATE swarm.tickets SET deadline_at = deadline_at" + past
                       + "; UPDATE swarm.leases SET claimed_at = claimed_at" + past + ", started_at = started_at" + past
                       + ", progress_at = progress_at" + past + ", deadline_at = deadline_at" + past,
                     "time passes"));
  }

  reclaim_report expire(caf::timespan grace = 30s) {
    reclaim_request request{5min, {}, 1000, 3};
    request.grace = grace;
    request.rules = desk::rules();
    return must(store::expire(s.db, request));
  }

  /// The class and the clock that the newest event of a ticket names.
  std::string last_word(ticket_id ticket) {
    return s.ask("SELECT concat_ws(' ', kind, data ->> 'class', data ->> 'clock') FROM swarm.ticket_events "
                 "WHERE ticket_id = " + to_string(ticket) + " ORDER BY id DESC LIMIT 1");
  }

  claimed_ticket claim() { return must(store::claim(s.db, {"default", 1, s.node, {}})).at(0); }

  void beat(const claim_ref& claim, std::int64_t progress) {
    must(store::heartbeat(s.db, {s.node, {{claim}, {progress}}}));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_clocks_tests, fixture)

CAF_TEST(a ticket that nobody takes within its queue timeout fails and says so) {
  new_ticket spec;
  spec.queue_timeout = 60s;
  auto patient = s.submit(), hasty = s.submit(spec);
  pass(59s);
  CAF_CHECK_EQUAL(expire().expired, 0);
  pass(2s);
  CAF_CHECK_EQUAL(expire().expired, 1);
  CAF_CHECK_EQUAL(s.state(hasty), "failed");
  CAF_CHECK_EQUAL(last_word(hasty), "failed timeout queue");
  CAF_CHECK_EQUAL(s.state(patient), "ready");
  CAF_CHECK_EQUAL(expire().expired, 0);
}

CAF_TEST(what has expired in the queue is not claimed any more) {
  new_ticket spec;
  spec.queue_timeout = 60s;
  s.submit(spec);
  pass(61s);
  CAF_CHECK(s.claim(1).empty());
}

CAF_TEST(a deadline fails a ticket wherever it waits and leaves a running one to its worker) {
  new_ticket spec;
  spec.deadline = 60s;
  auto ready = s.submit(spec), running = s.submit(spec), scheduled = s.submit(spec), finished = s.submit(spec);
  auto claims = s.claim(4);
  s.settle(claims[0], outcome_class::released);
  s.settle(claims[2], outcome_class::content);
  s.settle(claims[3]);
  CAF_CHECK_EQUAL(expire(1h).expired, 0);
  pass(61s);
  CAF_CHECK_EQUAL(expire(1h).expired, 2);
  for (auto ticket : {ready, scheduled})
    CAF_CHECK_EQUAL(last_word(ticket), "failed timeout deadline");
  CAF_CHECK_EQUAL(s.state(running), "in_progress");
  CAF_CHECK_EQUAL(s.state(finished), "completed");
  s.settle(claims[1], outcome_class::released); // and comes back
  CAF_CHECK_EQUAL(expire(1h).expired, 1);
  CAF_CHECK_EQUAL(last_word(running), "failed timeout deadline");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.deadlines"), "0");
}

CAF_TEST(a second chance has no deadline) {
  new_ticket spec;
  spec.deadline = 60s;
  auto ticket = s.submit(spec);
  s.cancel(ticket);
  CAF_CHECK_EQUAL(s.retry(ticket), "ready");
  pass(61s);
  CAF_CHECK_EQUAL(expire(1h).expired, 0);
  CAF_CHECK_EQUAL(s.state(ticket), "ready");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.deadlines"), "0");
}

CAF_TEST(a claim tells the worker which of its two clocks runs out first) {
  new_ticket spec;
  spec.timeout = 10min;
  spec.deadline = 1h;
  s.submit(spec);
  auto first = claim();
  CAF_CHECK_EQUAL(first.deadline_clock, "attempt");
  CAF_CHECK(first.timeout <= 10min && first.timeout > 9min);
  s.settle(first.claim, outcome_class::released);
  pass(55min);
  auto second = claim();
  CAF_CHECK_EQUAL(second.deadline_clock, "deadline");
  CAF_CHECK(second.timeout <= 5min && second.timeout > 4min);
}

CAF_TEST(a timeout of the deadline is final and one of the attempt is not) {
  auto end_with = [&](const std::string& clock) {
    auto ticket = s.submit();
    settlement x{s.claim_one(), {}};
    x.outcome.end = outcome_class::timeout;
    x.outcome.clock = clock;
    x.outcome.evidence = "too long";
    must(store::settle(s.db, {{x}, desk::rules()}));
    CAF_CHECK_EQUAL(s.ask("SELECT clock FROM swarm.attempts WHERE ticket_id = " + to_string(ticket)), clock);
    return s.state(ticket);
  };
  CAF_CHECK_EQUAL(end_with("attempt"), "scheduled");
  CAF_CHECK_EQUAL(end_with("deadline"), "failed");
}

CAF_TEST(the reaper ends an attempt whose worker missed its clock and only after the grace) {
  new_ticket spec;
  spec.timeout = 60s;
  auto ticket = s.submit(spec);
  auto it = claim();
  pass(89s);
  CAF_CHECK_EQUAL(expire(30s).timed_out, 0);
  pass(2s);
  CAF_CHECK_EQUAL(expire(30s).timed_out, 1);
  CAF_CHECK_EQUAL(last_word(ticket), "attempt_failed timeout attempt");
  CAF_CHECK_EQUAL(s.ask("SELECT attempts FROM swarm.tickets"), "1");
  // Whoever held it has no say any more, and hears that it lost.
  CAF_CHECK_EQUAL(s.settle(it.claim), "lost");
  CAF_CHECK_EQUAL(expire(30s).timed_out, 0);
}

CAF_TEST(without a sign of work the start clock runs and with one it does not) {
  new_ticket spec;
  spec.start_timeout = 60s;
  auto dead = s.submit(spec), alive = s.submit(spec);
  auto claims = s.claim(2);
  must(store::heartbeat(s.db, {s.node, {claims, {0, 1}}}));
  pass(61s);
  CAF_CHECK_EQUAL(expire(0s).timed_out, 1);
  CAF_CHECK_EQUAL(last_word(dead), "attempt_failed timeout start");
  CAF_CHECK_EQUAL(s.state(alive), "in_progress");
}

CAF_TEST(only progress that grows holds up the progress clock) {
  new_ticket spec;
  spec.progress_timeout = 60s;
  auto ticket = s.submit(spec);
  auto it = claim();
  beat(it.claim, 10);
  pass(50s);
  beat(it.claim, 20);
  pass(50s);
  CAF_CHECK_EQUAL(expire(0s).timed_out, 0);
  beat(it.claim, 20);
  pass(11s);
  CAF_CHECK_EQUAL(expire(0s).timed_out, 1);
  CAF_CHECK_EQUAL(last_word(ticket), "attempt_failed timeout progress");
}

CAF_TEST(what the other side asked for is honoured and never shortened) {
  for (int i = 0; i < 20; ++i)
    s.submit();
  for (auto& claim : s.claim(20)) {
    settlement x{claim, {}};
    x.outcome.end = outcome_class::throttled;
    x.outcome.retry_after = 100s;
    auto delay = must(store::settle(s.db, {{x}, desk::rules()})).tickets.at(0).delay;
    CAF_CHECK(delay >= 100s && delay <= 120s);
  }
  CAF_CHECK_EQUAL(s.ask("SELECT sum(attempts) || ' ' || sum(throttles) FROM swarm.tickets"), "0 20");
}

CAF_TEST(a ticket that snoozes runs when it wants to and counts nothing) {
  auto ticket = s.submit();
  settlement x{s.claim_one(), {}};
  x.outcome.end = outcome_class::snoozed;
  x.outcome.retry_after = 1h;
  CAF_CHECK(must(store::settle(s.db, {{x}, desk::rules()})).tickets.at(0).delay == caf::timespan{1h});
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed snoozed");
  auto due = must(store::promote(s.db, 10));
  CAF_CHECK_EQUAL(due.promoted, 0);
  CAF_CHECK(due.next_due > 59min && due.next_due <= 1h);
}

CAF_TEST(each class of deferral has its own limit) {
  auto rules = desk::rules();
  rules.deferral_first = rules.deferral_max = 1ms;
  rules.throttled_max = 2;
  rules.auth_max = rules.budget_max = 1;
  // One ticket that meets all three in turn: none uses up what is left of another.
  auto ticket = s.submit();
  auto end = [&](outcome_class x) {
    settlement ended{s.claim_one(), {}};
    ended.outcome.end = x;
    auto event = must(store::settle(s.db, {{ended}, rules})).tickets.at(0).event;
    CAF_REQUIRE(event == "failed" || eventually([&] { return must(store::promote(s.db, 10)).promoted > 0; }));
    return event;
  };
  for (auto x : {outcome_class::throttled, outcome_class::auth, outcome_class::throttled, outcome_class::budget})
    CAF_CHECK_EQUAL(end(x), "attempt_failed");
  for (auto x : {outcome_class::throttled, outcome_class::auth, outcome_class::budget}) {
    must(s.db.script("BEGIN", "try"));
    CAF_CHECK_EQUAL(end(x), "failed");
    must(s.db.script("ROLLBACK", "undo"));
  }
  CAF_CHECK_EQUAL(s.ask("SELECT concat_ws(' ', throttles, auth_denials, budget_denials) FROM swarm.tickets WHERE id = "
                        + to_string(ticket)), "2 1 1");
}

CAF_TEST(a look that was slow judges nobody and neither does the next one) {
  auto ticket = s.submit();
  s.claim_one();
  s.age(ticket, 1h);
  reclaim_request request;
  request.stale_after = 5min;
  request.gap_after = 150s;
  request.limit = 100;
  request.slow_after = caf::timespan{-1}; // whatever it takes is too long
  CAF_CHECK(must(store::sweep(s.db, request)).paused);
  request.slow_after = 1h;
  auto next = must(store::sweep(s.db, request));
  CAF_CHECK(!next.paused);
  CAF_CHECK_EQUAL(next.total(), 0); // it may have been the slow database that kept the beats away
  CAF_CHECK_EQUAL(s.state(ticket), "in_progress");
}

CAF_TEST(after an outage leases count as renewed instead of being reclaimed all at once) {
  auto ticket = s.submit();
  s.claim_one();
  auto sweep = [&] {
    must(store::note_sweep(s.db, 150s));
    return s.reclaim();
  };
  CAF_CHECK_EQUAL(sweep().total(), 0);
  s.age(ticket, 10min);
  must(s.db.script("UPDATE swarm.reaping SET last_sweep_at = clock_timestamp() - interval '9 minutes'", "an outage"));
  CAF_CHECK_EQUAL(sweep().total(), 0);
  CAF_CHECK_EQUAL(sweep().total(), 0);
  must(s.db.script("UPDATE swarm.reaping SET extended_at = extended_at - interval '6 minutes'", "silence after it"));
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
}

CAF_TEST(after an outage no clock judges by signs that could not come) {
  new_ticket spec;
  spec.progress_timeout = 60s;
  auto ticket = s.submit(spec);
  s.claim_one();
  pass(6min);
  must(s.db.script("UPDATE swarm.reaping SET last_sweep_at = clock_timestamp() - interval '6 minutes'", "an outage"));
  must(store::note_sweep(s.db, 150s));
  CAF_CHECK_EQUAL(expire().timed_out, 0);
  CAF_CHECK_EQUAL(s.state(ticket), "in_progress");
  must(s.db.script("UPDATE swarm.reaping SET extended_at = extended_at - interval '2 minutes'", "silence after it"));
  CAF_CHECK_EQUAL(expire().timed_out, 1);
}

CAF_TEST(a sweep that stood still after its look judges nobody) {
  auto ticket = s.submit();
  s.claim_one();
  must(store::note_sweep(s.db, 150s));
  s.age(ticket, 10min);
  must(s.db.script("UPDATE swarm.reaping SET last_sweep_at = clock_timestamp() - interval '151 s'", "a suspended host"));
  CAF_CHECK_EQUAL(s.reclaim().total(), 0);
  must(s.db.script("UPDATE swarm.reaping SET last_sweep_at = clock_timestamp() - interval '140 s'", "a short one"));
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
}

CAF_TEST(while somebody looks no silence is excused) {
  auto ticket = s.submit();
  s.claim_one();
  must(store::note_sweep(s.db, 150s));
  s.age(ticket, 10min);
  must(store::note_sweep(s.db, 150s));
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
