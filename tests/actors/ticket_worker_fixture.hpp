#pragma once

#include "actors/ticket_worker.hpp"

#include <nlohmann/json.hpp>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/fixtures/scratch_folder.hpp"
#include "tests/fixtures/virtual_time.hpp"

namespace swarm::test {

inline command_result exited(std::int32_t code, std::string output = "") {
  command_result result;
  result.exit_code = code;
  result.output_bytes = output.size();
  result.output = std::move(output);
  return result;
}

inline command_result ended(command_ending how, int number = 0) {
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

/// A worker among fakes, which does one attempt of one ticket.
struct ticket_worker_fixture : virtual_time {
  ticket_worker_fixture() {
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

} // namespace swarm::test
