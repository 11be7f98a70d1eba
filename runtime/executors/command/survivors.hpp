#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::executors {

// Who is left when a program has ended or is being ended. All of it is read from /proc: what can't be read there
// belongs to somebody else, and is nobody's survivor. No function here blocks.

/// A process that lives: a zombie does nothing any more. Its number may be given to another one, so it is known by its
/// beginning, too.
struct process {
  pid_t pid = 0;
  std::uint64_t started = 0; ///< In ticks since the machine's start.
  std::string name = {};     ///< At most 15 bytes, whatever they are.

  friend bool operator==(const process& a, const process& b) { return a.pid == b.pid && a.started == b.started; }
};

/// All of the session or the process group that `leader` began, but for itself.
std::vector<process> find_session(pid_t leader);

/// The children of a process, theirs and so on, whatever session they are in. Those whose parent has ended aren't known
/// to be its descendants any more.
std::vector<process> find_descendants(pid_t);

/// Who was started with a variable in its environment, whoever its parent is now. A look reads the environment of every
/// process that may be read, some ten microseconds each: so one look serves all whose programs end together, or a crowd
/// that is stopped on a busy machine would keep its thread from everything else.
class marked_processes {
public:
  explicit marked_processes(std::string_view variable) : prefix_(std::string{variable} + "=") {}

  /// Those that had this value at a moment after `since`, and live.
  const std::vector<process>& find(const std::string& value, std::chrono::steady_clock::time_point since);

private:
  void look();

  std::string prefix_;
  std::chrono::steady_clock::time_point begun_{};     ///< Of the last look.
  std::map<std::string, std::vector<process>> found_; ///< By value.
};

/// Others that hold the pipe open whose reading end this is.
std::vector<process> find_writers(int pipe);

/// Whether it still lives.
bool is_alive(const process&);

/// SIGKILL to this process, and to none that has its number now.
void kill_process(const process&);

/// "process 17 (sleep)", "processes 17 (sleep) and 18 (sh)", "17 processes, such as 17 (sleep)"
std::string describe(const std::vector<process>&);

} // namespace swarm::executors
