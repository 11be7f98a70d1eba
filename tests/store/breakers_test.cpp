#define CAF_SUITE store_breakers

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include <array>
#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::string_literals;

namespace {

struct fixture {
  desk d;
  session s = d.open(), other = d.open();

  ~fixture() {
    CAF_CHECK_EQUAL(d.violations(), "");
    for (auto& x : must(store::replay(s.db)))
      CAF_CHECK_EQUAL("ticket " + to_string(x.ticket) + ": " + x.log, x.table);
  }

  /// A ticket that needs a service; none when it has no name.
  ticket_id submit(const std::string& route, new_ticket x = {}) {
    x.payload = route.empty() ? "{}" : "{\"route\": \"" + route + "\"}";
    return s.submit(std::move(x));
  }

  std::vector<claim_ref> claim(session& x, std::int32_t limit = 100, std::vector<std::string> credentials = {},
                               const std::string& queue = "default") {
    std::vector<claim_ref> result;
    for (auto& ticket : must(store::claim(x.db, {queue, limit, x.node, {}, std::move(credentials)})))
      result.push_back(ticket.claim);
    return result;
  }

  static std::string tickets(const std::vector<claim_ref>& claims) {
    std::string result;
    for (auto& x : claims)
      result += (result.empty() ? "" : " ") + to_string(x.ticket);
    return result;
  }

  static settlement ended(claim_ref claim, outcome_class end, route_report report) {
    settlement x{claim, {}};
    x.outcome.end = end;
    x.outcome.evidence = end == outcome_class::completed ? "" : "it said no";
    x.outcome.route = std::move(report);
    return x;
  }

  static std::string settle(session& x, std::vector<settlement> all) {
    auto rules = desk::rules();
    rules.infra_retries_max = 1'000;
    rules.breaker_failures = 3;
    std::string answers;
    for (auto& answer : must(store::settle(x.db, {std::move(all), rules})).tickets)
      answers += (answers.empty() ? "" : " ") + to_string(answer.answer);
    return answers;
  }

  /// What attempts say: that it failed, that it is shut, that it answered.
  static settlement failed(claim_ref x) { return ended(x, outcome_class::transient, {route_news::failed}); }
  static settlement answered(claim_ref x, const std::string& credential = {}) {
    return ended(x, outcome_class::completed, {route_news::answered, false, false, credential});
  }
  static settlement shut(claim_ref x, const std::string& credential = {}, caf::timespan wait = {}) {
    return ended(x, outcome_class::auth, {route_news::shut, false, false, credential, wait});
  }

  /// Opens a breaker by the word of one ticket.
  void shut_down(const std::string& route, const std::string& credential = {}, caf::timespan wait = {}) {
    submit(route, urgent());
    CAF_REQUIRE_EQUAL(settle(s, {shut(claim(s, 1).at(0), credential, wait)}), "ok");
  }

  static new_ticket urgent() {
    new_ticket x;
    x.priority = 0;
    return x;
  }

  std::string state(const std::string& route) {
    return s.ask("SELECT state || ' ' || failures FROM swarm.breakers WHERE route = '" + route + "'");
  }

  /// How long it stays open, in seconds.
  std::string pause(const std::string& route) {
    return s.ask("SELECT round(extract(epoch FROM until - clock_timestamp())) FROM swarm.breakers WHERE route = '" + route + "'");
  }

  void let_it_pass() {
    must(s.db.script("UPDATE swarm.breakers SET until = clock_timestamp() - interval '1 second' WHERE state = 'open'", "time"));
  }

  std::string events() {
    return s.ask("SELECT string_agg(kind || ' ' || (data ->> 'route'), ', ' ORDER BY id) FROM swarm.ticket_events "
                 "WHERE kind::text LIKE 'breaker%'");
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_breakers_tests, fixture)

CAF_TEST(the service that a ticket needs is read from its kind and payload) {
  for (auto [kind, payload, route] : std::vector<std::array<const char*, 3>>{
         {"http", R"({"url": "https://Example.org/a?b#c"})", "http https://example.org:443"},
         {"http", R"({"url": "HTTP://example.org"})", "http http://example.org:80"},
         {"http", R"({"url": "http://example.org?x=http://evil:1/"})", "http http://example.org:80"},
         {"http", R"({"url": "http://me:secret@example.org:8080/"})", "http http://example.org:8080"},
         {"http", R"({"url": "http://a@b@example.org:8080/"})", "http http://example.org:8080"},
         {"http", R"({"url": "http://[::1]:8080/x"})", "http http://[::1]:8080"},
         {"http", R"({"url": "http://h/", "headers": {"B": {"env": "SWARM_SECRET_B"}, "A": {"env": "SWARM_SECRET_A"}, "C": "c"}})",
          "http http://h:80 SWARM_SECRET_A SWARM_SECRET_B"},
         {"http", R"({"url": "http://h/", "headers": 3})", "http http://h:80"},
         {"http", R"({"url": "ftp://h/"})", ""},
         {"http", R"({"url": "${ticket.a.result}"})", ""},
         {"http", R"({"url": 3})", ""},
         {"http", "{}", ""},
         {"claude", R"({"model": "claude-opus-5-5"})", "claude claude-opus-5-5"},
         {"claude", R"({"model": "a\u0007b"})", ""},
         {"claude", "{}", "claude default"},
         {"claude", R"({"model": "claude-opus-5-5", "batch": true})", "claude batch"},
         {"claude", R"({"model": "claude-opus-5-5", "batch": false})", "claude claude-opus-5-5"},
         {"agent_cli", R"({"agent": "codex"})", "agent_cli codex default"},
         {"agent_cli", R"({"agent": "claude", "model": "opus"})", "agent_cli claude opus"},
         {"agent_cli", R"({"model": "opus"})", ""},
         {"command", R"({"command": ["true"]})", ""},
         {"command", R"({"command": ["true"], "route": "ssh host"})", "ssh host"},
         {"mock", R"({"route": " x"})", ""},
         {"noop", "{}", ""}}) {
    CAF_MESSAGE(kind << " " << payload);
    CAF_CHECK_EQUAL(s.ask("SELECT swarm.route_of('"s + kind + "', '" + payload + "')"), route);
  }
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.route_of('claude', jsonb_build_object('model', repeat('m', 300))::text)"), "");
}

CAF_TEST(a route comes with the ticket wherever that comes from and goes with its payload) {
  s.ask("SELECT swarm.enqueue('mock', '{\"route\": \"a b\"}', unique_key => 'k')");
  s.ask("SELECT swarm.enqueue_graph('g', '{\"x\": {\"kind\": \"claude\", \"payload\": {\"model\": \"m\", \"check\": [\"true\"]}}}')");
  submit("c d");
  auto routes = [&] { return s.ask("SELECT string_agg(route, ', ' ORDER BY ticket_id) FROM swarm.ready"); };
  CAF_CHECK_EQUAL(routes(), "a b, claude m, c d");
  s.ask("SELECT swarm.enqueue('mock', '{\"route\": \"e f\"}', unique_key => 'k', on_conflict => 'replace')");
  CAF_CHECK_EQUAL(routes(), "e f, claude m, c d");
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(route, ', ' ORDER BY id) FROM swarm.tickets"), routes());
  s.ask("SELECT swarm.configure_queue('default', is_fair => true)");
  submit("g h");
  CAF_CHECK_EQUAL(routes(), "e f, claude m, c d, g h");
  s.ask("SELECT swarm.audit_rebuild('copy')");
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(route, ', ' ORDER BY id) FROM copy.tickets"), routes());
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(route, ', ' ORDER BY ticket_id) FROM copy.ready"), routes());
}

CAF_TEST(as many failures in a row as the rules say open a breaker and less do not) {
  for (int i = 0; i < 6; ++i)
    submit("api x");
  auto claims = claim(s);
  settle(s, {failed(claims[0])});
  settle(s, {failed(claims[1])});
  CAF_CHECK_EQUAL(state("api x"), "closed 2");
  settle(s, {answered(claims[2])});
  CAF_CHECK_EQUAL(state("api x"), ""); // from the beginning
  settle(s, {failed(claims[3]), failed(claims[4])});
  CAF_CHECK_EQUAL(state("api x"), "closed 2");
  CAF_CHECK_EQUAL(events(), "");
  settle(s, {failed(claims[5])});
  CAF_CHECK_EQUAL(state("api x"), "open 3");
  CAF_CHECK_EQUAL(pause("api x"), "30");
  CAF_CHECK_EQUAL(events(), "breaker_opened api x");
  CAF_CHECK_EQUAL(s.ask("SELECT reason FROM swarm.breakers"), "it said no");
}

CAF_TEST(nobody claims what waits behind an open breaker and all else goes on) {
  auto done = submit("api y"), plain = submit("");
  shut_down("api x");
  auto behind = submit("api x");
  auto later = submit("");
  CAF_CHECK_EQUAL(tickets(claim(other, 1)), to_string(done));
  CAF_CHECK_EQUAL(tickets(claim(s)), to_string(plain) + " " + to_string(later));
  CAF_CHECK(claim(other).empty());
  CAF_CHECK_EQUAL(s.state(behind), "ready");
  // Behind a mark, as a dispatcher looks.
  auto last = submit("");
  auto found = must(store::claim(s.db, {"default", 5, s.node, {{100, 1}}, {}}));
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(found[0].claim.ticket, last);
  CAF_CHECK(must(store::claim(s.db, {"default", 5, s.node, {{100, 1}}, {}})).empty());
}

CAF_TEST(a breaker that is about a whole kind stops all of its routes) {
  submit("api x");
  route_report report{route_news::shut, true, false, "hash", {}};
  settle(s, {ended(claim(s, 1).at(0), outcome_class::budget, report)});
  submit("api y");
  submit("apian z");
  CAF_CHECK_EQUAL(tickets(claim(s, 9, {"hash"})), "3");
  CAF_CHECK_EQUAL(tickets(claim(s, 9, {"another"})), "2");
}

CAF_TEST(what is wrong with one agent stops all of its models and no other agent) {
  submit("agent_cli claude opus");
  settle(s, {ended(claim(s, 1).at(0), outcome_class::auth, {route_news::shut, true, false, "hash", {}})});
  submit("agent_cli claude default");
  submit("agent_cli codex default");
  CAF_CHECK_EQUAL(tickets(claim(s, 9, {"hash"})), "3");
  CAF_CHECK_EQUAL(s.ask("SELECT route FROM swarm.breakers"), "agent_cli claude *");
  CAF_CHECK_EQUAL(must(store::list_breakers(s.db)).at(0).waiting, 1);
}

CAF_TEST(a refused credential stops those who work with it and a broken node itself) {
  shut_down("api x", "bad");
  submit("api x");
  CAF_CHECK(claim(s, 1, {"good", "bad"}).empty());
  auto claims = claim(s, 1, {"good"});
  CAF_REQUIRE_EQUAL(claims.size(), 1u);
  settle(s, {ended(claims[0], outcome_class::transient, {route_news::shut, false, true})});
  CAF_CHECK_EQUAL(s.ask("SELECT credential FROM swarm.breakers WHERE credential LIKE 'node:%'"), "node:" + to_string(s.node));
  submit("api x");
  CAF_CHECK(claim(s, 1, {"good"}).empty());
  auto node = must(store::register_node(other.db, {"00000000-0000-0000-0000-000000000002", "b", "h", 1, "0", {}})).id;
  CAF_CHECK_EQUAL(must(store::claim(other.db, {"default", 1, node, {}, {"good"}})).size(), 1u);
}

CAF_TEST(after its time one ticket at a time tries and its success closes the breaker) {
  shut_down("api x");
  for (int i = 0; i < 3; ++i)
    submit("api x");
  CAF_CHECK(claim(s).empty());
  let_it_pass();
  auto probe = claim(s);
  CAF_CHECK_EQUAL(probe.size(), 1u);
  CAF_CHECK(claim(other).empty());
  CAF_CHECK_EQUAL(state("api x"), "half_open 1");
  // One that ends without a word about the service leaves the way to the next.
  settle(s, {ended(probe.at(0), outcome_class::released, {})});
  auto second = claim(other);
  CAF_REQUIRE_EQUAL(second.size(), 1u);
  CAF_CHECK(claim(s).empty());
  settle(s, {answered(second[0])});
  CAF_CHECK_EQUAL(state("api x"), "");
  CAF_CHECK_EQUAL(claim(s).size(), 2u);
  CAF_CHECK_EQUAL(events(), "breaker_opened api x, breaker_half_opened api x, breaker_closed api x");
}

CAF_TEST(a probe that fails opens the breaker again for twice as long and up to a bound) {
  for (int i = 0; i < 3; ++i)
    submit("api x");
  std::vector<settlement> all;
  for (auto& x : claim(s))
    all.push_back(failed(x));
  settle(s, all);
  for (auto expected : {"60", "120", "240", "480", "900", "900"}) {
    let_it_pass();
    submit("api x", urgent());
    auto probe = claim(s);
    CAF_REQUIRE_EQUAL(probe.size(), 1u);
    settle(s, {failed(probe[0])});
    CAF_CHECK_EQUAL(pause("api x"), expected);
  }
  CAF_CHECK_EQUAL(state("api x"), "open 9");
}

CAF_TEST(a probe that loses its worker leaves the way to the next) {
  shut_down("api x");
  submit("api x");
  submit("api x");
  let_it_pass();
  auto probe = claim(s);
  s.age(probe.at(0).ticket, std::chrono::minutes{10});
  CAF_CHECK(claim(other).empty());
  s.ask("SELECT swarm.note_sweep(60000)");
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
  CAF_CHECK_EQUAL(claim(other).size(), 1u);
  CAF_CHECK(claim(s).empty());
}

CAF_TEST(two claimers at once send one probe and none waits for the other) {
  shut_down("api x");
  submit("api x");
  submit("api x");
  submit(""); // what the first one doesn't take it holds until it is committed
  auto plain = submit("");
  let_it_pass();
  std::vector<claim_ref> first, second;
  auto waited = overlap(d, s, [&](session& x) { first = claim(x, 1); }, other, [&](session& x) { second = claim(x); });
  CAF_CHECK(!waited);
  CAF_CHECK_EQUAL(first.size(), 1u);
  CAF_CHECK_EQUAL(tickets(second), to_string(plain));
}

CAF_TEST(a claimer that looked before a probe was committed sends no second one) {
  shut_down("api x");
  submit("api x");
  submit("api x");
  let_it_pass();
  // Stops whoever has looked for the first time, with what it found in its hand.
  must(s.db.script("CREATE OR REPLACE FUNCTION swarm.covers(_pattern text, _route text) RETURNS boolean LANGUAGE plpgsql AS "
                   "$$ BEGIN PERFORM pg_advisory_lock_shared(42), pg_advisory_unlock_shared(42); "
                   "RETURN _pattern = _route; END $$",
                   "gate"));
  must(s.db.script("SELECT pg_advisory_lock(42)", "close"));
  std::vector<claim_ref> late;
  std::thread running{[&] { late = claim(other); }};
  CAF_CHECK(eventually([&] { return d.is_blocked(other.pid()); }));
  auto early = claim(s); // of this session, so it passes
  must(s.db.script("SELECT pg_advisory_unlock(42)", "open"));
  running.join();
  CAF_CHECK_EQUAL(early.size(), 1u);
  CAF_CHECK(late.empty());
}

CAF_TEST(what was asked before a breaker opened neither closes it nor shortens it) {
  for (int i = 0; i < 5; ++i)
    submit("api x");
  auto claims = claim(s);
  settle(s, {shut(claims[0], {}, std::chrono::hours{2})});
  settle(s, {answered(claims[1])});
  settle(s, {failed(claims[2])});
  CAF_CHECK_EQUAL(state("api x"), "open 1");
  settle(s, {shut(claims[3], {}, std::chrono::hours{1})});
  CAF_CHECK_EQUAL(pause("api x"), "7200");
  CAF_CHECK_EQUAL(events(), "breaker_opened api x");
  let_it_pass();
  submit("api x");
  auto probe = claim(s);
  CAF_REQUIRE_EQUAL(probe.size(), 1u);
  settle(s, {answered(claims[4])}); // not the one that tries
  CAF_CHECK_EQUAL(state("api x"), "half_open 2");
  settle(s, {answered(probe[0])});
  CAF_CHECK_EQUAL(state("api x"), "");
}

CAF_TEST(a breaker that is shut again while one ticket tries lets no second one try beside it) {
  for (int i = 0; i < 4; ++i)
    submit("api x");
  auto claims = claim(s, 2);
  settle(s, {shut(claims.at(0))});
  let_it_pass();
  auto probe = claim(s);
  CAF_REQUIRE_EQUAL(probe.size(), 1u);
  settle(s, {shut(claims[1])}); // was asked long before
  CAF_CHECK_EQUAL(state("api x"), "open 2");
  let_it_pass();
  CAF_CHECK(claim(other).empty());
  settle(s, {answered(probe[0])});
  CAF_CHECK_EQUAL(state("api x"), "open 2");
  CAF_CHECK_EQUAL(claim(other).size(), 1u);
}

CAF_TEST(what a lost worker says about a service is not heard) {
  submit("api x");
  auto claims = claim(s);
  s.age(claims.at(0).ticket, std::chrono::minutes{10});
  s.ask("SELECT swarm.note_sweep(60000)");
  s.reclaim();
  CAF_CHECK_EQUAL(settle(s, {shut(claims[0])}), "lost");
  CAF_CHECK_EQUAL(state("api x"), "");
}

CAF_TEST(an answer clears no count of another credential) {
  submit("api x");
  submit("api x");
  auto claims = claim(s);
  settle(s, {ended(claims[0], outcome_class::transient, {route_news::failed, false, false, "a"})});
  settle(s, {answered(claims[1], "b")});
  CAF_CHECK_EQUAL(state("api x"), "closed 1");
}

CAF_TEST(the same words to three tickets within five minutes are no fault of theirs) {
  auto refused = [&](claim_ref x, const std::string& words) {
    auto result = ended(x, outcome_class::permanent, {route_news::refused, false, false, "hash"});
    result.outcome.evidence = words;
    return result;
  };
  // Other words, the same ticket again, another service, and what is long over don't add up.
  for (int i = 0; i < 4; ++i)
    submit("api x");
  for (const auto& x : claim(s, 3))
    settle(s, {refused(x, "word " + to_string(x.ticket))});
  const auto again = claim(s).at(0);
  settle(s, {refused(again, "no")});
  for (int i = 0; i < 3; ++i) {
    CAF_CHECK_EQUAL(s.retry(again.ticket), "ready");
    settle(s, {refused(claim(s).at(0), "no")});
  }
  submit("api y");
  settle(s, {refused(claim(s).at(0), "no")});
  submit("api x");
  settle(s, {refused(claim(s).at(0), "no")});
  must(s.db.script("UPDATE swarm.refusals SET at = ARRAY(SELECT unnest(at) - interval '6 minutes')", "time"));
  submit("api x");
  settle(s, {refused(claim(s).at(0), "no")});
  CAF_CHECK_EQUAL(state("api x"), "");
  submit("api x");
  settle(s, {refused(claim(s).at(0), "no")});
  CAF_CHECK_EQUAL(state("api x"), "");
  submit("api x");
  submit("api x");
  submit("api y");
  settle(s, {refused(claim(s, 1).at(0), "no")});
  CAF_CHECK_EQUAL(state("api x"), "open 1");
  CAF_CHECK_EQUAL(s.ask("SELECT credential FROM swarm.breakers"), ""); // whoever asks, asks in the same way
  CAF_CHECK_EQUAL(pause("api x"), "900"); // as where people must mend something
  CAF_CHECK_EQUAL(claim(s).size(), 1u); // of the other service
  CAF_CHECK_EQUAL(events(), "breaker_opened api x");
}

CAF_TEST(what is refused proves that the service works) {
  submit("api x");
  submit("api x");
  submit("api x");
  auto claims = claim(s);
  settle(s, {failed(claims[0])});
  CAF_CHECK_EQUAL(state("api x"), "closed 1");
  settle(s, {ended(claims[1], outcome_class::permanent, {route_news::refused})});
  CAF_CHECK_EQUAL(state("api x"), "");
  // So does one that tries behind a breaker of other words.
  settle(s, {shut(claims[2])});
  submit("api x");
  let_it_pass();
  auto probe = ended(claim(s).at(0), outcome_class::permanent, {route_news::refused});
  probe.outcome.evidence = "unknown field";
  settle(s, {probe});
  CAF_CHECK_EQUAL(state("api x"), "");
}

CAF_TEST(three refusals at once see each other) {
  for (int i = 0; i < 3; ++i)
    submit("api x");
  auto claims = claim(s);
  auto refused = [&](std::size_t i) { return ended(claims[i], outcome_class::permanent, {route_news::refused}); };
  auto waited = overlap(d, s, [&](session& x) { settle(x, {refused(0), refused(1)}); }, other,
                        [&](session& x) { settle(x, {refused(2)}); });
  CAF_CHECK(waited);
  CAF_CHECK_EQUAL(state("api x"), "open 1");
}

CAF_TEST(what a model learns that reviews work is for its own service and not for that of the work) {
  submit("api x");
  submit("");
  for (int i = 0; i < 3; ++i)
    submit("claude m");
  auto claims = claim(s, 2);
  auto reviewed = [](settlement x, route_report review) {
    x.outcome.review = std::move(review);
    x.outcome.review.route = "claude m";
    return x;
  };
  settle(s, {reviewed(answered(claims[0]), {route_news::failed}),
             reviewed(ended(claims[1], outcome_class::completed, {}), {route_news::failed})});
  CAF_CHECK_EQUAL(state("claude m"), "closed 2");
  CAF_CHECK_EQUAL(state("api x"), "");
  submit("api x", urgent());
  settle(s, {reviewed(failed(claim(s, 1).at(0)), {route_news::shut, true, false, "hash"})});
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(route || ' ' || credential, ', ') FROM swarm.breakers WHERE state = 'open'"),
                  "claude hash");
  CAF_CHECK_EQUAL(state("api x"), "closed 1");
}

CAF_TEST(who overtakes what a breaker holds up is told so) {
  submit("api x");
  submit("api y");
  auto overtakes = [&] {
    submit("");
    const auto found = must(store::claim(s.db, {"default", 1, s.node, {{100, 2}}, {"hash"}}));
    CAF_REQUIRE_EQUAL(found.size(), 1u);
    return found[0].overtakes;
  };
  CAF_CHECK(!overtakes());
  shut_down("api x");
  CAF_CHECK(overtakes());
  must(s.db.script("DELETE FROM swarm.breakers", "closed"));
  shut_down("api y", "another"); // meets others
  CAF_CHECK(!overtakes());
  shut_down("api z"); // nobody waits for that
  CAF_CHECK(!overtakes());
  shut_down("api y", "hash");
  CAF_CHECK(overtakes());
  // What stands before a limit of ours has its own way, whoever's breaker is open.
  must(s.db.script("DELETE FROM swarm.breakers", "closed"));
  shut_down("api y", "another");
  CAF_CHECK(must(store::set_limit(s.db, {"api y", "", 100})));
  CAF_CHECK(!overtakes());
}

CAF_TEST(two failures that are reported at once both count) {
  submit("api x");
  submit("api x");
  auto claims = claim(s);
  auto waited = overlap(d, s, [&](session& x) { settle(x, {failed(claims[0])}); }, other,
                        [&](session& x) { settle(x, {failed(claims[1])}); });
  CAF_CHECK(waited);
  CAF_CHECK_EQUAL(state("api x"), "closed 2");
}

CAF_TEST(reports are taken in the order of their services) {
  for (auto route : {"api a", "api a", "api b"})
    submit(route);
  auto claims = claim(s);
  auto third = d.open();
  must(s.db.script("BEGIN", "begin"));
  settle(s, {failed(claims[0])});
  std::thread running{[&] { settle(other, {failed(claims[2]), failed(claims[1])}); }};
  CAF_CHECK(eventually([&] { return d.is_blocked(other.pid()); }));
  // It waits for the first and doesn't hold the second.
  CAF_CHECK_EQUAL(third.ask("SET lock_timeout = '200ms'; INSERT INTO swarm.breakers (route, credential, state, ticket_id) "
                            "VALUES ('api b', '', 'closed', 1) RETURNING 'free'"),
                  "free");
  must(s.db.script("COMMIT", "commit"));
  running.join();
  CAF_CHECK_EQUAL(state("api b"), "closed 1");
}

CAF_TEST(a queue with slots passes over what is shut) {
  s.ask("SELECT swarm.configure_queue('default', slots => 2, slots_per_key => 1)");
  shut_down("api x");
  submit("api x");
  submit("api x");
  auto plain = submit("");
  CAF_CHECK_EQUAL(tickets(claim(s)), to_string(plain));
  let_it_pass();
  CAF_CHECK_EQUAL(claim(s).size(), 1u);
  CAF_CHECK_EQUAL(state("api x"), "half_open 1");
}

CAF_TEST(tickets of several routes come in the order of their queue) {
  shut_down("api x");
  let_it_pass();
  auto a = submit(""), b = submit("api x"), c = submit("api y"), e = submit("api x"), f = submit("");
  CAF_CHECK_EQUAL(tickets(claim(s, 2)), to_string(a) + " " + to_string(b));
  CAF_CHECK_EQUAL(tickets(claim(s)), to_string(c) + " " + to_string(f));
  CAF_CHECK_EQUAL(s.state(e), "ready");
}

CAF_TEST(a poll in front of an open breaker writes nothing) {
  shut_down("api x");
  submit("api x");
  must(s.db.script("BEGIN", "begin"));
  CAF_CHECK(claim(s).empty());
  CAF_CHECK_EQUAL(s.ask("SELECT pg_current_xact_id_if_assigned() IS NULL"), "t");
  must(s.db.script("COMMIT", "commit"));
}

CAF_TEST(an operator closes a breaker and sees who waits and why) {
  shut_down("api x", "hash");
  auto behind = submit("api x");
  auto shown = must(store::list_breakers(s.db));
  CAF_REQUIRE_EQUAL(shown.size(), 1u);
  CAF_CHECK_EQUAL(shown[0].route + " " + shown[0].credential + " " + shown[0].state, "api x hash open");
  CAF_CHECK_EQUAL(shown[0].waiting, 1);
  auto why = [&] {
    std::string result;
    for (auto& x : must(store::why(s.db, behind, std::chrono::minutes{2})))
      result += x + "\n";
    return result;
  };
  CAF_CHECK(why().find("it is behind the open breaker of api x for credential hash until ") != std::string::npos);
  CAF_CHECK(why().find(": it said no\n") != std::string::npos);
  let_it_pass();
  CAF_CHECK_EQUAL(must(store::list_breakers(s.db)).at(0).state, "half_open");
  CAF_CHECK(why().find(", which lets the next ticket through to try") != std::string::npos);
  submit("api x", urgent());
  auto probe = claim(s, 1, {"hash"});
  CAF_CHECK(must(store::list_breakers(s.db)).at(0).probe == probe.at(0).ticket.value);
  CAF_CHECK(why().find(", and waits for ticket " + to_string(probe[0].ticket) + ", which tries") != std::string::npos);
  CAF_CHECK_EQUAL(failure_of(store::close_breaker(s.db, "api y")) == errc::not_found, true);
  CAF_CHECK_EQUAL(must(store::close_breaker(s.db, "api x")), 1);
  CAF_CHECK_EQUAL(why().find("breaker"), std::string::npos);
  CAF_CHECK_EQUAL(tickets(claim(s, 9, {"hash"})), to_string(behind));
  CAF_CHECK_EQUAL(events(), "breaker_opened api x, breaker_half_opened api x, breaker_closed api x");
}

CAF_TEST_FIXTURE_SCOPE_END()
