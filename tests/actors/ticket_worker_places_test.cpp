#define CAF_SUITE actors_ticket_worker_places

#include "tests/actors/ticket_worker_fixture.hpp"

#include <cstdlib>

using namespace swarm;
using namespace swarm::test;

CAF_TEST_FIXTURE_SCOPE(ticket_worker_places_tests, ticket_worker_fixture)

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

CAF_TEST(an attempt does not begin where a result would be run as code or choose who gets a secret) {
  executors = {{"http", std::make_shared<scripted_model>()}};
  ticket.results = R"({"build": "text"})";
  const std::pair<std::string, std::string> rows[] = {
    {"command", R"({"command": ["sh", "-c", "echo ${ticket.build.result}"]})"},
    {"http", R"({"url": "https://${ticket.build.result}/"})"},
  };
  for (const auto& [kind, text] : rows) {
    ticket.kind = kind;
    ticket.payload = text;
    start_worker();
    CAF_CHECK_EQUAL(settled().end, outcome_class::permanent);
    CAF_CHECK(settled().evidence.find("'${ticket.build.result}'") != std::string::npos);
    completer->settle.asked.clear();
    accept();
  }
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
