#define CAF_SUITE actors_ticket_worker

#include "tests/actors/ticket_worker_fixture.hpp"

#include <cerrno>
#include <filesystem>
#include <fstream>

using namespace swarm;
using namespace swarm::test;

CAF_TEST_FIXTURE_SCOPE(ticket_worker_tests, ticket_worker_fixture)

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

CAF_TEST(a command that says that nobody can do it fails for good whatever its exit code and check) {
  attempts = std::make_unique<scratch_folder>();
  payload.check = {"true"};
  const std::pair<command_result, outcome_class> rows[] = {
    {exited(0), outcome_class::permanent},
    {exited(1), outcome_class::permanent},
    {ended(command_ending::signalled, 11), outcome_class::crash},
    {ended(command_ending::timed_out), outcome_class::timeout},
  };
  for (const auto& [result, end] : rows) {
    start_worker();
    std::ofstream{program(0).environment.at("SWARM_RESULT_FILE")} << R"({"spec_impossible": "2 + 2 isn't 5"})";
    end_program(result);
    CAF_CHECK_EQUAL(settled().end, end);
    CAF_CHECK_EQUAL(settled().evidence == "its command says that nobody can do this (spec_impossible): 2 + 2 isn't 5",
                    end == outcome_class::permanent);
    CAF_CHECK_EQUAL(settled().details, R"({"spec_impossible":"2 + 2 isn't 5"})");
    CAF_CHECK_EQUAL(executor->execute.asked.size(), 1u); // no check
    executor->execute.asked.clear();
    completer->settle.asked.clear();
    accept();
  }
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

CAF_TEST(a failing executor is no fault of the ticket) {
  start_worker();
  end_program(make_error(errc::actor_failed, "boom"));
  CAF_CHECK_EQUAL(settled().end, outcome_class::transient);
  CAF_CHECK_EQUAL(settled().evidence, "the command executor failed: boom");
}

CAF_TEST_FIXTURE_SCOPE_END()
