#define CAF_SUITE actors_heartbeat

#include "actors/heartbeat.hpp"

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

using claims = std::vector<claim_ref>;
using stops = std::vector<std::pair<claim_ref, stop_cause>>;

std::vector<held_lease> all_held(const beat_request& x) {
  std::vector<held_lease> result;
  // In another order than asked, as the database may.
  for (auto i = x.held.claims.rbegin(); i != x.held.claims.rend(); ++i)
    result.push_back({*i, false});
  return result;
}

struct fixture : virtual_time {
  fixture() {
    config.node = node_id{7};
    workers->held.otherwise = [this](int) { return held_claims{held, std::vector<std::int64_t>(held.size(), 5)}; };
    workers->held_of.otherwise = [this](const claims&) { return with_worker; };
    store->beat.otherwise = [](const beat_request& x) { return all_held(x); };
  }

  heartbeat_actor start_heartbeat() {
    return caf::actor_cast<heartbeat_actor>(start<heartbeat>(config, store.handle, workers.handle, completer.handle,
                                                               std::vector{dispatcher.handle}));
  }

  void begin_outage() {
    store->beat.otherwise = [](const beat_request&) { return outage(); };
  }

  std::vector<beat_request>& beats() { return store->beat.asked; }

  heartbeat_config config;
  claims held{claim_of(1), claim_of(2)};
  claims with_worker; ///< Of what comes back as an orphan.
  faked<fake_store> store = fake<fake_store>();
  faked<fake_ticket_workers> workers = fake<fake_ticket_workers>();
  faked<fake_completer> completer = fake<fake_completer>();
  faked<fake_dispatcher> dispatcher = fake<fake_dispatcher>();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(heartbeat_tests, fixture)

CAF_TEST(the defaults read as people know them) {
  CAF_CHECK_EQUAL(describe(heartbeat_config{}), "interval=30000ms, stale=5min");
  CAF_CHECK_EQUAL(describe(heartbeat_config{{}, 1500ms, 90s}), "interval=1500ms, stale=90s");
  CAF_CHECK_EQUAL(describe(heartbeat_config{{}, 1s, 2500ms}), "interval=1000ms, stale=2500ms");
}

CAF_TEST(its start is one line with both numbers) {
  start_heartbeat();
  CAF_CHECK_EQUAL(log.lines(),
                  std::vector<std::string>{"info heartbeat: Heartbeat started (interval=30000ms, stale=5min)"});
}

CAF_TEST(it beats at once and then at its interval for what the workers hold) {
  start_heartbeat();
  CAF_REQUIRE_EQUAL(beats().size(), 1u);
  CAF_CHECK_EQUAL(beats()[0].node.value, 7);
  CAF_CHECK_EQUAL(beats()[0].held.claims, held);
  held = {claim_of(2), claim_of(3)};
  pass(30s - 1ms);
  CAF_CHECK_EQUAL(beats().size(), 1u);
  pass(1ms);
  CAF_REQUIRE_EQUAL(beats().size(), 2u);
  CAF_CHECK_EQUAL(beats()[1].held.claims, held);
  pass(10min);
  CAF_CHECK_EQUAL(beats().size(), 22u);
  CAF_CHECK(workers->stopped.empty());
}

CAF_TEST(an idle node beats too) {
  held = {};
  start_heartbeat();
  CAF_REQUIRE_EQUAL(beats().size(), 1u);
  CAF_CHECK(beats()[0].held.claims.empty());
}

CAF_TEST(a node without ticket workers beats too) {
  workers->held.answers.push_back(make_error(errc::actor_failed, "nobody serves"));
  start_heartbeat();
  CAF_REQUIRE_EQUAL(beats().size(), 1u);
  CAF_CHECK(beats()[0].held.claims.empty());
}

CAF_TEST(a lease that does not come back is lost and its work is stopped) {
  store->beat.answers.push_back(std::vector<held_lease>{{claim_of(2), false}});
  start_heartbeat();
  CAF_CHECK(workers->stopped == (stops{{claim_of(1), stop_cause::lost}}));
}

CAF_TEST(the same ticket under another fence is lost) {
  store->beat.answers.push_back(std::vector<held_lease>{{{ticket_id{1}, fence{9}}, false}, {claim_of(2), false}});
  start_heartbeat();
  CAF_CHECK(workers->stopped == (stops{{claim_of(1), stop_cause::lost}}));
}

CAF_TEST(a cancellation is passed on) {
  store->beat.answers.push_back(std::vector<held_lease>{{claim_of(1), false}, {claim_of(2), true}});
  start_heartbeat();
  CAF_CHECK(workers->stopped == (stops{{claim_of(2), stop_cause::cancelled}}));
}

CAF_TEST(a ticket that started after the question is not taken for lost) {
  store->beat.otherwise = nullptr;
  start_heartbeat();
  held.push_back(claim_of(3));
  answer(store, store->beat, all_held(beats()[0]));
  CAF_CHECK(workers->stopped.empty());
}

CAF_TEST(a lease without a worker is handed back and counts for nobody) {
  start_heartbeat();
  store->beat.otherwise = [](const beat_request& x) {
    auto result = all_held(x);
    result.push_back({claim_of(9), false, true});
    return result;
  };
  pass(30s);
  CAF_REQUIRE_EQUAL(completer->settle.asked.size(), 1u);
  auto x = completer->settle.asked[0];
  CAF_CHECK(x.claim == claim_of(9));
  CAF_CHECK_EQUAL(x.outcome.end, outcome_class::released);
  CAF_CHECK_EQUAL(workers->stopped.size(), 0u);
  CAF_CHECK_EQUAL(log.count("warning heartbeat: a lease without a worker is handed back: ticket=9"), 1u);
}

// Found by the simulation (seed 381): a slow store answered a claim after a beat had asked whom to beat for. The beat
// took the lease for an orphan, the node handed the ticket back and worked on it all the same, beside its next
// holder.
CAF_TEST(a lease whose worker has come meanwhile is not handed back) {
  store->beat.otherwise = nullptr;
  start_heartbeat();
  with_worker = {claim_of(9)};
  auto result = all_held(beats()[0]);
  result.push_back({claim_of(9), false, true});
  answer(store, store->beat, result);
  CAF_CHECK(completer->settle.asked.empty());
}

CAF_TEST(a lease is an orphan only when no claim can be answered with it any more) {
  config.store_patience = 45s;
  start_heartbeat();
  CAF_CHECK_EQUAL(beats().back().orphan_after, caf::timespan{45s});
}

CAF_TEST(a node whose ticket workers are down hands nothing back) {
  store->beat.otherwise = nullptr;
  start_heartbeat();
  workers->held_of.otherwise = [](const claims&) { return make_error(errc::actor_failed, "nobody serves"); };
  auto result = all_held(beats()[0]);
  result.push_back({claim_of(9), false, true});
  answer(store, store->beat, result);
  CAF_CHECK(completer->settle.asked.empty());
}

CAF_TEST(a wake beats now) {
  auto it = start_heartbeat();
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(beats().size(), 2u);
}

CAF_TEST(wakes during a beat are one more beat) {
  store->beat.otherwise = nullptr;
  auto it = start_heartbeat();
  tell(it, atom::wake_v);
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(beats().size(), 1u);
  answer(store, store->beat, all_held(beats()[0]));
  CAF_CHECK_EQUAL(beats().size(), 2u);
  answer(store, store->beat, all_held(beats()[1]));
  CAF_CHECK_EQUAL(beats().size(), 2u);
}

CAF_TEST(an outage is logged once and a short one stops nothing) {
  start_heartbeat();
  begin_outage();
  pass(3min + 30s);
  CAF_CHECK_EQUAL(beats().size(), 8u);
  CAF_CHECK_EQUAL(log.count("heartbeat doesn't get through"), 1u);
  store->beat.otherwise = [](const beat_request& x) { return all_held(x); };
  pass(10min);
  CAF_CHECK_EQUAL(log.count("heartbeat gets through again"), 1u);
  CAF_CHECK(workers->stopped.empty());
}

CAF_TEST(a node that cannot beat stops its work one interval before others may take it) {
  start_heartbeat();
  begin_outage();
  pass(4min + 30s - 1ms);
  CAF_CHECK(workers->stopped.empty());
  pass(1ms);
  CAF_CHECK(workers->stopped == (stops{{claim_of(1), stop_cause::lost}, {claim_of(2), stop_cause::lost}}));
  CAF_CHECK_EQUAL(log.count("error heartbeat: this node couldn't beat for too long and stops its work: tickets=2"), 1u);
}

// Found by the simulation (seed 100463): restarted while the database was away, it gave the work of its predecessor a
// whole new time to live, and the next holder began beside it.
CAF_TEST(a new life remembers when the last beat got through) {
  auto it = start_heartbeat();
  begin_outage();
  pass(4min);
  end(it, caf::exit_reason::kill);
  start_heartbeat();
  pass(30s - 1ms);
  CAF_CHECK(workers->stopped.empty());
  pass(1ms);
  CAF_CHECK_EQUAL(workers->stopped.size(), 2u);
}

CAF_TEST(it stops its work in time too when the store never answers) {
  start_heartbeat();
  store->beat.otherwise = nullptr;
  pass(4min + 30s - 1ms);
  CAF_CHECK(workers->stopped.empty());
  pass(1ms);
  CAF_CHECK_EQUAL(workers->stopped.size(), 2u);
}

CAF_TEST(the clock of the fence starts when the last good beat was sent and not when it was answered) {
  start_heartbeat();
  store->beat.otherwise = nullptr;
  pass(50s); // the beat of 0:30 hangs for twenty seconds
  begin_outage();
  answer(store, store->beat, all_held(beats().back()));
  pass(4min + 10s - 1ms);
  CAF_CHECK(workers->stopped.empty());
  pass(1ms);
  CAF_CHECK_EQUAL(workers->stopped.size(), 2u);
}

CAF_TEST(a node that never got through since its start stops what it holds as well) {
  begin_outage();
  start_heartbeat();
  pass(4min + 30s);
  CAF_CHECK_EQUAL(workers->stopped.size(), 2u);
}

CAF_TEST(after a fence it recovers and fences again in the next outage) {
  start_heartbeat();
  begin_outage();
  pass(10min);
  store->beat.otherwise = [](const beat_request& x) { return all_held(x); };
  pass(30s);
  workers->stopped.clear();
  pass(10min);
  CAF_CHECK(workers->stopped.empty());
  begin_outage();
  pass(5min);
  CAF_CHECK(!workers->stopped.empty());
}

CAF_TEST(a node without work has nothing to stop) {
  held = {};
  start_heartbeat();
  begin_outage();
  pass(10min);
  CAF_CHECK(workers->stopped.empty());
  CAF_CHECK_EQUAL(log.count("stops its work"), 0u);
}

CAF_TEST(it beats with how far each work is) {
  start_heartbeat();
  CAF_CHECK_EQUAL(beats()[0].held.progress, (std::vector<std::int64_t>{5, 5}));
}

CAF_TEST(a node that can not beat takes no more work after half the lease and more once it can again) {
  start_heartbeat();
  CAF_CHECK_EQUAL(dispatcher->holds, std::vector<bool>{false}); // an earlier life may have said hold
  begin_outage();
  pass(2min + 30s - 1ms);
  CAF_CHECK_EQUAL(dispatcher->holds.size(), 1u);
  pass(1ms);
  CAF_CHECK_EQUAL(dispatcher->holds.back(), true);
  CAF_CHECK(workers->stopped.empty());
  CAF_CHECK_EQUAL(log.count("this node can't beat and takes no more work"), 1u);
  store->beat.otherwise = [](const beat_request& x) { return all_held(x); };
  pass(30s);
  CAF_CHECK_EQUAL(dispatcher->holds.back(), false);
}

CAF_TEST(the hold is said again for dispatchers that were restarted meanwhile) {
  start_heartbeat();
  begin_outage();
  pass(4min);
  CAF_CHECK(std::count(dispatcher->holds.begin(), dispatcher->holds.end(), true) >= 3);
  CAF_CHECK_EQUAL(log.count("this node can't beat and takes no more work"), 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
