#pragma once

#include <chrono>
#include <optional>

namespace swarm::cli {

/// SIGINT, SIGTERM and SIGHUP as something to wait for. Make it before anything starts a thread: threads inherit the
/// mask, and a signal that some thread doesn't block would kill the process instead of waking us. Also ignores SIGPIPE,
/// because a closed pipe is an error where it is written to, and not the end.
class signals {
public:
  signals();

  /// @returns the signal that came within this time.
  std::optional<int> wait_for(std::chrono::milliseconds) const;

  /// Whether one has come that nobody has taken yet. It stays for `wait_for`.
  bool is_pending() const;
};

} // namespace swarm::cli
