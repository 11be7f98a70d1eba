#define CAF_SUITE store_limits

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::chrono_literals;

namespace {

struct fixture {
  desk d;
  session s = d.open(), other = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  ticket_id submit(const std::string& route, std::int16_t priority = 100) {
    new_ticket x;
    x.priority = priority;
    x.payload = route.empty() ? "{}" : "{\"route\": \"" + route + "\"}";
    return s.submit(std::move(x));
  }

  void submit_many(const std::string& route, int count) {
    for (int i = 0; i < count; ++i)
      submit(route);
  }

  static std::vector<claim_ref> claim(session& x, std::int32_t limit = 100, std::vector<std::string> credentials = {}) {
    std::vector<claim_ref> result;
    for (auto& ticket : must(store::claim(x.db, {"default", limit, x.node, {}, std::move(credentials)})))
      result.push_back(ticket.claim);
    return result;
  }

  std::size_t claimed(std::vector<std::string> credentials = {}) { return claim(s, 100, std::move(credentials)).size(); }

  static std::string settle(session& x, claim_ref ticket, route_report report, outcome_class end = outcome_class::completed) {
    settlement it{ticket, {}};
    it.outcome.end = end;
    it.outcome.evidence = end == outcome_class::completed ? "" : "too many";
    it.outcome.route = std::move(report);
    return to_string(must(store::settle(x.db, {{it}, desk::rules()})).tickets.at(0).answer);
  }

  static route_report throttled(caf::timespan wait, const std::string& credential = {}) {
    route_report x;
    x.news = route_news::throttled;
    x.wait = wait;
    x.credential = credential;
    return x;
  }

  static route_report used(std::int64_t input, std::int64_t output = 0, std::int32_t requests = 1) {
    route_report x;
    x.news = route_news::answered;
    x.input_tokens = input;
    x.output_tokens = output;
    x.requests = requests;
    return x;
  }

  void limit(store::limit_settings x) { CAF_CHECK(must(store::set_limit(s.db, x))); }

  void pass(const std::string& time) {
    must(s.db.script("UPDATE swarm.limits SET at = at - interval '" + time + "', throttled_until = throttled_until - interval '"
                       + time + "', throttled_at = throttled_at - interval '" + time + "'",
                     "time"));
  }

  store::limit_row shown(const std::string& route) {
    for (auto& x : must(store::list_limits(s.db)))
      if (x.route == route)
        return x;
    throw std::runtime_error("there is no limit of " + route);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_limits_tests, fixture)

CAF_TEST(no more tickets begin in a minute than the limit allows whoever claims and all else goes on) {
  limit({"api x", "", 3});
  submit_many("api x", 5);
  submit_many("api y", 2);
  submit("");
  CAF_CHECK_EQUAL(claim(other, 2).size(), 2u);
  CAF_CHECK_EQUAL(claimed(), 4u); // one more of x, two of y, and one that needs nothing
  CAF_CHECK_EQUAL(claimed(), 0u);
  CAF_CHECK_EQUAL(shown("api x").requests_left.value_or(-1), 0);
  CAF_CHECK_EQUAL(shown("api x").waiting, 2);
  pass("21 seconds"); // a third of a minute: one
  CAF_CHECK_EQUAL(claimed(), 1u);
  CAF_CHECK_EQUAL(claimed(), 0u);
  pass("1 hour"); // a minute's worth is kept, no more
  submit_many("api x", 9);
  CAF_CHECK_EQUAL(claimed(), 3u);
}

CAF_TEST(a limit is for one route or for all of a kind or for all that begin alike) {
  limit({"api", "", 0, 0, 0, 4});
  limit({"api x*", "", 0, 0, 0, 2});
  limit({"api x1", "", 0, 0, 0, 1});
  submit_many("api x1", 3);
  submit_many("api x2", 3);
  submit_many("api y", 3);
  submit_many("apis x1", 3);
  auto claims = claim(s);
  CAF_CHECK_EQUAL(claims.size(), 7u);
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(c, ', ' ORDER BY c) FROM (SELECT t.route || ' ' || count(*) AS c FROM swarm.leases l "
                        "JOIN swarm.tickets t ON t.id = l.ticket_id GROUP BY t.route) x"),
                  "api x1 1, api x2 1, api y 2, apis x1 3");
}

CAF_TEST(as many run at once as the limit allows and an end makes room) {
  limit({"api x", "", 0, 0, 0, 2});
  submit_many("api x", 4);
  auto claims = claim(s);
  CAF_REQUIRE_EQUAL(claims.size(), 2u);
  CAF_CHECK_EQUAL(claimed(), 0u);
  CAF_CHECK_EQUAL(s.settle(claims[0]), "ok completed");
  CAF_CHECK_EQUAL(claimed(), 1u);
  // A worker that is lost makes room, too.
  s.age(claims[1].ticket, 10min);
  s.ask("SELECT swarm.note_sweep(60000)");
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
  CAF_CHECK_EQUAL(claimed(), 1u);
}

CAF_TEST(a bucket of one credential is for those who work with it) {
  limit({"api x", "hash", 1});
  submit_many("api x", 3);
  CAF_CHECK_EQUAL(claimed({"hash"}), 1u);
  CAF_CHECK_EQUAL(claimed({"hash"}), 0u);
  CAF_CHECK_EQUAL(claimed({"other"}), 2u);
}

CAF_TEST(one that is told to wait keeps everybody waiting until then and a crowd halves itself) {
  submit_many("api x", 40);
  auto claims = claim(s, 8);
  CAF_CHECK_EQUAL(settle(s, claims[0], throttled(30s), outcome_class::throttled), "ok");
  CAF_CHECK(claim(other).empty());
  CAF_CHECK_EQUAL(shown("api x").is_throttled, true);
  CAF_CHECK_EQUAL(shown("api x").concurrent.value_or(0), 4); // half of eight
  settle(s, claims[1], throttled(10s), outcome_class::throttled); // of the same crowd
  CAF_CHECK_EQUAL(shown("api x").concurrent.value_or(0), 4);
  CAF_CHECK_EQUAL(s.ask("SELECT round(extract(epoch FROM throttled_until - clock_timestamp())) FROM swarm.limits"), "30");
  for (int i = 2; i < 8; ++i)
    settle(s, claims[static_cast<std::size_t>(i)], {});
  CAF_CHECK(claim(other).empty());
  pass("31 seconds");
  claims = claim(other);
  CAF_CHECK_EQUAL(claims.size(), 4u);
  for (auto& x : claims) // each answer lets a little more
    settle(other, x, used(0));
  CAF_CHECK_EQUAL(claim(other).size(), 4u);
  CAF_CHECK_EQUAL(shown("api x").concurrent.value_or(0), 4);
  pass("11 minutes"); // forgotten
  CAF_CHECK(must(store::list_limits(s.db)).empty());
  CAF_CHECK_EQUAL(claimed(), 24u);
  must(store::prune(s.db, {}));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.limits"), "0");
}

CAF_TEST(what one service says is taken for those that share its bucket and not for its whole kind) {
  limit({"api", "", 100});
  limit({"api x*", "", 100});
  submit("api x1");
  submit("api x2");
  submit("api y");
  auto first = claim(s, 1).at(0);
  auto report = throttled(60s);
  report.requests_left = 0;
  settle(s, first, report, outcome_class::throttled);
  CAF_CHECK_EQUAL(claimed(), 1u);
  CAF_CHECK_EQUAL(shown("api x*").is_throttled, true);
  CAF_CHECK_EQUAL(shown("api").is_throttled, false);
}

CAF_TEST(not now is heard by all while the attempt that was told goes on and from its holder alone) {
  submit_many("api x", 3);
  auto running = claim(s, 1).at(0);
  auto zombie = running;
  zombie.fence.value -= 1;
  CAF_CHECK(!must(store::throttle(s.db, {zombie, throttled(60s)})));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.limits"), "0");
  CAF_CHECK(must(store::throttle(s.db, {running, throttled(60s)})));
  CAF_CHECK(claim(other).empty());
  // Wherever a dispatcher has come to.
  CAF_CHECK(must(store::claim(other.db, {"default", 9, other.node, {{100, 1}}})).empty());
  CAF_CHECK_EQUAL(s.state(running.ticket), "in_progress");
  CAF_CHECK_EQUAL(s.ask("SELECT throttles FROM swarm.tickets WHERE id = " + to_string(running.ticket)), "0");
  pass("61 s");
  CAF_CHECK_EQUAL(claim(other, 1).size(), 1u);
}

CAF_TEST(one that sits out its wait is one of those that are halved) {
  for (auto [running, ceiling] : {std::pair{1, "1"}, {4, "2"}, {5, "2.5"}}) {
    const auto route = "api " + std::to_string(running);
    submit_many(route, running);
    const auto claims = claim(s);
    CAF_REQUIRE_EQUAL(claims.size(), static_cast<std::size_t>(running));
    CAF_CHECK(must(store::throttle(s.db, {claims[0], throttled(60s)})));
    CAF_CHECK_EQUAL(s.ask("SELECT ceiling FROM swarm.limits WHERE route = '" + route + "'"), ceiling);
  }
}

CAF_TEST(a review uses what its model may use and says for it when to stop) {
  limit({"claude m", "", 10, 1000});
  submit("api x");
  submit("");
  auto claims = claim(s);
  settlement x{claims[0], {}};
  x.outcome.review = used(400, 0, 3);
  x.outcome.review.route = "claude m";
  must(store::settle(s.db, {{x}, desk::rules()}));
  CAF_CHECK_EQUAL(s.ask("SELECT requests_left || ' ' || input_left FROM swarm.limits"), "8 600");
  auto report = throttled(60s);
  report.route = "claude m";
  CAF_CHECK(must(store::throttle(s.db, {claims[1], report})));
  submit("claude m");
  submit("api x");
  CAF_CHECK_EQUAL(claimed(), 1u);
}

CAF_TEST(one that is told to wait by what its node has keeps that node waiting and no other) {
  submit_many("api x", 3);
  auto report = throttled(60s);
  report.this_node = true;
  settle(s, claim(s, 1).at(0), report, outcome_class::throttled);
  CAF_CHECK_EQUAL(claimed(), 0u);
  auto node = must(store::register_node(other.db, {"00000000-0000-0000-0000-000000000002", "b", "h", 1, "0", {}})).id;
  CAF_CHECK_EQUAL(must(store::claim(other.db, {"default", 9, node, {}})).size(), 2u);
}

CAF_TEST(tokens are charged when they were used and what runs counts with the average) {
  limit({"api x", "", 0, 1000});
  submit_many("api x", 30);
  CAF_CHECK_EQUAL(claim(s, 1).size(), 1u);
  auto rest = claim(s);
  CAF_CHECK_EQUAL(rest.size(), 9u); // nobody knows yet: a tenth of a minute's each
  settle(s, rest[0], used(400));
  CAF_CHECK_EQUAL(s.ask("SELECT input_left FROM swarm.limits"), "600");
  CAF_CHECK_EQUAL(claimed(), 0u); // nine run, for 400 each
  for (std::size_t i = 1; i < rest.size(); ++i)
    settle(s, rest[i], used(100));
  CAF_CHECK(shown("api x").input_left.value_or(1) < 0); // it costs what it costs
  CAF_CHECK_EQUAL(claimed(), 0u);
  pass("70 seconds");
  CAF_CHECK(claimed() > 0u);
}

CAF_TEST(a full bucket is enough for one ticket however much it may use) {
  limit({"api x", "", 0, 0, 1000});
  submit_many("api x", 3);
  settle(s, claim(s, 1).at(0), used(0, 50'000));
  CAF_CHECK_EQUAL(claimed(), 0u);
  pass("2 hours");
  CAF_CHECK_EQUAL(claimed(), 1u);
  CAF_CHECK_EQUAL(claimed(), 0u);
}

CAF_TEST(what a service says is left corrects the bucket downwards and further requests are charged) {
  limit({"api x", "", 100, 100'000});
  submit_many("api x", 3);
  auto claims = claim(s);
  auto report = used(10, 0, 20);
  settle(s, claims[0], report);
  auto stored = [&](const std::string& column) { return std::stod(s.ask("SELECT " + column + " FROM swarm.limits")); };
  CAF_CHECK(stored("requests_left") >= 78 && stored("requests_left") < 90); // three began, and one sent nineteen more
  report = used(10);
  report.requests_left = 5;
  report.input_tokens_left = 700;
  settle(s, claims[1], report);
  CAF_CHECK_EQUAL(stored("requests_left"), 5);
  CAF_CHECK_EQUAL(stored("input_left"), 700);
  report.requests_left = 90; // of an older answer, or of a greater limit than ours
  settle(s, claims[2], report);
  CAF_CHECK(stored("requests_left") < 80);
}

CAF_TEST(two claimers at once take no more than the bucket holds and none waits for the other) {
  limit({"api x", "", 3});
  submit_many("api x", 9);
  for (int i = 0; i < 3; ++i)
    submit("", 200);
  std::vector<claim_ref> first, second;
  auto waited = overlap(d, s, [&](session& x) { first = claim(x, 2); }, other, [&](session& x) { second = claim(x); });
  CAF_CHECK(!waited);
  CAF_CHECK_EQUAL(first.size(), 2u);
  CAF_CHECK_EQUAL(second.size(), 1u); // what needs nothing
  CAF_CHECK_EQUAL(claim(other).size(), 3u); // the last of the bucket, and what the first one held
}

CAF_TEST(a claimer that looked before another one took from the bucket takes no more than is left) {
  limit({"api x", "", 3});
  submit_many("api x", 9);
  // Stops whoever has looked for the first time, with what it found in its hand.
  must(s.db.script("CREATE OR REPLACE FUNCTION swarm.covers(_pattern text, _route text) RETURNS boolean LANGUAGE plpgsql AS "
                   "$$ BEGIN PERFORM pg_advisory_lock_shared(42), pg_advisory_unlock_shared(42); "
                   "RETURN _pattern = _route; END $$; SELECT pg_advisory_lock(42)",
                   "gate"));
  std::vector<claim_ref> late;
  std::thread running{[&] { late = claim(other); }};
  CAF_CHECK(eventually([&] { return d.is_blocked(other.pid()); }));
  auto early = claim(s, 2); // of this session, so it passes
  must(s.db.script("SELECT pg_advisory_unlock(42)", "open"));
  running.join();
  CAF_CHECK_EQUAL(early.size(), 2u);
  CAF_CHECK_EQUAL(late.size(), 1u);
}

CAF_TEST(a queue with slots keeps to the limits of its services) {
  s.ask("SELECT swarm.configure_queue('default', slots => 5)");
  limit({"api x", "", 2});
  submit_many("api x", 4);
  submit("");
  CAF_CHECK_EQUAL(claimed(), 3u);
}

CAF_TEST(a poll in front of an empty bucket writes nothing) {
  limit({"api x", "", 1});
  submit_many("api x", 2);
  CAF_CHECK_EQUAL(claimed(), 1u);
  must(s.db.script("BEGIN", "begin"));
  CAF_CHECK_EQUAL(claimed(), 0u);
  CAF_CHECK_EQUAL(s.ask("SELECT pg_current_xact_id_if_assigned() IS NULL"), "t");
  must(s.db.script("COMMIT", "commit"));
}

CAF_TEST(a limit is changed without a gift and removed and a wrong one is refused with a sentence) {
  limit({"api x", "", 10});
  submit_many("api x", 20);
  CAF_CHECK_EQUAL(claimed(), 10u);
  limit({"api x", "", 20});
  CAF_CHECK_EQUAL(shown("api x").requests_left.value_or(-1), 0);
  limit({"api x", "", 20, 500});
  CAF_CHECK_EQUAL(shown("api x").input_left.value_or(-1), 500);
  CAF_CHECK(!must(store::set_limit(s.db, {"api x", ""})));
  CAF_CHECK_EQUAL(claimed(), 10u);
  CAF_CHECK(sentence_of(store::set_limit(s.db, {"a  b", "", 1})).find("a route is made of words") != std::string::npos);
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.set_limit('api x', requests => -1)"), "SW002");
}

CAF_TEST(why says until when a limit is used up) {
  limit({"api x", "", 1});
  limit({"api x*", "", 0, 0, 0, 1});
  submit("api x");
  auto behind = submit("api x");
  CAF_CHECK_EQUAL(claimed(), 1u);
  std::string why;
  for (auto& x : must(store::why(s.db, behind, 2min)))
    why += x + "\n";
  CAF_CHECK(why.find("the limit of api x is used up until ") != std::string::npos);
  CAF_CHECK(why.find("the limit of api x* is used up: 1 attempts run, and no more may") != std::string::npos);
}

CAF_TEST_FIXTURE_SCOPE_END()
