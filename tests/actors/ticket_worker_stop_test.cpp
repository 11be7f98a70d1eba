#define CAF_SUITE actors_ticket_worker_stop

#include "actors/ticket_worker.hpp"

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// Work that ends when a test says so, and not when it is told to stop.
struct held_executor : executors::executor {
  struct held_execution : executors::execution {
    std::int64_t progress() const override { return 1; }
    void stop() override {}
    void kill() override {}
  };

  std::unique_ptr<executors::execution> start(const claimed_ticket&, executors::on_outcome done) override {
    end = std::move(done);
    return std::make_unique<held_execution>();
  }

  executors::on_outcome end;
};

struct fixture : virtual_time {
  fixture() {
    command_payload payload;
    payload.command = {"make"};
    payload.check = {"check"};
    ticket.kind = "command";
    ticket.payload = to_json(payload);
  }

  void start_worker() {
    auto context = std::make_shared<worker_context>();
    context->completer = completer.handle;
    context->executor = executor.handle;
    context->executors["held"] = held;
    context->redactor = redactor;
    it = caf::actor_cast<ticket_worker_actor>(
      start<ticket_worker>(ticket, std::shared_ptr<const worker_context>{context}));
  }

  void end_program(command_ending how = command_ending::exited) {
    command_result x;
    x.ending = how;
    answer(executor, executor->execute, x);
  }

  std::vector<settlement>& settled() { return completer->settle.asked; }

  /// Ends an attempt, which was told this before, as one that waits.
  void wait_while(std::optional<stop_cause> cause, const std::string& details) {
    settled().clear();
    ticket.kind = "held";
    ticket.payload = "{}";
    start_worker();
    if (cause)
      tell(it, atom::stop_v, *cause);
    outcome x;
    x.end = outcome_class::waiting;
    x.evidence = "answered 202";
    x.details = details;
    held->end(std::move(x));
    sched.run();
  }

  /// Stops a worker whose command (or check) runs, and lets the program end.
  void stop_while(bool checking, stop_cause cause) {
    executor->execute.asked.clear();
    executor->stopped.clear();
    executor->killed.clear();
    settled().clear();
    start_worker();
    if (checking)
      end_program();
    tell(it, atom::stop_v, cause);
    // A lost ticket may be somebody else's at any moment; all others have time.
    auto& ended = cause == stop_cause::lost ? executor->killed : executor->stopped;
    CAF_CHECK_EQUAL(ended, std::vector<std::uint64_t>{executor->execute.asked.back().first});
    CAF_CHECK_EQUAL(executor->stopped.size() + executor->killed.size(), 1u);
    CAF_CHECK(settled().empty()); // not before its program has ended
    CAF_CHECK(!has_ended(it));
    end_program(command_ending::stopped);
  }

  void answer_settlement(caf::expected<settled_ticket> x) { answer(completer, completer->settle, std::move(x)); }

  settled_ticket answer_of(settle_answer x) { return {ticket.claim, x, "", {}}; }

  claimed_ticket ticket = ticket_of(1);
  faked<fake_completer> completer = fake<fake_completer>();
  faked<fake_command_executor> executor = fake<fake_command_executor>();
  std::shared_ptr<held_executor> held = std::make_shared<held_executor>();
  std::shared_ptr<const redact::redactor> redactor; ///< None unless a test makes it.
  ticket_worker_actor it;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ticket_worker_stop_tests, fixture)

CAF_TEST(a lost ticket ends without a word to the database) {
  for (bool checking : {false, true}) {
    stop_while(checking, stop_cause::lost);
    CAF_CHECK(settled().empty());
    CAF_CHECK(has_ended(it));
  }
  CAF_CHECK_EQUAL(log.count("a ticket was lost to another worker, its work is stopped: ticket=1 attempt=1"), 2u);
}

CAF_TEST(cancelled and drained tickets are settled as such) {
  for (bool checking : {false, true}) {
    stop_while(checking, stop_cause::cancelled);
    CAF_REQUIRE_EQUAL(settled().size(), 1u);
    CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::cancelled);
    answer_settlement(answer_of(settle_answer::ok));
    CAF_CHECK(has_ended(it));
    stop_while(checking, stop_cause::drain);
    CAF_REQUIRE_EQUAL(settled().size(), 1u);
    CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::released);
    answer_settlement(answer_of(settle_answer::ok));
    CAF_CHECK(has_ended(it));
  }
}

CAF_TEST(an attempt that begins to wait as its node goes down waits all the same) {
  const std::vector<std::pair<std::optional<stop_cause>, outcome_class>> rows{
    {std::nullopt, outcome_class::waiting}, {stop_cause::drain, outcome_class::waiting}, {stop_cause::cancelled, outcome_class::cancelled}};
  for (auto& [cause, end] : rows) {
    wait_while(cause, "{}");
    CAF_REQUIRE_EQUAL(settled().size(), 1u);
    CAF_CHECK_EQUAL(settled()[0].outcome.end, end);
  }
  wait_while(stop_cause::lost, "{}");
  CAF_CHECK(settled().empty());
}

CAF_TEST(an attempt that could only wait with a secret in what is stored does not wait) {
  redactor = std::make_shared<const redact::redactor>(*redact::redactor::build({{"HORSE", "correct horse"}}));
  wait_while(std::nullopt, R"({"look_at": "http://x/correct%20horse"})");
  CAF_REQUIRE_EQUAL(settled().size(), 1u);
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::permanent);
  CAF_CHECK(settled()[0].outcome.evidence.ends_with("holds a secret, which is stored nowhere"));
  wait_while(std::nullopt, R"({"look_at": "http://x/horse"})");
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::waiting);
}

CAF_TEST(no check runs for a ticket that is stopped as its command ends well) {
  start_worker();
  tell(it, atom::stop_v, stop_cause::cancelled);
  end_program();
  CAF_CHECK_EQUAL(executor->execute.asked.size(), 1u);
  CAF_REQUIRE_EQUAL(settled().size(), 1u);
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::cancelled);
}

CAF_TEST(a check that passes too late does not complete a stopped ticket) {
  start_worker();
  end_program();
  tell(it, atom::stop_v, stop_cause::drain);
  end_program();
  CAF_REQUIRE_EQUAL(settled().size(), 1u);
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::released);
}

CAF_TEST(lost outweighs whatever else is told before or after) {
  start_worker();
  tell(it, atom::stop_v, stop_cause::drain);
  tell(it, atom::stop_v, stop_cause::lost);
  tell(it, atom::stop_v, stop_cause::cancelled);
  end_program(command_ending::stopped);
  CAF_CHECK(settled().empty());
  CAF_CHECK(has_ended(it));
}

CAF_TEST(a stopped ticket whose executor dies ends as told) {
  start_worker();
  tell(it, atom::stop_v, stop_cause::drain);
  answer(executor, executor->execute, make_error(errc::actor_failed, "boom"));
  CAF_REQUIRE_EQUAL(settled().size(), 1u);
  CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::released);
}

CAF_TEST(a stop after the work is over changes nothing) {
  for (auto cause : {stop_cause::lost, stop_cause::cancelled, stop_cause::drain}) {
    settled().clear();
    start_worker();
    end_program();
    end_program();
    tell(it, atom::stop_v, cause);
    CAF_CHECK(executor->stopped.empty() && executor->killed.empty());
    CAF_REQUIRE_EQUAL(settled().size(), 1u);
    CAF_CHECK_EQUAL(settled()[0].outcome.end, outcome_class::completed);
    CAF_CHECK(!has_ended(it));
    answer_settlement(answer_of(settle_answer::ok));
    CAF_CHECK(has_ended(it));
  }
}

CAF_TEST(a settlement whose completer died is repeated as it was) {
  start_worker();
  end_program();
  end_program();
  answer_settlement(make_error(errc::actor_failed, "the actor that owed the answer ended"));
  CAF_CHECK_EQUAL(settled().size(), 1u);
  pass(1s);
  CAF_REQUIRE_EQUAL(settled().size(), 2u);
  CAF_CHECK_EQUAL(settled()[1].claim, settled()[0].claim);
  CAF_CHECK_EQUAL(settled()[1].outcome.end, outcome_class::completed);
  CAF_CHECK_EQUAL(settled()[1].outcome.evidence, settled()[0].outcome.evidence);
  answer_settlement(answer_of(settle_answer::again));
  CAF_CHECK(has_ended(it));
}

CAF_TEST(a settlement is repeated while nobody serves) {
  start_worker();
  end_program();
  end_program();
  end(completer.handle);
  pass(1min);
  CAF_CHECK(!has_ended(it));
}

CAF_TEST(a refused outcome ends its ticket with the reason and is given up when that is refused too) {
  for (auto code : {errc::database_error, errc::constraint_violated}) {
    start_worker();
    end_program();
    end_program();
    answer_settlement(make_error(code, "never"));
    CAF_CHECK(!has_ended(it));
    const auto& bare = settled().back().outcome;
    CAF_CHECK_EQUAL(bare.end, outcome_class::permanent);
    CAF_CHECK_EQUAL(bare.evidence, "what came of it (completed) was refused by the database: never");
    CAF_CHECK(bare.output.empty() && bare.details.empty());
    answer_settlement(make_error(code, "never"));
    CAF_CHECK(has_ended(it));
  }
  pass(1min);
  CAF_CHECK_EQUAL(settled().size(), 4u);
}

CAF_TEST(a settlement that came too late is told in the log) {
  start_worker();
  end_program();
  end_program();
  answer_settlement(answer_of(settle_answer::lost));
  CAF_CHECK(has_ended(it));
  CAF_CHECK_EQUAL(log.count("warning ticket_worker: a ticket was lost before it could be settled: ticket=1 attempt=1"),
                  1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
