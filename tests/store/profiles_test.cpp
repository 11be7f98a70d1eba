#define CAF_SUITE store_profiles

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::chrono_literals;
using enum outcome_class;

namespace {

const std::string ladder = R"({"model": "small", "profiles": [{"effort": "high"}, {"model": "large"}]})";

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() {
    CAF_CHECK_EQUAL(d.violations(), "");
    for (auto& x : must(store::replay(s.db)))
      CAF_CHECK_EQUAL("ticket " + to_string(x.ticket) + ": " + x.log, x.table);
  }

  ticket_id submit(const std::string& payload, const std::string& kind = "claude", std::int16_t attempts = 9) {
    new_ticket x;
    x.kind = kind;
    x.payload = payload;
    x.attempts_max = attempts;
    return must(store::submit(s.db, {"", {std::move(x)}})).tickets.at(0);
  }

  /// The next attempt, whose time has come.
  claimed_ticket claim() {
    std::vector<claimed_ticket> found;
    CAF_REQUIRE(eventually([&] {
      must(store::promote(s.db, 10));
      found = must(store::claim(s.db, {"default", 1, s.node, {}}));
      return !found.empty();
    }));
    return found.front();
  }

  /// What follows an attempt that ends so.
  std::string fail(const std::string& signature, outcome_class end = check_failed, std::string details = "") {
    settlement x{claim().claim, {}};
    x.outcome.end = end;
    x.outcome.evidence = "it doesn't compile";
    x.outcome.signature = signature;
    x.outcome.details = std::move(details);
    x.outcome.retry_after = end == content ? 1ms : 0ms;
    return must(store::settle(s.db, {{x}, desk::rules()})).tickets.at(0).event;
  }

  std::string of(ticket_id ticket, const std::string& columns) {
    return s.ask("SELECT concat_ws(' ', " + columns + ") FROM swarm.tickets_view WHERE id = " + to_string(ticket));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_profiles_tests, fixture)

CAF_TEST(the same failure twice steps up one profile and at the end of them a person is asked) {
  auto ticket = submit(ladder);
  CAF_CHECK_EQUAL(fail("a"), "attempt_failed");
  CAF_CHECK_EQUAL(of(ticket, "profile"), "0");
  CAF_CHECK_EQUAL(fail("a"), "attempt_failed");
  CAF_CHECK_EQUAL(of(ticket, "profile"), "1");
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(concat_ws(' ', data ->> 'signature', data ->> 'profile'), ', ' ORDER BY id) "
                        "FROM swarm.ticket_events WHERE kind = 'attempt_failed'"),
                  "a, a 1");
  auto third = claim();
  CAF_CHECK_EQUAL(third.profile, 1);
  CAF_CHECK_EQUAL(third.attempt, 3);
  s.settle(third.claim, released);
  CAF_CHECK_EQUAL(fail("a", content), "attempt_failed");
  CAF_CHECK_EQUAL(of(ticket, "profile, attempts"), "2 3");
  CAF_CHECK_EQUAL(fail("a", content), "review_requested");
  CAF_CHECK_EQUAL(of(ticket, "state, profile, attempts"), "in_review 2 3");
  CAF_CHECK_EQUAL(of(ticket, "review_reason"),
                  "it failed twice in the same way, and without a word of yours the next attempt would be no other: "
                  "it doesn't compile");
  CAF_CHECK_EQUAL(s.ask("SELECT extract(epoch FROM expires_at - asked_at) > 604799 FROM swarm.reviews"), "t");
  CAF_CHECK(must(store::why(s.db, ticket, 1min)).at(1).starts_with("attempt 4 has no result, and the ticket has waited for a "));
  std::string signatures;
  for (auto& x : must(store::list_attempts(s.db, ticket)))
    signatures += x.end + " " + x.signature + ", ";
  CAF_CHECK_EQUAL(signatures, "check_failed a, check_failed a, released , content a, content a, ");
}

CAF_TEST(a failure of another kind steps up nothing) {
  auto ticket = submit(ladder);
  for (auto signature : {"a", "b", "a", "", "", "a"})
    CAF_CHECK_EQUAL(fail(signature), "attempt_failed");
  CAF_CHECK_EQUAL(fail("", crash), "attempt_failed");
  CAF_CHECK_EQUAL(fail("a"), "attempt_failed");
  CAF_CHECK_EQUAL(of(ticket, "profile"), "0");
}

CAF_TEST(trouble that is not its own lies between two failures unseen) {
  auto ticket = submit(ladder);
  fail("a");
  fail("", transient);
  fail("a");
  CAF_CHECK_EQUAL(of(ticket, "profile"), "1");
}

CAF_TEST(work of a model without profiles waits for a person and that of a command goes on) {
  for (auto kind : {"claude", "agent_cli"}) {
    auto ticket = submit("{}", kind);
    CAF_CHECK_EQUAL(fail("a"), "attempt_failed");
    CAF_CHECK_EQUAL(fail("a"), "review_requested");
    s.cancel(ticket);
  }
  auto ticket = submit(ladder, "command");
  for (int i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(fail("a"), "attempt_failed");
  CAF_CHECK_EQUAL(of(ticket, "profile"), "0");
}

CAF_TEST(a last attempt fails whatever could be changed) {
  auto ticket = submit("{}", "claude", 2);
  fail("a");
  CAF_CHECK_EQUAL(fail("a"), "failed");
  CAF_CHECK_EQUAL(of(ticket, "attempts"), "2");
}

CAF_TEST(a rejection is new and uses the attempt that it judges) {
  auto ticket = submit("{}");
  fail("a", check_failed, R"({"prompt_hash": "p1"})");
  auto second = claim();
  CAF_CHECK_EQUAL(second.last_prompt, "p1");
  s.settle(second.claim, released);
  CAF_CHECK_EQUAL(fail("a", check_failed, R"({"prompt_hash": "p2"})"), "review_requested");
  CAF_CHECK_EQUAL(of(ticket, "attempts"), "1");
  CAF_CHECK_EQUAL(must(store::reject(s.db, ticket, "anna", "use the other library")), "attempt_failed");
  CAF_CHECK_EQUAL(of(ticket, "attempts"), "2");
  auto next = claim();
  CAF_CHECK_EQUAL(next.attempt, 3);
  CAF_CHECK_EQUAL(next.last_failure, "rejected by anna: use the other library\n");
  CAF_CHECK_EQUAL(next.last_prompt, "p2");
  s.settle(next.claim, released);
  CAF_CHECK_EQUAL(fail("a"), "attempt_failed");
  CAF_CHECK_EQUAL(fail("a"), "review_requested");
  CAF_CHECK_EQUAL(must(store::approve(s.db, ticket, "anna", "")), "completed");
}

CAF_TEST(a requested cancel ends what would wait for a person) {
  auto ticket = submit("{}");
  fail("a");
  auto claimed = claim();
  s.cancel(ticket);
  settlement x{claimed.claim, {}};
  x.outcome.end = check_failed;
  x.outcome.evidence = x.outcome.signature = "a";
  CAF_CHECK_EQUAL(must(store::settle(s.db, {{x}, desk::rules()})).tickets.at(0).event, "cancelled");
  CAF_CHECK_EQUAL(of(ticket, "attempts"), "2");
}

CAF_TEST(a profile with another model has the route of that) {
  auto ticket = submit(ladder);
  CAF_CHECK_EQUAL(of(ticket, "route"), "claude small");
  for (int i = 0; i < 3; ++i)
    fail("a");
  CAF_CHECK_EQUAL(of(ticket, "profile, route"), "2 claude large");
  s.cancel(ticket);
  CAF_CHECK_EQUAL(s.retry(ticket), "ready");
  CAF_CHECK_EQUAL(of(ticket, "profile, route"), "0 claude small");
  CAF_CHECK_EQUAL(fail("a"), "attempt_failed");
  CAF_CHECK_EQUAL(of(ticket, "profile"), "0");
}

CAF_TEST(a replacement begins with its own payload) {
  s.ask("SELECT swarm.enqueue('claude', '" + ladder.substr(0, ladder.size() - 1) + R"(, "check": ["true"]})" + "', unique_key => 'k', attempts => 9)");
  auto ticket = ticket_id{std::stoll(s.ask("SELECT max(id) FROM swarm.tickets"))};
  fail("a");
  fail("a");
  CAF_CHECK_EQUAL(of(ticket, "profile"), "1");
  s.ask("SELECT swarm.enqueue('claude', '{\"model\": \"m\", \"check\": [\"true\"]}', unique_key => 'k', attempts => 9, on_conflict => "
        "'replace')");
  CAF_CHECK_EQUAL(of(ticket, "profile, route"), "0 claude m");
  CAF_CHECK_EQUAL(fail("a"), "attempt_failed");
}

CAF_TEST(a payload that strangers made offers what it can) {
  for (auto payload : {R"({"profiles": 7})", R"({"profiles": {}})", R"({"profiles": [[], 7]})"}) {
    auto ticket = submit(payload);
    std::string event;
    for (int i = 0; i < 5 && event != "review_requested"; ++i)
      event = fail("a");
    CAF_CHECK_EQUAL(event, "review_requested");
    CAF_CHECK_EQUAL(of(ticket, "route"), "claude default");
    s.cancel(ticket);
  }
}

CAF_TEST(where a ticket stands on its ladder can be rebuilt from the log) {
  auto large = R"({"model": "small", "x": ")" + std::string(10'000, 'x') + R"(", "profiles": [{"model": "large"}]})";
  submit(large);
  fail("a");
  fail("a");
  claim(); // stays with it
  submit("{}");
  fail("b");
  fail("b"); // waits for a person
  submit(ladder);
  fail("c");
  must(store::rebuild(s.db, "copy"));
  for (auto& [table, columns] : std::vector<std::pair<std::string, std::string>>{
         {"tickets", "id, profile, signature, route, attempts"}, {"reviews", "ticket_id, reason"}}) {
    const auto all = "SELECT " + columns + " FROM ";
    CAF_CHECK_EQUAL(
      s.ask("SELECT count(*) FROM (" + all + "swarm." + table + " EXCEPT " + all + "copy." + table + ") x"), "0");
  }
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(concat_ws(' ', profile, signature, route), ', ' ORDER BY id) FROM "
                        "copy.tickets"),
                  "1 a claude large, 0 b claude default, 0 c claude small");
}

CAF_TEST_FIXTURE_SCOPE_END()
