#pragma once

#include "runtime/executors/agent_cli/agent_adapter.hpp"
#include "runtime/executors/agent_cli/agent_cli_executor.hpp"
#include "runtime/executors/agent_cli/agent_signal.hpp"
#include "runtime/executors/agent_cli/line_splitter.hpp"
#include "runtime/executors/attempt_files.hpp"
#include "runtime/executors/command/output_buffer.hpp"
#include "runtime/executors/one_outcome.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <mutex>
#include <optional>

namespace swarm::executors {

/// One run of an agent, for agent_cli_executor.cpp alone. Kept alive by the runner's callbacks; what they touch is the
/// runner's thread's own.
class agent_attempt : public std::enable_shared_from_this<agent_attempt> {
public:
  /// What is at hand when it begins. The executor's parts outlive it.
  struct parts {
    const agent_cli_settings& settings;
    const session_files& sessions;
    command_runner& runner;
    command_runner::run_id run;
    const agent_adapter& adapter;
    claim_ref claim;
    bool expects_changes;
    std::string credential; ///< The hash of what it logs in with; empty: what the node has.
    attempt_files files;
    session_memory memory; ///< As it was saved.
    std::string prompt_hash;
    std::string schema; ///< Of its result; empty: anything will do.
  };

  agent_attempt(parts, on_outcome);

  void begin(command_spec);
  std::int64_t progress() const;
  void stop(own_limit_kind);
  void forget();

private:
  void take(bool is_error, std::string_view bytes);
  void take_line(std::string_view line);
  void on_end(command_result);
  void settle(command_result);
  agent_end end_of(command_result);
  outcome outcome_of(const agent_end&, const verdict&);
  route_report news_of(const verdict&) const;
  nlohmann::json details() const;

  parts x_;
  one_outcome end_;
  command_runner::progress progress_;
  std::int64_t oom_kills_before_ = 0;
  line_splitter lines_;
  agent_report report_;
  output_buffer errors_; ///< The end of stderr.
  mutable std::mutex mutex_;
  bool has_told_its_end_ = false;            ///< Guarded, as is the next one.
  std::optional<own_limit_kind> stopped_by_;
  mutable result_watch result_; ///< Guarded.
};

} // namespace swarm::executors
