#pragma once

#include "runtime/store/connection.hpp"

#include <functional>
#include <memory>
#include <string>

namespace swarm::store {

/// A connection that only listens: calls back for each notification on the channel "swarm".
///
/// Notifications are hints that may be missed; whoever uses this polls as well. The thread blocks in poll(2) on the
/// connection's socket, so waiting costs nothing.
class listener {
public:
  /// Called on the listener's thread with the word of the notification ("ready", "cancel").
  using on_word = std::function<void(std::string)>;
  /// Called once on the listener's thread when the connection is lost; the listener is of no use after that.
  using on_lost = std::function<void(caf::error)>;

  static caf::expected<std::unique_ptr<listener>> open(const connection_settings&, on_word, on_lost);

  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// Ends the thread. No callback runs after it.
  ~listener();

private:
  struct impl;
  explicit listener(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

} // namespace swarm::store
