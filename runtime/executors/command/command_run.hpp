#pragma once

#include "messages/command.hpp"
#include "runtime/executors/command/child_process.hpp"
#include "runtime/executors/command/command_runner.hpp"
#include "runtime/executors/command/output_buffer.hpp"
#include "runtime/executors/command/output_file.hpp"
#include "runtime/executors/command/survivors.hpp"
#include "runtime/executors/command/uv_handle.hpp"

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace swarm::executors {

/// One program from its start to its end, on the loop's thread: drains its output, watches its exit, keeps its time.
///
/// A run ends when the program has ended, its output is closed, and nobody is left of its process group. If somebody
/// else keeps the output open (a daemon that the program left behind), the run waits one second for it and ends then,
/// so that no attempt stays open.
///
/// Where there is reason to (the program was stopped, its output is held open, its group doesn't die), everybody who is
/// left of its session is looked for and killed. Of a program that was stopped so are its descendants, and whoever was
/// started with the variable of this run. Who is beyond reach all the same is named in `error_text`.
class command_run {
public:
  /// The variable by which whoever a program leaves behind is known to be of this run, and of no other.
  static constexpr const char* mark = "SWARM_RUN";

  /// Receives the result. Destroys the run; the run touches nothing of its own after the call.
  using on_result = std::function<void(command_result)>;

  /// Must be called on the loop's thread, by which the program also dies. Throws if there is no memory for the output.
  /// @param redactor may be nullptr.
  /// @param of_runs looks for `mark`, for all runs of the loop.
  /// @param spec with the variable `mark`.
  static std::variant<std::unique_ptr<command_run>, start_failure>
  start(uv_loop_t& loop, const stop_ladder& ladder, const redact::redactor* redactor, marked_processes& of_runs,
        const command_spec& spec, command_runner::progress progress, command_runner::on_output take, on_result done);

  /// Takes the program down the ladder, after that time. Harmless when it is on its way already or has ended.
  void stop(std::chrono::milliseconds after);

  /// Goes to the end of the ladder at once.
  void kill();

private:
  /// One of the pipes by which the program writes.
  struct output_pipe {
    int fd = -1;
    bool is_error = false;
    std::optional<redact::redaction_stream> redaction = {};
    uv_owned<uv_poll_t> poll = {}; ///< Null once it has ended.
  };

  command_run(const stop_ladder& ladder, const redact::redactor* redactor, marked_processes& of_runs,
              const command_spec& spec, std::chrono::steady_clock::time_point started_at, child_process child,
              output_buffer output, std::optional<output_buffer> raw_output, command_runner::progress progress,
              command_runner::on_output take, on_result done);

  /// 0 or libuv's negative error.
  int watch(uv_loop_t& loop);

  void handle_output();
  void handle_timer();

  /// True if the program has ended. The run may have finished with it, so that the caller must touch it no more.
  bool handle_exit();

  void begin_stop(command_ending ending);
  void begin_to_clear();
  void clear();
  std::vector<process> find_survivors();
  std::vector<process> find_holders() const;
  void descend();
  void read_output();
  void read_from(output_pipe&);
  void take(output_pipe&, std::string_view bytes);
  void close(output_pipe&);
  void keep(bool is_error, std::string_view bytes);
  bool has_open_output() const;
  void set_timer(std::chrono::milliseconds delay);
  void finish(std::string error_text = {});

  stop_ladder ladder_;
  marked_processes& of_runs_;
  std::string mark_; ///< The value.
  std::chrono::nanoseconds timeout_;
  std::chrono::steady_clock::time_point started_at_;
  child_process child_;
  output_buffer output_;
  std::optional<output_buffer> raw_output_; ///< A ring of its own: what is cut can't be redacted any more.
  std::uint64_t output_bytes_ = 0;          ///< As the program wrote them.
  output_file file_;
  command_runner::progress progress_;
  command_runner::on_output take_; ///< Empty when nobody listens.
  on_result done_;
  std::chrono::steady_clock::time_point ended_at_{};
  std::optional<exit_status> exit_;
  command_ending when_time_is_up_ = command_ending::timed_out;
  bool is_suspect_ = false;          ///< Somebody may be left who isn't in its group.
  std::vector<process> descendants_; ///< As far as they were seen while it was being stopped.
  std::optional<std::chrono::steady_clock::time_point> clear_until_; ///< Set once nothing but survivors is waited for.
  std::optional<std::chrono::steady_clock::time_point> alone_since_; ///< When nobody was left but daemons, if any.
  std::optional<command_ending> requested_; ///< Set once this node has decided to end the program, and why.
  std::size_t rung_ = 0;                    ///< The next step of the ladder.
  // Last, so that the handles close before their descriptors do.
  uv_owned<uv_poll_t> exit_poll_;
  std::array<output_pipe, 2> pipes_;
  uv_owned<uv_timer_t> timer_;
};

} // namespace swarm::executors
