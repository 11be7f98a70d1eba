#pragma once

#include "messages/command.hpp"
#include "runtime/executors/redact/redactor.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>

namespace swarm::executors {

/// The steps by which a command is stopped: SIGINT, wait, SIGTERM, wait, SIGKILL, each to the whole process group.
struct stop_ladder {
  std::chrono::milliseconds after_interrupt{10'000};
  std::chrono::milliseconds after_terminate{10'000};
};

/// Runs programs beside the node and reports how each ended. One libuv thread serves all of them; no call blocks.
///
/// Without it a command that hangs, floods its output, or forks would take a thread, memory, or the node with it:
/// each child has its own session and process group, an empty stdin, an output that is always drained into a bounded
/// buffer, no descriptor of the node but 0, 1 and 2, and a death signal for the moment when the node is killed.
///
/// A run ends when its program has ended and the output is closed, at most a second after the program, and nobody is left
/// of its process group, whose rest is killed then. Of a program that was stopped, or whose output somebody holds open,
/// the whole session is killed, and of one that was stopped all descendants, daemons too: they are known by a variable
/// of their environment, SWARM_RUN. Out of reach are a daemon (a process of another session, whose parent has ended) of
/// a program that ended by itself, which is named if it holds the output, a daemon that has dropped its environment,
/// and the children of a program that died together with a killed node.
class command_runner {
public:
  /// Names a run; chosen by the caller, unique among the runs in progress.
  using run_id = std::uint64_t;

  /// Called exactly once for each run, on the runner's thread. Must not block. May call `start` and `stop`.
  using on_end = std::function<void(command_result)>;

  /// Called with the output as it comes, before `on_end` and under the same rules: in pieces of any size, which are valid
  /// during the call. `is_error` only for a stderr that is apart.
  using on_output = std::function<void(bool is_error, std::string_view)>;

  /// Sets SIGCHLD back to its default if this process ignores it, or no exit status could be learned. Throws
  /// `std::system_error` if there is no thread or descriptor for the loop.
  /// @param redactor of what the programs write, before anybody gets it; may be absent.
  explicit command_runner(stop_ladder ladder = {}, std::shared_ptr<const redact::redactor> redactor = nullptr);

  /// Kills every group that still runs (SIGKILL), calls their `on_end` with `stopped`, and ends the thread. Takes
  /// milliseconds; a second if somebody out of reach holds an output, five if a process survives SIGKILL. Must not be
  /// called by an `on_end`.
  ~command_runner();

  command_runner(const command_runner&) = delete;
  command_runner& operator=(const command_runner&) = delete;

  /// How far a program is, for whoever holds it to read at any time: 0 before it runs, then 1 and the bytes it has
  /// written.
  using progress = std::shared_ptr<std::atomic<std::int64_t>>;

  /// Starts a program. A failure to start is reported like any other end; an id in use is one (EEXIST). Callable from
  /// any thread. @returns its progress.
  progress start(run_id id, command_spec spec, on_end done, on_output take = {});

  /// Takes a run down the ladder; its end is reported as `stopped`, unless its program has just ended by itself.
  /// Unknown ids are ignored. Callable from any thread.
  /// @param after A time in which it may still end by itself; what is left of its timeout doesn't count any more.
  void stop(run_id id, std::chrono::milliseconds after = std::chrono::milliseconds{0});

  /// The same without a ladder: SIGKILL to the whole group.
  void kill(run_id id);

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace swarm::executors
