#define CAF_SUITE store_races

#include "tests/fixtures/desk.hpp"

#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

constexpr auto silent = std::chrono::hours{1};

struct fixture {
  desk d;
  session a = d.open(), b = d.open();
  std::string first, second; ///< What a's and b's words answered.

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  /// `a` in an open transaction, then `b`; answers whether `b` had to wait for `a`.
  template <class First, class Second>
  bool race(First one, Second two) {
    return overlap(d, a, [&](session& s) { first = one(s); }, b, [&](session& s) { second = two(s); });
  }

  /// From now on, whoever comes to this place stops while somebody holds the advisory lock 42.
  void put_gate(const std::string& where) { must(a.db.script(where, "gate")); }

  /// Runs `paused` in `b` until it stands at the gate, then `meanwhile`, then opens the gate.
  template <class Paused, class Meanwhile>
  void interrupt(Paused paused, Meanwhile meanwhile) {
    must(a.db.script("SELECT pg_advisory_lock(42)", "close"));
    std::thread running{[&] { second = paused(b); }};
    CAF_CHECK(eventually([&] { return d.is_blocked(b.pid()); }));
    auto other = d.open();
    first = meanwhile(other);
    must(a.db.script("SELECT pg_advisory_unlock(42)", "open"));
    running.join();
  }

  static std::string reap(session& s) {
    auto report = s.reclaim();
    return std::to_string(report.reclaimed) + " reclaimed";
  }

  std::string beat(session& s, claim_ref claim) { return std::to_string(s.beat({claim})) + " held"; }

  claim_ref claim_silent() {
    a.submit();
    auto claim = a.claim_one();
    a.age(claim.ticket, silent);
    return claim;
  }

  struct family {
    ticket_id child; ///< Cancelled.
    claim_ref parent;
  };

  family make_family() {
    auto t = a.submit_graph(2, {{0, 1}});
    a.cancel(t[1]);
    return {t[1], a.claim_one()};
  }

  /// A child that shall not outlive a failure, one of whose two parents has just failed; the other one runs.
  family make_doomed_family() {
    new_graph graph{"graph", std::vector<new_ticket>(3)};
    for (std::size_t i = 0; i < 3; ++i) {
      graph.tickets[i].key = "t" + std::to_string(i);
      graph.tickets[i].kind = "command";
    }
    graph.tickets[2].needs = {0, 1};
    graph.tickets[2].on_failure = edge_policy::cancel;
    auto ids = must(store::submit(a.db, graph)).tickets;
    auto claims = a.claim(2);
    a.settle(claims[0], outcome_class::permanent);
    return {ids[2], claims[1]};
  }

  static std::string spread(session& s) {
    return std::to_string(must(store::propagate(s.db, 100)).cancelled) + " cancelled";
  }
};

/// The reaper has read the leases and not locked them yet.
const auto gate_in_reclaim = "CREATE OR REPLACE FUNCTION swarm.milliseconds(_ms bigint) RETURNS interval "
                             "LANGUAGE plpgsql AS $$ BEGIN "
                             "PERFORM pg_advisory_lock_shared(42), pg_advisory_unlock_shared(42); "
                             "RETURN make_interval(secs => _ms / 1000.0); END $$";

/// Whoever is about to change a lease, whether it finds one or not.
const auto gate_at_leases = "CREATE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                            "PERFORM pg_advisory_lock_shared(42), pg_advisory_unlock_shared(42); RETURN NULL; "
                            "END $$; "
                            "CREATE TRIGGER gate BEFORE UPDATE ON swarm.leases FOR EACH STATEMENT "
                            "EXECUTE FUNCTION gate()";

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_races_tests, fixture)

CAF_TEST(a settlement that comes during a reclaim is lost) {
  auto claim = claim_silent();
  CAF_CHECK(race(reap, [&](session& s) { return s.settle(claim); }));
  CAF_CHECK_EQUAL(first + ", " + second, "1 reclaimed, lost");
  CAF_CHECK_EQUAL(a.state(claim.ticket), "ready");
}

CAF_TEST(a reclaim that comes during a settlement finds nothing) {
  auto claim = claim_silent();
  CAF_CHECK(!race([&](session& s) { return s.settle(claim); }, reap));
  CAF_CHECK_EQUAL(first + ", " + second, "ok completed, 0 reclaimed");
  CAF_CHECK_EQUAL(reap(a), "0 reclaimed");
}

CAF_TEST(a heartbeat that comes during a reclaim waits for nobody and the next one learns of the loss) {
  auto claim = claim_silent();
  CAF_CHECK(!race(reap, [&](session& s) { return beat(s, claim); }));
  CAF_CHECK_EQUAL(first + ", " + second, "1 reclaimed, 1 held");
  CAF_CHECK_EQUAL(beat(a, claim), "0 held");
}

CAF_TEST(a reclaim that comes during a heartbeat finds nothing) {
  auto claim = claim_silent();
  CAF_CHECK(!race([&](session& s) { return beat(s, claim); }, reap));
  CAF_CHECK_EQUAL(first + ", " + second, "1 held, 0 reclaimed");
  CAF_CHECK_EQUAL(reap(a), "0 reclaimed");
}

CAF_TEST(a heartbeat after the look of the reaper and before its lock wins) {
  auto claim = claim_silent();
  put_gate(gate_in_reclaim);
  interrupt(reap, [&](session& s) { return beat(s, claim); });
  CAF_CHECK_EQUAL(first + ", " + second, "1 held, 0 reclaimed");
  CAF_CHECK_EQUAL(a.settle(claim), "ok completed");
}

CAF_TEST(a settlement after the look of the reaper and before its lock wins) {
  auto claim = claim_silent();
  put_gate(gate_in_reclaim);
  interrupt(reap, [&](session& s) { return s.settle(claim); });
  CAF_CHECK_EQUAL(first + ", " + second, "ok completed, 0 reclaimed");
  CAF_CHECK_EQUAL(a.history(claim.ticket), "submitted claimed completed");
}

CAF_TEST(the next claim after the look of the reaper and before its lock is safe) {
  auto claim = claim_silent();
  put_gate(gate_in_reclaim);
  interrupt(reap, [&](session& s) {
    s.settle(claim, outcome_class::released);
    return to_string(s.claim_one().ticket);
  });
  CAF_CHECK_EQUAL(second, "0 reclaimed");
  CAF_CHECK_EQUAL(a.state(claim.ticket), "in_progress");
}

CAF_TEST(the same settlement from two sessions at once is accepted once) {
  a.submit();
  auto claim = a.claim_one();
  auto settle = [&](session& s) { return s.settle(claim, outcome_class::content); };
  CAF_CHECK(race(settle, settle));
  CAF_CHECK_EQUAL(first + ", " + second, "ok attempt_failed, again");
}

CAF_TEST(a cancel during a claim becomes a request) {
  auto ticket = a.submit();
  CAF_CHECK(race([](session& s) { return to_string(s.claim_one().ticket); },
                 [&](session& s) { return s.cancel(ticket); }));
  CAF_CHECK_EQUAL(second, "requested");
  CAF_CHECK_EQUAL(a.state(ticket), "in_progress");
}

CAF_TEST(a claim during a cancel finds nothing) {
  auto ticket = a.submit();
  CAF_CHECK(!race([&](session& s) { return s.cancel(ticket); },
                  [](session& s) { return std::to_string(s.claim(1).size()); }));
  CAF_CHECK_EQUAL(first + ", " + second, "cancelled, 0");
  CAF_CHECK_EQUAL(a.state(ticket), "cancelled");
}

CAF_TEST(a cancel during a failing settlement ends the ticket) {
  auto ticket = a.submit();
  auto claim = a.claim_one();
  CAF_CHECK(race([&](session& s) { return s.settle(claim, outcome_class::content); },
                 [&](session& s) { return s.cancel(ticket); }));
  CAF_CHECK_EQUAL(first + ", " + second, "ok attempt_failed, cancelled");
}

CAF_TEST(a failing settlement during a cancel ends the ticket) {
  auto ticket = a.submit();
  auto claim = a.claim_one();
  CAF_CHECK(race([&](session& s) { return s.cancel(ticket); },
                 [&](session& s) { return s.settle(claim, outcome_class::content); }));
  CAF_CHECK_EQUAL(first + ", " + second, "requested, ok cancelled");
}

CAF_TEST(a cancel that follows a moving ticket holds nothing that its settlement needs) {
  auto ticket = a.submit();
  put_gate(gate_at_leases);
  must(a.db.script("BEGIN", "begin"));
  auto claim = a.claim_one();
  std::thread cancel{[&] { second = b.cancel(ticket); }};
  CAF_CHECK(eventually([&] { return d.is_blocked(b.pid()); })); // it waits for the claim
  auto gate = d.open();
  must(gate.db.script("SELECT pg_advisory_lock(42)", "close"));
  must(a.db.script("COMMIT", "commit"));
  CAF_CHECK(eventually([&] { return d.is_blocked(b.pid()) && a.state(ticket) == "in_progress"; }));
  std::thread settle{[&] { first = a.settle(claim, outcome_class::content); }};
  // With the ticket's lock in the hands of the cancel, the settlement would wait here until the gate opens.
  CAF_CHECK(eventually([&] { return gate.state(ticket) == "scheduled" || d.is_blocked(a.pid()); }));
  CAF_CHECK_EQUAL(gate.state(ticket), "scheduled");
  must(gate.db.script("SELECT pg_advisory_unlock(42)", "open"));
  settle.join();
  cancel.join();
  CAF_CHECK_EQUAL(first + ", " + second, "ok attempt_failed, cancelled");
}

CAF_TEST(two cancels at once cancel once) {
  auto ticket = a.submit();
  auto cancel = [&](session& s) { return s.cancel(ticket); };
  CAF_CHECK(race(cancel, cancel));
  CAF_CHECK_EQUAL(first + ", " + second, "cancelled, conflict");
  CAF_CHECK_EQUAL(a.history(ticket), "submitted cancelled");
}

CAF_TEST(a cancel meets a child that its parent is releasing) {
  auto t = a.submit_graph(2, {{0, 1}});
  auto claim = a.claim_one();
  CAF_CHECK(race([&](session& s) { return s.settle(claim); }, [&](session& s) { return s.cancel(t[1]); }));
  CAF_CHECK_EQUAL(first + ", " + second, "ok completed, cancelled");
  CAF_CHECK_EQUAL(a.history(t[1]), "submitted unblocked cancelled");
}

CAF_TEST(a parent completes while its child is being cancelled) {
  auto t = a.submit_graph(2, {{0, 1}});
  auto claim = a.claim_one();
  CAF_CHECK(race([&](session& s) { return s.cancel(t[1]); }, [&](session& s) { return s.settle(claim); }));
  CAF_CHECK_EQUAL(first + ", " + second, "cancelled, ok completed");
  CAF_CHECK_EQUAL(a.history(t[1]), "submitted cancelled");
}

CAF_TEST(a cancel meets a ticket that is being promoted) {
  auto ticket = a.submit();
  a.settle(a.claim_one(), outcome_class::content);
  must(a.db.script("UPDATE swarm.scheduled SET run_at = clock_timestamp()", "due"));
  CAF_CHECK(race([](session& s) { return std::to_string(must(store::promote(s.db, 1)).promoted); },
                 [&](session& s) { return s.cancel(ticket); }));
  CAF_CHECK_EQUAL(first + ", " + second, "1, cancelled");
}

CAF_TEST(a parent that completes while its child is being revived releases it) {
  auto x = make_family();
  CAF_CHECK(race([&](session& s) { return s.retry(x.child); }, [&](session& s) { return s.settle(x.parent); }));
  CAF_CHECK_EQUAL(first + ", " + second, "blocked, ok completed");
  CAF_CHECK_EQUAL(a.state(x.child), "ready");
  CAF_CHECK_EQUAL(a.history(x.child), "submitted cancelled retried unblocked");
}

CAF_TEST(a child that is revived while its parent completes is ready) {
  auto x = make_family();
  CAF_CHECK(race([&](session& s) { return s.settle(x.parent); }, [&](session& s) { return s.retry(x.child); }));
  CAF_CHECK_EQUAL(first + ", " + second, "ok completed, ready");
  CAF_CHECK_EQUAL(a.state(x.child), "ready");
}

CAF_TEST(a child is cancelled for one parent and the other one that completes does not release it) {
  auto [child, parent] = make_doomed_family();
  race(spread, [claim = parent](session& s) { return s.settle(claim); });
  CAF_CHECK_EQUAL(first + ", " + second, "1 cancelled, ok completed");
  CAF_CHECK_EQUAL(a.history(child), "submitted cancelled");
}

CAF_TEST(a child one of whose parents is completing is cancelled once for the other one) {
  auto [child, parent] = make_doomed_family();
  race([claim = parent](session& s) { return s.settle(claim); }, spread);
  CAF_CHECK_EQUAL(first + ", " + second, "ok completed, 1 cancelled");
  CAF_CHECK_EQUAL(a.history(child), "submitted cancelled");
}

CAF_TEST(two retries at once revive once) {
  auto ticket = a.submit();
  a.cancel(ticket);
  auto retry = [&](session& s) { return s.retry(ticket); };
  CAF_CHECK(race(retry, retry));
  CAF_CHECK_EQUAL(first + ", " + second, "ready, conflict");
}

CAF_TEST(two submissions bring the same new queues) {
  for (int round = 0; round < 50; ++round) {
    new_graph forward;
    for (int i = 0; i < 8; ++i) {
      forward.tickets.emplace_back();
      forward.tickets.back().queue = "q" + std::to_string(round) + "-" + std::to_string(i * 7 % 8);
    }
    new_graph backward{"", {forward.tickets.rbegin(), forward.tickets.rend()}};
    std::thread other{[&] {
      second = sentence_of(store::submit(b.db, backward));
    }};
    first = sentence_of(store::submit(a.db, forward));
    other.join();
    CAF_CHECK_EQUAL(first + second, "");
  }
  CAF_CHECK_EQUAL(a.ask("SELECT count(*) FROM swarm.queues"), "401");
  CAF_CHECK_EQUAL(a.ask("SELECT count(*) FROM swarm.ready"), "800");
}

CAF_TEST(a submission waits for another that brings the same new queue and both succeed) {
  auto submit = [](session& s) {
    new_ticket x;
    x.queue = "brand_new";
    return to_string(s.submit(x));
  };
  CAF_CHECK(race(submit, submit));
  CAF_CHECK_EQUAL(a.claim(10, "brand_new").size(), 2u);
}

CAF_TEST_FIXTURE_SCOPE_END()
