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
  start_dispatcher();
  CAF_REQUIRE_EQUAL(store->claim.asked.size(), 1u);
  CAF_CHECK_EQUAL(store->claim.asked[0].queue, "builds");
  CAF_CHECK_EQUAL(store->claim.asked[0].limit, 4);
  CAF_CHECK_EQUAL(store->claim.asked[0].node.value, 7);
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

CAF_TEST_FIXTURE_SCOPE_END()
