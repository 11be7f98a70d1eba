#pragma once

#include "messages/command.hpp"
#include "runtime/executors/command/exec_plan.hpp"
#include "runtime/executors/command/unique_fd.hpp"

#include <sys/types.h>

#include <optional>
#include <variant>

namespace swarm::executors {

/// How a program ended by its own account.
struct exit_status {
  int exit_code = 0;
  int signal = 0;    ///< 0 unless a signal ended it.
  bool lost = false; ///< Somebody else in this process has collected the status.
};

/// A running program, leader of its own session and process group. Destroying it kills what is left of the group, unless
/// that was done before.
///
/// The leader is reaped last: as long as it is a zombie its number can't be given to a stranger, so that a signal to
/// the group never meets somebody else.
class child_process {
public:
  /// Starts a program. Must be called by a thread that lives as long as the child may: the child's death signal
  /// fires when that thread ends, not when the process does.
  static std::variant<child_process, start_failure> start(const command_spec& spec);

  child_process(child_process&& other) noexcept;
  child_process& operator=(child_process&&) = delete;
  ~child_process();

  pid_t pid() const noexcept { return pid_; }

  /// Becomes readable when the program ends.
  int exit_fd() const noexcept { return exit_fd_.get(); }

  /// The read end of stdout, and of stderr unless that is apart.
  int output_fd() const noexcept { return output_fd_.get(); }

  /// The read end of a stderr that is apart, else -1.
  int error_output_fd() const noexcept { return error_output_fd_.get(); }

  /// Sends a signal to the group; errno or 0.
  int signal_group(int signal) noexcept;

  /// When the program has ended: kills what is left of its group, and reaps it. True if nobody is left in the group;
  /// those who are being killed still are for a moment.
  bool clear_group() noexcept;

  /// How the program ended; nothing while it runs.
  std::optional<exit_status> find_exit() const noexcept;

private:
  child_process(pid_t pid, unique_fd output_fd, unique_fd error_output_fd) noexcept;

  pid_t pid_;
  bool is_reaped_ = false;
  unique_fd exit_fd_;
  unique_fd output_fd_;
  unique_fd error_output_fd_;
};

} // namespace swarm::executors
