#pragma once

#include "messages/claude_payload.hpp"
#include "runtime/executors/claude/conversation.hpp"
#include "runtime/executors/claude/message_stream.hpp"
#include "runtime/executors/claude/tools.hpp"
#include "runtime/executors/command/command_runner.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace swarm::executors::claude {

/// What the calls of one turn came to.
struct tool_turn {
  std::vector<tool_result> results; ///< In the order of the calls.
  std::optional<finish_call> finish;
  std::string refused_result; ///< How the result of a finish, which doesn't count then, departs from the ticket's schema.
};

/// Runs the calls of a turn, one after the other, because the second may need what the first has done. A call that can't
/// be run has a result, too: an error, for the model to read.
///
/// Everything but `progress` is called on one thread, which `post` comes back to.
class tool_runner {
public:
  struct surroundings {
    command_runner& runner;
    std::map<std::string, std::string> environment; ///< The whole environment of programs.
    std::function<void(std::function<void()>)> post; ///< Does it later, or never when the attempt is gone by then.
  };

  /// @param payload must outlive this.
  tool_runner(surroundings, const claude_payload& payload);

  /// @param blocks of the assistant's message, from which the calls are taken. @param done isn't called after `kill`.
  void run(const std::vector<content_block>& blocks, std::function<void(tool_turn)> done);

  /// Whether a program runs. Until its end, nothing else may begin in its directory.
  bool is_running() const { return run_.has_value(); }

  /// Ends the program that runs, step by step or at once, and begins no other call. `ended` is called when it has ended,
  /// and at once when there is none.
  void stop(std::function<void()> ended);
  void kill(std::function<void()> ended);

  /// Calls so far, `finish` not counted: whether there was any work.
  std::int64_t calls() const { return calls_; }

  /// How much the programs of all calls have written. Callable from any thread.
  std::int64_t progress() const;

private:
  struct call {
    std::string id;
    std::string name;
    nlohmann::json input;
    bool is_readable = true; ///< The input is a JSON object.
  };

  void go_on();
  std::optional<tool_result> begin(const call&);
  void begin_command(const call&, const run_command_call&);
  void on_command(const std::string& id, const command_result&);
  caf::expected<std::string> use_file(const tool_call&) const;

  surroundings around_;
  const claude_payload& payload_;
  std::vector<call> pending_; ///< The next one is the last.
  tool_turn turn_;
  std::function<void(tool_turn)> done_;
  std::function<void()> ended_;
  std::optional<command_runner::run_id> run_;
  std::int64_t calls_ = 0;
  bool is_ending_ = false;
  mutable std::mutex mutex_;
  command_runner::progress written_; ///< Guarded: by the program that runs.
  std::int64_t written_before_ = 0;  ///< Guarded: by those before.
};

} // namespace swarm::executors::claude
