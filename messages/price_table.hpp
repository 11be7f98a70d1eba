#pragma once

#include <caf/expected.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace swarm {

/// What a call of a model is billed for. The kinds are disjoint: what was read from or written to the cache isn't `input`.
struct token_usage {
  std::int64_t input = 0;
  std::int64_t output = 0; ///< Thinking included.
  std::int64_t cache_write_5m = 0;
  std::int64_t cache_write_1h = 0;
  std::int64_t cache_read = 0;

  /// Stays at the greatest number instead of passing it.
  token_usage& operator+=(const token_usage&);

  friend bool operator==(const token_usage&, const token_usage&) = default;
};

/// The whole prompt: all tokens but the output.
std::int64_t prompt_tokens(const token_usage&);

/// One price of a model. Prices are micro-dollars per million: $4 per million tokens is 4'000'000.
struct price_row {
  std::string model;                        ///< A name, or the beginning of names with '*' behind it.
  std::chrono::sys_days effective_from{};   ///< Until a later row for the same `model` takes over.
  std::int64_t prompt_tokens_over = 0;      ///< For the whole request when its prompt has more tokens than this.
  std::int64_t input = 0;
  std::int64_t output = 0;
  std::int64_t cache_write_5m = 0;
  std::int64_t cache_write_1h = 0;
  std::int64_t cache_read = 0;
  std::int64_t batch_millionths = 500'000;  ///< Of all five, what a request in a batch pays; 1'000'000 is all of it.
};

/// How a request travels, which decides what it costs.
enum class billing : std::uint8_t { at_once, in_batch };

using price_table = std::vector<price_row>;

/// Whether every call finds one price: patterns are well-formed, no price is negative, no row is there twice, and each
/// `model` and date has a row for short prompts (`prompt_tokens_over` 0).
/// @returns errc::invalid_input naming the model and the date.
caf::expected<void> check_prices(const price_table&);

/// Of the rows in force on that day the most specific pattern counts, of those the newest date, of those the highest tier
/// that the prompt reaches. @returns null when there is none.
const price_row* find_price(const price_table&, std::string_view model, std::chrono::sys_days, std::int64_t prompt_tokens);

/// What one of the row's prices is in a batch, rounded up.
std::int64_t price_in_batch(const price_row&, std::int64_t price);

/// What a call cost in micro-dollars, rounded up.
/// @returns errc::not_found when the table has no price for this, errc::invalid_input when a count is negative or the
///          result is beyond all bounds. A call is never free for lack of a price.
caf::expected<std::int64_t> cost(const price_table&, std::string_view model, std::chrono::sys_days, const token_usage&,
                                 billing = billing::at_once);

} // namespace swarm
