#pragma once

#include <caf/error.hpp>
#include <caf/timespan.hpp>

#include <spdlog/spdlog.h>

#include <exception>
#include <memory>
#include <string>
#include <string_view>

namespace swarm {

/// The logger of a component ("reaper", "store", ...), with its own level. Made at the first call from the default
/// logger, unless start-up has configured one.
std::shared_ptr<spdlog::logger> logger_for(const std::string& component);

/// A value for a key=value fact: as it is when it is one word, else quoted.
std::string fact(std::string_view value);

/// A duration in its greatest whole unit down to milliseconds: "5min", "90s", "1500ms", "0ms".
std::string duration_text(caf::timespan);

/// The error that an actor's exception becomes: errc::actor_failed with name, the verb that was handled, and text.
/// @param handling empty while the actor was starting.
caf::error describe_exception(std::string_view actor, const std::string& handling, const std::exception_ptr&);

/// Logs an outage once when it begins and once when it is over, not at each try.
class outage_log {
public:
  explicit outage_log(std::string component) : component_(std::move(component)) {}

  /// @param what the sentence's beginning, e.g. "store lost the database".
  void begins(std::string_view what, const caf::error& cause);
  void is_over(std::string_view what);

private:
  std::string component_;
  bool out_ = false;
};

} // namespace swarm
