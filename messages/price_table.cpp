#include "messages/price_table.hpp"

#include "messages/error.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <optional>
#include <tuple>

namespace swarm {

namespace {

/// How closely a pattern fits: the longer, the closer, and a whole name closer than any beginning.
std::optional<std::size_t> specificity(std::string_view pattern, std::string_view model) {
  if (pattern == model)
    return std::numeric_limits<std::size_t>::max();
  if (!pattern.ends_with('*'))
    return std::nullopt;
  pattern.remove_suffix(1);
  return model.starts_with(pattern) ? std::optional{pattern.size()} : std::nullopt;
}

std::string in_words(std::string_view model, std::chrono::sys_days date) {
  constexpr std::size_t shown_bytes_max = 80; // the name may come from a server
  std::string name{model.substr(0, shown_bytes_max)};
  std::replace_if(name.begin(), name.end(), [](char x) { return x < ' ' || x > '~'; }, '?');
  const std::chrono::year_month_day day{date};
  char text[48];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                static_cast<unsigned>(day.day()));
  return "model '" + name + "' on " + text;
}

caf::error wrong_row(const price_row& x, const std::string& what) {
  return make_error(errc::invalid_input, in_words(x.model, x.effective_from) + ": " + what);
}

caf::error check_row(const price_row& x) {
  if (x.model.empty())
    return wrong_row(x, "the name of the model is missing");
  if (x.model.find('*') < x.model.size() - 1)
    return wrong_row(x, "'*' may only be the last character");
  if (std::min({x.prompt_tokens_over, x.input, x.output, x.cache_write_5m, x.cache_write_1h, x.cache_read}) < 0)
    return wrong_row(x, "a price or a limit is negative");
  if (x.batch_millionths < 1 || x.batch_millionths > 1'000'000)
    return wrong_row(x, "the part that a batch pays is none from above 0 to 1");
  return {};
}

std::int64_t saturated_sum(std::int64_t x, std::int64_t y) {
  std::int64_t result = 0;
  return __builtin_add_overflow(x, y, &result) ? std::numeric_limits<std::int64_t>::max() : result;
}

} // namespace

token_usage& token_usage::operator+=(const token_usage& x) {
  input = saturated_sum(input, x.input);
  output = saturated_sum(output, x.output);
  cache_write_5m = saturated_sum(cache_write_5m, x.cache_write_5m);
  cache_write_1h = saturated_sum(cache_write_1h, x.cache_write_1h);
  cache_read = saturated_sum(cache_read, x.cache_read);
  return *this;
}

std::int64_t prompt_tokens(const token_usage& x) {
  return saturated_sum(saturated_sum(x.input, x.cache_read), saturated_sum(x.cache_write_5m, x.cache_write_1h));
}

caf::expected<void> check_prices(const price_table& table) {
  for (const auto& x : table) {
    if (auto error = check_row(x))
      return error;
    const auto count_of_tier = [&](std::int64_t over) {
      return std::count_if(table.begin(), table.end(), [&](const price_row& y) {
        return y.model == x.model && y.effective_from == x.effective_from && y.prompt_tokens_over == over;
      });
    };
    if (count_of_tier(x.prompt_tokens_over) > 1)
      return wrong_row(x, "two rows begin at the same size of the prompt");
    if (count_of_tier(0) == 0)
      return wrong_row(x, "a row with prompt_tokens_over 0 is missing, so that short prompts have no price");
  }
  return caf::unit;
}

std::int64_t price_in_batch(const price_row& x, std::int64_t price) {
  constexpr std::int64_t million = 1'000'000;
  // In two parts, because the greatest price times a million is beyond all numbers.
  return price / million * x.batch_millionths + (price % million * x.batch_millionths + million - 1) / million;
}

const price_row* find_price(const price_table& table, std::string_view model, std::chrono::sys_days date,
                            std::int64_t prompt) {
  const price_row* found = nullptr;
  std::tuple<std::size_t, std::chrono::sys_days, std::int64_t> best;
  for (const auto& row : table) {
    const auto closeness = specificity(row.model, model);
    const auto is_in_tier = row.prompt_tokens_over == 0 || prompt > row.prompt_tokens_over;
    if (!closeness || row.effective_from > date || !is_in_tier)
      continue;
    const auto rank = std::tuple{*closeness, row.effective_from, row.prompt_tokens_over};
    if (found == nullptr || rank > best) {
      found = &row;
      best = rank;
    }
  }
  return found;
}

caf::expected<std::int64_t> cost(const price_table& table, std::string_view model, std::chrono::sys_days date,
                                 const token_usage& usage, billing how) {
  const auto* row = find_price(table, model, date, prompt_tokens(usage));
  if (row == nullptr)
    return make_error(errc::not_found, "there is no price for " + in_words(model, date)
                                         + "; add it to the file that claude.price_file names");
  const std::array<std::pair<std::int64_t, std::int64_t>, 5> parts{{
    {usage.input, row->input},
    {usage.output, row->output},
    {usage.cache_write_5m, row->cache_write_5m},
    {usage.cache_write_1h, row->cache_write_1h},
    {usage.cache_read, row->cache_read},
  }};
  constexpr std::int64_t million = 1'000'000;
  std::int64_t millionths = 0;
  for (const auto& [count, whole_price] : parts) {
    std::int64_t part = 0, price = whole_price;
    if (how == billing::in_batch)
      price = price_in_batch(*row, price);
    if (count < 0 || price < 0 || __builtin_mul_overflow(count, price, &part)
        || __builtin_add_overflow(millionths, part, &millionths))
      return make_error(errc::invalid_input, "the cost of a call to " + in_words(model, date)
                                               + " can't be computed: a count is negative, or a price is far too high");
  }
  return millionths / million + (millionths % million != 0);
}

} // namespace swarm
