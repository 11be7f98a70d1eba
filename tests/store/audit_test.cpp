#define CAF_SUITE store_audit

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  /// "tickets/completed/contradictions/events"
  std::string audit() {
    auto x = must(store::audit_completions(s.db));
    std::string result;
    for (auto number : {x.tickets, x.completed, x.contradictions, x.events})
      result += (result.empty() ? "" : "/") + std::to_string(number);
    return result;
  }

  void tamper(const std::string& sql) { must(s.db.script(sql, "tamper")); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_audit_tests, fixture)

CAF_TEST(an audit counts what was submitted and what was completed) {
  CAF_CHECK_EQUAL(audit(), "0/0/0/0");
  for (int i = 0; i < 3; ++i)
    s.submit();
  auto claims = s.claim(2);
  CAF_CHECK_EQUAL(audit(), "3/0/0/5");
  s.settle(claims[0]);
  s.settle(claims[1], outcome_class::permanent);
  CAF_CHECK_EQUAL(audit(), "3/1/0/7");
}

CAF_TEST(an audit finds a completion that history does not have or has twice) {
  auto id = to_string(s.submit());
  s.settle(s.claim_one());
  tamper("INSERT INTO swarm.ticket_events (ticket_id, kind) VALUES (" + id + ", 'completed')");
  CAF_CHECK_EQUAL(audit(), "1/1/1/4");
  tamper("UPDATE swarm.tickets SET final_state = NULL, finished_at = NULL WHERE id = " + id);
  CAF_CHECK_EQUAL(audit(), "1/0/1/4");
  auto silent = to_string(s.submit());
  tamper("UPDATE swarm.tickets SET final_state = 'completed', finished_at = clock_timestamp() WHERE id = " + silent);
  CAF_CHECK_EQUAL(audit(), "2/1/2/5");
}

CAF_TEST(something is unfinished wherever a ticket waits) {
  auto unfinished = [this] { return must(store::any_unfinished(s.db)); };
  CAF_CHECK(!unfinished());
  s.submit(); // ready
  CAF_CHECK(unfinished());
  auto claim = s.claim_one(); // leases
  CAF_CHECK(unfinished());
  s.settle(claim, outcome_class::content); // scheduled
  CAF_CHECK(unfinished());
  tamper("INSERT INTO swarm.blocked (ticket_id, remaining) "
         "SELECT ticket_id, 1 FROM swarm.scheduled; DELETE FROM swarm.scheduled");
  CAF_CHECK(unfinished());
  tamper("DELETE FROM swarm.blocked");
  CAF_CHECK(!unfinished());
}

CAF_TEST_FIXTURE_SCOPE_END()
