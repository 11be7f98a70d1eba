#define CAF_SUITE actors_sweepers

#include "actors/cascade.hpp"
#include "actors/reaper.hpp"
#include "actors/scheduler.hpp"

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture : virtual_time {
  template <class Policy>
  typename Policy::actor start_sweeper(Policy policy) {
    return caf::actor_cast<typename Policy::actor>(
      start<sweeper<Policy>>(std::move(policy), store.handle, std::vector{first.handle, second.handle}));
  }

  cascade_actor start_cascade(cascade_config config = {}) {
    return caf::actor_cast<cascade_actor>(
      start<cascade>(config, store.handle, std::vector{first.handle, second.handle}));
  }

  int wakes() const { return first->wakes + second->wakes; }

  faked<fake_store> store = fake<fake_store>();
  faked<fake_dispatcher> first = fake<fake_dispatcher>();
  faked<fake_dispatcher> second = fake<fake_dispatcher>();
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(sweepers_tests, fixture)

CAF_TEST(each sweeps at once and then at its interval) {
  store->reclaim.otherwise = [](const reclaim_request&) { return reclaim_report{}; };
  store->cascade.otherwise = [](const cascade_request&) { return cascade_report{}; };
  store->promote.otherwise = [](std::int32_t) { return promote_report{}; };
  start_sweeper(reaper{});
  start_cascade();
  start_sweeper(scheduler{});
  CAF_CHECK_EQUAL(store->reclaim.asked.size(), 1u);
  CAF_CHECK_EQUAL(store->cascade.asked.size(), 1u);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 1u);
  pass(59s);
  CAF_CHECK_EQUAL(store->reclaim.asked.size(), 1u);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 30u);
  pass(1s);
  CAF_CHECK_EQUAL(store->reclaim.asked.size(), 2u);
  CAF_CHECK_EQUAL(store->cascade.asked.size(), 2u);
  CAF_CHECK_EQUAL(wakes(), 0);
}

CAF_TEST(the reaper asks with what it was configured with) {
  reaper policy{1min, 5min, 10, 3};
  policy.dead_nodes = {4, 5};
  start_sweeper(policy);
  CAF_REQUIRE_EQUAL(store->reclaim.asked.size(), 1u);
  auto& x = store->reclaim.asked[0];
  CAF_CHECK(x.stale_after == 5min);
  CAF_CHECK_EQUAL(x.limit, 10);
  CAF_CHECK_EQUAL(x.reclaims_max, 3);
  CAF_CHECK_EQUAL(x.dead_nodes, (std::vector<std::int64_t>{4, 5}));
}

CAF_TEST(the reaper wakes dispatchers for what is ready again and tells what it did) {
  store->reclaim.answers.push_back(reclaim_report{1, 2, 3});
  start_sweeper(reaper{});
  CAF_CHECK_EQUAL(wakes(), 2);
  CAF_CHECK_EQUAL(
    log.count("warning reaper: reaper reclaimed stale tickets: reclaimed=1 poisoned=2 cancelled=3"), 1u);
  store->reclaim.answers.push_back(reclaim_report{0, 1, 1});
  pass(1min);
  CAF_CHECK_EQUAL(wakes(), 2);
}

CAF_TEST(a full batch sweeps again until one is short) {
  reaper policy;
  policy.batch = 10;
  store->reclaim.answers = {reclaim_report{8, 1, 1}, reclaim_report{10, 0, 0}, reclaim_report{9, 0, 0}};
  start_sweeper(policy);
  CAF_CHECK_EQUAL(store->reclaim.asked.size(), 3u);
  for (auto promoted : {1000, 1000, 999})
    store->promote.answers.push_back(promote_report{promoted, 0});
  start_sweeper(scheduler{});
  CAF_CHECK_EQUAL(store->promote.asked, (std::vector<std::int32_t>{1000, 1000, 1000}));
}

CAF_TEST(the scheduler wakes dispatchers when something is due) {
  for (auto promoted : {0, 1})
    store->promote.answers.push_back(promote_report{promoted, 0});
  start_sweeper(scheduler{});
  CAF_CHECK_EQUAL(wakes(), 0);
  pass(2s);
  CAF_CHECK_EQUAL(wakes(), 2);
}

CAF_TEST(the scheduler looks again when the next one is due and not before) {
  store->promote.answers = {promote_report{0, 0, 300ms}, promote_report{1, 0, 1min}};
  start_sweeper(scheduler{});
  pass(299ms);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 1u);
  pass(1ms);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 2u);
  CAF_CHECK_EQUAL(wakes(), 2);
  pass(1699ms);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 2u);
}

CAF_TEST(what stays due is looked for at its pace and not faster with each interval) {
  store->promote.otherwise = [](std::int32_t) { return promote_report{0, 0, 200ms}; };
  start_sweeper(scheduler{});
  pass(10s);
  auto before = store->promote.asked.size();
  pass(60s);
  // Five a second, and one at each interval of two seconds.
  CAF_CHECK(store->promote.asked.size() - before <= 331u);
  CAF_CHECK(store->promote.asked.size() - before >= 300u);
}

CAF_TEST(the reaper says once that it pauses and once that it goes on) {
  reclaim_report slow;
  slow.paused = true;
  store->reclaim.answers = {slow, slow, reclaim_report{}};
  start_sweeper(reaper{});
  pass(2min);
  CAF_CHECK_EQUAL(log.count("reaper pauses, because the database is slow"), 1u);
  CAF_CHECK_EQUAL(log.count("reaper goes on"), 1u);
}

CAF_TEST(the cascade takes its list down until it is empty and wakes dispatchers for what is ready) {
  store->propagate.answers = {propagate_report{1, 1000, 0, 0}, propagate_report{1, 3, 2, 1}, propagate_report{}};
  auto it = start_cascade();
  CAF_CHECK_EQUAL(store->propagate.asked, (std::vector<std::int32_t>{1000, 1000, 1000}));
  CAF_CHECK_EQUAL(wakes(), 2);
  store->propagate.otherwise = [](std::int32_t) { return propagate_report{}; };
  pass(5s - 1ms);
  CAF_CHECK_EQUAL(store->propagate.asked.size(), 3u);
  pass(1ms);
  CAF_CHECK_EQUAL(store->propagate.asked.size(), 4u);
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(store->propagate.asked.size(), 5u);
}

CAF_TEST(a wake while the cascade works is not forgotten) {
  auto it = start_cascade();
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(store->propagate.asked.size(), 1u);
  answer(store, store->propagate, propagate_report{});
  CAF_CHECK_EQUAL(store->propagate.asked.size(), 2u);
  answer(store, store->propagate, outage());
  CAF_CHECK_EQUAL(store->propagate.asked.size(), 2u);
  pass(5s);
  CAF_CHECK_EQUAL(store->propagate.asked.size(), 3u);
}

CAF_TEST(the cascade walks slice by slice and begins anew after the last) {
  auto slice = [](std::int32_t checked, std::int64_t last) {
    return cascade_report{checked, 0, 0, ticket_id{last}};
  };
  store->cascade.answers = {slice(100, 150), slice(100, 290), slice(99, 400), slice(0, 0)};
  start_cascade({1min, 5s, 100, 90s});
  CAF_CHECK_EQUAL(store->cascade.asked.size(), 1u); // one slice per interval, however full
  pass(3min);
  std::vector<std::int64_t> begins;
  for (auto& x : store->cascade.asked)
    begins.push_back(x.after.value);
  CAF_CHECK_EQUAL(begins, (std::vector<std::int64_t>{0, 150, 290, 0}));
  CAF_CHECK_EQUAL(log.count("cascade repaired"), 0u);
}

CAF_TEST(a repair of the cascade is an error in the log and wakes dispatchers for who was stranded) {
  store->cascade.answers = {cascade_report{9, 2, 0, ticket_id{9}}, cascade_report{9, 2, 1, ticket_id{9}}};
  start_cascade();
  CAF_CHECK_EQUAL(wakes(), 0);
  CAF_CHECK_EQUAL(log.count("error cascade: cascade repaired blocked tickets"), 1u);
  CAF_CHECK_EQUAL(log.count("repaired=2 unblocked=0"), 1u);
  pass(1min);
  CAF_CHECK_EQUAL(wakes(), 2);
}

CAF_TEST(a sweep on request answers with what was found) {
  store->reclaim.otherwise = [](const reclaim_request&) { return reclaim_report{0, 0, 2}; };
  auto it = start_sweeper(reaper{});
  auto report = ask<reclaim_report>(it, atom::sweep_v);
  CAF_CHECK_EQUAL(report.value().cancelled, 2);
  CAF_CHECK_EQUAL(store->reclaim.asked.size(), 2u);
  store->reclaim.otherwise = [](const reclaim_request&) { return outage(); };
  CAF_CHECK_EQUAL(ask<reclaim_report>(it, atom::sweep_v).error(), "the database is away");
}

CAF_TEST(an outage is survived and logged once) {
  store->promote.otherwise = [](std::int32_t) { return outage(); };
  auto it = start_sweeper(scheduler{});
  pass(10s);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 6u);
  CAF_CHECK_EQUAL(log.count("scheduler can't promote due tickets: cause=\"the database is away\""), 1u);
  store->promote.otherwise = [](std::int32_t) { return promote_report{}; };
  pass(2s);
  CAF_CHECK_EQUAL(log.count("scheduler can promote due tickets again"), 1u);
  CAF_CHECK(!has_ended(it));
}

CAF_TEST(a slow store is asked once and not at each interval) {
  start_sweeper(scheduler{});
  pass(1min);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 1u);
  answer(store, store->promote, promote_report{});
  pass(2s);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 2u);
  answer(store, store->promote, outage());
  pass(2s);
  CAF_CHECK_EQUAL(store->promote.asked.size(), 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
