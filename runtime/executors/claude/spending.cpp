#include "runtime/executors/claude/spending.hpp"

#include "messages/error.hpp"
#include "runtime/executors/claude/json_members.hpp"
#include "runtime/executors/claude/usage.hpp"

#include <algorithm>
#include <limits>
#include <optional>

namespace swarm::executors::claude {

namespace {

/// No tokenizer makes more tokens of a text in practice.
constexpr std::int64_t bytes_per_token = 3;

/// An answer that may be no longer than this is hardly worth its prompt.
constexpr std::int64_t useful_tokens_min = 256;

/// Beyond every limit, and far from an overflow.
constexpr std::int64_t cost_max = std::numeric_limits<std::int64_t>::max() / 4;

constexpr std::int64_t million = 1'000'000;

std::int64_t tokens_of(std::uint64_t bytes) {
  return static_cast<std::int64_t>(bytes) / bytes_per_token + 1;
}

caf::error reached(const std::string& limit, std::int64_t most) {
  return make_error(errc::invalid_input, "its limit of " + std::to_string(most) + " " + limit + " leaves no room for another call");
}

/// A dated name is the model that was asked for.
bool is_snapshot_of(const std::string& model, const std::string& asked) {
  return model.size() > asked.size() && model.starts_with(asked) && model[asked.size()] == '-';
}

std::optional<std::int64_t> price_of(const price_table& prices, const std::string& model, const token_usage& usage,
                                     std::chrono::sys_days today, billing how) {
  const auto result = cost(prices, model, today, usage, how);
  return result ? std::optional{*result} : std::nullopt;
}

/// Of an answer that broke off: its prompt as far as it was told, and what came of the output.
token_usage usage_of_part(const reservation& x, const streamed_message& message) {
  auto result = read_usage(message.usage).value_or(x.usage);
  std::uint64_t output_bytes = 0;
  for (const auto& block : message.content)
    output_bytes += text_member(block.value, "text").size() + text_member(block.value, "thinking").size() + block.input_text.size();
  result.output = std::max(result.output, std::min(tokens_of(output_bytes), x.usage.output));
  return result;
}

} // namespace

caf::expected<std::int64_t> spending::affordable(const reservation& x, std::chrono::sys_days today) const {
  auto result = x.max_tokens;
  if (limits_.output_tokens > 0)
    result = std::min(result, limits_.output_tokens - usage_.output);
  if (limits_.cost_micro_dollars == 0)
    return result;
  const auto prompt_cost = cost(prices_, x.model, today, x.usage, how_);
  if (!prompt_cost)
    return std::move(prompt_cost.error());
  const auto left = limits_.cost_micro_dollars - cost_ - *prompt_cost;
  const auto* row = find_price(prices_, x.model, today, prompt_tokens(x.usage));
  const auto price = how_ == billing::in_batch ? price_in_batch(*row, row->output) : row->output;
  if (left <= 0)
    return 0;
  return price > 0 ? std::min(result, left * million / price) : result;
}

caf::expected<reservation> spending::reserve(const std::string& model, std::size_t body_bytes, std::int64_t max_tokens,
                                             std::chrono::sys_days today) const {
  reservation result{model, max_tokens, {}};
  result.usage.cache_write_5m = tokens_of(body_bytes);
  if (auto priced = cost(prices_, model, today, result.usage, how_); !priced)
    return std::move(priced.error());
  auto allowed = affordable(result, today);
  if (!allowed)
    return std::move(allowed.error());
  if (*allowed < std::min(max_tokens, useful_tokens_min))
    return limits_.output_tokens > 0 && limits_.output_tokens - usage_.output < useful_tokens_min
             ? reached("output tokens", limits_.output_tokens)
             : reached("micro-dollars", limits_.cost_micro_dollars);
  result.max_tokens = result.usage.output = *allowed;
  return result;
}

void spending::charge(const reservation& x, const streamed_message& message, std::chrono::sys_days today) {
  const auto is_whole = message.is_finished || !message.stop_reason.empty();
  auto used = billed_usage(message);
  std::optional<std::int64_t> paid;
  if (used)
    paid = price_of(prices_, message.model, *used, today, how_);
  if (used && !paid && is_snapshot_of(message.model, x.model))
    paid = price_of(prices_, x.model, *used, today, how_);
  if (!paid) {
    is_estimated_ = true;
    used = is_whole ? x.usage : usage_of_part(x, message);
    paid = price_of(prices_, x.model, *used, today, how_).value_or(cost_max);
  }
  usage_ += *used;
  cost_ = std::min(cost_ + *paid, cost_max);
}

nlohmann::json spending::to_json() const {
  nlohmann::json result{{"input_tokens", usage_.input},
                        {"output_tokens", usage_.output},
                        {"cache_write_5m_tokens", usage_.cache_write_5m},
                        {"cache_write_1h_tokens", usage_.cache_write_1h},
                        {"cache_read_tokens", usage_.cache_read}};
  if (is_estimated_)
    result["estimated"] = true;
  return result;
}

caf::expected<void> check_have_prices(const price_table& prices, const std::vector<std::string>& models,
                                      std::chrono::sys_days day) {
  for (const auto& model : models)
    if (const auto priced = cost(prices, model, day, {}); !priced)
      return priced.error();
  return caf::unit;
}

} // namespace swarm::executors::claude
