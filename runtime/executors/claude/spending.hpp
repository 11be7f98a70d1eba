#pragma once

#include "messages/claude_payload.hpp"
#include "messages/price_table.hpp"
#include "runtime/executors/claude/message_stream.hpp"

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace swarm::executors::claude {

/// A call as it was allowed, and with it what it may come to.
struct reservation {
  std::string model;
  std::int64_t max_tokens = 0;
  token_usage usage; ///< The most that it can use.
};

/// What one attempt has used and paid, and what it may still.
///
/// No call is made that could take the attempt over its limits: the prompt is counted as if none of it were cached, and the
/// answer may only be as long as what is left pays for. What the API doesn't say all of is charged as it was reserved.
class spending {
public:
  /// @param prices must outlive this.
  spending(const price_table& prices, const claude_limits& limits, billing how = billing::at_once)
    : prices_(prices), limits_(limits), how_(how) {}

  /// @param max_tokens what is wanted; the reservation may allow less.
  /// @returns errc::not_found when the model has no price, errc::invalid_input when a limit is reached, with a sentence.
  caf::expected<reservation> reserve(const std::string& model, std::size_t body_bytes, std::int64_t max_tokens,
                                     std::chrono::sys_days today) const;

  /// For an answer that has come, whole or not.
  void charge(const reservation&, const streamed_message&, std::chrono::sys_days today);

  std::int64_t cost_micro_dollars() const { return cost_; }
  const token_usage& usage() const { return usage_; }

  /// Tokens of all five kinds; with "estimated" when the API didn't tell all of them.
  nlohmann::json to_json() const;

private:
  caf::expected<std::int64_t> affordable(const reservation&, std::chrono::sys_days today) const;

  const price_table& prices_;
  const claude_limits limits_;
  const billing how_;
  token_usage usage_;
  std::int64_t cost_ = 0;
  bool is_estimated_ = false;
};

/// @returns errc::not_found naming the first of these models that has no price on this day.
caf::expected<void> check_have_prices(const price_table&, const std::vector<std::string>& models, std::chrono::sys_days);

} // namespace swarm::executors::claude
