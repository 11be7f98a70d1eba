#define CAF_SUITE actors_ticket_workers

#include "actors/ticket_workers.hpp"

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture : virtual_time {
  fixture() {
    auto context = std::make_shared<worker_context>();
    context->completer = completer.handle;
    context->executor = executor.handle;
    context->ledger = ledger.handle;
    it = caf::actor_cast<ticket_workers_actor>(
      start<ticket_workers>(ticket_workers_config{30s, nullptr}, std::shared_ptr<const worker_context>{context},
                            std::map<std::string, dispatcher_actor>{{"a", a.handle}, {"b", b.handle}}));
  }

  /// Commands that run until the test ends them, first in, first out.
  void run(std::vector<std::int64_t> numbers, const std::string& queue) {
    std::vector<claimed_ticket> tickets;
    for (auto number : numbers) {
      tickets.push_back(ticket_of(number, queue, "command"));
      tickets.back().payload = R"({"command": ["make"]})";
    }
    tell(it, atom::start_v, tickets);
  }

  void end_program() { answer(executor, executor->execute, command_result{}); }
  void accept() { answer(completer, completer->settle, settled_ticket{{}, settle_answer::ok, "", {}}); }

  std::int32_t count(const std::string& queue) { return ask<std::int32_t>(it, atom::count_v, queue).value(); }

  std::vector<claim_ref> held() {
    auto result = ask<held_claims>(it, atom::held_v).value().claims;
    std::sort(result.begin(), result.end());
    return result;
  }

  std::vector<settlement>& settled() { return completer->settle.asked; }

  caf::actor worker(std::size_t i) {
    return caf::actor_cast<caf::actor>(executor->askers.at(i));
  }

  /// Ends a worker as its own exception would.
  void crash(std::size_t i) {
    auto cause = make_error(errc::actor_failed, "ticket_worker ended with an exception: boom");
    tell(worker(i), caf::exit_msg{worker(i)->address(), cause});
  }

  faked<fake_completer> completer = fake<fake_completer>();
  faked<fake_command_executor> executor = fake<fake_command_executor>();
  faked<fake_ticket_workers> ledger = fake<fake_ticket_workers>();
  faked<fake_dispatcher> a = fake<fake_dispatcher>();
  faked<fake_dispatcher> b = fake<fake_dispatcher>();
  ticket_workers_actor it;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ticket_workers_tests, fixture)

CAF_TEST(each ticket gets a worker and is counted in its queue) {
  run({1, 2}, "a");
  run({3}, "b");
  CAF_CHECK_EQUAL(executor->execute.asked.size(), 3u);
  CAF_CHECK_EQUAL(count("a"), 2);
  CAF_CHECK_EQUAL(count("b"), 1);
  CAF_CHECK_EQUAL(count("c"), 0);
  CAF_CHECK_EQUAL(held(), (std::vector<claim_ref>{claim_of(1), claim_of(2), claim_of(3)}));
}

// Found by the simulation (seed 1941): a node that couldn't beat stopped its work, got the database back while a program
// was still ending, and handed the ticket to the next holder, who worked beside it.
CAF_TEST(a worker that is stopped over a lost lease is no longer held for and still there) {
  run({1, 2}, "a");
  tell(it, atom::stop_v, claim_of(1), stop_cause::lost);
  CAF_CHECK_EQUAL(held(), (std::vector<claim_ref>{claim_of(2)}));
  auto of = [&] {
    return ask<std::vector<claim_ref>>(it, atom::held_v, std::vector<claim_ref>{claim_of(1), claim_of(3)}).value();
  };
  CAF_CHECK_EQUAL(of(), (std::vector<claim_ref>{claim_of(1)}));
  end_program();
  CAF_CHECK(of().empty());
}

CAF_TEST(a ticket counts and is held until it is settled and then its dispatcher is woken) {
  run({1, 2}, "a");
  end_program();
  CAF_CHECK_EQUAL(count("a"), 2);
  CAF_CHECK_EQUAL(held().size(), 2u);
  CAF_CHECK_EQUAL(a->wakes, 0);
  accept();
  CAF_CHECK_EQUAL(count("a"), 1);
  CAF_CHECK_EQUAL(held(), std::vector<claim_ref>{claim_of(2)});
  CAF_CHECK_EQUAL(a->wakes, 1);
  CAF_CHECK_EQUAL(b->wakes, 0);
}

CAF_TEST(a lost ticket is not held any more but its slot is taken until its work is dead) {
  run({1, 2}, "a");
  tell(it, atom::stop_v, claim_of(1), stop_cause::lost);
  CAF_CHECK_EQUAL(held(), std::vector<claim_ref>{claim_of(2)});
  CAF_CHECK_EQUAL(count("a"), 2);
  CAF_CHECK_EQUAL(executor->killed, std::vector<std::uint64_t>{executor->execute.asked[0].first});
  end_program();
  CAF_CHECK_EQUAL(count("a"), 1);
  CAF_CHECK(settled().empty());
}

CAF_TEST(a cancelled ticket is held until it is settled) {
  run({1}, "a");
  tell(it, atom::stop_v, claim_of(1), stop_cause::cancelled);
  CAF_CHECK_EQUAL(held(), std::vector<claim_ref>{claim_of(1)});
  CAF_CHECK_EQUAL(executor->stopped.size(), 1u);
}

CAF_TEST(a stop for a claim that is not held is ignored) {
  run({1}, "a");
  tell(it, atom::stop_v, claim_ref{ticket_id{1}, fence{5}}, stop_cause::lost);
  tell(it, atom::stop_v, claim_of(2), stop_cause::cancelled);
  CAF_CHECK(executor->stopped.empty());
  CAF_CHECK_EQUAL(held(), std::vector<claim_ref>{claim_of(1)});
}

CAF_TEST(handing back stops all attempts that are waited for) {
  run({1, 2}, "a");
  end(it);
  CAF_CHECK(executor->stopped.empty());
  tell(it, atom::hand_back_v);
  CAF_CHECK_EQUAL(executor->stopped.size(), 2u);
  end_program();
  CAF_REQUIRE_EQUAL(settled().size(), 1u);
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::released);
}

CAF_TEST(a hurry that overtakes the order to end is remembered until it comes) {
  run({1, 2}, "a");
  tell(it, atom::hand_back_v);
  CAF_CHECK(executor->stopped.empty()); // the dispatchers would claim again what is handed back
  end(it);
  CAF_CHECK_EQUAL(executor->stopped.size(), 2u);
}

CAF_TEST(at its end it waits for running tickets and then quits) {
  run({1, 2}, "a");
  end(it);
  CAF_CHECK(!has_ended(it));
  CAF_CHECK(executor->stopped.empty());
  end_program();
  accept();
  pass(29s);
  CAF_CHECK(!has_ended(it));
  CAF_CHECK(executor->stopped.empty());
  end_program();
  accept();
  CAF_CHECK(has_ended(it));
  CAF_CHECK_EQUAL(settled()[1].outcome.end, outcome_class::completed);
}

CAF_TEST(what is not done when the drain is over is handed back) {
  run({1}, "a");
  end(it);
  end(it); // told twice
  pass(30s - 1ms);
  CAF_CHECK(executor->stopped.empty());
  pass(1ms);
  CAF_CHECK_EQUAL(executor->stopped.size(), 1u);
  end_program();
  CAF_REQUIRE_EQUAL(settled().size(), 1u);
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::released);
  CAF_CHECK(!has_ended(it));
  accept();
  CAF_CHECK(has_ended(it));
}

CAF_TEST(an idle one quits at once) {
  end(it);
  CAF_CHECK(has_ended(it));
}

CAF_TEST(tickets that come during the drain are released unstarted) {
  run({1}, "a");
  end(it);
  run({2}, "a");
  CAF_CHECK_EQUAL(executor->execute.asked.size(), 1u);
  CAF_CHECK_EQUAL(count("a"), 1);
  CAF_REQUIRE_EQUAL(settled().size(), 1u);
  CAF_CHECK_EQUAL(settled()[0].claim, claim_of(2));
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::released);
}

CAF_TEST(a worker that crashes costs its ticket no attempt and nobody else anything) {
  run({1, 2}, "a");
  crash(0);
  CAF_REQUIRE_EQUAL(settled().size(), 1u);
  CAF_CHECK_EQUAL(settled()[0].claim, claim_of(1));
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::transient);
  CAF_CHECK_EQUAL(settled()[0].outcome.evidence, "ticket_worker ended with an exception: boom");
  CAF_CHECK_EQUAL(a->wakes, 1);
  CAF_CHECK_EQUAL(count("a"), 1);
  CAF_CHECK_EQUAL(held(), std::vector<claim_ref>{claim_of(2)});
  CAF_CHECK(!has_ended(it));
  CAF_CHECK_EQUAL(log.count("error ticket_workers: a ticket worker crashed: ticket=1 cause=\"ticket_worker ended"), 1u);
}

CAF_TEST(a worker that crashes after its ticket was lost settles nothing) {
  run({1}, "a");
  tell(it, atom::stop_v, claim_of(1), stop_cause::lost);
  crash(0);
  CAF_CHECK(settled().empty());
  CAF_CHECK_EQUAL(count("a"), 0);
}

CAF_TEST(a worker that crashes during the drain ends the wait) {
  run({1}, "a");
  end(it);
  crash(0);
  CAF_CHECK(has_ended(it));
}

CAF_TEST(killed it takes its workers along) {
  run({1, 2}, "a");
  auto first = worker(0);
  auto second = worker(1);
  end(it, caf::exit_reason::kill);
  CAF_CHECK(has_ended(first));
  CAF_CHECK(has_ended(second));
  CAF_CHECK(settled().empty());
}

CAF_TEST(what a worker says of its progress is in the ledger) {
  run({1, 2}, "a");
  tell(it, atom::progress_v, claim_of(2), std::int64_t{77});
  auto held = ask<held_claims>(it, atom::held_v).value();
  CAF_REQUIRE_EQUAL(held.claims.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i)
    CAF_CHECK_EQUAL(held.progress[i], held.claims[i] == claim_of(2) ? 77 : 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
