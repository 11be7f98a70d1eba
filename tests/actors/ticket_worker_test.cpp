#define CAF_SUITE actors_ticket_worker

#include "actors/ticket_worker.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <fstream>
#include <utility>

#include "tests/fixtures/scratch_folder.hpp"
#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

command_result exited(std::int32_t code, std::string output = "") {
  command_result result;
  result.exit_code = code;
  result.output_bytes = output.size();
  result.output = std::move(output);
  return result;
}

command_result ended(command_ending how, int number = 0) {
  command_result result;
  result.ending = how;
  result.signal = number;
  result.error_number = number;
  result.error_text = how == command_ending::not_started ? "cannot run it" : "";
  return result;
}

/// Takes whatever it is asked and ends when the test says so.
struct scripted_model : executors::executor {
  struct nothing : executors::execution {
    explicit nothing(int& stops) : stops_(stops) {}
    std::int64_t progress() const override { return 0; }
    void stop() override { ++stops_; }
    void kill() override { stops_ += 100; }
    int& stops_;
  };

  std::unique_ptr<executors::execution> start(const claimed_ticket& x, executors::on_outcome end) override {
    asked.push_back(x);
    done = std::move(end);
    return std::make_unique<nothing>(stops);
  }

  std::vector<claimed_ticket> asked;
  executors::on_outcome done;
  int stops = 0;
};

struct fixture : virtual_time {
  fixture() {
    ticket.kind = "command";
    payload.command = {"make", "all"};
  }

  void start_worker() {
    if (ticket.payload.empty())
      ticket.payload = to_json(payload);
    auto context = std::make_shared<worker_context>();
    context->completer = completer.handle;
    context->executor = executor.handle;
    context->ledger = ledger.handle;
    context->environment = {{"PATH", "/bin"}, {"LANG", "C"}};
    context->working_directory = "/work";
    context->redactor = redactor;
    context->executors = executors;
    if (attempts)
      context->attempts_folder = attempts->path();
    if (aside)
      context->aside = aside;
    context->workspaces = workspaces;
    context->output_head_bytes = 10;
    context->check_repeats = check_repeats;
    context->output_tail_bytes = 20;
    context->output_file_bytes_max = context->outputs_bytes_max = 100;
    it = caf::actor_cast<ticket_worker_actor>(
      start<ticket_worker>(ticket, std::shared_ptr<const worker_context>{context}));
  }

  /// Starts it and ends its command.
  void work(const command_result& x) {
    start_worker();
    end_program(x);
  }

  void end_program(caf::expected<command_result> x) { answer(executor, executor->execute, std::move(x)); }

  const command_spec& program(std::size_t i) { return executor->execute.asked.at(i).second; }

  const outcome& settled() {
    CAF_REQUIRE_EQUAL(completer->settle.asked.size(), 1u);
    CAF_CHECK_EQUAL(completer->settle.asked[0].claim, ticket.claim);
    return completer->settle.asked[0].outcome;
  }

  bool is_settled() { return !completer->settle.asked.empty(); }

  void accept() {
    answer(completer, completer->settle, settled_ticket{ticket.claim, settle_answer::ok, "completed", {}});
  }

  /// A node whose workspaces are below /ws, and what was asked of it.
  void have_workspaces() {
    workspaces.path_of = [](ticket_id x) { return "/ws/" + to_string(x); };
    workspaces.prepare = [this](const workspace::workspace_spec& x) -> caf::expected<workspace::prepared_workspace> {
      prepared.push_back(x);
      if (workspace_trouble)
        return workspace_trouble;
      auto hold = std::make_shared<int>();
      held = hold;
      return workspace::prepared_workspace{"/ws/1", "swarm/ticket-1-attempt-1", "abc", hold};
    };
  }

  static std::vector<check_definition> checks_from(const std::string& list) {
    auto result = read_checks(nlohmann::json::parse(list));
    CAF_REQUIRE(result);
    return *result;
  }

  claimed_ticket ticket = ticket_of(1);
  command_payload payload;
  std::function<void(std::function<void()>)> aside; ///< As it is unless a test says otherwise.
  std::vector<workspace::workspace_spec> prepared;
  caf::error workspace_trouble;
  std::weak_ptr<void> held; ///< The last workspace that was made.
  workspace_access workspaces; ///< None unless a test makes them.
  executors::executor_table executors;
  std::int32_t check_repeats = 0;
  std::shared_ptr<const redact::redactor> redactor; ///< None unless a test makes it.
  std::unique_ptr<scratch_folder> attempts; ///< None unless a test makes it.
  faked<fake_completer> completer = fake<fake_completer>();
  faked<fake_command_executor> executor = fake<fake_command_executor>();
  faked<fake_ticket_workers> ledger = fake<fake_ticket_workers>();
  ticket_worker_actor it;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(ticket_worker_tests, fixture)

CAF_TEST(a command without check completes by its exit code) {
  work(exited(0, "hello"));
  CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
  CAF_CHECK(settled().has_exit_code);
  CAF_CHECK_EQUAL(settled().exit_code, 0);
  CAF_CHECK_EQUAL(settled().output, "hello");
  CAF_CHECK_EQUAL(settled().output_bytes, 5u);
  CAF_CHECK_EQUAL(settled().evidence, "'make all' exited with 0 after 0.0 s");
  CAF_CHECK(!has_ended(it));
  accept();
  CAF_CHECK(has_ended(it));
}

CAF_TEST(a command gets its input and its limits and is judged by its own exit codes) {
  payload.command = {"cat | wc", "a"};
  payload.shell = true;
  payload.input = "two\n";
  payload.limits.files = 64;
  payload.exit_codes = {3};
  payload.check = {"test", "-x", "hello"};
  work(exited(3));
  CAF_CHECK_EQUAL(program(0).argv, (std::vector<std::string>{"/bin/sh", "-c", "cat | wc", "sh", "a"}));
  CAF_CHECK_EQUAL(program(0).input, "two\n");
  CAF_CHECK_EQUAL(program(0).limits.files, 64);
  CAF_CHECK_EQUAL(program(1).argv, payload.check);
  CAF_CHECK_EQUAL(program(1).input, "");
  CAF_CHECK_EQUAL(program(1).limits.files, 64); // a check is no way around them
}

CAF_TEST(a command that ends otherwise than it should has failed) {
  payload.exit_codes = {3};
  work(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::content);
}

CAF_TEST(the whole output of a command stays when the ticket does not hold it) {
  attempts = std::make_unique<scratch_folder>();
  for (const auto bytes : {30u, 31u}) {
    start_worker();
    CAF_CHECK_EQUAL(program(0).output_file_bytes_max, 100u);
    const std::filesystem::path file = program(0).output_file;
    std::ofstream{file} << "text";
    auto result = exited(0);
    result.output_bytes = result.output_file_bytes = bytes;
    end_program(result);
    accept();
    const auto kept = attempts->path() / "outputs" / file.stem();
    CAF_CHECK(!std::filesystem::exists(file));
    CAF_CHECK_EQUAL(std::filesystem::exists(kept), bytes == 31);
    executor->execute.asked.clear();
    completer->settle.asked.clear();
  }
}

CAF_TEST(a command finds its last failure and leaves a result) {
  attempts = std::make_unique<scratch_folder>();
  ticket.last_failure = "exited with 3";
  start_worker();
  CAF_CHECK(program(0).environment.at("SWARM_LAST_FAILURE").starts_with(attempts->path().string()));
  std::ofstream{program(0).environment.at("SWARM_RESULT_FILE")} << R"({"result": 7})";
  end_program(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
  CAF_CHECK_EQUAL(settled().details, R"({"result":7})");
  accept();
  CAF_CHECK(std::filesystem::is_empty(attempts->path()));
}

CAF_TEST(a result that nobody could read is no result) {
  attempts = std::make_unique<scratch_folder>();
  start_worker();
  CAF_CHECK(!program(0).environment.contains("SWARM_LAST_FAILURE"));
  std::ofstream{program(0).environment.at("SWARM_RESULT_FILE")} << "7";
  end_program(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::content);
  CAF_CHECK(settled().evidence.ends_with("and its result file doesn't hold a JSON object"));
}

CAF_TEST(what keeps the command from its end decides the class) {
  const std::vector<std::pair<command_result, outcome_class>> table{
    {exited(3), outcome_class::content},
    {ended(command_ending::signalled, 11), outcome_class::crash},
    {ended(command_ending::timed_out), outcome_class::timeout},
    {ended(command_ending::stopped), outcome_class::released},
    {ended(command_ending::not_started, ENOENT), outcome_class::permanent},
    {ended(command_ending::not_started, EAGAIN), outcome_class::transient},
  };
  payload.check = {"test", "-x", "hello"};
  for (auto& [result, end] : table) {
    work(result);
    CAF_CHECK_EQUAL(settled().end, end);
    CAF_CHECK_EQUAL(settled().has_exit_code, result.ending == command_ending::exited);
    CAF_CHECK(!settled().evidence.empty());
    completer->settle.asked.clear();
    accept();
    CAF_CHECK(has_ended(it));
  }
  CAF_CHECK_EQUAL(executor->execute.asked.size(), table.size()); // no check of work that isn't done
}

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

CAF_TEST(the command gets its environment and directory) {
  payload.environment = {{"LANG", "de"}, {"SWARM_FENCE", "forged"}};
  ticket.attempt = 2;
  ticket.timeout = 90s;
  start_worker();
  auto& x = program(0);
  CAF_CHECK_EQUAL(x.argv, (std::vector<std::string>{"make", "all"}));
  CAF_CHECK_EQUAL(x.working_directory, "/work");
  CAF_CHECK(x.environment == (std::map<std::string, std::string>{{"PATH", "/bin"}, {"LANG", "de"},
            {"SWARM_TICKET", "1"}, {"SWARM_ATTEMPT", "2"}, {"SWARM_FENCE", "1001"}, {"SWARM_WORKSPACE", "/work"}}));
  CAF_CHECK(x.timeout == 90s);
  CAF_CHECK_EQUAL(x.output_head_bytes, 10u);
  CAF_CHECK_EQUAL(x.output_tail_bytes, 20u);
}

CAF_TEST(a ticket that names a directory works there) {
  payload.working_directory = "/src";
  start_worker();
  CAF_CHECK_EQUAL(program(0).working_directory, "/src");
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

CAF_TEST(programs of one attempt run under different numbers) {
  payload.check = {"check"};
  work(exited(0));
  CAF_CHECK(executor->execute.asked.at(0).first != executor->execute.asked.at(1).first);
}

CAF_TEST(tickets that cannot be run are settled without a program) {
  ticket.payload = "{";
  start_worker();
  CAF_CHECK_EQUAL(settled().end, outcome_class::permanent);
  CAF_CHECK_EQUAL(settled().evidence.find("the ticket's payload can't be read: "), 0u);
  completer->settle.asked.clear();
  ticket.kind = "http";
  start_worker();
  CAF_CHECK_EQUAL(settled().end, outcome_class::transient);
  CAF_CHECK_EQUAL(settled().evidence, "this node has no executor 'http'");
  completer->settle.asked.clear();
  ticket.kind = "noop";
  start_worker();
  CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
  CAF_CHECK(executor->execute.asked.empty());
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
    work(exited(0));
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
  aside = [](auto) {};
  work(exited(0));
  pass(20s);
  CAF_CHECK(!is_settled());
  pass(20s);
  CAF_CHECK_EQUAL(settled().end, outcome_class::check_error);
}

CAF_TEST(a failing executor is no fault of the ticket) {
  start_worker();
  end_program(make_error(errc::actor_failed, "boom"));
  CAF_CHECK_EQUAL(settled().end, outcome_class::transient);
  CAF_CHECK_EQUAL(settled().evidence, "the command executor failed: boom");
}

CAF_TEST(a failing executor under the check is no pass and no fault of the check) {
  payload.check = {"check"};
  work(exited(0));
  end_program(make_error(errc::actor_failed, "boom"));
  CAF_CHECK_EQUAL(settled().end, outcome_class::transient);
}

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

CAF_TEST(results that a payload refers to stand in the arguments of its program) {
  payload.command = {"deploy", "${ticket.build.result.image}", "$${ticket.build.result}"};
  ticket.results = R"({"build": {"image": "app:7"}})";
  work(exited(0));
  CAF_CHECK_EQUAL(program(0).argv, (std::vector<std::string>{"deploy", "app:7", "${ticket.build.result}"}));
  CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
}

CAF_TEST(a reference to what is not there fails its ticket with its place and runs nothing) {
  payload.command = {"deploy", "${ticket.build.result.image}"};
  ticket.results = R"({"build": {}})";
  start_worker();
  CAF_CHECK_EQUAL(settled().end, outcome_class::permanent);
  CAF_CHECK_EQUAL(settled().evidence, "payload at '/command/1': '${ticket.build.result.image}' can't be resolved: the "
                                      "result of 'build' has no '/image'");
  CAF_CHECK(executor->execute.asked.empty());
}

CAF_TEST(a secret goes to the command and neither to its check nor into what it leaves) {
  ::setenv("SWARM_SECRET_WORKER_TEST", "correct horse", 1);
  redactor = std::make_shared<const redact::redactor>(*redact::redactor::build({{"HORSE", "correct horse"}}));
  payload.secrets = {"SWARM_SECRET_WORKER_TEST"};
  payload.check = {"correct horse"};
  start_worker();
  CAF_CHECK_EQUAL(program(0).environment.at("SWARM_SECRET_WORKER_TEST"), "correct horse");
  end_program(exited(0, "is correct horse"));
  CAF_CHECK(!program(1).environment.contains("SWARM_SECRET_WORKER_TEST"));
  end_program(exited(1, "correct%20horse"));
  CAF_CHECK_EQUAL(settled().output, "is [redacted:HORSE]\n--- check ---\n[redacted:HORSE]");
  CAF_CHECK_EQUAL(settled().evidence, "check '[redacted:HORSE]' failed: exit code 1");
}

CAF_TEST(a secret that the node does not have puts its ticket off and runs nothing) {
  payload.secrets = {"SWARM_SECRET_NOBODY_HAS"};
  start_worker();
  CAF_CHECK_EQUAL(settled().end, outcome_class::auth);
  CAF_CHECK_EQUAL(settled().evidence, "the node's environment has no variable SWARM_SECRET_NOBODY_HAS, which the ticket needs");
  CAF_CHECK(executor->execute.asked.empty());
}

CAF_TEST(a ticket works and is checked in its workspace and tells of it) {
  have_workspaces();
  payload.workspace = {workspace_kind::git_worktree, "/r", "main", retry_rule::reset};
  payload.input_file = "in.txt";
  payload.check = {"check"};
  ticket.attempt = 2;
  work(exited(0));
  CAF_REQUIRE_EQUAL(prepared.size(), 1u);
  CAF_CHECK(prepared[0].ticket == ticket.claim.ticket && prepared[0].attempt == 2);
  CAF_CHECK(prepared[0].wanted.repository == "/r" && prepared[0].wanted.on_retry == retry_rule::reset);
  for (auto i : {0u, 1u}) {
    CAF_CHECK_EQUAL(program(i).working_directory, "/ws/1");
    CAF_CHECK_EQUAL(program(i).environment.at("SWARM_WORKSPACE"), "/ws/1");
  }
  CAF_CHECK(program(0).input_is_confined);
  CAF_CHECK(!held.expired());
  end_program(exited(0));
  CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
  const auto told = nlohmann::json::parse(settled().details)["workspace"];
  CAF_CHECK_EQUAL(told.dump(), R"({"base":"abc","branch":"swarm/ticket-1-attempt-1","path":"/ws/1"})");
  CAF_CHECK(held.expired()); // before anybody can begin with the next attempt
}

CAF_TEST(what keeps a workspace from being made decides whether another attempt can help) {
  have_workspaces();
  payload.workspace.kind = workspace_kind::dir;
  const std::vector<std::pair<errc, outcome_class>> rows{
    {errc::not_found, outcome_class::permanent}, {errc::invalid_input, outcome_class::permanent},
    {errc::conflict, outcome_class::permanent},  {errc::not_permitted, outcome_class::permanent},
    {errc::disk_full, outcome_class::transient}, {errc::io_failed, outcome_class::transient},
  };
  for (const auto& [cause, end] : rows) {
    workspace_trouble = make_error(cause, "no such repository");
    start_worker();
    CAF_CHECK_EQUAL(settled().end, end);
    CAF_CHECK_EQUAL(settled().evidence, "its workspace can't be made: no such repository");
    CAF_CHECK_EQUAL(settled().details, "");
    completer->settle.asked.clear();
    accept();
  }
  CAF_CHECK(executor->execute.asked.empty());
}

CAF_TEST(a node without workspaces leaves the ticket to others) {
  payload.workspace.kind = workspace_kind::dir;
  start_worker();
  CAF_CHECK_EQUAL(settled().end, outcome_class::transient);
  CAF_CHECK_EQUAL(settled().evidence, "this node has no place for workspaces");
}

CAF_TEST(a ticket that is stopped while its workspace is made ends as told and nobody may use that) {
  have_workspaces();
  payload.workspace.kind = workspace_kind::dir;
  std::function<void()> job;
  aside = [&](auto x) { job = std::move(x); };
  for (auto cause : {stop_cause::cancelled, stop_cause::lost}) {
    start_worker();
    CAF_REQUIRE(job);
    tell(it, atom::stop_v, cause);
    if (cause == stop_cause::cancelled) {
      CAF_CHECK_EQUAL(settled().end, outcome_class::cancelled);
      CAF_CHECK_EQUAL(settled().details, "");
      completer->settle.asked.clear();
      accept();
    }
    CAF_CHECK(has_ended(it));
    std::exchange(job, {})();
    sched.run();
    CAF_CHECK(held.expired());
    CAF_CHECK(!is_settled());
  }
  CAF_CHECK(executor->execute.asked.empty());
}

CAF_TEST(other work than commands is told its workspace as its directory) {
  struct recorder : executors::executor {
    std::unique_ptr<executors::execution> start(const claimed_ticket& x, executors::on_outcome done) override {
      payloads.push_back(x.payload);
      done(outcome{});
      return nullptr;
    }
    std::vector<std::string> payloads;
  };
  have_workspaces();
  const auto records = std::make_shared<recorder>();
  executors = {{"claude", records}, {"agent_cli", records}, {"http", records}};
  ticket.payload = R"({"prompt": "p", "workspace": {"kind": "dir"}})";
  for (std::string kind : {"claude", "agent_cli"}) {
    ticket.kind = kind;
    start_worker();
    CAF_CHECK_EQUAL(settled().end, outcome_class::completed);
    completer->settle.asked.clear();
    accept();
  }
  CAF_CHECK_EQUAL(records->payloads, std::vector<std::string>(2, R"({"prompt":"p","working_directory":"/ws/1"})"));
  ticket.kind = "http";
  start_worker();
  CAF_CHECK_EQUAL(settled().end, outcome_class::permanent);
  CAF_CHECK(settled().evidence.find("the work of kind 'http' is done in no directory") != std::string::npos);
  CAF_CHECK_EQUAL(records->payloads.size(), 2u);
}

CAF_TEST_FIXTURE_SCOPE_END()
