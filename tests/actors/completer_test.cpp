#define CAF_SUITE actors_completer

#include "actors/completer.hpp"

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

settlement settlement_of(std::int64_t number) {
  settlement result{claim_of(number), {}};
  result.outcome.evidence = "ticket " + std::to_string(number);
  return result;
}

/// What the database says when it accepts all.
settle_report accept(const settle_request& x, std::int32_t unblocked = 0) {
  settle_report result;
  result.unblocked = unblocked;
  for (auto& s : x.settlements)
    result.tickets.push_back({s.claim, settle_answer::ok, "completed", caf::timespan{0}});
  return result;
}

/// "1 2 3": the tickets of one request.
std::string tickets_in(const settle_request& x) {
  std::string result;
  for (auto& s : x.settlements)
    result += (result.empty() ? "" : " ") + to_string(s.claim.ticket);
  return result;
}

struct fixture : virtual_time {
  void start_completer() {
    it = caf::actor_cast<completer_actor>(start<completer>(config, store.handle, std::vector{dispatcher.handle},
                                                               cascade.handle, scheduler.handle));
  }

  asked<settled_ticket> settle(std::int64_t number) {
    return ask<settled_ticket>(it, atom::settle_v, settlement_of(number));
  }

  /// Settles so many before the completer gets to run.
  std::vector<asked<settled_ticket>> settle_together(std::int64_t first, std::int64_t last) {
    std::vector<asked<settled_ticket>> result;
    for (auto i = first; i <= last; ++i)
      result.push_back(ask_later<settled_ticket>(it, atom::settle_v, settlement_of(i)));
    sched.run();
    return result;
  }

  std::vector<settle_request>& requests() { return store->settle.asked; }

  void accept_all() { store->settle.otherwise = [](const settle_request& x) { return accept(x); }; }

  completer_config config{3, {}, {100ms, 1s}};
  faked<fake_store> store = fake<fake_store>();
  faked<fake_dispatcher> dispatcher = fake<fake_dispatcher>();
  faked<fake_cascade> cascade = fake<fake_cascade>();
  faked<fake_scheduler> scheduler = fake<fake_scheduler>();
  completer_actor it;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(completer_tests, fixture)

CAF_TEST(a lone outcome is written at once and answered with what the database says) {
  config.rules.infra_retries_max = 17;
  start_completer();
  auto one = settle(1);
  CAF_REQUIRE_EQUAL(requests().size(), 1u);
  CAF_CHECK_EQUAL(requests()[0].settlements[0].outcome.evidence, "ticket 1");
  CAF_CHECK_EQUAL(requests()[0].rules.infra_retries_max, 17);
  CAF_CHECK(!one.is_answered());
  settle_report report;
  report.tickets.push_back({claim_of(1), settle_answer::again, "", caf::timespan{0}});
  answer(store, store->settle, report);
  CAF_CHECK_EQUAL(one.value().answer, settle_answer::again);
}

CAF_TEST(what the mailbox holds is one batch and each gets its own answer) {
  accept_all();
  start_completer();
  auto all = settle_together(1, 3);
  CAF_REQUIRE_EQUAL(requests().size(), 1u);
  CAF_CHECK_EQUAL(tickets_in(requests()[0]), "1 2 3");
  for (std::size_t i = 0; i < 3; ++i)
    CAF_CHECK_EQUAL(all[i].value().claim, claim_of(static_cast<std::int64_t>(i) + 1));
}

CAF_TEST(a batch is never larger than configured) {
  accept_all();
  start_completer();
  auto all = settle_together(1, 7);
  CAF_REQUIRE_EQUAL(requests().size(), 3u);
  CAF_CHECK_EQUAL(tickets_in(requests()[0]), "1 2 3");
  CAF_CHECK_EQUAL(tickets_in(requests()[1]), "4 5 6");
  CAF_CHECK_EQUAL(tickets_in(requests()[2]), "7");
}

CAF_TEST(one batch is in flight and what arrives meanwhile is the next) {
  start_completer();
  settle(1);
  settle(2);
  settle(3);
  CAF_CHECK_EQUAL(requests().size(), 1u);
  answer(store, store->settle, accept(requests()[0]));
  CAF_REQUIRE_EQUAL(requests().size(), 2u);
  CAF_CHECK_EQUAL(tickets_in(requests()[1]), "2 3");
  answer(store, store->settle, accept(requests()[1]));
  settle(4);
  CAF_REQUIRE_EQUAL(requests().size(), 3u);
  CAF_CHECK_EQUAL(tickets_in(requests()[2]), "4");
}

CAF_TEST(an outage repeats the same batch with growing waits and loses nothing) {
  store->settle.otherwise = [](const settle_request&) { return outage(); };
  start_completer();
  auto one = settle(1);
  auto two = settle(2);
  CAF_CHECK_EQUAL(requests().size(), 1u);
  pass(49ms);
  CAF_CHECK_EQUAL(requests().size(), 1u); // half of the first bound at least
  pass(51ms);
  CAF_CHECK_EQUAL(requests().size(), 2u);
  pass(99ms);
  CAF_CHECK_EQUAL(requests().size(), 2u); // the bound has doubled
  pass(101ms);
  CAF_CHECK_EQUAL(requests().size(), 3u);
  pass(1h);
  CAF_CHECK(requests().size() >= 3600u); // a second at most, half a second at least
  CAF_CHECK(requests().size() <= 7210u);
  for (auto& x : requests())
    CAF_REQUIRE_EQUAL(tickets_in(x), "1");
  CAF_CHECK(!one.is_answered());
  accept_all();
  pass(1s);
  CAF_CHECK_EQUAL(one.value().answer, settle_answer::ok);
  CAF_CHECK_EQUAL(two.value().answer, settle_answer::ok);
  CAF_CHECK_EQUAL(log.count("completer can't write outcomes and repeats them"), 1u);
  CAF_CHECK_EQUAL(log.count("completer writes outcomes again"), 1u);
}

CAF_TEST(a store that never answers gets the same batch again) {
  start_completer();
  auto answer = settle(1);
  pass(90s - 1ms);
  CAF_CHECK_EQUAL(requests().size(), 1u);
  pass(101ms);
  CAF_REQUIRE_EQUAL(requests().size(), 2u);
  CAF_CHECK_EQUAL(tickets_in(requests()[1]), "1");
  CAF_CHECK(!answer.is_answered());
}

CAF_TEST(a full disk is waited out like an outage) {
  for (auto code : {errc::disk_full, errc::database_denied, errc::actor_failed}) {
    store->settle.asked.clear();
    store->settle.answers.push_back(make_error(code, "not now"));
    accept_all();
    start_completer();
    auto one = settle(1);
    CAF_CHECK(!one.is_answered());
    pass(100ms);
    CAF_CHECK_EQUAL(one.value().answer, settle_answer::ok);
    CAF_CHECK_EQUAL(requests().size(), 2u);
  }
}

CAF_TEST(a refused outcome is found and holds up nobody) {
  store->settle.otherwise = [](const settle_request& x) -> caf::expected<settle_report> {
    for (auto& s : x.settlements)
      if (s.claim == claim_of(2))
        return refusal();
    return accept(x);
  };
  start_completer();
  auto all = settle_together(1, 5);
  CAF_CHECK_EQUAL(all[0].value().answer, settle_answer::ok);
  CAF_CHECK_EQUAL(all[1].error(), "the database refuses this");
  for (std::size_t i = 2; i < 5; ++i)
    CAF_CHECK_EQUAL(all[i].value().answer, settle_answer::ok);
  std::vector<std::string> batches;
  for (auto& x : requests())
    batches.push_back(tickets_in(x));
  CAF_CHECK_EQUAL(batches, (std::vector<std::string>{"1 2 3", "1", "2", "3", "4 5"}));
  CAF_CHECK_EQUAL(log.count("error completer: an outcome was refused: ticket=2"), 1u);
}

CAF_TEST(an outcome that is held up by a transaction of others holds up nobody) {
  auto is_held = true;
  store->settle.otherwise = [&](const settle_request& x) -> caf::expected<settle_report> {
    for (auto& s : x.settlements)
      if (is_held && s.claim == claim_of(2))
        return make_error(errc::database_contended, "a lock isn't to be had");
    return accept(x);
  };
  start_completer();
  auto all = settle_together(1, 5);
  for (std::size_t i : {0u, 2u, 3u, 4u})
    CAF_CHECK_EQUAL(all[i].value().answer, settle_answer::ok);
  CAF_CHECK(!all[1].is_answered());
  pass(10s); // it is asked for again, alone
  CAF_CHECK_EQUAL(settle(6).value().answer, settle_answer::ok);
  CAF_CHECK(!all[1].is_answered());
  is_held = false;
  pass(1s);
  CAF_CHECK_EQUAL(all[1].value().answer, settle_answer::ok);
}

CAF_TEST(a refusal that comes after an outage stops nothing) {
  start_completer();
  auto one = settle(1);
  answer(store, store->settle, outage());
  pass(100ms);
  answer(store, store->settle, refusal());
  CAF_CHECK_EQUAL(one.error(), "the database refuses this");
  accept_all();
  CAF_CHECK_EQUAL(settle(2).value().answer, settle_answer::ok);
  CAF_CHECK_EQUAL(log.count("completer writes outcomes again"), 1u);
}

CAF_TEST(an outcome that the report forgot is an error for its worker) {
  start_completer();
  auto one = settle(1);
  answer(store, store->settle, settle_report{});
  CAF_CHECK(one.has_failed());
}

CAF_TEST(dispatchers are woken only when something was unblocked) {
  start_completer();
  settle(1);
  answer(store, store->settle, accept(requests()[0], 0));
  CAF_CHECK_EQUAL(dispatcher->wakes, 0);
  settle(2);
  answer(store, store->settle, accept(requests()[1], 1));
  CAF_CHECK_EQUAL(dispatcher->wakes, 1);
}

CAF_TEST(it writes what it holds before it quits) {
  start_completer();
  auto one = settle(1);
  auto two = settle(2);
  end(it);
  CAF_CHECK(!has_ended(it));
  answer(store, store->settle, outage());
  pass(100ms);
  answer(store, store->settle, accept(requests()[0]));
  CAF_CHECK_EQUAL(one.value().answer, settle_answer::ok);
  CAF_CHECK(!has_ended(it));
  answer(store, store->settle, accept(requests().back()));
  CAF_CHECK_EQUAL(two.value().answer, settle_answer::ok);
  CAF_CHECK(has_ended(it));
}

CAF_TEST(an idle one quits at once) {
  start_completer();
  end(it);
  CAF_CHECK(has_ended(it));
}

CAF_TEST(killed it answers what it owes) {
  start_completer();
  auto one = settle(1);
  end(it, caf::exit_reason::kill);
  CAF_CHECK(one.has_failed());
}

CAF_TEST(what was left to the cascade wakes it and what is delayed wakes the scheduler) {
  start_completer();
  settle(1);
  auto report = accept(requests()[0]);
  report.handed_over = 1;
  answer(store, store->settle, report);
  CAF_CHECK_EQUAL(cascade->wakes, 1);
  CAF_CHECK_EQUAL(scheduler->wakes, 0);
  settle(2);
  report = accept(requests()[1]);
  report.tickets[0].event = "attempt_failed";
  report.tickets[0].delay = 1s;
  answer(store, store->settle, report);
  CAF_CHECK_EQUAL(cascade->wakes, 1);
  CAF_CHECK_EQUAL(scheduler->wakes, 1);
}

CAF_TEST(refused outcomes of lost claims are counted) {
  start_completer();
  settle(1);
  auto report = accept(requests()[0]);
  report.tickets[0].answer = settle_answer::lost;
  answer(store, store->settle, report);
  auto status = ask<actor_report>(caf::actor_cast<status_actor>(it), atom::status_v).value();
  CAF_CHECK(std::any_of(status.facts.begin(), status.facts.end(),
                        [](auto& x) { return x.name == "lost" && x.value == "1"; }));
}

CAF_TEST_FIXTURE_SCOPE_END()
