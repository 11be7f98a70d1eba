#define CAF_SUITE store_strangers

#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::string_literals;

namespace {

/// Anybody may enqueue from a transaction of his own and leave it open, and bring whatever he likes.
struct fixture {
  desk d;
  session s = d.open(), stranger = d.open();

  ~fixture() {
    CAF_CHECK_EQUAL(d.violations(), "");
    for (auto& x : must(store::replay(s.db)))
      CAF_CHECK_EQUAL("ticket " + to_string(x.ticket) + ": " + x.log, x.table);
  }

  void leave_open(const std::string& work) { must(stranger.db.script("BEGIN; " + work, "leave open")); }
  void let_go() { must(stranger.db.script("ROLLBACK", "let go")); }

  std::string enqueue(const std::string& more) { return s.ask("SELECT swarm.enqueue('noop', " + more + ")"); }

  std::string spawn(const claim_ref& x, const std::string& extras) {
    return s.ask("SELECT swarm.spawn(" + to_string(x.ticket) + ", " + to_string(x.fence) + ", 'noop', '{}', _extras => "
                 + extras + ")");
  }

  /// The sentence of a refusal.
  std::string refusal(const std::string& call) {
    auto done = s.db.script("SELECT " + call, "refused");
    return done ? "" : render(done.error());
  }

  int prune() { return must(store::prune(s.db, {std::chrono::hours{24 * 30}, 100})).tickets; }

  void age() {
    s.ask("UPDATE swarm.tickets SET finished_at = finished_at - interval '40 days' WHERE final_state IS NOT NULL");
  }
};

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_strangers_tests, fixture)

CAF_TEST(an open transaction in a fair queue holds up nobody and its group gains nothing) {
  s.ask("SELECT swarm.configure_queue('fair', is_fair => true)");
  for (auto is_new_group : {true, false}) {
    enqueue("queue => 'fair', group_key => 'b'");
    enqueue("queue => 'fair', group_key => 'b'");
    enqueue("run_at => clock_timestamp() + interval '10 ms'");
    enqueue("queue => 'fair', group_key => 'a', run_at => clock_timestamp() + interval '10 ms'");
    leave_open("SELECT swarm.enqueue('noop', queue => 'fair', group_key => 'a')");
    int promoted = 0;
    CAF_CHECK(eventually([&] { return (promoted += must(store::promote(s.db, 10)).promoted) == 2; }));
    let_go();
    CAF_CHECK_EQUAL(s.claim(10).size(), 1u); // the plain one
    std::string groups;
    for (auto& x : s.claim(10, "fair"))
      groups += s.ask("SELECT group_key FROM swarm.tickets WHERE id = " + to_string(x.ticket));
    CAF_CHECK_EQUAL(groups, "bba"); // behind all that wait
    if (is_new_group)
      enqueue("queue => 'fair', group_key => 'a'"); // so that there is a row to be held
    s.claim(10, "fair");
  }
}

CAF_TEST(a node starts while somebody makes one of its queues) {
  leave_open("SELECT swarm.enqueue('noop', queue => 'brandnew')");
  auto node = store::register_node(s.db, {"d9b2d63d-a233-4123-847a-7090b1a9e38f", "n", "h", 1, "0", {"brandnew", "default"}});
  CAF_CHECK(node);
  let_go();
}

CAF_TEST(a worker that beat all the time is not reclaimed when somebody lets go of its lease) {
  auto ticket = s.submit(), other = s.submit();
  auto claims = s.claim(2);
  leave_open("SELECT swarm.cancel(" + to_string(ticket) + ")");
  s.beat(claims);
  let_go();
  s.age(ticket, std::chrono::minutes{6});
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 0);
  // For as long as it could have been silent, and no longer.
  s.ask("UPDATE swarm.nodes SET held_up_at = held_up_at - interval '6 minutes'");
  CAF_CHECK_EQUAL(s.reclaim().reclaimed, 1);
  CAF_CHECK_EQUAL(s.state(other), "in_progress");
}

CAF_TEST(deadlines of pruned tickets do not stand before those of others) {
  auto old = enqueue("deadline => '1 hour'");
  s.cancel(ticket_id{std::stoll(old)});
  age();
  CAF_CHECK_EQUAL(prune(), 1);
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.deadlines"), "0");
}

CAF_TEST(a parent that failed stays as long as somebody could wait for it again) {
  auto parent = s.submit();
  s.settle(s.claim_one(), outcome_class::permanent);
  auto child = ticket_id{std::stoll(enqueue("needs => ARRAY[" + to_string(parent) + "]"))};
  s.cancel(child);
  s.ask("UPDATE swarm.tickets SET finished_at = finished_at - interval '40 days' WHERE id = " + to_string(parent));
  CAF_CHECK_EQUAL(prune(), 0);
  s.retry(child);
  CAF_CHECK_EQUAL(s.state(child), "blocked");
  s.cancel(child);
  age();
  CAF_CHECK_EQUAL(prune(), 1); // the child
  CAF_CHECK_EQUAL(prune(), 1); // and then the parent
}

CAF_TEST(what a running ticket spawns has only what a ticket can have and the limits of its spawner) {
  enqueue("deadline => '1 hour', group_key => 'g'");
  auto claim = s.claim_one();
  for (auto extras : {"'[]'", "'{\"place\": \"blocked\"}'", "'{\"group_key\": \"\"}'", "'{\"deadline_ms\": -5}'",
                      "'{\"queue_timeout_ms\": \"1\"}'", "'{\"run_at\": \"soon\"}'", "'{\"unique_key\": 3}'"})
    CAF_CHECK_EQUAL(spawn(claim, extras), "SW002");
  for (auto extras : {"NULL", "'{}'", "'{\"deadline_ms\": 99999999}'"}) {
    auto child = spawn(claim, extras);
    CAF_CHECK_EQUAL(s.ask("SELECT concat_ws(' ', c.group_key, c.deadline_at <= p.deadline_at + interval '1 s') FROM swarm.tickets c "
                          "JOIN swarm.tickets p ON p.id = c.spawned_by WHERE c.id = " + child),
                    "g t");
  }
}

CAF_TEST(two that spawn at once do not pass the limit together) {
  auto ticket = s.submit();
  auto claim = s.claim_one();
  auto call = "SELECT swarm.spawn(" + to_string(ticket) + ", " + to_string(claim.fence) + ", 'noop', '{}')";
  leave_open(call);
  must(s.db.script("SET lock_timeout = '100ms'", "no patience"));
  CAF_CHECK_EQUAL(s.ask(call), "55P03");
  let_go();
  CAF_CHECK(!s.ask(call).empty());
}

CAF_TEST(a replacement that would be somewhere else or at another time is refused and says what differs) {
  auto parent = to_string(s.submit());
  auto first = enqueue("unique_key => 'k', priority => 7");
  auto replace = [&](const std::string& more) {
    return "swarm.enqueue('noop', '{\"x\": 1}', unique_key => 'k', on_conflict => 'replace', " + more + ")";
  };
  for (auto& [more, what] : std::vector<std::pair<std::string, std::string>>{
         {"priority => 8", "priority"},
         {"priority => 7, needs => ARRAY[" + parent + "]", "needs"},
         {"priority => 7, run_at => now() + interval '1 day'", "run_at"},
         {"priority => 7, deadline => '1 hour'", "deadline"},
         {"priority => 7, group_key => 'g'", "group_key"},
         {"priority => 7, queue => 'other'", "queue"},
         {"priority => 7, progress_timeout => '1 hour'", "progress_timeout"}})
    CAF_CHECK(has(refusal(replace(more)), "of ticket " + first + ", and " + what + " is another one"));
  CAF_CHECK_EQUAL(s.ask("SELECT payload FROM swarm.tickets WHERE id = " + first), "{}");
  CAF_CHECK_EQUAL(s.ask("SELECT " + replace("priority => 7, attempts => 9")), first);
  CAF_CHECK_EQUAL(s.ask("SELECT payload::text || attempts_max FROM swarm.tickets WHERE id = " + first), "{\"x\": 1}9");
}

CAF_TEST(who pauses first is who has paused it) {
  for (auto call : {"SELECT swarm.pause_queue('default', 'a flood', 'ann')", "SELECT swarm.pause_queue('default', NULL, 'bob')"})
    CAF_CHECK_EQUAL(s.ask(call), "t");
  CAF_CHECK_EQUAL(s.ask("SELECT paused_by || ' ' || pause_reason FROM swarm.queues WHERE name = 'default'"), "ann a flood");
  CAF_CHECK_EQUAL(s.ask("SELECT swarm.pause_queue('none')"), "f");
}

CAF_TEST(a preview goes down the line) {
  auto a = to_string(s.submit());
  auto b = enqueue("needs => ARRAY[" + a + "]");
  auto c = enqueue("needs => ARRAY[" + b + "], on_failure => 'ignore'"); // waits for an end that doesn't come
  auto e = enqueue("needs => ARRAY[" + a + "], on_failure => 'cancel'");
  auto f = enqueue("needs => ARRAY[" + e + "], on_failure => 'ignore'");
  auto g = enqueue("needs => ARRAY[" + f + "]"); // goes on, as f does
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(ticket_id || ' ' || effect, ', ' ORDER BY ticket_id) FROM swarm.touched_by(" + a + ")"),
                  a + " cancelled, " + b + " left waiting, " + c + " left waiting, " + e + " cancelled, " + f + " goes on");
  CAF_CHECK(!g.empty());
}

CAF_TEST(the log tells of a ticket that was changed behind its back) {
  auto id = enqueue("'{\"command\": [\"true\"]}'");
  for (auto change : {"payload = '{\"command\": [\"false\"]}'", "priority = 0", "timeout_ms = 1", "attempts_max = 99", "kind = 'command'",
                      "group_key = 'g'"}) {
    auto before = s.ask("SELECT to_jsonb(t) FROM swarm.tickets t WHERE id = " + id);
    s.ask("UPDATE swarm.tickets SET "s + change + " WHERE id = " + id);
    CAF_CHECK_EQUAL(must(store::replay(s.db)).size(), 1u);
    s.ask("UPDATE swarm.tickets t SET payload = r.payload, priority = r.priority, timeout_ms = r.timeout_ms, attempts_max = "
          "r.attempts_max, kind = r.kind, group_key = r.group_key FROM jsonb_populate_record(NULL::swarm.tickets, '"
          + before + "') r WHERE t.id = r.id");
  }
}

CAF_TEST(what makes no sense is refused in a sentence) {
  for (auto& [call, words] : std::vector<std::pair<std::string, std::string>>{
         {"swarm.enqueue_graph('x', '[]')", "must be an object of objects"},
         {"swarm.enqueue_graph('x', '{\"a\": 5}')", "ticket 'a' must be an object"},
         {"swarm.enqueue_graph('x', '{\"a\": {\"kind\": \"noop\", \"needs\": \"b\"}}')", "what it needs a list"},
         {"swarm.enqueue_graph('x', '{\"a\": {\"kind\": \"noop\"}, \"b\": {\"kind\": \"noop\", \"needs\": [\"a\", \"a\"]}}')",
          "ticket 'b' needs 'a' twice"},
         {"swarm.enqueue('noop', needs => '{0}')", "named by numbers of tickets"},
         {"swarm.enqueue('noop', needs => '{NULL}')", "named by numbers of tickets"},
         {"swarm.configure_queue('q', slots => 0)", "at least one slot"},
         {"swarm.configure_queue('q', ageing => '1 s', is_fair => true)", "ageing or is fair, not both"},
         {"swarm.add_dependency(1, NULL)", "there is no ticket NULL"}})
    CAF_CHECK(has(refusal(call), words));
  auto a = to_string(s.submit()), b = to_string(s.submit());
  CAF_CHECK(has(refusal("swarm.add_dependency(" + a + ", " + b + ", 'maybe')"), "must be block, cancel or ignore"));
}

CAF_TEST_FIXTURE_SCOPE_END()
