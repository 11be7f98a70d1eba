#pragma once

#include "runtime/executors/agent_cli/session_memory.hpp"
#include "runtime/executors/command/command_runner.hpp"
#include "runtime/executors/executor.hpp"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>

namespace swarm::executors {

/// What agents share on a node.
struct agent_cli_settings {
  stop_ladder ladder = {};
  std::shared_ptr<const redact::redactor> redactor = {}; ///< Of what they write; may be absent.
  std::map<std::string, std::string> environment = {}; ///< The variables of the node that they may see.
  std::string working_directory = {};         ///< For tickets that name none.
  std::filesystem::path attempts_folder = {}; ///< For transcripts, sessions and shared files; empty: there are none.
  std::uint64_t output_file_bytes_max = 0;    ///< Of a transcript.
  std::uint64_t outputs_bytes_max = 0;        ///< Of all that are kept.
  std::chrono::milliseconds after_result{15'000}; ///< How long a process may live on when it has told its end.
  std::filesystem::path memory_events = {};   ///< Of the node's control group; empty: nobody knows of a lack of memory.
};

/// Drives the CLIs of coding agents: tickets of kind "agent_cli", see agent_payload.hpp. The stream of the CLI is read
/// while it runs; its result line ends the run, and the classifier judges it. The exit code is only a hint: some exit with
/// 0 after a failure, with 1 after a success, and some hang after either.
///
/// A run that breaks off leaves its session behind, and the ticket's next run goes on with it, after a crash once.
class agent_cli_executor : public executor {
public:
  explicit agent_cli_executor(agent_cli_settings);

  std::unique_ptr<execution> start(const claimed_ticket&, on_outcome) override;

  /// Of what the environment holds for the CLIs, and of every secret that a ticket may name.
  std::vector<std::string> credentials() const override;

private:
  agent_cli_settings settings_;
  session_files sessions_;
  std::atomic<command_runner::run_id> last_run_{0};
  command_runner runner_; ///< Last, so that it is gone before what the runs touch.
};

/// The file of this process' control group that counts kills for lack of memory; empty when there is none.
std::filesystem::path find_memory_events();

} // namespace swarm::executors
