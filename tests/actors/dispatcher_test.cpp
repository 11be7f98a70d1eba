#define CAF_SUITE actors_dispatcher

#include "actors/dispatcher.hpp"

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture : virtual_time {
  fixture() { workers->count.otherwise = [](const std::string&) { return 0; }; }

  dispatcher_actor start_dispatcher() {
    return caf::actor_cast<dispatcher_actor>(start<dispatcher>(config, store.handle, workers.handle));
  }

  std::vector<claimed_ticket> tickets(std::int64_t first, std::int64_t count) {
    std::vector<claimed_ticket> result;
    for (auto i = first; i < first + count; ++i)
      result.push_back(ticket_of(i, "builds"));
    return result;
  }

  dispatcher_config config{"builds", node_id{7}, 4, 100, 1s};
  faked<fake_store> store = fake<fake_store>();
  faked<fake_ticket_workers> workers = fake<fake_ticket_workers>();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(dispatcher_tests, fixture)

CAF_TEST(it claims at once for all free slots of its queue) {
  config.credentials = [n = 0]() mutable { return std::vector<std::string>{"hash" + std::to_string(++n)}; };
  start_dispatcher();
  CAF_REQUIRE_EQUAL(store->claim.asked.size(), 1u);
  CAF_CHECK_EQUAL(store->claim.asked[0].queue, "builds");
  CAF_CHECK_EQUAL(store->claim.asked[0].limit, 4);
  CAF_CHECK_EQUAL(store->claim.asked[0].node.value, 7);
  CAF_CHECK_EQUAL(store->claim.asked[0].credentials, std::vector<std::string>{"hash1"});
  CAF_CHECK_EQUAL(workers->count.asked, std::vector<std::string>{"builds"});
}

CAF_TEST(it never claims above its slots and asks the workers each time) {
  std::int32_t running = 3;
  workers->count.otherwise = [&](const std::string&) { return running; };
  store->claim.otherwise = [](const claim_request&) { return std::vector<claimed_ticket>{}; };
  start_dispatcher();
  CAF_CHECK_EQUAL(store->claim.asked.back().limit, 1);
  running = 4;
  pass(1s);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
  running = 5; // as after a change of configuration
  pass(1s);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
  running = 1;
  pass(1s);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 2u);
  CAF_CHECK_EQUAL(store->claim.asked.back().limit, 3);
  CAF_CHECK_EQUAL(workers->count.asked.size(), 4u);
}

CAF_TEST(a store that never answers is asked again when nobody believes in it any more) {
  start_dispatcher();
  pass(90s - 1ms);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
  pass(1ms);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 2u);
}

CAF_TEST(told to stop it waits for the claim that is under way and hands its tickets on) {
  auto it = start_dispatcher();
  end(it);
  CAF_CHECK(!has_ended(it));
  answer(store, store->claim, tickets(1, 4));
  CAF_CHECK_EQUAL(workers->started.size(), 4u);
  CAF_CHECK(has_ended(it));
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u); // it was full, but that is no longer its business
}

CAF_TEST(told to stop it ends at once when no claim is under way) {
  store->claim.otherwise = [](const claim_request&) { return std::vector<claimed_ticket>{}; };
  auto it = start_dispatcher();
  end(it);
  CAF_CHECK(has_ended(it));
}

CAF_TEST(one claim asks for a batch at most) {
  config.slots = 1000;
  start_dispatcher();
  CAF_CHECK_EQUAL(store->claim.asked.back().limit, 100);
}

CAF_TEST(what it claimed goes to the workers) {
  store->claim.answers.push_back(tickets(1, 2));
  start_dispatcher();
  CAF_REQUIRE_EQUAL(workers->started.size(), 2u);
  CAF_CHECK_EQUAL(workers->started[0].claim, claim_of(1));
  CAF_CHECK_EQUAL(workers->started[1].claim, claim_of(2));
}

CAF_TEST(a full batch looks again and a short one waits for the poll) {
  std::int32_t running = 0;
  workers->count.otherwise = [&](const std::string&) { return running; };
  config.claim_batch = 2;
  start_dispatcher();
  running = 2;
  answer(store, store->claim, tickets(1, 2));
  CAF_REQUIRE_EQUAL(store->claim.asked.size(), 2u);
  CAF_CHECK_EQUAL(store->claim.asked.back().limit, 2);
  answer(store, store->claim, tickets(3, 1));
  CAF_CHECK_EQUAL(store->claim.asked.size(), 2u);
  pass(1s);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 3u);
}

CAF_TEST(it polls at its interval) {
  store->claim.otherwise = [](const claim_request&) { return std::vector<claimed_ticket>{}; };
  start_dispatcher();
  pass(999ms);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
  pass(1ms);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 2u);
  pass(10s);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 12u);
}

CAF_TEST(a wake looks at once) {
  store->claim.otherwise = [](const claim_request&) { return std::vector<claimed_ticket>{}; };
  auto it = start_dispatcher();
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 2u);
}

CAF_TEST(wakes during a look are one more look and not lost) {
  auto it = start_dispatcher();
  tell(it, atom::wake_v);
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
  answer(store, store->claim, tickets(1, 0));
  CAF_CHECK_EQUAL(store->claim.asked.size(), 2u);
  answer(store, store->claim, tickets(1, 0));
  CAF_CHECK_EQUAL(store->claim.asked.size(), 2u);
}

CAF_TEST(a wake while all slots are taken looks again too) {
  workers->count.otherwise = nullptr;
  auto it = start_dispatcher();
  tell(it, atom::wake_v); // a slot got free while the count was on its way
  answer(workers, workers->count, 4);
  CAF_CHECK_EQUAL(workers->count.asked.size(), 2u);
  answer(workers, workers->count, 3);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
}

CAF_TEST(it waits for a slow store without asking twice) {
  start_dispatcher();
  pass(1min);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
}

CAF_TEST(an outage is logged once and the next poll goes on) {
  store->claim.otherwise = [](const claim_request&) { return outage(); };
  auto it = start_dispatcher();
  pass(5s);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 6u);
  CAF_CHECK_EQUAL(log.count("dispatcher can't claim: queue=builds: cause=\"the database is away\""), 1u);
  CAF_CHECK_EQUAL(log.count("dispatcher claims again"), 0u);
  store->claim.otherwise = [](const claim_request&) { return std::vector<claimed_ticket>{}; };
  pass(2s);
  CAF_CHECK_EQUAL(log.count("dispatcher claims again: queue=builds"), 1u);
  CAF_CHECK(!has_ended(it));
}

CAF_TEST(without ticket workers nothing is claimed until they are back) {
  workers->count.answers.push_back(make_error(errc::actor_failed, "nobody serves"));
  auto it = start_dispatcher();
  CAF_CHECK_EQUAL(store->claim.asked.size(), 0u);
  pass(1s);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
  CAF_CHECK(!has_ended(it));
}

CAF_TEST(after a minute without work it polls less often until something comes) {
  store->claim.otherwise = [](const claim_request&) { return std::vector<claimed_ticket>{}; };
  auto it = start_dispatcher();
  pass(60s);
  auto before = store->claim.asked.size();
  pass(60s);
  CAF_CHECK_EQUAL(store->claim.asked.size() - before, 12u);
  tell(it, atom::wake_v);
  pass(5s);
  before = store->claim.asked.size();
  pass(10s);
  CAF_CHECK_EQUAL(store->claim.asked.size() - before, 10u);
}

CAF_TEST(on hold it claims nothing until it may again) {
  store->claim.otherwise = [](const claim_request&) { return std::vector<claimed_ticket>{}; };
  auto it = start_dispatcher();
  tell(it, atom::hold_v, true);
  tell(it, atom::wake_v);
  pass(10s);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 1u);
  tell(it, atom::hold_v, false);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 2u);
}

CAF_TEST(a hold that comes while it counts keeps it from claiming) {
  workers->count.otherwise = nullptr;
  auto it = start_dispatcher();
  tell(it, atom::hold_v, true);
  answer(workers, workers->count, 0);
  CAF_CHECK(store->claim.asked.empty());
}

namespace {

claimed_ticket ticket_at(std::int64_t number, std::int64_t rank, std::int64_t seq) {
  auto result = ticket_of(number, "builds");
  result.place = {rank, seq};
  return result;
}

std::string marks_of(const claim_request& x) {
  std::string result;
  for (auto& mark : x.after)
    result += std::to_string(mark.rank) + ":" + std::to_string(mark.seq) + " ";
  return result;
}

} // namespace

CAF_TEST(it goes on behind what it claimed in each rank) {
  auto it = start_dispatcher();
  CAF_CHECK_EQUAL(marks_of(store->claim.asked[0]), "");
  answer(store, store->claim, std::vector{ticket_at(1, 5, 10), ticket_at(2, 100, 7), ticket_at(3, 100, 9)});
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(marks_of(store->claim.asked[1]), "5:10 100:9 ");
}

CAF_TEST(when there is nothing behind the marks it looks from the head but once a second at most) {
  auto it = start_dispatcher();
  answer(store, store->claim, std::vector{ticket_at(1, 5, 10)});
  store->claim.otherwise = [](const claim_request&) { return std::vector<claimed_ticket>{}; };
  tell(it, atom::wake_v);
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(store->claim.asked.size(), 3u);
  CAF_CHECK_EQUAL(marks_of(store->claim.asked[1]) + marks_of(store->claim.asked[2]), "5:10 5:10 ");
  pass(1s);
  CAF_REQUIRE(store->claim.asked.size() > 3);
  CAF_CHECK_EQUAL(marks_of(store->claim.asked[3]), "");
}

CAF_TEST(every ten seconds it looks from the head although there is work behind the marks) {
  std::int64_t seq = 10;
  store->claim.otherwise = [&](const claim_request&) { return std::vector{ticket_at(1, 5, ++seq)}; };
  start_dispatcher();
  pass(9s);
  for (std::size_t i = 1; i < store->claim.asked.size(); ++i)
    CAF_CHECK(!store->claim.asked[i].after.empty());
  pass(1s);
  CAF_CHECK(store->claim.asked.back().after.empty());
}

CAF_TEST(after it has overtaken what a breaker holds up it looks from the head within a second) {
  std::int64_t seq = 10;
  bool overtakes = true;
  store->claim.otherwise = [&](const claim_request&) {
    auto x = ticket_at(1, 5, ++seq);
    x.overtakes = overtakes;
    return std::vector{x};
  };
  start_dispatcher();
  for (int i = 0; i < 3; ++i) {
    pass(1s);
    CAF_CHECK(store->claim.asked.back().after.empty());
  }
  overtakes = false; // the breaker has closed
  pass(1s);
  CAF_CHECK(store->claim.asked.back().after.empty());
  pass(1s);
  CAF_CHECK(!store->claim.asked.back().after.empty());
}

CAF_TEST(where ranks are moments or turns there are no marks) {
  auto it = start_dispatcher();
  answer(store, store->claim, std::vector{ticket_at(1, -1, 10)});
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(marks_of(store->claim.asked[1]), "");
}

// The heartbeat hands such tickets back, because they have no worker; so they must not get one later.
CAF_TEST(a claim that lay here beyond all patience is not started) {
  config.store_patience = 10s;
  start_dispatcher();
  // The whole process stood still: the answer is in the mailbox, and so is the end of our patience.
  store->claim.answers.push_back(tickets(1, 4));
  caf::anon_send(caf::actor_cast<caf::actor>(store.handle), atom::flush_v);
  sched.run_once();
  sched.advance_time(10s);
  sched.run();
  CAF_CHECK(workers->started.empty());
  CAF_CHECK(store->claim.asked.size() > 1u); // it looks again
}

CAF_TEST_FIXTURE_SCOPE_END()
