#define CAF_SUITE actors_ticket_worker_checks

#include "tests/actors/ticket_worker_fixture.hpp"

#include <cerrno>

using namespace swarm;
using namespace swarm::test;

CAF_TEST_FIXTURE_SCOPE(ticket_worker_checks_tests, ticket_worker_fixture)

CAF_TEST(only a check that passes completes the ticket) {
  const std::vector<std::pair<command_result, outcome_class>> table{
    {exited(0), outcome_class::completed},
    {exited(1), outcome_class::check_failed},
    {exited(127), outcome_class::check_error},
    {ended(command_ending::signalled, 9), outcome_class::check_error},
    {ended(command_ending::timed_out), outcome_class::check_error},
    {ended(command_ending::stopped), outcome_class::check_error},
    {ended(command_ending::not_started, ENOENT), outcome_class::check_error},
  };
  payload.check = {"test", "-x", "hello"};
  for (auto& [result, end] : table) {
    work(exited(0));
    CAF_CHECK(!is_settled());
    CAF_CHECK_EQUAL(executor->execute.asked.back().second.argv, payload.check);
    end_program(result);
    CAF_CHECK_EQUAL(settled().end, end);
    completer->settle.asked.clear();
    accept();
  }
}

CAF_TEST(a check without a verdict is repeated and the work is not) {
  payload.check = {"check"};
  check_repeats = 2;
  work(exited(0, "built"));
  for (auto pause : {1s, 2s}) {
    end_program(exited(127));
    CAF_CHECK(!is_settled());
    auto asked = executor->execute.asked.size();
    pass(pause / 2 - 1ms);
    CAF_CHECK_EQUAL(executor->execute.asked.size(), asked);
    pass(pause);
    CAF_REQUIRE_EQUAL(executor->execute.asked.size(), asked + 1);
    CAF_CHECK_EQUAL(executor->execute.asked.back().second.argv, payload.check);
  }
  CAF_CHECK(executor->execute.asked[1].first != executor->execute.asked[2].first);
  end_program(exited(127));
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_error);
}

CAF_TEST(a verdict is not asked for twice) {
  payload.check = {"check"};
  check_repeats = 2;
  work(exited(0));
  end_program(exited(127));
  pass(1s);
  end_program(exited(1));
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_failed);
}

CAF_TEST(a ticket that is stopped between two checks ends as told) {
  payload.check = {"check"};
  check_repeats = 2;
  work(exited(0));
  end_program(exited(127));
  tell(it, atom::stop_v, stop_cause::cancelled);
  CAF_CHECK_EQUAL(settled().end, outcome_class::cancelled);
  pass(10s);
  CAF_CHECK_EQUAL(executor->execute.asked.size(), 2u);
}

CAF_TEST(a check is a sign of life for as long as it runs) {
  payload.check = {"test", "-x", "hello"};
  ticket.progress_timeout = 8s;
  work(exited(0));
  CAF_CHECK_EQUAL(ledger->progress.size(), 1u);
  pass(10s);
  CAF_CHECK(ledger->progress.size() >= 5u);
  CAF_CHECK(!is_settled());
  end_program(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
}

CAF_TEST(outputs of command and check are told apart and the exit code is of the command) {
  payload.check = {"check"};
  work(exited(0, "built"));
  end_program(exited(1, "not good"));
  CAF_CHECK_EQUAL(settled().output, "built\n--- check ---\nnot good");
  CAF_CHECK_EQUAL(settled().output_bytes, 13u);
  CAF_CHECK_EQUAL(settled().exit_code, 0);
  CAF_CHECK_EQUAL(settled().evidence, "check 'check' failed: exit code 1");
}

CAF_TEST(the check has what is left of the attempt or its own timeout if that is less) {
  struct row { caf::timespan attempt, own, expected; };
  const std::vector<row> table{
    {60s, 0s, 40s}, {60s, 10s, 10s}, {60s, 50s, 40s}, {0s, 10s, 10s}, {0s, 0s, 0s},
  };
  payload.check = {"check"};
  for (auto& x : table) {
    executor->execute.asked.clear();
    ticket.payload.clear();
    ticket.timeout = x.attempt;
    payload.check_timeout = x.own;
    start_worker();
    pass(20s);
    end_program(exited(0));
    CAF_CHECK(program(1).timeout == x.expected);
    end_program(exited(0));
    accept();
  }
}

CAF_TEST(no time for the check is no pass) {
  payload.check = {"check"};
  ticket.timeout = 20s;
  start_worker();
  pass(20s);
  end_program(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_error);
  CAF_CHECK_EQUAL(executor->execute.asked.size(), 1u);
}

CAF_TEST(a ticket with several checks is judged by all of them in their order) {
  scratch_folder folder;
  payload.working_directory = folder.path().string();
  payload.environment = {{"GITHUB_TOKEN", "secret"}, {"CC", "gcc"}};
  payload.checks = checks_from(R"([{"kind": "human", "question": "Good?", "expires_ms": 1000},
                                   {"kind": "command", "name": "lint", "command": ["lint"]},
                                   {"kind": "files", "files": [{"path": "out"}]}])");
  work(exited(0)); // there is no file yet
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_failed);
  CAF_CHECK_EQUAL(settled().evidence, "'out' doesn't exist");
  completer->settle.asked.clear();
  accept();
  folder.write("out", "");
  work(exited(0));
  CAF_CHECK_EQUAL(program(1).environment.at("GITHUB_TOKEN"), "secret");
  CAF_CHECK_EQUAL(program(2).argv, std::vector<std::string>{"lint"});
  CAF_CHECK(!program(2).environment.contains("GITHUB_TOKEN"));
  CAF_CHECK_EQUAL(program(2).environment.at("CC"), "gcc");
  end_program(exited(0, "fine"));
  CAF_CHECK_EQUAL(settled().end, outcome_class::review);
  CAF_CHECK(settled().retry_after == 1s);
  CAF_CHECK_EQUAL(settled().evidence, "'make all' exited with 0 after 0.0 s; 2 checks passed; Good?");
  CAF_CHECK(settled().details.find(R"("name":"lint")") != std::string::npos);
  CAF_CHECK_EQUAL(settled().output, "--- check lint ---\nfine");
}

CAF_TEST(the same failure has the same signature whatever differs by chance) {
  std::string first;
  struct row {
    int work_code;
    std::string said;
    bool is_the_same;
  };
  const std::vector<row> table{
    {0, "util.c:12: error after 0.1 s", true}, {0, "util.c:97: error after 7 min", true},
    {0, "main.c:12: error after 0.1 s", false}, {3, "util.c:12: error after 0.1 s", false},
  };
  payload.check = {"make", "check"};
  for (auto& x : table) {
    work(exited(x.work_code, x.work_code == 0 ? "" : x.said));
    if (x.work_code == 0)
      end_program(exited(1, x.said));
    CAF_CHECK_EQUAL(settled().signature.size(), 16u);
    if (first.empty())
      first = settled().signature;
    CAF_CHECK_EQUAL(settled().signature == first, x.is_the_same);
    completer->settle.asked.clear();
    accept();
  }
  work(exited(0));
  end_program(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
  CAF_CHECK_EQUAL(settled().signature, "");
}

CAF_TEST(a model judges in an attempt of its own and its verdict is that of a check) {
  auto model = std::make_shared<scripted_model>();
  executors = {{"claude", model}};
  payload.checks = checks_from(R"([{"kind": "model_review", "instructions": "Is it a correct horse?", "timeout_ms": 5000}])");
  redactor = std::make_shared<const redact::redactor>(*redact::redactor::build({{"HORSE", "correct horse"}}));
  ticket.timeout = 1h;
  ticket.last_failure = "oh";
  work(exited(0, "I did it all"));
  CAF_REQUIRE_EQUAL(model->asked.size(), 1u);
  auto& asked = model->asked[0];
  CAF_CHECK_EQUAL(asked.kind, "claude");
  CAF_CHECK(asked.timeout == 5s);
  CAF_CHECK_EQUAL(asked.last_failure, "");
  const auto question = nlohmann::json::parse(asked.payload)["prompt"].get<std::string>();
  CAF_CHECK(question.find("make") != std::string::npos && question.find("I did it all") == std::string::npos);
  CAF_CHECK(question.find("correct horse") == std::string::npos);
  CAF_CHECK(!is_settled());
  outcome said;
  said.details = R"({"result": {"verdict": "fail", "reasons": ["no main"]}, "cost_micro_dollars": 7, "usage": {"x": 1}})";
  model->done(said);
  sched.run();
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_failed);
  CAF_CHECK_EQUAL(settled().signature.size(), 16u);
  const auto details = nlohmann::json::parse(settled().details);
  CAF_CHECK_EQUAL(details["cost_micro_dollars"], 7);
}

CAF_TEST(what reviews have learnt of their model comes with the attempt under the name of its service) {
  auto model = std::make_shared<scripted_model>();
  executors = {{"claude", model}};
  check_repeats = 1;
  payload.checks = checks_from(R"([{"kind": "model_review", "model": "claude-opus-5-5"}])");
  ticket.timeout = 1h;
  work(exited(0));
  outcome said;
  said.end = outcome_class::transient;
  said.route.news = route_news::failed;
  said.route.requests = 3;
  said.route.input_tokens = 10;
  said.route.route = model->asked.at(0).route;
  model->done(said);
  sched.run();
  pass(1min); // until it is asked again
  CAF_REQUIRE_EQUAL(model->asked.size(), 2u);
  said.route.requests = 1;
  model->done(said);
  sched.run();
  const auto& review = settled().review;
  CAF_CHECK_EQUAL(review.route, "claude claude-opus-5-5");
  CAF_CHECK_EQUAL(to_string(review.news), "failed");
  CAF_CHECK_EQUAL(review.requests, 5); // no claim has taken the first one
  CAF_CHECK_EQUAL(review.input_tokens, 20);
  CAF_CHECK_EQUAL(to_string(settled().route.news), "none");
}

CAF_TEST(a model that judges is stopped with its attempt) {
  auto model = std::make_shared<scripted_model>();
  executors = {{"claude", model}};
  payload.checks = checks_from(R"([{"kind": "model_review"}])");
  work(exited(0));
  tell(it, atom::stop_v, stop_cause::drain);
  CAF_CHECK_EQUAL(model->stops, 1);
  CAF_CHECK(!is_settled());
  outcome said;
  said.end = outcome_class::released;
  model->done(said);
  sched.run();
  CAF_CHECK_EQUAL(settled().end, outcome_class::released);
}

CAF_TEST(a node that can not ask a model gives no verdict) {
  payload.checks = checks_from(R"([{"kind": "model_review"}])");
  work(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_error);
  CAF_CHECK_EQUAL(settled().evidence, "the model gave no verdict: this node has no executor 'claude'");
}

CAF_TEST(the work begins when its checks have noted what is there) {
  payload.checks = checks_from(R"([{"kind": "diff"}])");
  start_worker();
  CAF_CHECK_EQUAL(program(0).argv.at(0), "/bin/sh");
  CAF_CHECK_EQUAL(executor->execute.asked.size(), 1u);
  end_program(exited(0, std::string(40, 'a') + "\n"));
  CAF_CHECK_EQUAL(program(1).argv.at(0), "make");
  end_program(exited(0));
  end_program(exited(0)); // nothing has changed
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_failed);
  CAF_CHECK_EQUAL(settled().evidence, "no_work: nothing was changed");
}

CAF_TEST(work whose checks could never judge it does not begin) {
  payload.checks = checks_from(R"([{"kind": "diff"}])");
  start_worker();
  end_program(exited(128, "fatal: not a git repository"));
  CAF_CHECK_EQUAL(settled().end, outcome_class::permanent);
  CAF_CHECK(settled().evidence.starts_with("its checks could never judge the work: "));
  CAF_CHECK_EQUAL(executor->execute.asked.size(), 1u);
}

CAF_TEST(a ticket whose checks were changed is not worked on) {
  payload.check = {"true"};
  ticket.checks_changed = true;
  start_worker();
  CAF_CHECK_EQUAL(settled().end, outcome_class::permanent);
  CAF_CHECK(settled().evidence.starts_with("its checks aren't those that it was created with"));
  CAF_CHECK(executor->execute.asked.empty());
}

CAF_TEST(a look at files happens aside and a ticket that is stopped meanwhile ends as told) {
  payload.checks = checks_from(R"([{"kind": "files", "files": [{"path": "out"}]}])");
  std::function<void()> job;
  aside = [&](auto x) { job = std::move(x); };
  for (auto cause : {stop_cause::cancelled, stop_cause::lost}) {
    const auto asked = executor->execute.asked.size();
    start_worker();
    CAF_CHECK_EQUAL(executor->execute.asked.size(), asked); // its directory isn't held yet
    std::exchange(job, {})();
    sched.run();
    end_program(exited(0));
    CAF_REQUIRE(job);
    CAF_CHECK(!is_settled());
    tell(it, atom::stop_v, cause);
    if (cause == stop_cause::cancelled) {
      CAF_CHECK_EQUAL(settled().end, outcome_class::cancelled);
      completer->settle.asked.clear();
      accept();
    }
    CAF_CHECK(has_ended(it));
    std::exchange(job, {})(); // and comes back to nobody
    sched.run();
    CAF_CHECK(!is_settled());
  }
}

CAF_TEST(a look that takes too long is no pass and no reason to repeat the work) {
  payload.checks = checks_from(R"([{"kind": "files", "files": [{"path": "out"}]}])");
  ticket.timeout = 30s;
  int looks = 0;
  aside = [&](auto job) {
    if (looks++ == 0) // that holds the directory
      job();
  };
  work(exited(0));
  pass(20s);
  CAF_CHECK(!is_settled());
  pass(20s);
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_error);
}

CAF_TEST(a failing executor under the check is no pass and no fault of the check) {
  payload.check = {"check"};
  work(exited(0));
  end_program(make_error(errc::actor_failed, "boom"));
  CAF_CHECK_EQUAL(settled().end, outcome_class::transient);
}

CAF_TEST_FIXTURE_SCOPE_END()
