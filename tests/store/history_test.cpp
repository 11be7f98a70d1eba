#define CAF_SUITE store_history

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::string_literals;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  /// Some tickets with every kind of end.
  void live() {
    auto t = s.submit_graph(4, {{0, 1}, {1, 2}});
    s.settle(s.claim_one());
    s.submit();
    auto claims = s.claim(3);
    s.settle(claims[0], outcome_class::content);
    s.settle(claims[1], outcome_class::permanent);
    s.settle(claims[2], outcome_class::released);
    s.retry(claims[1].ticket);
    s.cancel(t[2]);
    must(s.db.script("SELECT swarm.enqueue('noop', queue => 'away')", "enqueue"));
    settlement away{s.claim_one("away"), {}};
    away.outcome.end = outcome_class::transient;
    auto rules = desk::rules();
    rules.infra_retries_max = 0;
    must(store::settle(s.db, {{away}, rules}));
    s.claim_one();
    s.ask("SELECT swarm.enqueue('noop', run_at => now() + interval '1 day')");
  }

  ticket_id enqueue(const std::string& more) {
    return ticket_id{std::stoll(s.ask("SELECT swarm.enqueue('noop'" + more + ", queue => 'edges')"))};
  }

  /// Edges of every kind, to parents that have ended in every way, and work that the cascade has yet to do.
  void live_on_edges() {
    auto failed = enqueue(""), done = enqueue(""), open = enqueue(""), wide = enqueue("");
    auto on = [](ticket_id x, const std::string& policy) {
      return ", needs => '{" + to_string(x) + "}', on_failure => '" + policy + "'";
    };
    enqueue(on(failed, "block"));
    auto spared = enqueue(on(failed, "ignore"));
    enqueue(on(failed, "cancel"));
    for (int i = 0; i < 101; ++i)
      enqueue(on(wide, "block"));
    auto claims = s.claim(4, "edges");
    s.settle(claims[0], outcome_class::permanent);
    s.settle(claims[1]);
    must(store::propagate(s.db, 1000));
    // Decided already: nobody waits for them.
    enqueue(on(done, "block"));
    auto late = enqueue(on(failed, "ignore"));
    s.ask("SELECT swarm.add_dependency(" + to_string(done) + ", " + to_string(late) + ")");
    // A ticket that is put off and then gets one more parent.
    auto waits = enqueue(", run_at => now() + interval '1 hour'");
    s.ask("SELECT swarm.add_dependency(" + to_string(open) + ", " + to_string(waits) + ")");
    // On their way: a completion with many dependents, and the cancellation of a late one.
    s.settle(claims[3]);
    enqueue(on(failed, "cancel"));
    CAF_REQUIRE_EQUAL(s.state(spared), "ready");
    CAF_REQUIRE_EQUAL(s.ask("SELECT count(*) FROM swarm.cascade_work"), "2");
    s.cancel(claims[2].ticket);
  }

  /// Seals what is there; answers how many events.
  std::int64_t seal(std::int32_t limit = 1000) { return must(store::seal(s.db, limit)).sealed; }

  /// What the check of the chain complains of.
  std::string problem() {
    auto found = must(store::verify_chain(s.db));
    return found.empty() ? "" : found.front().problem;
  }

  /// Does what the table refuses, as a superuser can.
  void tamper(const std::string& statement) {
    must(s.db.script("SET session_replication_role = replica; " + statement + "; RESET session_replication_role",
                     "tamper"));
  }

  std::string first_event() { return s.ask("SELECT min(id) FROM swarm.ticket_events"); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_history_tests, fixture)

CAF_TEST(the log alone says what the tables say) {
  live();
  live_on_edges();
  for (auto& x : must(store::replay(s.db)))
    CAF_CHECK_EQUAL("ticket " + to_string(x.ticket) + ": " + x.log, x.table);
  CAF_CHECK_EQUAL(d.violations(), "");
}

CAF_TEST(a table that was changed behind the back of the log is found) {
  live();
  auto ticket = s.submit();
  must(s.db.script("UPDATE swarm.tickets SET attempts = 2 WHERE id = " + to_string(ticket), "tamper"));
  auto found = must(store::replay(s.db));
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(found[0].ticket, ticket);
  CAF_CHECK_EQUAL(found[0].log, "ready 0/0/0/0/0/0/0/0");
  CAF_CHECK_EQUAL(found[0].table, "ready 2/0/0/0/0/0/0/0");
}

CAF_TEST(an edge that was changed behind the back of the log is found) {
  auto t = s.submit_graph(2, {{0, 1}});
  must(s.db.script("UPDATE swarm.dependencies SET counted = false", "tamper"));
  auto found = must(store::replay(s.db));
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(found[0].ticket, t[1]);
  CAF_CHECK_EQUAL(found[0].log, "needs " + to_string(t[0]) + ": block, counted");
  CAF_CHECK_EQUAL(found[0].table, "needs " + to_string(t[0]) + ": block");
  must(s.db.script("DELETE FROM swarm.dependencies", "tamper"));
  CAF_CHECK_EQUAL(must(store::replay(s.db)).at(0).table, "nothing");
}

CAF_TEST(the tables can be rebuilt from the log into an empty schema) {
  live();
  live_on_edges();
  auto big = "('{\"big\": \"' || repeat('x', 10000) || '\"}')::jsonb, unique_key => "s;
  s.ask("SELECT swarm.enqueue('noop', " + big + "'k')");
  s.ask("SELECT swarm.enqueue('noop', '{}', unique_key => 'l', deadline => '1 hour', queue_timeout => '1 day')");
  s.ask("SELECT swarm.enqueue('noop', " + big + "'l', on_conflict => 'replace')");
  auto count = std::stoll(s.ask("SELECT count(*) FROM swarm.tickets"));
  CAF_CHECK_EQUAL(must(store::rebuild(s.db, "copy")), count);
  for (std::string columns : {"id, graph_id, key, queue_id, kind, priority, attempts_max, timeout_ms, payload, payload_hash,"
                              " unique_key, attempts, infra_retries, check_retries, throttles, auth_denials, "
                              "budget_denials, reclaims, end_reason, final_state, run_at, deadline_at FROM %.tickets",
                              "parent_id, child_id, on_failure, counted FROM %.dependencies",
                              "ticket_id, remaining FROM %.blocked", "parent_id, ending FROM %.cascade_work",
                              "ticket_id, fence, node_id, attempt, deadline_clock, cancel_requested_at IS NULL, "
                              "abs(extract(epoch FROM deadline_at - claimed_at) - 3600) < 1 FROM %.leases",
                              "ticket_id, expires_at IS NULL, queue_id, rank, group_key FROM %.ready",
                              "ticket_id, date_trunc('minute', run_at) FROM %.scheduled", "ticket_id, at FROM %.deadlines",
                              "key, ticket_id FROM %.unique_keys"}) {
    auto in = [&](const std::string& schema) {
      auto text = columns;
      return "(SELECT " + text.replace(text.find('%'), 1, schema) + ")";
    };
    CAF_MESSAGE(columns);
    CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM (" + in("swarm") + " EXCEPT " + in("copy") + ") x"), "0");
    CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM (" + in("copy") + " EXCEPT " + in("swarm") + ") x"), "0");
  }
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.audit_rebuild('copy')"), "SW002"); // it isn't empty any more
}

CAF_TEST(each event says who made it) {
  s.ask("SELECT set_config('swarm.actor', 'box store/claims', false)");
  s.submit();
  CAF_CHECK_EQUAL(s.ask("SELECT DISTINCT actor FROM swarm.ticket_events"), "box store/claims");
  s.ask("SELECT set_config('swarm.actor', '', false)");
  s.submit();
  CAF_CHECK_EQUAL(s.ask("SELECT actor = session_user FROM swarm.ticket_events ORDER BY id DESC LIMIT 1"), "t");
}

CAF_TEST(the log refuses to be changed) {
  live();
  for (auto statement : {"UPDATE swarm.ticket_events SET attempt = 9", "DELETE FROM swarm.ticket_events",
                         "TRUNCATE swarm.ticket_events", "UPDATE swarm.ticket_events_default SET attempt = 9",
                         "DELETE FROM swarm.seals"})
    CAF_CHECK_EQUAL(s.ask(statement), "23001");
}

CAF_TEST(a chain over an untouched log is whole) {
  CAF_CHECK_EQUAL(seal(), 0);
  live();
  auto events = std::stoll(s.ask("SELECT count(*) FROM swarm.ticket_events"));
  CAF_CHECK_EQUAL(seal(3), 3);
  auto kept = must(store::read_chain_head(s.db)).hash;
  CAF_CHECK_EQUAL(seal(), events - 3);
  CAF_CHECK_EQUAL(seal(), 0);
  CAF_CHECK_EQUAL(problem(), "");
  auto head = must(store::read_chain_head(s.db));
  CAF_CHECK_EQUAL(head.events, events);
  CAF_CHECK_EQUAL(head.seal, 2);
  CAF_CHECK(head.hash != kept);
  CAF_CHECK(must(store::has_chain_head(s.db, kept)));
  CAF_CHECK(!must(store::has_chain_head(s.db, std::string(64, '0'))));
}

CAF_TEST(the first event that was changed or removed or put in is named) {
  live();
  seal(5);
  seal();
  struct deed {
    std::string statement;
    std::string problem;
  };
  auto third = s.ask("SELECT id FROM swarm.ticket_events ORDER BY xid, id OFFSET 2 LIMIT 1");
  for (auto& x : std::vector<deed>{
         {"UPDATE swarm.ticket_events SET data = '{}' WHERE id >= " + third, "event " + third + " was changed after it was sealed"},
         {"DELETE FROM swarm.ticket_events WHERE id = " + third, "event " + third + " is gone"},
         {"INSERT INTO swarm.ticket_events (id, ticket_id, kind, xid) VALUES (999, 1, 'completed', '3')",
          "event 999 was put in after its place had been sealed"},
         {"UPDATE swarm.seals SET hash = '\\x00' WHERE id = 2", "seal 2 was changed"},
         {"DELETE FROM swarm.seals WHERE id = 1", "seal 1 is missing"},
         {"DELETE FROM swarm.seals; UPDATE swarm.ticket_events SET at = at - interval '2 hours'",
          "there is no seal, although the log is older than an hour"},
         {"UPDATE swarm.pruning SET events_before = 'infinity'; UPDATE swarm.ticket_events SET data = '{}' WHERE id = "
            + third,
          "event " + third + " was changed after it was sealed"},
         {"UPDATE swarm.pruning SET events_before = clock_timestamp() - interval '1 day'; "
          "UPDATE swarm.seals SET first_at = '-infinity', last_at = '-infinity'; "
          "UPDATE swarm.ticket_events SET data = '{}' WHERE id = " + third,
          "event " + third + " was changed after it was sealed"},
         {"UPDATE swarm.seals SET last_xid = '1' WHERE id = 2", "seal 2 was changed"}}) {
    CAF_MESSAGE(x.statement);
    must(s.db.script("BEGIN", "begin"));
    tamper(x.statement);
    if (!x.problem.empty())
      CAF_CHECK_EQUAL(problem(), x.problem);
    else
      CAF_CHECK(problem() != "");
    must(s.db.script("ROLLBACK", "undo"));
  }
  CAF_CHECK_EQUAL(problem(), "");
}

CAF_TEST(an event that is committed late is neither passed over by the chain nor by who follows the log) {
  auto slow = d.open();
  must(slow.db.script("BEGIN", "begin"));
  slow.submit();
  s.submit();
  auto follow = [&](const std::string& after) {
    return s.ask("SELECT coalesce(string_agg(ticket_id::text, ' ' ORDER BY xid, id), 'nothing') FROM swarm.events_after("
                 + after + ", 100)");
  };
  CAF_CHECK_EQUAL(seal(), 0); // the slow one has the smaller number
  CAF_CHECK_EQUAL(follow("'0', 0"), "nothing");
  must(slow.db.script("COMMIT", "commit"));
  CAF_CHECK_EQUAL(seal(), 2);
  CAF_CHECK_EQUAL(follow("'0', 0"), "1 2");
  CAF_CHECK_EQUAL(problem(), "");
}

CAF_TEST(who follows the log page by page sees each event once whatever is sealed) {
  for (int i = 0; i < 5; ++i)
    live();
  seal(7);
  seal(7);
  std::string seen, xid = "0", id = "0";
  for (int pages = 0; pages < 100; ++pages) {
    auto page = s.list("SELECT xid || ' ' || id FROM swarm.events_after('" + xid + "', " + id + ", 3)");
    if (page.empty())
      break;
    for (auto& x : page)
      seen += x.substr(x.find(' ') + 1) + " ";
    xid = page.back().substr(0, page.back().find(' '));
    id = page.back().substr(page.back().find(' ') + 1);
  }
  CAF_CHECK_EQUAL(seen, s.ask("SELECT string_agg(id || ' ', '' ORDER BY xid, id) FROM swarm.ticket_events"));
}

CAF_TEST(who follows the log passes over what has been pruned) {
  must(s.db.script("SELECT swarm.make_partition(current_date - 60)", "days"));
  tamper("INSERT INTO swarm.ticket_events (ticket_id, kind, at) VALUES (-1, 'submitted', now() - interval '60 days')");
  seal();
  live();
  seal();
  CAF_CHECK_EQUAL(must(store::prune(s.db, {std::chrono::hours{24 * 30}, 100})).partitions, 1);
  CAF_CHECK(s.ask("SELECT count(*) FROM swarm.events_after('0', 0, 1000)") != "0");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.events_after('0', 0, 1000)"),
                  s.ask("SELECT count(*) FROM swarm.ticket_events"));
}

CAF_TEST(two sealers at once make one chain) {
  live();
  auto other = d.open();
  auto waited = overlap(d, s, [&](session& x) { must(store::seal(x.db, 4)); }, other, [&](session& x) {
    CAF_CHECK_EQUAL(must(store::seal(x.db, 4)).sealed, 0);
  });
  CAF_CHECK(!waited);
  seal();
  CAF_CHECK_EQUAL(problem(), "");
}

CAF_TEST(a large payload is kept once and reaches the worker) {
  auto enqueue = "SELECT swarm.enqueue('noop', ('{\"big\": \"' || repeat('x', 10000) || '\"}')::jsonb)";
  s.ask(enqueue);
  s.ask(enqueue);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.blobs"), "1");
  CAF_CHECK_EQUAL(s.ask("SELECT max(pg_column_size(data)) < 1000 FROM swarm.ticket_events"), "t");
  for (auto& x : must(store::claim(s.db, {"default", 2, s.node, {}})))
    CAF_CHECK(x.payload.size() > 10'000);
}

CAF_TEST(old history goes and what somebody needs stays) {
  auto t = s.submit_graph(3, {{0, 1}});
  for (auto& claim : s.claim(2))
    s.settle(claim);
  auto age = [&] {
    s.ask("UPDATE swarm.tickets SET finished_at = finished_at - interval '40 days' WHERE final_state IS NOT NULL");
  };
  age();
  auto prune = [&] { return must(store::prune(s.db, {std::chrono::hours{24 * 30}, 100})); };
  CAF_CHECK_EQUAL(prune().tickets, 1); // the other one has a dependent that hasn't run
  CAF_CHECK_EQUAL(s.state(t[0]), "completed");
  CAF_CHECK_EQUAL(s.state(t[2]), "");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.attempts WHERE ticket_id = " + to_string(t[2])), "0");
  for (auto& x : must(store::replay(s.db)))
    CAF_CHECK_EQUAL(x.log, x.table);
  s.settle(s.claim_one());
  CAF_CHECK_EQUAL(prune().tickets, 1);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.graphs"), "1");
  age();
  CAF_CHECK_EQUAL(prune().tickets, 1);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.graphs"), "0"); // it goes with the last of its tickets
}

CAF_TEST(what nothing refers to goes with the tickets that did) {
  auto prune = [&] { must(store::prune(s.db, {std::chrono::hours{24 * 30}, 100})); };
  auto left = [&] {
    return s.ask("SELECT concat_ws(' ', (SELECT count(*) FROM swarm.blobs), (SELECT count(*) FROM swarm.slots), "
                 "(SELECT count(*) FROM swarm.turns WHERE group_key <> ''))");
  };
  s.ask("SELECT swarm.configure_queue('default', slots => 2, slots_per_node => 2, slots_per_key => 2, is_fair => true)");
  auto enqueue = "SELECT swarm.enqueue('noop', ('{\"big\": \"' || repeat('x', 10000) || '\"}')::jsonb, group_key => 'a')";
  s.ask(enqueue);
  s.settle(s.claim_one());
  s.ask(enqueue);
  auto running = s.claim_one();
  CAF_CHECK_EQUAL(left(), "1 6 1");
  prune();
  CAF_CHECK_EQUAL(left(), "1 5 0"); // one slot of the key is taken, and the node lives
  s.settle(running);
  s.ask("UPDATE swarm.tickets SET finished_at = finished_at - interval '40 days'");
  s.ask("UPDATE swarm.nodes SET stopped_at = clock_timestamp()");
  prune();
  CAF_CHECK_EQUAL(left(), "0 2 0");
  s.ask(enqueue);
  CAF_CHECK_EQUAL(s.settle(s.claim_one()), "ok completed");
  CAF_CHECK_EQUAL(left(), "1 6 1");
}

CAF_TEST(a payload that somebody is about to name stays) {
  auto enqueue = "SELECT swarm.enqueue('noop', ('{\"big\": \"' || repeat('x', 10000) || '\"}')::jsonb)"s;
  s.ask(enqueue);
  s.settle(s.claim_one());
  must(s.db.script("UPDATE swarm.tickets SET finished_at = finished_at - interval '40 days'", "old"));
  auto other = d.open();
  auto prune = [](session& x) { CAF_CHECK_EQUAL(must(store::prune(x.db, {std::chrono::hours{24 * 30}, 100})).tickets, 1); };
  overlap(d, s, [&](session& x) { x.ask(enqueue); }, other, prune);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.blobs"), "1");
  CAF_CHECK(must(store::claim(s.db, {"default", 1, s.node, {}})).at(0).payload.size() > 10'000);
}

CAF_TEST(nobody waits for the pruner while it waits for an open transaction) {
  auto days = [&] {
    return std::stoi(s.ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'swarm.ticket_events'::regclass"));
  };
  must(s.db.script("SET lock_timeout = 0; SELECT swarm.make_partition(current_date - 60)", "an old day, all patience"));
  auto before = days();
  auto stranger = d.open();
  must(stranger.db.script("BEGIN; SELECT swarm.enqueue('noop')", "open"));
  auto prune = [&] { return must(store::prune(s.db, {std::chrono::hours{24 * 30}, 100})).partitions; };
  CAF_CHECK_EQUAL(prune(), 0); // it gives up
  CAF_CHECK_EQUAL(days(), before);
  must(stranger.db.script("COMMIT", "done"));
  CAF_CHECK_EQUAL(prune(), 1);
  CAF_CHECK(days() > before);
}

CAF_TEST(an event of a day that is committed while its partition is made goes where it can) {
  auto pruner = d.open();
  must(pruner.db.script("SET lock_timeout = 0", "all patience"));
  auto pruned = errc::none;
  auto prune = [&](session& x) { pruned = failure_of(store::prune(x.db, {std::chrono::hours{24 * 30}, 100})); };
  CAF_CHECK(overlap(d, s, [](session& x) { x.submit(); }, pruner, prune));
  CAF_CHECK(pruned == errc::none);
  CAF_CHECK_EQUAL(s.ask("SELECT tableoid = 'swarm.ticket_events_default'::regclass FROM swarm.ticket_events"), "t");
}

CAF_TEST(who names a payload while it is taken away keeps a new one) {
  auto enqueue = "SELECT swarm.enqueue('noop', ('{\"big\": \"' || repeat('x', 10000) || '\"}')::jsonb)"s;
  s.ask("INSERT INTO swarm.blobs SELECT sha256(convert_to(p::text, 'UTF8')), p FROM (SELECT ('{\"big\": \"' || "
        "repeat('x', 10000) || '\"}')::jsonb) AS x (p)");
  auto other = d.open();
  auto prune = [](session& x) { must(store::prune(x.db, {std::chrono::hours{24 * 30}, 100})); };
  CAF_CHECK(overlap(d, s, prune, other, [&](session& x) { x.ask(enqueue); }));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.blobs"), "1");
}

CAF_TEST(a parent that somebody began to wait for since the first look stays) {
  auto parent = s.submit();
  s.settle(s.claim_one());
  must(s.db.script("UPDATE swarm.tickets SET finished_at = finished_at - interval '40 days'; "
                   // Stops whoever has looked, with the answer in his hand.
                   "CREATE OR REPLACE FUNCTION swarm.is_waited_for(_parent_id bigint) RETURNS boolean LANGUAGE plpgsql "
                   "AS $$ DECLARE _answer CONSTANT boolean := EXISTS (SELECT FROM swarm.dependencies d "
                   "JOIN swarm.tickets c ON c.id = d.child_id WHERE d.parent_id = _parent_id AND c.final_state IS NULL); "
                   "BEGIN PERFORM pg_advisory_lock_shared(42), pg_advisory_unlock_shared(42); RETURN _answer; END $$",
                   "gate"));
  auto pruner = d.open();
  must(s.db.script("SELECT pg_advisory_lock(42)", "close"));
  std::int32_t pruned = -1;
  std::thread running{[&] { pruned = must(store::prune(pruner.db, {std::chrono::hours{24 * 30}, 100})).tickets; }};
  CAF_CHECK(eventually([&] { return d.is_blocked(pruner.pid()); }));
  auto child = s.ask("SELECT swarm.enqueue('noop', needs => '{" + to_string(parent) + "}')");
  must(s.db.script("SELECT pg_advisory_unlock(42)", "open"));
  running.join();
  CAF_CHECK_EQUAL(pruned, 0);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.dependencies WHERE child_id = " + child), "1");
}

CAF_TEST(days of the log are dropped when no ticket of theirs is left and the chain goes on) {
  must(s.db.script("SELECT swarm.make_partition(current_date - 60); SELECT swarm.make_partition(current_date - 40)", "days"));
  tamper("INSERT INTO swarm.ticket_events (ticket_id, kind, at) VALUES (-1, 'submitted', now() - interval '60 days'), "
         "(-2, 'submitted', now() - interval '40 days')");
  CAF_CHECK_EQUAL(seal(1), 1);
  live();
  seal();
  must(s.db.script("UPDATE swarm.tickets SET created_at = now() - interval '50 days' WHERE id = 1", "an old ticket lives"));
  auto prune = [&] { return must(store::prune(s.db, {std::chrono::hours{24 * 30}, 100})).partitions; };
  CAF_CHECK_EQUAL(prune(), 1);
  CAF_CHECK_EQUAL(problem(), "");
  must(s.db.script("UPDATE swarm.tickets SET created_at = now() WHERE id = 1", "it is young"));
  CAF_CHECK_EQUAL(prune(), 1);
  CAF_CHECK_EQUAL(prune(), 0);
  CAF_CHECK_EQUAL(problem(), "");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM pg_inherits WHERE inhparent = 'swarm.ticket_events'::regclass") >= "8", true);
}

CAF_TEST_FIXTURE_SCOPE_END()
