#define CAF_SUITE store_waiting

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::chrono_literals;
using enum outcome_class;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() {
    CAF_CHECK_EQUAL(d.violations(), "");
    CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.audit_replay()"), "0");
  }

  claimed_ticket claim() { return must(store::claim(s.db, {"default", 1, s.node, {}})).at(0); }

  settled_ticket wait(const claim_ref& claim, caf::timespan next_look = 1min, std::string details = R"({"look_at": "a"})") {
    settlement x{claim, {}};
    x.outcome.end = waiting;
    x.outcome.evidence = "answered 202";
    x.outcome.details = std::move(details);
    x.outcome.retry_after = next_look;
    return must(store::settle(s.db, {{x}, desk::rules()})).tickets.at(0);
  }

  ticket_id submit_waiting(const new_ticket& spec = {}, caf::timespan next_look = 1min) {
    auto ticket = s.submit(spec);
    CAF_REQUIRE_EQUAL(wait(claim().claim, next_look).event, "waiting");
    return ticket;
  }

  /// Makes a ticket due that is put off, or the only one.
  void promote(ticket_id ticket = {}) {
    must(s.db.script("UPDATE swarm.scheduled SET run_at = clock_timestamp()"
                       + (ticket.value == 0 ? "" : " WHERE ticket_id = " + to_string(ticket)), "time passes"));
    CAF_REQUIRE_EQUAL(must(store::promote(s.db, 1)).promoted, 1);
  }

  claimed_ticket claim_again(ticket_id ticket = {}) {
    promote(ticket);
    return claim();
  }

  /// Lets this time pass for attempts that wait.
  void pass(std::chrono::seconds time) {
    auto past = " - interval '" + std::to_string(time.count()) + " s'";
    must(s.db.script("UPDATE swarm.waits SET began_at = began_at" + past + ", ends_at = ends_at" + past
                       + "; UPDATE swarm.deadlines SET at = at" + past + "; UPDATE swarm.tickets SET deadline_at = deadline_at"
                       + past,
                     "time passes"));
  }

  reclaim_report expire(caf::timespan grace = 30s) {
    reclaim_request request{5min, {}, 1000, 3};
    request.grace = grace;
    request.rules = desk::rules();
    return must(store::expire(s.db, request));
  }

  std::string last_event(ticket_id ticket) {
    return s.ask("SELECT concat_ws(', ', kind, attempt, data ->> 'class', data ->> 'clock', data ->> 'evidence') FROM "
                 "swarm.ticket_events WHERE ticket_id = " + to_string(ticket) + " ORDER BY id DESC LIMIT 1");
  }

  std::string waits() { return s.ask("SELECT count(*) FROM swarm.waits"); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_waiting_tests, fixture)

CAF_TEST(an attempt that waits takes no slot from others and goes on with what it left) {
  must(store::configure_queue(s.db, {"default", 1}));
  auto ticket = submit_waiting();
  CAF_CHECK_EQUAL(s.state(ticket), "waiting");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.leases"), "0");
  auto other = s.submit();
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(s.state(other), "completed");

  auto again = claim_again();
  CAF_CHECK(again.claim.ticket == ticket);
  CAF_CHECK_EQUAL(again.attempt, 1);
  CAF_CHECK_EQUAL(again.continuation, R"({"look_at": "a"})");
  CAF_CHECK_EQUAL(again.last_failure, "");
  wait(again.claim, 1min, R"({"look_at": "b"})");
  CAF_CHECK_EQUAL(s.ask("SELECT looks FROM swarm.waits"), "1");
  again = claim_again();
  CAF_CHECK_EQUAL(again.continuation, R"({"look_at": "b"})");
  CAF_CHECK_EQUAL(s.settle(again.claim), "ok completed");
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed waiting promoted claimed waiting promoted claimed completed");
  CAF_CHECK_EQUAL(waits(), "0");
  CAF_CHECK(must(store::list_attempts(s.db, ticket)).empty()); // it said nothing, and a wait is no end
}

CAF_TEST(an attempt begins with nothing to go on with) {
  s.submit();
  CAF_CHECK_EQUAL(claim().continuation, "");
}

CAF_TEST(trouble while an attempt waits leaves it waiting and any end of its own does not) {
  const std::vector<std::pair<outcome_class, std::string>> rows{
    {transient, "1"}, {throttled, "1"}, {auth, "1"},         {budget, "1"},      {released, "1"},  {content, "0"},
    {crash, "0"},     {timeout, "0"},   {check_failed, "0"}, {check_error, "0"}, {review, "0"},    {permanent, "0"},
    {snoozed, "0"},   {completed, "0"}, {cancelled, "0"},
  };
  for (auto& [end, left] : rows) {
    auto ticket = submit_waiting();
    s.settle(claim_again().claim, end);
    CAF_MESSAGE(to_string(end));
    CAF_CHECK_EQUAL(waits(), left);
    CAF_CHECK_EQUAL(s.ask("SELECT attempts FROM swarm.tickets WHERE id = " + to_string(ticket)),
                    left == "1" || end == completed || end == cancelled || end == snoozed || end == review
                        || end == check_error ? "0" : "1");
    if (left == "1")
      CAF_CHECK_EQUAL(s.state(ticket), end == released ? "ready" : "waiting");
    s.cancel(ticket);
    CAF_CHECK_EQUAL(waits(), "0");
  }
}

CAF_TEST(what was waited for and brought nothing is begun anew) {
  for (auto [details, left] : {std::pair{"", "1"}, {R"({"begins_anew": false})", "1"}, {R"({"begins_anew": true})", "0"}}) {
    auto ticket = submit_waiting();
    settlement x{claim_again().claim, {}};
    x.outcome.end = transient;
    x.outcome.evidence = "it has expired";
    x.outcome.details = details;
    CAF_CHECK_EQUAL(must(store::settle(s.db, {{x}, desk::rules()})).tickets.at(0).event, "attempt_failed");
    CAF_CHECK_EQUAL(waits(), left);
    CAF_CHECK_EQUAL(s.state(ticket), left == std::string{"1"} ? "waiting" : "scheduled");
    const auto next = claim_again();
    CAF_CHECK_EQUAL(next.continuation.empty(), left == std::string{"0"});
    CAF_CHECK_EQUAL(next.attempt, 1); // not its fault
    s.settle(next.claim);
  }
}

CAF_TEST(a ticket that fails of trouble while it waits waits no more) {
  auto ticket = submit_waiting();
  auto rules = desk::rules();
  rules.infra_retries_max = 0;
  settlement x{claim_again().claim, {}};
  x.outcome.end = transient;
  CAF_CHECK_EQUAL(must(store::settle(s.db, {{x}, rules})).tickets.at(0).event, "failed");
  CAF_CHECK_EQUAL(waits(), "0");
  CAF_CHECK_EQUAL(s.retry(ticket), "ready");
  CAF_CHECK_EQUAL(claim().continuation, ""); // it asks anew
}

CAF_TEST(a worker that goes silent while it looks loses nothing and one too many ends the wait) {
  auto ticket = submit_waiting();
  for (auto [reclaims_max, left] : {std::pair{3, "1"}, {2, "0"}}) {
    if (s.state(ticket) == "waiting")
      promote();
    CAF_CHECK_EQUAL(claim().continuation, R"({"look_at": "a"})");
    s.age(ticket, 6min);
    s.reclaim(reclaims_max);
    CAF_CHECK_EQUAL(waits(), left);
  }
  CAF_CHECK_EQUAL(s.state(ticket), "failed");
}

CAF_TEST(what was met before the request was taken is forgotten when it is) {
  auto ticket = s.submit();
  s.settle(claim().claim, transient);
  promote();
  wait(claim().claim);
  CAF_CHECK_EQUAL(s.ask("SELECT infra_since IS NULL AND infra_retries = 1 FROM swarm.tickets WHERE id = " + to_string(ticket)), "t");
}

CAF_TEST(the clock of an attempt runs over the whole of its wait) {
  new_ticket spec;
  spec.timeout = 60s;
  spec.deadline = 1h;
  auto ticket = s.submit(spec);
  auto settled = wait(claim().claim, 1h);
  CAF_CHECK(settled.delay > 50s && settled.delay <= 60s); // somebody looks once more when it runs out
  pass(40s);
  auto again = claim_again();
  CAF_CHECK_EQUAL(again.deadline_clock, "attempt");
  CAF_CHECK(again.timeout > 10s && again.timeout <= 20s);
  wait(again.claim);
  pass(40s);
  CAF_CHECK_EQUAL(expire().timed_out, 0); // its worker has the first word
  pass(15s);
  CAF_CHECK_EQUAL(expire().timed_out, 1);
  CAF_CHECK_EQUAL(last_event(ticket), "attempt_failed, 1, timeout, attempt, its attempt clock ran out while it waited: answered 202");
  CAF_CHECK_EQUAL(s.state(ticket), "scheduled");
  again = claim_again();
  CAF_CHECK_EQUAL(again.attempt, 2);
  CAF_CHECK_EQUAL(again.continuation, "");
  CAF_CHECK(again.timeout > 50s);
}

CAF_TEST(an attempt whose clock ran out in the queue ends there and one that is looked at is left to its worker) {
  new_ticket spec;
  spec.timeout = 60s;
  spec.attempts_max = 1;
  auto queued = submit_waiting(spec);
  promote();
  pass(100s);
  CAF_CHECK_EQUAL(expire().timed_out, 1);
  CAF_CHECK_EQUAL(s.state(queued), "failed");
  CAF_CHECK_EQUAL(must(store::list_attempts(s.db, queued)).at(0).end, "timeout");
  auto looked_at = submit_waiting(spec);
  claim_again();
  pass(100s);
  CAF_CHECK_EQUAL(expire().timed_out, 0);
  CAF_CHECK_EQUAL(s.state(looked_at), "in_progress");
}

CAF_TEST(the end of a wait and the claim that looks do not both happen) {
  new_ticket spec;
  spec.timeout = 60s;
  auto ticket = submit_waiting(spec);
  promote();
  pass(100s);
  auto other = d.open();
  auto waited = overlap(d, s, [](session& x) { CAF_CHECK_EQUAL(x.claim(1).size(), 1u); }, other, [](session& x) {
    reclaim_request request{5min, {}, 1000, 3};
    request.rules = desk::rules();
    CAF_CHECK_EQUAL(must(store::expire(x.db, request)).timed_out, 0);
  });
  CAF_CHECK(!waited);
  CAF_CHECK_EQUAL(s.state(ticket), "in_progress");
}

CAF_TEST(the deadline of a ticket ends its wait and names itself) {
  new_ticket spec;
  spec.timeout = 2h;
  spec.deadline = 60s;
  auto ticket = submit_waiting(spec, 1h);
  auto again = claim_again();
  CAF_CHECK_EQUAL(again.deadline_clock, "deadline");
  CAF_CHECK(again.timeout <= 60s);
  wait(again.claim);
  pass(61s);
  CAF_CHECK_EQUAL(expire().expired, 1);
  CAF_CHECK_EQUAL(last_event(ticket), "failed, timeout, deadline, its deadline passed while it waited");
  CAF_CHECK_EQUAL(waits(), "0");
}

CAF_TEST(whoever waits can be cancelled at once and whoever looks is cancelled when he waits again) {
  auto ticket = submit_waiting();
  CAF_CHECK_EQUAL(s.cancel(ticket), "cancelled");
  CAF_CHECK_EQUAL(waits(), "0");
  auto looked_at = submit_waiting();
  auto again = claim_again();
  CAF_CHECK_EQUAL(s.cancel(looked_at), "requested");
  CAF_CHECK_EQUAL(wait(again.claim).event, "cancelled");
  CAF_CHECK_EQUAL(waits(), "0");
}

CAF_TEST(an attempt that waits is work under way for those who would change its ticket) {
  s.ask("SELECT swarm.enqueue('noop', unique_key => 'k')");
  wait(claim().claim);
  auto replace = [&] { return s.ask("SELECT swarm.enqueue('noop', '{\"x\": 1}', unique_key => 'k', on_conflict => 'replace')"); };
  CAF_CHECK_EQUAL(replace(), "SW004");
  auto parent = s.submit();
  auto depend = [&] { return s.ask("SELECT swarm.add_dependency(" + to_string(parent) + ", 1)"); };
  CAF_CHECK_EQUAL(depend(), "SW002");
  promote();
  CAF_CHECK_EQUAL(replace(), "SW004");
  CAF_CHECK_EQUAL(depend(), "SW002");
  CAF_CHECK_EQUAL(s.state(ticket_id{1}), "ready");
}

CAF_TEST(only the holder of a claim can say that it waits and only once) {
  s.submit();
  auto claim = s.claim_one();
  auto zombie = claim;
  zombie.fence.value -= 1;
  CAF_CHECK(wait(zombie).answer == settle_answer::lost);
  CAF_CHECK(wait(claim).answer == settle_answer::ok);
  CAF_CHECK(wait(claim).answer == settle_answer::again);
  CAF_CHECK_EQUAL(s.ask("SELECT looks FROM swarm.waits"), "0");
}

CAF_TEST(waits can be rebuilt from the log with the clocks of those who look) {
  new_ticket spec;
  spec.timeout = 1h;
  submit_waiting(spec);                 // waits
  auto busy = submit_waiting(spec);     // is looked at
  wait(claim_again(busy).claim, 1min, R"({"look_at": "b"})");
  s.settle(claim_again(busy).claim, transient);
  auto looked_at = claim_again(busy);
  auto over = submit_waiting(spec);     // waits no more
  s.settle(claim_again(over).claim, content);
  promote(submit_waiting());            // is ready
  must(store::rebuild(s.db, "copy"));
  auto differ = [&](const std::string& columns, const std::string& table) {
    auto from = [&](const std::string& schema) { return "SELECT " + columns + " FROM " + schema + "." + table; };
    return s.ask("SELECT count(*) FROM ((" + from("swarm") + " EXCEPT " + from("copy") + ") UNION ALL (" + from("copy") + " EXCEPT "
                 + from("swarm") + ")) x");
  };
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM copy.waits"), "3");
  CAF_CHECK_EQUAL(differ("ticket_id, fence, attempt, node_id, date_trunc('minute', began_at), date_trunc('minute', since), "
                         "date_trunc('minute', ends_at), looks, reason, continuation", "waits"), "0");
  CAF_CHECK_EQUAL(differ("ticket_id, fence, deadline_clock, date_trunc('minute', deadline_at)", "leases"), "0");
  CAF_CHECK_EQUAL(s.ask("SELECT deadline_at = ends_at FROM copy.leases JOIN copy.waits USING (ticket_id)"), "t");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM copy.scheduled"), s.ask("SELECT count(*) FROM swarm.scheduled"));
  CAF_CHECK_EQUAL(looked_at.continuation, R"({"look_at": "b"})");
}

CAF_TEST(why says what is waited for since when and when somebody looks next) {
  new_ticket spec;
  spec.timeout = 1h;
  auto ticket = submit_waiting(spec);
  auto sentences = must(store::why(s.db, ticket, 1min));
  CAF_REQUIRE_EQUAL(sentences.size(), 3u);
  CAF_CHECK_EQUAL(sentences[0], "ticket 1 is waiting");
  CAF_CHECK(sentences[1].starts_with("attempt 1 has waited for an answer for ") && sentences[1].ends_with("s: answered 202"));
  CAF_CHECK(sentences[2].starts_with("it is looked at next in ") && sentences[2].find("; the clock of the attempt runs out in 59m") != std::string::npos);
  s.settle(claim_again().claim, transient, "no route");
  sentences = must(store::why(s.db, ticket, 1min));
  CAF_REQUIRE_EQUAL(sentences.size(), 4u);
  CAF_CHECK_EQUAL(sentences[3], "the last look ended as transient: no route");
  promote();
  sentences = must(store::why(s.db, ticket, 1min));
  CAF_CHECK(sentences.back().starts_with("attempt 1 has waited"));
  auto shown = must(store::show_ticket(s.db, ticket));
  CAF_CHECK_EQUAL(shown.waiting_for, "answered 202");
  CAF_CHECK(!shown.waiting_since.empty() && !shown.waiting_ends_at.empty());
}

CAF_TEST_FIXTURE_SCOPE_END()
