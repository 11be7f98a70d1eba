#pragma once

#include "runtime/files.hpp"

#include <sys/types.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace swarm::runtime {

/// A server program of this machine: what to run, as whom, and what it may see. It gets a session of its own, so that
/// Ctrl-C at the terminal reaches the node alone, and an environment of its own.
struct child_plan {
  std::vector<std::string> argv;     ///< argv[0] is an absolute path.
  os_account account;                ///< Taken when this process is root; else the child is this user anyway.
  int directory = -1;                ///< Becomes the child's descriptor 3 and thus reachable as /proc/self/fd/3, even
                                     ///< below directories that the account may not enter. -1 for none.
  bool outlives_this_process = false; ///< Else the kernel kills it with this process.
};

/// A process that was started here or found. Dropping the object leaves the process alone.
class child_process {
public:
  /// Runs a program; an argv[0] that can't be executed is reported here.
  static caf::expected<child_process> start(const child_plan&);

  /// Follows a process that somebody else started.
  /// @returns errc::not_found when there is none with this id.
  static caf::expected<child_process> follow(pid_t);

  /// Waits for the end at most this long. Answers whether the process has ended.
  bool ended(std::chrono::milliseconds patience = std::chrono::milliseconds{0});

  /// Can't hit a stranger that got the same id later.
  void signal(int number) const;

  pid_t pid() const { return pid_; }

  /// The first 64 KiB of stdout and stderr together. Kept in memory, because the disk may be what is full, and beyond
  /// the life of this process, so that the child never meets a closed pipe. Empty for a followed process.
  std::string output() const;

  /// "exited with code 1", "was ended by signal 9"; for a process of somebody else "ended".
  std::string ending() const;

  bool succeeded() const { return status_ == 0; }

private:
  pid_t pid_ = -1;
  bool is_ours_ = false;
  bool has_ended_ = false;
  descriptor handle_;
  descriptor output_;
  std::optional<int> status_;
};

} // namespace swarm::runtime
