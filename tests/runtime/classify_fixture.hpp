#pragma once

#include "runtime/executors/classify/classify.hpp"

#include <chrono>
#include <string>

namespace swarm::test {

/// When the tests of the classifier happen.
inline constexpr executors::wall_time noon =
  std::chrono::sys_days{std::chrono::year{2026} / 11 / 29} + std::chrono::hours{12};

/// A verdict in a line, e.g. "14 throttled retry_in_place x2 3000ms asked credential_and_model".
inline std::string text_of(const executors::verdict& x) {
  auto result = x.row + " " + to_string(x.end) + " " + to_string(x.action);
  if (x.in_place_retries != 0)
    result += " x" + std::to_string(x.in_place_retries);
  if (x.wait.count() != 0)
    result += " " + std::to_string(x.wait.count()) + "ms";
  if (x.asked)
    result += " asked";
  if (x.until)
    result += " until+" + std::to_string(std::chrono::floor<std::chrono::seconds>(*x.until - noon).count()) + "s";
  result += " " + to_string(x.scope);
  if (x.uses_attempt)
    result += " attempt";
  if (x.counts_for_breaker)
    result += " counts";
  if (x.opens_breaker)
    result += " opens";
  if (x.pages)
    result += " pages";
  if (x.remedy != executors::verdict_remedy::none)
    result += " " + to_string(x.remedy);
  return result;
}

inline std::string text_of(const executors::outside_signal& x, int retries_done = 0) {
  return text_of(executors::classify(x, noon, retries_done));
}

} // namespace swarm::test
