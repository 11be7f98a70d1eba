#define CAF_SUITE store_reviews

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

  /// Ends the claim of a ticket as done but for a person's verdict.
  claim_ref ask_for_review(claim_ref claim, std::string details = "", caf::timespan expires = 0s) {
    settlement x{claim, {}};
    x.outcome.end = review;
    x.outcome.evidence = "it exited with 0; is it good?";
    x.outcome.details = std::move(details);
    x.outcome.retry_after = expires;
    auto report = must(store::settle(s.db, {{x}, desk::rules()}));
    CAF_REQUIRE_EQUAL(report.tickets.at(0).event, "review_requested");
    return claim;
  }

  ticket_id submit_in_review(std::int16_t attempts = 3) {
    new_ticket spec;
    spec.attempts_max = attempts;
    auto ticket = s.submit(spec);
    ask_for_review(s.claim_one());
    return ticket;
  }

  std::int32_t expire() {
    reclaim_request request{5min, {}, 1000, 3};
    request.rules = desk::rules();
    return must(store::expire(s.db, request)).expired;
  }

  std::string approve(ticket_id ticket, const std::string& note = "") {
    auto answer = store::approve(s.db, ticket, "anna", note);
    return answer ? *answer : sentence_of(answer);
  }

  std::string reject(ticket_id ticket, const std::string& why = "it is wrong") {
    auto answer = store::reject(s.db, ticket, "anna", why);
    return answer ? *answer : sentence_of(answer);
  }

  std::string last_event(ticket_id ticket) {
    return s.ask("SELECT concat_ws(' ', kind, attempt, data) FROM swarm.ticket_events WHERE ticket_id = "
                 + to_string(ticket) + " ORDER BY id DESC LIMIT 1");
  }

  claimed_ticket claim_again() {
    CAF_REQUIRE(eventually([&] { return must(store::promote(s.db, 1)).promoted == 1; }));
    return must(store::claim(s.db, {"default", 1, s.node, {}})).at(0);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_reviews_tests, fixture)

CAF_TEST(a ticket in review has no lease and waits for a week) {
  auto ticket = submit_in_review();
  CAF_CHECK_EQUAL(s.state(ticket), "in_review");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.leases"), "0");
  CAF_CHECK_EQUAL(s.ask("SELECT extract(epoch FROM expires_at - asked_at) BETWEEN 604799 AND 604801 FROM swarm.reviews"), "t");
  CAF_CHECK_EQUAL(s.ask("SELECT reason FROM swarm.reviews"), "it exited with 0; is it good?");
  CAF_CHECK_EQUAL(s.claim(10).size(), 0u);
  CAF_CHECK_EQUAL(expire(), 0);
  CAF_CHECK_EQUAL(must(store::count_unfinished(s.db)), 1);
  CAF_CHECK(must(store::any_unfinished(s.db)));
}

CAF_TEST(an approval completes the ticket and releases its dependents) {
  auto t = s.submit_graph(3, {{0, 1}, {1, 2}});
  ask_for_review(s.claim_one(), R"({"result": 7, "checks": [{"kind": "command", "verdict": "pass"}]})");
  CAF_CHECK_EQUAL(s.state(t[1]), "blocked");
  CAF_CHECK_EQUAL(approve(t[0], "looks fine"), "completed");
  CAF_CHECK_EQUAL(s.state(t[0]), "completed");
  CAF_CHECK_EQUAL(s.state(t[1]), "ready");
  CAF_CHECK_EQUAL(s.state(t[2]), "blocked");
  CAF_CHECK_EQUAL(s.history(t[0]), "submitted claimed review_requested completed");
  CAF_CHECK_EQUAL(last_event(t[0]), R"(completed 1 {"note": "looks fine", "approved_by": "anna"})");
  auto attempt = must(store::list_attempts(s.db, t[0])).at(0);
  CAF_CHECK_EQUAL(attempt.end, "completed");
  CAF_CHECK_EQUAL(attempt.evidence, "it exited with 0; is it good?; approved by anna: looks fine");
  CAF_CHECK_EQUAL(s.ask("SELECT details -> 'checks' -> 1 ->> 'verdict' || ' ' || (details -> 'result') FROM swarm.attempts"),
                  "pass 7");
}

CAF_TEST(the result of approved work is there for those who need it) {
  new_graph graph{"g", std::vector<new_ticket>(2)};
  graph.tickets[0].key = "build";
  graph.tickets[1].key = "test";
  graph.tickets[1].needs = {0};
  graph.tickets[1].payload = R"({"x": "${ticket.build.result}"})";
  auto t = must(store::submit(s.db, graph)).tickets;
  ask_for_review(s.claim_one(), R"({"result": 7})");
  approve(t[0]);
  CAF_CHECK_EQUAL(must(store::claim(s.db, {"default", 1, s.node, {}})).at(0).results, R"({"build": 7})");
}

CAF_TEST(a rejection uses an attempt and the next one begins with the reason) {
  auto ticket = submit_in_review(2);
  CAF_CHECK_EQUAL(reject(ticket, "the title is missing"), "attempt_failed");
  CAF_CHECK_EQUAL(s.state(ticket), "scheduled");
  auto next = claim_again();
  CAF_CHECK_EQUAL(next.attempt, 2);
  CAF_CHECK_EQUAL(next.last_failure, "rejected by anna: the title is missing\n");
  ask_for_review(next.claim);
  CAF_CHECK_EQUAL(reject(ticket), "failed");
  CAF_CHECK_EQUAL(s.state(ticket), "failed");
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed review_requested attempt_failed promoted claimed review_requested failed");
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(class, ' ' ORDER BY ended_at) FROM swarm.attempts"), "check_failed check_failed");
  CAF_CHECK_EQUAL(s.ask("SELECT data ->> 'rejected_by' FROM swarm.ticket_events WHERE kind = 'failed'"), "anna");
}

CAF_TEST(a last rejection ends what cannot go on without the ticket) {
  new_graph graph{"g", std::vector<new_ticket>(2)};
  graph.tickets[0].key = "build";
  graph.tickets[0].attempts_max = 1;
  graph.tickets[1].key = "test";
  graph.tickets[1].needs = {0};
  graph.tickets[1].on_failure = edge_policy::cancel;
  auto t = must(store::submit(s.db, graph)).tickets;
  ask_for_review(s.claim_one());
  reject(t[0]);
  must(store::propagate(s.db, 10));
  CAF_CHECK_EQUAL(s.state(t[1]), "cancelled");
}

CAF_TEST(a rejection without a reason is refused) {
  auto ticket = submit_in_review();
  for (auto nothing : {"''", "' '", "NULL"})
    CAF_CHECK_EQUAL(s.ask("SELECT swarm.reject(" + to_string(ticket) + ", 'anna', " + nothing + ")"), "SW002");
  CAF_CHECK_EQUAL(s.state(ticket), "in_review");
}

CAF_TEST(only a ticket in review can be judged and only once) {
  auto ticket = s.submit();
  CAF_CHECK_EQUAL(approve(ticket), "ticket " + to_string(ticket) + " is ready; only one in review can be judged");
  CAF_CHECK_EQUAL(approve(ticket_id{99}), "there is no ticket 99");
  CAF_CHECK_EQUAL(reject(ticket_id{99}), "there is no ticket 99");
  ask_for_review(s.claim_one());
  CAF_CHECK_EQUAL(approve(ticket), "completed");
  CAF_CHECK_EQUAL(approve(ticket), "ticket " + to_string(ticket) + " is completed; only one in review can be judged");
  CAF_CHECK_EQUAL(reject(ticket), "ticket " + to_string(ticket) + " is completed; only one in review can be judged");
}

CAF_TEST(of two persons at once the first one has judged) {
  auto ticket = submit_in_review();
  auto other = d.open();
  auto waited = overlap(d, s, [&](session& x) { x.ask("SELECT swarm.approve(" + to_string(ticket) + ")"); }, other,
                        [&](session& x) {
                          CAF_CHECK_EQUAL(x.ask("SELECT swarm.reject(" + to_string(ticket) + ", 'bob', 'no')"), "is completed");
                        });
  CAF_CHECK(waited);
  CAF_CHECK_EQUAL(s.history(ticket), "submitted claimed review_requested completed");
}

CAF_TEST(an edge that is added while a person approves is not stranded) {
  auto ticket = submit_in_review();
  auto child = s.submit();
  auto other = d.open();
  overlap(d, other, [&](session& x) {
    x.ask("SELECT swarm.add_dependency(" + to_string(ticket) + ", " + to_string(child) + ")");
  }, s, [&](session&) { approve(ticket); });
  CAF_CHECK_EQUAL(s.state(child), "ready");
}

CAF_TEST(what nobody judges fails when its time is over and says so) {
  auto ticket = s.submit();
  ask_for_review(s.claim_one(), "", 1h);
  CAF_CHECK_EQUAL(s.ask("SELECT extract(epoch FROM expires_at - asked_at) BETWEEN 3599 AND 3601 FROM swarm.reviews"), "t");
  auto other = submit_in_review();
  must(s.db.script("UPDATE swarm.reviews SET expires_at = expires_at - interval '1 hour 1 second'", "time passes"));
  CAF_CHECK_EQUAL(expire(), 1);
  CAF_CHECK_EQUAL(s.state(ticket), "failed");
  CAF_CHECK_EQUAL(s.state(other), "in_review");
  CAF_CHECK_EQUAL(s.ask("SELECT concat_ws(', ', data ->> 'class', data ->> 'clock', data ->> 'evidence') FROM "
                        "swarm.ticket_events WHERE kind = 'failed'"),
                  "timeout, review, nobody approved or rejected it in time");
  CAF_CHECK_EQUAL(s.ask("SELECT attempts FROM swarm.tickets WHERE id = " + to_string(ticket)), "0");
}

CAF_TEST(a ticket in review can be cancelled and has its deadline and is never replaced) {
  auto ticket = submit_in_review();
  CAF_CHECK_EQUAL(s.retry(ticket), "conflict");
  CAF_CHECK_EQUAL(s.cancel(ticket), "cancelled");
  CAF_CHECK_EQUAL(s.retry(ticket), "ready");
  s.settle(s.claim_one());
  s.ask("SELECT swarm.enqueue('noop', unique_key => 'k', deadline => '1 hour')");
  ask_for_review(s.claim_one());
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.enqueue('noop', '{\"x\": 1}', unique_key => 'k', on_conflict => 'replace')"), "SW004");
  must(s.db.script("UPDATE swarm.deadlines SET at = at - interval '2 hours'; UPDATE swarm.tickets SET deadline_at = "
                   "deadline_at - interval '2 hours'", "time passes"));
  CAF_CHECK_EQUAL(expire(), 1);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.reviews"), "0");
}

CAF_TEST(a check that could not run waits for a person and its work is not repeated) {
  auto ticket = s.submit();
  CAF_CHECK_EQUAL(s.settle(s.claim_one(), check_error, "no such program"), "ok review_requested");
  CAF_CHECK_EQUAL(s.state(ticket), "in_review");
  CAF_CHECK_EQUAL(s.ask("SELECT attempts || ' ' || check_retries FROM swarm.tickets"), "0 1");
  CAF_CHECK_EQUAL(approve(ticket), "completed");
}

CAF_TEST(whoever asks twice for a review is told that he has) {
  submit_in_review();
  auto claim = claim_ref{ticket_id{std::stoll(s.ask("SELECT ticket_id FROM swarm.reviews"))},
                         fence{std::stoll(s.ask("SELECT fence FROM swarm.reviews"))}};
  CAF_CHECK_EQUAL(s.settle(claim, review), "again");
  claim.fence.value += 1;
  CAF_CHECK_EQUAL(s.settle(claim, review), "lost");
}

CAF_TEST(whoever asks without evidence leaves an attempt all the same) {
  auto ticket = s.submit();
  CAF_CHECK_EQUAL(s.settle(s.claim_one(), review, ""), "ok review_requested");
  approve(ticket);
  CAF_CHECK_EQUAL(must(store::list_attempts(s.db, ticket)).at(0).end, "completed");
}

CAF_TEST(why says what there is to judge and how) {
  auto ticket = submit_in_review();
  auto sentences = must(store::why(s.db, ticket, 1min));
  CAF_REQUIRE_EQUAL(sentences.size(), 3u);
  CAF_CHECK(sentences[1].starts_with("the work of attempt 1 is done, and it has waited for a person for "));
  CAF_CHECK(sentences[1].ends_with(": it exited with 0; is it good?"));
  CAF_CHECK(sentences[2].starts_with("swarm approve " + to_string(ticket) + " completes it, swarm reject "));
}

CAF_TEST(what came to nothing is approved only by whoever says that he knows) {
  struct row {
    std::string kind;
    outcome_class end;
    std::string details;
    bool is_empty;
  };
  const std::vector<row> table{
    {"claude", review, R"({"model": "m"})", true},
    {"agent_cli", review, "", true},
    {"claude", review, R"({"result": "done"})", false},
    {"claude", review, R"({"result": null})", false},
    {"command", review, "", false},
    {"function", review, R"({"notes": 1})", false},
    {"claude", check_error, "", false}, // it was done
    {"claude", content, R"({"model": "m"})", true},
    {"agent_cli", content, R"({"result": "half"})", false},
    {"claude", check_failed, "", false},
  };
  for (auto& x : table) {
    new_ticket spec;
    spec.kind = x.kind;
    spec.payload = x.kind == "agent_cli" ? R"({"agent": "codex"})" : R"({"command": ["a"]})";
    const auto ticket = must(store::submit(s.db, {"", {spec}})).tickets.at(0);
    for (int failures = 0; s.state(ticket) != "in_review" && failures < 2; ++failures) {
      settlement end{failures == 0 ? s.claim_one() : claim_again().claim, {}};
      end.outcome.end = x.end;
      end.outcome.evidence = "so it went";
      end.outcome.signature = x.end == review ? "" : "the same";
      end.outcome.details = x.details;
      end.outcome.retry_after = x.end == content ? 1ms : 0ms;
      must(store::settle(s.db, {{end}, desk::rules()}));
    }
    CAF_MESSAGE(x.kind << " " << to_string(x.end) << " " << x.details);
    CAF_REQUIRE_EQUAL(s.state(ticket), "in_review");
    const auto number = to_string(ticket);
    const auto sentences = must(store::why(s.db, ticket, 1min));
    CAF_CHECK_EQUAL(sentences.at(1).find(" has no result, and ") != std::string::npos, x.is_empty);
    CAF_CHECK_EQUAL(sentences.at(2).find("swarm approve " + number + " --without-result") != std::string::npos, x.is_empty);
    const auto before = s.ask("SELECT w::text FROM swarm.reviews w WHERE ticket_id = " + number);
    const auto said = approve(ticket);
    if (!x.is_empty) {
      CAF_CHECK_EQUAL(said, "completed");
      continue;
    }
    CAF_CHECK(said.starts_with("ticket " + number + " has no result that could be approved"));
    CAF_CHECK_EQUAL(s.ask("SELECT swarm.approve(" + number + ", 'anna', NULL, NULL)"), "has no result");
    CAF_CHECK_EQUAL(s.ask("SELECT w::text FROM swarm.reviews w WHERE ticket_id = " + number), before);
    CAF_CHECK_EQUAL(must(store::approve(s.db, ticket, "anna", "by hand", true)), "completed");
    CAF_CHECK_EQUAL(last_event(ticket).substr(last_event(ticket).find('{')),
                    R"({"note": "by hand", "approved_by": "anna", "without_result": true})");
    CAF_CHECK(must(store::list_attempts(s.db, ticket)).back().evidence.ends_with("approved without a result by anna: by hand"));
  }
}

CAF_TEST(reviews can be rebuilt from the log) {
  submit_in_review();
  must(store::rebuild(s.db, "copy"));
  const std::string columns = "SELECT ticket_id, fence, attempt, reason, date_trunc('minute', expires_at) FROM ";
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM (" + columns + "swarm.reviews EXCEPT " + columns + "copy.reviews) x"), "0");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM copy.reviews"), "1");
}

CAF_TEST(a payload whose checks were changed is claimed with a warning) {
  const std::vector<std::pair<std::string, bool>> changes{
    {R"({"command": ["b"], "checks": [{"kind": "diff"}]})", false},
    {R"({"command": ["a"], "checks": [{"kind": "diff", "allowed": ["**"]}]})", true},
    {R"({"command": ["a"], "check": ["true"]})", true},
    {R"({"command": ["a"]})", true},
  };
  for (auto& [payload, is_changed] : changes) {
    new_ticket spec;
    spec.payload = R"({"command": ["a"], "checks": [{"kind": "diff"}]})";
    auto ticket = s.submit(spec);
    auto make_it = [&](const std::string& x) {
      must(s.db.script("UPDATE swarm.tickets SET payload = '" + x + "' WHERE id = " + to_string(ticket), "tamper"));
    };
    make_it(payload);
    auto claimed = must(store::claim(s.db, {"default", 1, s.node, {}})).at(0);
    CAF_MESSAGE(payload);
    CAF_CHECK_EQUAL(claimed.checks_changed, is_changed);
    CAF_CHECK_EQUAL(must(store::replay(s.db)).size(), 1u); // the log tells of any change
    make_it(spec.payload);
    s.settle(claimed.claim);
  }
}

CAF_TEST(the checks of a ticket are known whatever way it came) {
  s.ask("SELECT swarm.enqueue('command', '{\"command\": [\"a\"], \"check\": [\"b\"]}', unique_key => 'k')");
  s.ask("SELECT swarm.enqueue('command', '{\"command\": [\"a\"], \"check\": [\"c\"]}', unique_key => 'k', "
        "on_conflict => 'replace')");
  s.ask("SELECT swarm.enqueue('command', jsonb_build_object('check', '[\"d\"]'::jsonb, 'x', repeat('x', 10000)))");
  s.ask("SELECT swarm.enqueue('command', '{\"command\": [\"a\"], \"check\": []}')");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets WHERE checks_hash IS NULL"), "1");
  auto claimed = must(store::claim(s.db, {"default", 10, s.node, {}}));
  CAF_CHECK_EQUAL(claimed.size(), 3u);
  for (auto& x : claimed)
    CAF_CHECK(!x.checks_changed);
  must(store::rebuild(s.db, "copy"));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM (SELECT id, checks_hash FROM swarm.tickets EXCEPT SELECT id, checks_hash FROM "
                        "copy.tickets) x"), "0");
}

CAF_TEST_FIXTURE_SCOPE_END()
