#pragma once

#include "messages/outcome.hpp"
#include "messages/ticket.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace swarm::executors {

/// An attempt under way. Destroying it ends what still runs; then nobody hears of its end.
class execution {
public:
  virtual ~execution() = default;

  /// 0 until there is a sign of work, then a number that grows with it. Callable from any thread.
  virtual std::int64_t progress() const = 0;

  /// Ends it in an orderly way, in seconds. Its outcome is `released`, unless it has just ended by itself.
  virtual void stop() = 0;

  /// Ends it at once: somebody else may begin with the ticket at any moment.
  virtual void kill() = 0;
};

/// Called once, from any thread, with the end of an attempt. `completed` means that the work says it is done; whether that
/// is so, checks decide.
using on_outcome = std::function<void(outcome)>;

/// Called from any thread when a service has said "not now" to an attempt that sits it out: all others shall hear of it
/// at once, and not with the attempt's end.
using on_throttled = std::function<void(const claim_ref&, const route_report&)>;

/// Does one kind of work. It takes an attempt (ticket, number of the attempt, fence, payload, last failure, time) and ends
/// it with one outcome: class, evidence, output, details. A payload that can't be read is an outcome, too: `permanent`.
class executor {
public:
  virtual ~executor() = default;

  /// Begins an attempt. Doesn't block.
  virtual std::unique_ptr<execution> start(const claimed_ticket&, on_outcome) = 0;

  /// Short hashes of the credentials that it works with: whose breakers and limits this node meets. See credential_hash.
  /// As of now; asked with each claim, so it doesn't block.
  virtual std::vector<std::string> credentials() const { return {}; }

  /// Once, before the first attempt.
  void tell(on_throttled x) { throttled_ = std::move(x); }

protected:
  on_throttled throttled_ = [](const claim_ref&, const route_report&) {};
};

/// By kind of ticket.
using executor_table = std::map<std::string, std::shared_ptr<executor>>;

} // namespace swarm::executors
