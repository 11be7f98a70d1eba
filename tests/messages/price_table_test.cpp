#define CAF_SUITE price_table

#include "messages/price_table.hpp"

#include "messages/error.hpp"

#include <limits>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace std::chrono;

namespace {

constexpr auto greatest = std::numeric_limits<std::int64_t>::max();

sys_days day(int y, unsigned m, unsigned d) {
  return year_month_day{year{y}, month{m}, std::chrono::day{d}};
}

const price_table prices{
  {"claude-opus-5-5", day(2026, 9, 22), 0, 4'000'000, 20'000'000, 5'000'000, 8'000'000, 200'000},
  {"claude-haiku-5-5", day(2026, 10, 7), 0, 100'000, 500'000, 125'000, 200'000, 10'000},
  {"claude-haiku-5-5", day(2026, 10, 7), 100'000, 500'000, 2'500'000, 625'000, 1'000'000, 50'000},
  {"claude-opus-*", day(2026, 1, 1), 0, 5'000'000, 25'000'000, 6'250'000, 10'000'000, 500'000},
  {"claude-sonnet-5-5", day(2026, 9, 1), 0, 2'000'000, 10'000'000, 2'500'000, 4'000'000, 200'000},
  {"claude-sonnet-5-5", day(2026, 10, 7), 0, 2'000'000, 10'000'000, 2'500'000, 4'000'000, 100'000},
  {"claude-opus-4*", day(2026, 1, 1), 0, 15'000'000, 75'000'000, 18'750'000, 30'000'000, 1'500'000},
  {"local", day(2026, 1, 1), 0},
};

std::string cost_of(std::string_view model, sys_days date, const token_usage& usage,
                    const price_table& table = prices) {
  const auto result = cost(table, model, date, usage);
  return result ? std::to_string(*result) : swarm::to_string(swarm::code_of(result.error()));
}

std::string complaint(const price_table& table) {
  const auto result = check_prices(table);
  return result ? "" : swarm::render(result.error());
}

const token_usage million_of_each{1'000'000, 1'000'000, 1'000'000, 1'000'000, 1'000'000};

} // namespace

CAF_TEST(the most specific pattern counts before the newest date and the tier) {
  const auto late = day(2026, 11, 22);
  const token_usage in{1'000'000};
  const std::vector<std::tuple<std::string, sys_days, token_usage, std::string>> rows{
    {"claude-opus-5-5", late, in, "4000000"},
    {"claude-opus-5-5", day(2026, 9, 22), in, "4000000"},
    {"claude-opus-5-5", day(2026, 9, 21), in, "5000000"},
    {"claude-opus-5-5-20261101", late, in, "5000000"},
    {"claude-opus-", late, in, "5000000"},
    {"claude-opus-4-8", late, in, "15000000"},
    {"claude-sonnet-5-5", day(2026, 10, 6), {0, 0, 0, 0, 1'000'000}, "200000"},
    {"claude-sonnet-5-5", day(2026, 10, 7), {0, 0, 0, 0, 1'000'000}, "100000"},
    {"claude-opus-5-5", late, million_of_each, "37200000"},
    {"local", late, million_of_each, "0"},
  };
  for (const auto& [model, date, usage, expected] : rows)
    CAF_CHECK_EQUAL(cost_of(model, date, usage), expected);
}

CAF_TEST(the whole prompt decides the tier and the tier holds for the whole request) {
  const auto date = day(2026, 11, 22);
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {100'000, 1'000}), "10500");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {100'001, 1'000}), "52501");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {1, 1'000'000}), "500001");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {20'000, 0, 20'000, 20'000, 40'000}), "8900");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {20'000, 0, 20'000, 20'000, 40'001}), "44501");
}

CAF_TEST(a part of a micro dollar counts as a whole one and once for all kinds) {
  const auto date = day(2026, 11, 22);
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {}), "0");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {1}), "1");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {10}), "1");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {11}), "2");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", date, {1, 1, 1, 1, 1}), "1");
}

CAF_TEST(an unknown model is refused with the section to mend and never free) {
  const auto result = cost(prices, "claude-novel-1", day(2026, 11, 22), {});
  CAF_REQUIRE(!result);
  CAF_CHECK(swarm::code_of(result.error()) == swarm::errc::not_found);
  CAF_CHECK_EQUAL(swarm::render(result.error()), "there is no price for model 'claude-novel-1' on 2026-11-22; "
                                                 "add it to the file that claude.price_file names");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5", day(2026, 10, 6), {}), "not_found");
  CAF_CHECK_EQUAL(cost_of("claude-haiku-5-5x", day(2026, 11, 22), {}), "not_found");
  CAF_CHECK_EQUAL(cost_of("", day(2026, 11, 22), {}), "not_found");
  CAF_CHECK_EQUAL(cost_of("claude-opus-5-5", day(2026, 11, 22), {}, {}), "not_found");
}

CAF_TEST(a name from a server is shown short and without control characters) {
  const auto result = cost(prices, "x\n\x1b" + std::string(100'000, 'y'), day(2026, 11, 22), {});
  CAF_REQUIRE(!result);
  CAF_CHECK_EQUAL(swarm::render(result.error()).find("'x??yyy"), std::string{"there is no price for model "}.size());
  CAF_CHECK(swarm::render(result.error()).size() < 200);
}

CAF_TEST(what cannot be computed is refused and not wrapped) {
  const auto date = day(2026, 11, 22);
  const price_table dear{{"dear", day(2026, 1, 1), 0, greatest, greatest}};
  CAF_CHECK_EQUAL(cost_of("dear", date, {1}, dear), "9223372036855");
  CAF_CHECK_EQUAL(cost_of("dear", date, {2}, dear), "invalid_input");
  CAF_CHECK_EQUAL(cost_of("dear", date, {1, 1}, dear), "invalid_input");
  CAF_CHECK_EQUAL(cost_of("dear", date, {greatest, greatest, greatest, greatest, greatest}, dear), "invalid_input");
  CAF_CHECK_EQUAL(cost_of("claude-opus-5-5", date, {-1, 1'000}), "invalid_input");
}

CAF_TEST(a table that leaves a call without one price is refused) {
  const auto first = day(2026, 1, 1);
  CAF_CHECK_EQUAL(complaint(prices), "");
  CAF_CHECK_EQUAL(complaint({}), "");
  const std::vector<std::pair<price_table, std::string>> rows{
    {{{"", first}}, "model '' on 2026-01-01: the name of the model is missing"},
    {{{"a*b", first}}, "model 'a*b' on 2026-01-01: '*' may only be the last character"},
    {{{"a**", first}}, "model 'a**' on 2026-01-01: '*' may only be the last character"},
    {{{"a", first, 0, -1}}, "model 'a' on 2026-01-01: a price or a limit is negative"},
    {{{"a", first, 0, 0, 0, 0, 0, -1}}, "model 'a' on 2026-01-01: a price or a limit is negative"},
    {{{"a", first}, {"b", first}, {"a", first}},
     "model 'a' on 2026-01-01: two rows begin at the same size of the prompt"},
    {{{"a", first}, {"a", day(2026, 2, 1), 5}},
     "model 'a' on 2026-02-01: a row with prompt_tokens_over 0 is missing, so that short prompts have "
     "no price"},
  };
  for (const auto& [table, expected] : rows)
    CAF_CHECK_EQUAL(complaint(table), expected);
}

CAF_TEST(usage adds up kind by kind and stops at the greatest number) {
  token_usage sum{1, 2, 3, 4, 5};
  sum += {10, 20, 30, 40, 50};
  CAF_CHECK((sum == token_usage{11, 22, 33, 44, 55}));
  CAF_CHECK_EQUAL(prompt_tokens(sum), 143);
  sum += {greatest, greatest, greatest, greatest, greatest};
  CAF_CHECK((sum == token_usage{greatest, greatest, greatest, greatest, greatest}));
  CAF_CHECK_EQUAL(prompt_tokens(sum), greatest);
}

CAF_TEST(a batch pays half or the part that its row says and never less than nothing) {
  auto rows = prices;
  rows[0].batch_millionths = 250'000;
  rows[7].input = 1;
  const auto late = day(2026, 11, 22);
  const auto in_batch = [&](std::string_view model, const token_usage& usage) {
    return *cost(rows, model, late, usage, billing::in_batch);
  };
  CAF_CHECK_EQUAL(in_batch("claude-haiku-5-5", {50'000, 50'000}), 15'000);
  CAF_CHECK_EQUAL(in_batch("claude-opus-5-5", million_of_each), 9'300'000);
  CAF_CHECK_EQUAL(in_batch("local", {1'000'000}), 1);
  CAF_CHECK_EQUAL(price_in_batch({"m", {}, 0}, greatest), greatest / 2 + 1);
  for (const auto part : {0, -1, 1'000'001}) {
    rows[0].batch_millionths = part;
    CAF_CHECK(!check_prices(rows));
  }
}
