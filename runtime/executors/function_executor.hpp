#pragma once

#include "runtime/executors/executor.hpp"

#include <stop_token>

namespace swarm::executors {

/// What a function of an embedding program is called with. It must be prepared to be called again for the same ticket:
/// who has lost his claim is told to stop, and somebody else begins.
struct function_call {
  claim_ref claim;         ///< The ticket, and the fence by which the outside can tell who holds it now.
  std::int16_t attempt = 1;
  std::string arguments;   ///< JSON.
  std::string last_failure; ///< How the last attempt that counted ended; empty on the first.
  std::stop_token stop;    ///< Asked to stop: return soon, with whatever.
  std::function<void()> progress; ///< To be called now and then by what takes long: a sign of life.
};

/// Returns how it ended; result_of and failed_with make the usual outcomes. What it throws fails the attempt.
using function = std::function<outcome(const function_call&)>;

/// The work is done, and this JSON is its result.
outcome result_of(const std::string& json);

/// The work has failed, as this sentence tells.
outcome failed_with(std::string sentence);

/// By name.
using function_table = std::map<std::string, function>;

/// Calls functions of this program: tickets of kind "function" with {"function": "resize", "arguments": {...}}. Each call
/// has a thread of its own. One that doesn't return when it is told to keeps its thread, and nobody hears of its end.
class function_executor : public executor {
public:
  explicit function_executor(function_table functions) : functions_(std::move(functions)) {}

  std::unique_ptr<execution> start(const claimed_ticket&, on_outcome) override;

private:
  function_table functions_;
};

} // namespace swarm::executors
