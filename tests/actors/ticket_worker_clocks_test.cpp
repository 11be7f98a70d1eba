#define CAF_SUITE actors_ticket_worker_clocks

#include "tests/actors/ticket_worker_fixture.hpp"

#include <fstream>

using namespace swarm;
using namespace swarm::test;

CAF_TEST_FIXTURE_SCOPE(ticket_worker_clocks_tests, ticket_worker_fixture)

CAF_TEST(progress is told to the ledger when it grows) {
  start_worker();
  executor->progress[executor->execute.asked.at(0).first] = 1;
  pass(10s);
  pass(10s);
  executor->progress[executor->execute.asked.at(0).first] = 500;
  pass(10s);
  CAF_CHECK_EQUAL(ledger->progress, (std::vector<std::pair<claim_ref, std::int64_t>>{{ticket.claim, 1},
                                                                                    {ticket.claim, 500}}));
}

CAF_TEST(work that shows no sign is stopped by the start clock and says so) {
  ticket.start_timeout = 20s;
  start_worker();
  pass(20s - 1ms);
  CAF_CHECK(executor->stopped.empty());
  pass(5s);
  CAF_REQUIRE_EQUAL(executor->stopped.size(), 1u);
  end_program(ended(command_ending::stopped));
  CAF_CHECK_EQUAL(settled().end, outcome_class::timeout);
  CAF_CHECK_EQUAL(settled().clock, "start");
  CAF_CHECK_EQUAL(settled().evidence, "'make' showed no sign of work within 20s");
}

CAF_TEST(work without progress is stopped by the progress clock and says so) {
  ticket.progress_timeout = 1min;
  start_worker();
  auto& progress = executor->progress[executor->execute.asked.at(0).first];
  for (int i = 0; i < 10; ++i) {
    ++progress;
    pass(50s);
  }
  CAF_CHECK(executor->stopped.empty());
  pass(75s);
  CAF_REQUIRE_EQUAL(executor->stopped.size(), 1u);
  end_program(ended(command_ending::stopped));
  CAF_CHECK_EQUAL(settled().clock, "progress");
}

CAF_TEST(a program that writes its result again and again makes progress) {
  attempts = std::make_unique<scratch_folder>();
  ticket.progress_timeout = 1min;
  start_worker();
  executor->progress[executor->execute.asked.at(0).first] = 1;
  for (std::string text = "{}"; text.size() < 12; text += ' ') {
    std::ofstream{program(0).environment.at("SWARM_RESULT_FILE")} << text;
    pass(50s);
  }
  CAF_CHECK(executor->stopped.empty());
  CAF_CHECK_EQUAL(ledger->progress.back().second, 11);
  pass(75s);
  CAF_CHECK_EQUAL(executor->stopped.size(), 1u);
}

CAF_TEST(work that ends by itself while its clock runs out has ended by itself) {
  ticket.progress_timeout = 1min;
  start_worker();
  pass(75s);
  end_program(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
  CAF_CHECK_EQUAL(settled().clock, "");
}

CAF_TEST(a timeout of the whole attempt names the clock that the claim named) {
  for (std::string clock : {"attempt", "deadline"}) {
    ticket.deadline_clock = clock;
    work(ended(command_ending::timed_out));
    CAF_CHECK_EQUAL(settled().clock, clock);
    completer->settle.asked.clear();
    accept();
  }
}

CAF_TEST(work that has no clock of its own is stopped when its time is over and says so) {
  struct endless : executors::executor {
    struct execution : executors::execution {
      explicit execution(executors::on_outcome x) : done(std::move(x)) {}
      std::int64_t progress() const override { return 1; }
      void stop() override {
        outcome x;
        x.end = outcome_class::released;
        done(std::move(x));
      }
      void kill() override {}
      executors::on_outcome done;
    };
    std::unique_ptr<executors::execution> start(const claimed_ticket&, executors::on_outcome done) override {
      return std::make_unique<execution>(std::move(done));
    }
  };
  executors = {{"mock", std::make_shared<endless>()}};
  ticket.kind = "mock";
  ticket.timeout = 15s;
  ticket.deadline_clock = "deadline";
  start_worker();
  pass(14s);
  CAF_CHECK(!is_settled());
  pass(2s);
  CAF_REQUIRE(is_settled());
  CAF_CHECK_EQUAL(settled().end, outcome_class::timeout);
  CAF_CHECK_EQUAL(settled().clock, "deadline");
  CAF_CHECK_EQUAL(settled().evidence, "the mock executor wasn't done within 15s");
}

CAF_TEST_FIXTURE_SCOPE_END()
