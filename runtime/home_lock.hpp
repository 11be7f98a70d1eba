#pragma once

#include "runtime/files.hpp"
#include "runtime/home.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace swarm::runtime {

/// What the holder of a home tells about itself.
struct home_holder {
  int pid = 0;         ///< 0 when the holder couldn't write it down, e.g. on a full disk.
  std::string since;   ///< "2026-03-01T10:00:00Z"
  std::string command; ///< "swarm up"
  std::string node;    ///< Name of the node; empty for a command that needs the database for a moment.
};

/// Exclusive use of a home. Without it two nodes would start two servers on one cluster, or one would stop the
/// database under the other. The kernel gives it back when the process ends in any way, so it can't go stale; the lock
/// file itself stays for ever, because removing it would let two processes lock two different files.
class home_lock {
public:
  /// @param patience how long to wait for the present holder; commands that hold it for a moment may queue up.
  /// @returns errc::home_is_busy: "<home> is in use by process 4711 (swarm up, since ...)".
  static caf::expected<home_lock> take(const home&, const std::string& command, const std::string& node,
                                       std::chrono::milliseconds patience = std::chrono::milliseconds{0});

  home_lock(home_lock&&) noexcept = default;
  home_lock& operator=(home_lock&&) noexcept = default;
  ~home_lock();

  const home& where() const { return where_; }

private:
  home_lock(home where, descriptor file) : where_(std::move(where)), file_(std::move(file)) {}

  home where_;
  descriptor file_;
};

/// Who holds the home, asked without taking it, so that asking never makes another process fail.
caf::expected<std::optional<home_holder>> holder_of(const home&);

} // namespace swarm::runtime
