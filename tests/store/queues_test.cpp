#define CAF_SUITE store_queues

#include "tests/fixtures/desk.hpp"

#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture {
  desk d;
  session s = d.open();

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  std::string enqueue(const std::string& more) { return s.ask("SELECT swarm.enqueue('noop'" + more + ")"); }

  void configure(const std::string& how) { s.ask("SELECT swarm.configure_queue('default', " + how + ")"); }

  /// The group keys of what was claimed, in order.
  std::string claim_groups(std::int32_t limit) {
    std::string result;
    for (auto& x : s.claim(limit))
      result += s.ask("SELECT coalesce(group_key, '-') FROM swarm.tickets WHERE id = " + to_string(x.ticket));
    return result;
  }

  /// Many tickets at once. @param group an expression of SQL for the group key of the n-th.
  void fill(int count, const std::string& group) {
    auto each = [&](const std::string& x) { return "array_fill(" + x + ", ARRAY[" + std::to_string(count) + "])"; };
    s.ask("SELECT swarm.submit(NULL, " + each("NULL::text") + ", " + each("'default'::text") + ", " + each("'noop'::text") + ", "
          + each("100::smallint") + ", " + each("3::smallint") + ", " + each("0::bigint") + ", " + each("'{}'::text")
          + ", ARRAY(SELECT jsonb_build_object('group_key', " + group + ") FROM generate_series(1, " + std::to_string(count)
          + ") AS n), '{}', '{}', '{}', NULL, 0::smallint)");
  }

  /// One look of the net.
  void look_after_order() { must(store::cascade(s.db, {ticket_id{0}, 10})); }

  /// Waits until all that ran when the order changed is over, also in other databases of the server.
  void outlive_others() {
    CAF_REQUIRE(eventually([&] {
      return s.ask("SELECT count(*) FROM swarm.queues WHERE reordered > pg_snapshot_xmin(pg_current_snapshot())") == "0";
    }));
  }

  /// Looks until the net has nothing to mend any more.
  void mend_order() {
    CAF_REQUIRE(eventually([&] {
      look_after_order();
      return s.ask("SELECT count(reordered) FROM swarm.queues") == "0";
    }));
  }

  std::string claim_payload() { return must(store::claim(s.db, {"default", 1, s.node, {}})).at(0).payload; }

  std::size_t claim_on(std::int64_t node, std::int32_t limit = 100) {
    return must(store::claim(s.db, {"default", limit, node_id{node}, {}})).size();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_queues_tests, fixture)

CAF_TEST(a queue runs as many tickets as it has slots whoever claims) {
  configure("slots => 3");
  for (int i = 0; i < 5; ++i)
    enqueue("");
  auto mine = s.claim(2);
  CAF_CHECK_EQUAL(mine.size(), 2u);
  CAF_CHECK_EQUAL(claim_on(2), 1u);
  CAF_CHECK_EQUAL(claim_on(3), 0u);
  s.settle(mine[0]);
  CAF_CHECK_EQUAL(claim_on(3), 1u);
  s.age(mine[1].ticket, std::chrono::hours{1});
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
  CAF_CHECK_EQUAL(claim_on(3), 1u);
  CAF_CHECK_EQUAL(claim_on(3), 0u);
}

CAF_TEST(a command gets the lower one of its own limits and those of its queue) {
  configure(R"(command_limits => '{"cpu_ms": 60000, "files": 100}')");
  struct row {
    const char* payload;
    const char* limits;
  };
  for (auto& x : std::vector<row>{
         {R"({"command": ["true"]})", R"({"files": 100, "cpu_ms": 60000})"},
         {R"({"command": ["true"], "limits": {"files": 7, "processes": 3}})", R"({"files": 7, "cpu_ms": 60000, "processes": 3})"},
         {R"({"command": ["true"], "limits": {"files": 101, "cpu_ms": 60001}})", R"({"files": 100, "cpu_ms": 60000})"},
         {R"({"command": ["true"], "limits": {"cpu_ms": 0}})", R"({"files": 100, "cpu_ms": 60000})"}, // 0: no limit
         {R"({"command": ["true"], "limits": {"files": "many"}})", R"({"files": "many", "cpu_ms": 60000})"},
         {R"({"command": ["true"], "limits": 7})", "7"}}) {
    s.ask(std::string{"SELECT swarm.enqueue('command', '"} + x.payload + "')");
    CAF_CHECK_EQUAL(s.ask("SELECT '" + claim_payload() + "'::jsonb ->> 'limits'"), x.limits);
  }
  enqueue("");
  CAF_CHECK_EQUAL(claim_payload(), "{}");
}

CAF_TEST(limits of commands that a worker could not keep are refused) {
  auto says = [&](const std::string& limits, const std::string& sentence) {
    store::queue_settings settings;
    settings.queue = "default";
    settings.command_limits = limits;
    return sentence_of(store::configure_queue(s.db, settings)).find(sentence) != std::string::npos;
  };
  CAF_CHECK(says("[]", "command_limits must be an object"));
  CAF_CHECK(says(R"({"memory": 1})", "has no 'memory', known are core_bytes"));
  for (auto& value : {R"("1")", "1.5", "-1", "0"})
    CAF_CHECK(says(std::string{R"({"cpu_ms": )"} + value + "}", "whole numbers, and 'cpu_ms' is none"));
  configure(R"(command_limits => '{"core_bytes": 0}')");
  CAF_CHECK_EQUAL(s.ask("SELECT command_limits FROM swarm.queues WHERE name = 'default'"), R"({"core_bytes": 0})");
}

CAF_TEST(two claimers at once do not share a slot) {
  configure("slots => 4");
  for (int i = 0; i < 9; ++i)
    enqueue("");
  s.settle(s.claim_one()); // the rows of the slots are there from now on: nobody waits for one that is being made
  auto other = d.open();
  std::size_t first = 0, second = 0;
  overlap(d, s, [&](session& x) { first = x.claim(3).size(); }, other,
          [&](session& x) { second = x.claim(3).size(); });
  CAF_CHECK_EQUAL(first, 3u);
  CAF_CHECK(second <= 1u);
}

CAF_TEST(a crowd of claimers never exceeds the slots) {
  configure("slots => 5, slots_per_key => 2");
  for (int i = 0; i < 60; ++i)
    enqueue(", group_key => '" + std::to_string(i % 4) + "'");
  std::vector<std::thread> crowd;
  for (int k = 0; k < 4; ++k)
    crowd.emplace_back([&] {
      auto me = d.open();
      for (int i = 0; i < 60; ++i)
        for (auto& claim : me.claim(3))
          me.settle(claim);
    });
  auto most = 0, most_of_key = 0;
  auto watch = d.open();
  auto look = [&] {
    most = std::max(most, std::stoi(watch.ask("SELECT count(*) FROM swarm.leases")));
    auto of_key = watch.ask("SELECT max(n) FROM (SELECT count(*) AS n FROM swarm.leases l JOIN swarm.tickets t "
                            "ON t.id = l.ticket_id GROUP BY t.group_key) x");
    most_of_key = std::max(most_of_key, of_key.empty() ? 0 : std::stoi(of_key));
  };
  for (int i = 0; i < 200; ++i)
    look();
  for (auto& x : crowd)
    x.join();
  CAF_CHECK(most <= 5);
  CAF_CHECK(most_of_key <= 2);
  CAF_CHECK(most > 0);
}

CAF_TEST(a node and a group key have limits of their own) {
  configure("slots_per_node => 2, slots_per_key => 1");
  for (auto key : {"a", "a", "b", "c", "d"})
    enqueue(std::string{", group_key => '"} + key + "'");
  CAF_CHECK_EQUAL(claim_groups(100), "ab");
  CAF_CHECK_EQUAL(claim_on(2), 2u); // c and d: a is taken
  CAF_CHECK_EQUAL(claim_on(3), 0u);
}

CAF_TEST(why names the limit of a queue that keeps a ticket waiting) {
  auto why = [&](const std::string& id) { return s.ask("SELECT string_agg(w, '; ') FROM swarm.why(" + id + ") w"); };
  s.ask("UPDATE swarm.nodes SET queues = '{default}', last_seen_at = clock_timestamp() WHERE id = " + to_string(d.node));
  for (auto& [limit, sentence] : std::vector<std::pair<std::string, std::string>>{
         {"slots => 1", "all 1 slots of queue default are taken"},
         {"slots_per_node => 1", "each node that serves queue default has taken its 1 slots"},
         {"slots_per_key => 1", "all 1 slots of group a are taken"}}) {
    configure(limit);
    enqueue(", group_key => 'a'");
    auto waiting = enqueue(", group_key => 'a'");
    auto running = s.claim_one();
    CAF_CHECK_EQUAL(s.claim(1).size(), 0u);
    CAF_CHECK(why(waiting).find(sentence) != std::string::npos);
    s.settle(running);
    CAF_CHECK(why(waiting).find(sentence) == std::string::npos);
    s.settle(s.claim_one());
  }
  // Another node may have room, and then this isn't why.
  configure("slots_per_node => 1");
  enqueue("");
  auto waiting = enqueue("");
  s.claim_one();
  s.ask("SELECT node_id FROM swarm.register_node(gen_random_uuid(), 'n', 'h', 1, '0', '{default}')");
  CAF_CHECK(why(waiting).find("slots") == std::string::npos);
}

CAF_TEST(a lowered limit holds from the next claim on) {
  configure("slots => 3");
  for (int i = 0; i < 5; ++i)
    enqueue("");
  auto claims = s.claim(3);
  configure("slots => 1");
  CAF_CHECK_EQUAL(claim_on(2), 0u);
  for (auto& x : claims)
    s.settle(x);
  CAF_CHECK_EQUAL(claim_on(2), 1u);
  CAF_CHECK_EQUAL(claim_on(2), 0u);
}

CAF_TEST(tickets that run when a limit is set or lowered count) {
  for (int i = 0; i < 20; ++i)
    enqueue("");
  CAF_CHECK_EQUAL(claim_on(1, 4), 4u);
  s.ask("SELECT swarm.configure_queue('default', slots => 6)");
  CAF_CHECK_EQUAL(claim_on(1), 2u);
  s.ask("SELECT swarm.configure_queue('default', slots => 3)");
  CAF_CHECK_EQUAL(claim_on(1), 0u);
  auto running = s.list("SELECT ticket_id FROM swarm.leases ORDER BY ticket_id");
  for (std::size_t i = 0; i < 4; ++i) // whichever go: 6, 5, 4, 3, 2 are left
    s.settle({ticket_id{std::stoll(running[running.size() - 1 - i])},
              swarm::fence{std::stoll(s.ask("SELECT fence FROM swarm.leases WHERE ticket_id = "
                                            + running[running.size() - 1 - i]))}});
  CAF_CHECK_EQUAL(claim_on(1), 1u);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.leases"), "3");
}

CAF_TEST(tickets of a group that run when its limit is set count) {
  for (auto key : {"a", "a", "a", "a", "b"})
    enqueue(std::string{", group_key => '"} + key + "'");
  CAF_CHECK_EQUAL(claim_groups(2), "aa");
  s.ask("SELECT swarm.enqueue('noop', queue => 'other', group_key => 'b')");
  CAF_CHECK_EQUAL(must(store::claim(s.db, {"other", 1, d.node, {}})).size(), 1u);
  configure("slots_per_key => 1");
  CAF_CHECK_EQUAL(claim_groups(100), "b");
  configure("slots_per_key => 3");
  CAF_CHECK_EQUAL(claim_groups(100), "a");
}

CAF_TEST(a full group that fills the head of a queue keeps nobody waiting) {
  configure("slots_per_key => 1");
  s.ask("SELECT swarm.enqueue('noop')");
  fill(1'100, "'a'");
  for (auto key : {"b", "b", "c"})
    enqueue(std::string{", group_key => '"} + key + "'");
  s.ask("SELECT swarm.enqueue('noop')");
  CAF_CHECK_EQUAL(claim_groups(4), "-abc"); // b's second one has no slot
  CAF_CHECK_EQUAL(claim_groups(4), "-");
  CAF_CHECK_EQUAL(claim_groups(4), "");
}

CAF_TEST(a full group with very many tickets keeps nobody waiting) {
  configure("slots_per_key => 1");
  s.ask("SELECT swarm.enqueue('noop')");
  fill(6'500, "'a'");
  auto first_of_b = enqueue(", group_key => 'b'");
  for (auto key : {"b", "b", "c"})
    enqueue(std::string{", group_key => '"} + key + "'");
  s.ask("SELECT swarm.enqueue('noop')");
  auto stranger = d.open();
  must(stranger.db.script("BEGIN; SELECT FROM swarm.ready WHERE ticket_id = " + first_of_b + " FOR UPDATE", "has one in hand"));
  CAF_CHECK_EQUAL(claim_groups(4), "-abc");
  CAF_CHECK_EQUAL(claim_groups(4), "-");
  must(stranger.db.script("COMMIT", "lets go"));
  CAF_CHECK_EQUAL(claim_groups(4), "");
}

CAF_TEST(of more groups than one look takes in each has its turn) {
  configure("slots_per_key => 1");
  fill(6'500, "'a'");
  fill(1'500, "'b' || n");
  std::size_t claimed = 0;
  for (int i = 0; i < 40 && claimed < 1501; ++i)
    claimed += s.claim(1000).size();
  CAF_CHECK_EQUAL(claimed, 1501u);
}

CAF_TEST(slots are made by one claim at a time) {
  s.ask("SELECT swarm.configure_queue('default', slots_per_key => 1)");
  for (auto key : {"a", "b"})
    enqueue(std::string{", group_key => '"} + key + "'");
  auto other = d.open();
  must(other.db.script("BEGIN; SELECT * FROM swarm.claim('default', 1, 2, '{}', '{}')", "makes the slots of a"));
  enqueue(", group_key => 'a'");
  must(s.db.script("SET lock_timeout = '1s'", "no patience"));
  CAF_CHECK_EQUAL(claim_groups(10), "b");
  must(other.db.script("COMMIT", "done"));
}

CAF_TEST(what nobody could compute with is refused where it comes from) {
  for (std::string wrong : {"run_at => 'infinity'", "run_at => '4000-01-01'", "timeout => '300000 years'",
                            "timeout => '-1 s'", "queue_timeout => '300000 years'", "progress_timeout => '11 years'",
                            "start_timeout => '11 years'", "deadline => '11 years'", "group_key => repeat('x', 201)",
                            "unique_key => repeat('x', 201)", "group_key => ''"}) {
    CAF_MESSAGE(wrong);
    CAF_CHECK_EQUAL(enqueue(", " + wrong), "SW002");
  }
  new_ticket endless;
  endless.kind = "noop";
  endless.progress_timeout = std::chrono::hours{24 * 365 * 11};
  CAF_CHECK_EQUAL(failure_of(store::submit(s.db, {"", {endless}})), errc::constraint_violated); // past enqueue
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets"), "0");
}

CAF_TEST(an agent without a check is refused whatever way it comes) {
  auto answer = [&](const std::string& kind, const std::string& payload) {
    return s.ask("SELECT swarm.enqueue('" + kind + "', '" + payload + "') > 0");
  };
  for (std::string kind : {"agent_cli", "claude"}) {
    for (auto payload : {R"({"prompt": "p"})", R"({"check": []})", R"({"checks": []})", R"({"check": null})",
                         R"({"checks": {"kind": "human"}})"})
      CAF_CHECK_EQUAL(answer(kind, payload), "SW002");
    for (auto payload : {R"({"check": ["./test"]})", R"({"checks": [{"kind": "human"}]})"})
      CAF_CHECK_EQUAL(answer(kind, payload), "t");
    const auto ticket = R"({"kind": ")" + kind + R"(", "payload": {"prompt": "p"}})";
    CAF_CHECK_EQUAL(s.ask("SELECT swarm.schedule('x', '* * * * *', '" + ticket + "')"), "SW002");
    CAF_CHECK_EQUAL(s.ask("SELECT swarm.enqueue_graph('g', '{\"a\": " + ticket + "}')"), "SW002");
  }
  CAF_CHECK_EQUAL(answer("command", R"({"command": ["true"]})"), "t");
}

CAF_TEST(a payload is kept as it was given) {
  auto id = enqueue(", payload => '{\"a\": null, \"b\": {\"c\": null}}'");
  CAF_CHECK_EQUAL(s.ask("SELECT payload FROM swarm.tickets WHERE id = " + id), R"({"a": null, "b": {"c": null}})");
  auto twice = enqueue(", needs => ARRAY[" + id + ", " + id + "]");
  CAF_CHECK_EQUAL(s.state(ticket_id{std::stoll(twice)}), "blocked");
}

CAF_TEST(in a fair queue whoever brings many does not keep others waiting) {
  configure("is_fair => true");
  for (int i = 0; i < 6; ++i)
    enqueue(", group_key => 'a'");
  for (auto key : {"b", "b", "c"})
    enqueue(std::string{", group_key => '"} + key + "'");
  CAF_CHECK_EQUAL(claim_groups(4), "abca");
  enqueue(", group_key => 'd'"); // joins where the queue is, not where it began
  CAF_CHECK_EQUAL(claim_groups(100), "badaaa");
}

CAF_TEST(priority comes before fairness) {
  configure("is_fair => true");
  enqueue(", group_key => 'a'");
  enqueue(", group_key => 'a', priority => 5");
  enqueue(", group_key => 'b'");
  CAF_CHECK_EQUAL(claim_groups(100), "aab");
}

CAF_TEST(with ageing a ticket that has waited long enough overtakes a more urgent one) {
  configure("ageing => '10 seconds'");
  auto slow = enqueue(", priority => 110"), urgent = enqueue(", priority => 100");
  CAF_CHECK_EQUAL(to_string(s.claim_one().ticket), urgent);
  // A hundred seconds make up for ten steps.
  s.ask("UPDATE swarm.ready SET queued_at = queued_at - interval '101 s'");
  configure("ageing => '9 seconds'");
  enqueue(", priority => 100");
  CAF_CHECK_EQUAL(to_string(s.claim_one().ticket), slow);
}

CAF_TEST(other limits do not disturb the turns of a fair queue) {
  configure("is_fair => true");
  for (auto key : {"a", "a", "b"})
    enqueue(std::string{", group_key => '"} + key + "'");
  configure("is_fair => true, slots => 2");
  CAF_CHECK_EQUAL(claim_groups(2), "ab");
}

CAF_TEST(what an open transaction brings in an old order is put where it belongs) {
  auto other = d.open(), reader = d.open();
  must(other.db.script("BEGIN; SELECT swarm.enqueue('noop', priority => 7)", "brings a ticket"));
  configure("ageing => '10 seconds'");
  enqueue("");
  look_after_order();
  look_after_order(); // not yet: it is still open
  must(other.db.script("COMMIT", "the ticket is there"));
  must(reader.db.script("BEGIN; SELECT FROM swarm.ready WHERE rank = 7 FOR UPDATE", "has it in hand"));
  outlive_others();
  look_after_order();
  CAF_CHECK_EQUAL(s.ask("SELECT min(rank) FROM swarm.ready"), "7");
  must(reader.db.script("COMMIT", "lets go"));
  mend_order();
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.ready r JOIN swarm.tickets t ON t.id = r.ticket_id WHERE r.rank = "
                        "(extract(epoch FROM r.queued_at) * 1000)::bigint + t.priority * 10000"),
                  "2");
}

CAF_TEST(mending the order of a fair queue keeps the turns that were drawn) {
  auto other = d.open();
  must(other.db.script("BEGIN; SELECT swarm.enqueue('noop', priority => 7, group_key => 'c')", "brings a ticket"));
  configure("is_fair => true");
  for (auto key : {"a", "a", "b"})
    enqueue(std::string{", group_key => '"} + key + "'");
  look_after_order();
  must(other.db.script("COMMIT", "the ticket is there"));
  mend_order();
  CAF_CHECK_EQUAL(s.ask("SELECT min(rank) >> 40 FROM swarm.ready"), "7");
  CAF_CHECK_EQUAL(claim_groups(4), "caba");

  // A moment in milliseconds looks like a turn of priority 1.
  configure("ageing => '1 minute'");
  must(other.db.script("BEGIN; SELECT swarm.enqueue('noop', priority => 1, group_key => 'd')", "brings a ticket"));
  configure("is_fair => true");
  enqueue(", group_key => 'e', priority => 1");
  look_after_order();
  must(other.db.script("COMMIT", "the ticket is there"));
  mend_order();
  CAF_CHECK_EQUAL(claim_groups(2), "de");
}

CAF_TEST(nobody waits for a stranger who changes the order of a queue) {
  enqueue(", priority => 7");
  auto stranger = d.open();
  must(stranger.db.script("BEGIN; SELECT FROM swarm.ready FOR UPDATE", "has a waiting ticket in hand"));
  must(s.db.script("SET lock_timeout = '5s'", "some patience"));
  configure("ageing => '1 minute'");
  CAF_CHECK_EQUAL(s.ask("SELECT ageing_ms FROM swarm.queues WHERE name = 'default'"), "60000");
  must(stranger.db.script("COMMIT", "lets go"));
  mend_order();
  CAF_CHECK_EQUAL(s.ask("SELECT rank > 1000000 FROM swarm.ready"), "t");
}

CAF_TEST(a transaction that has not seen the order of a queue change is told to repeat) {
  auto other = d.open();
  must(other.db.script("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM swarm.queues", "has its snapshot"));
  configure("is_fair => true");
  CAF_CHECK_EQUAL(other.ask("SELECT swarm.enqueue('noop')"), "40001");
  must(other.db.script("ROLLBACK", "repeats"));
  CAF_CHECK_EQUAL(other.ask("SELECT swarm.enqueue('noop')"), s.ask("SELECT ticket_id FROM swarm.ready"));
}

CAF_TEST(a ticket whose queue stops being fair while it is queued is not lost) {
  configure("is_fair => true");
  auto stopper = d.open(), watch = d.open(), other = d.open();
  must(stopper.db.script("BEGIN; LOCK TABLE swarm.scheduled IN SHARE MODE", "stops it between two statements"));
  std::string ticket;
  std::thread enqueuing{[&] { ticket = other.ask("SELECT swarm.enqueue('noop', group_key => 'a')"); }};
  while (watch.ask("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'swarm.scheduled'::regclass") == "0") {}
  configure("slots => 5"); // and not fair
  must(stopper.db.script("COMMIT", "lets it go on"));
  enqueuing.join();
  CAF_CHECK_EQUAL(s.ask("SELECT state FROM swarm.tickets_view WHERE id = " + ticket), "ready");
  mend_order();
  CAF_CHECK_EQUAL(s.ask("SELECT rank FROM swarm.ready"), "100");
}

CAF_TEST(nothing is claimed from a paused queue and all is told about the pause) {
  enqueue("");
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.pause_queue('default', 'the API is down', 'ann')"), "t");
  CAF_CHECK_EQUAL(claim_on(1), 0u);
  CAF_CHECK_EQUAL(s.ask("SELECT concat_ws(', ', paused_by, pause_reason, paused_at IS NOT NULL) FROM swarm.queues"),
                  "ann, the API is down, t");
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.resume_queue('default')"), "t");
  CAF_CHECK_EQUAL(claim_on(1), 1u);
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.pause_queue('nowhere')"), "f");
}

CAF_TEST(a unique key is held until its ticket is final) {
  auto first = enqueue(", unique_key => 'x'");
  CAF_CHECK_EQUAL(enqueue(", unique_key => 'x'"), first);
  CAF_CHECK_EQUAL(enqueue(", unique_key => 'x', on_conflict => 'reject'"), "SW004");
  CAF_CHECK_EQUAL(enqueue(", payload => '{\"n\": 2}', unique_key => 'x', on_conflict => 'replace'"), first);
  CAF_CHECK_EQUAL(s.ask("SELECT payload ->> 'n' FROM swarm.tickets"), "2");
  auto claim = s.claim_one();
  CAF_CHECK_EQUAL(enqueue(", unique_key => 'x', on_conflict => 'replace'"), "SW004");
  s.settle(claim);
  auto second = enqueue(", unique_key => 'x'");
  CAF_CHECK(second != first && !second.empty());
}

CAF_TEST(two transactions with one unique key make one ticket) {
  auto other = d.open();
  std::string first, second;
  auto enqueue_unique = [](session& x) { return x.ask("SELECT swarm.enqueue('noop', unique_key => 'x')"); };
  CAF_CHECK(overlap(d, s, [&](session& x) { first = enqueue_unique(x); }, other,
                    [&](session& x) { second = enqueue_unique(x); }));
  CAF_CHECK_EQUAL(first, second);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets"), "1");
}

CAF_TEST(a unique key is kept by graphs and by a second chance) {
  new_ticket keyed;
  keyed.key = "a";
  keyed.kind = "noop";
  keyed.unique_key = "x";
  auto other = keyed;
  other.key = "b";
  CAF_CHECK_EQUAL(failure_of(store::submit(s.db, {"g", {keyed, other}})), errc::constraint_violated);
  auto first = must(store::submit(s.db, {"g", {keyed}})).tickets.at(0);
  CAF_CHECK_EQUAL(enqueue(", unique_key => 'x', on_conflict => 'reject'"), "SW004");
  auto refused = sentence_of(store::submit(s.db, {"g", {other}}));
  CAF_CHECK(refused.find("ticket " + to_string(first) + " holds the unique key 'x'") != std::string::npos);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.graphs"), "1");
  s.cancel(first);
  auto second = enqueue(", unique_key => 'x'");
  CAF_CHECK_EQUAL(s.retry(first), "constraint_violated"); // the second one is what the key stands for now
  CAF_CHECK_EQUAL(s.state(first), "cancelled");
  s.cancel(ticket_id{std::stoll(second)});
  CAF_CHECK_EQUAL(s.retry(first), "ready");
  CAF_CHECK_EQUAL(enqueue(", unique_key => 'x'"), to_string(first));
}

CAF_TEST(what is replaced is not claimed before and what is claimed is not replaced) {
  auto other = d.open();
  auto replace = [](session& x) {
    return x.ask("SELECT swarm.enqueue('noop', '{\"n\": 2}', unique_key => 'x', on_conflict => 'replace')");
  };
  auto first = enqueue(", unique_key => 'x'");
  must(s.db.script("BEGIN", "begin"));
  CAF_CHECK_EQUAL(replace(s), first);
  CAF_CHECK_EQUAL(other.claim(1).size(), 0u);
  must(s.db.script("COMMIT", "commit"));
  auto claims = must(store::claim(other.db, {"default", 1, other.node, {}}));
  CAF_REQUIRE_EQUAL(claims.size(), 1u);
  CAF_CHECK_EQUAL(claims[0].payload, R"({"n": 2})");
  other.settle(claims[0].claim);

  enqueue(", unique_key => 'x'");
  std::string answer;
  CAF_CHECK(overlap(d, other, [](session& x) { x.claim_one(); }, s, [&](session& x) { answer = replace(x); }));
  CAF_CHECK_EQUAL(answer, "SW004");
}

CAF_TEST(what few tickets have reaches the table) {
  new_ticket spec;
  spec.key = "a";
  spec.kind = "noop";
  spec.group_key = "customer-7";
  spec.unique_key = "deploy";
  spec.queue_timeout = std::chrono::seconds{1};
  spec.start_timeout = std::chrono::seconds{2};
  spec.progress_timeout = std::chrono::seconds{3};
  must(store::submit(s.db, {"g", {spec}}));
  CAF_CHECK_EQUAL(s.ask("SELECT concat_ws(' ', group_key, unique_key, queue_timeout_ms, start_timeout_ms, "
                        "progress_timeout_ms) FROM swarm.tickets"),
                  "customer-7 deploy 1000 2000 3000");
}

CAF_TEST(a ticket that shall not run before a moment waits for it) {
  auto id = enqueue(", run_at => now() + interval '1 hour'");
  CAF_CHECK_EQUAL(s.state(ticket_id{std::stoll(id)}), "scheduled");
  must(s.db.script("UPDATE swarm.scheduled SET run_at = clock_timestamp(); UPDATE swarm.tickets SET run_at = "
                   "clock_timestamp()", "it is time"));
  CAF_CHECK_EQUAL(must(store::promote(s.db, 10)).promoted, 1);
  CAF_CHECK_EQUAL(claim_on(1), 1u);
}

CAF_TEST(a claim behind its marks finds what is new and one without marks finds all) {
  for (int i = 0; i < 3; ++i)
    enqueue("");
  auto first = must(store::claim(s.db, {"default", 2, s.node, {}}));
  auto mark = first.back().place;
  CAF_CHECK_EQUAL(mark.rank, 100);
  s.settle(first[0].claim, outcome_class::released); // with a new place behind the mark
  enqueue(", priority => 5");                        // a rank without a mark
  enqueue(", priority => 200");
  auto claim_after = [&](std::int64_t seq) {
    return must(store::claim(s.db, {"default", 100, s.node, {{100, seq}}}));
  };
  auto found = claim_after(mark.seq);
  CAF_REQUIRE_EQUAL(found.size(), 4u);
  CAF_CHECK_EQUAL(found.front().place.rank, 5);
  CAF_CHECK_EQUAL(found.back().place.rank, 200);
  enqueue("");
  CAF_CHECK(claim_after(1'000'000).empty());
  CAF_CHECK_EQUAL(claim_on(1), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
