#define CAF_SUITE config_price_file

#include "config/price_file.hpp"

#include "tests/fixtures/scratch_folder.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace std::chrono;

namespace {

struct fixture {
  test::scratch_folder folder;

  /// What is wrong with such a file; "right" if nothing is.
  std::string problem(const std::string& text) {
    config::problems found;
    const auto table = config::load_prices(folder.write("prices.yaml", text), found);
    CAF_CHECK_EQUAL(table.has_value(), found.empty());
    auto result = found.empty() ? "right" : config::to_string(found);
    if (const auto place = result.find("prices.yaml"); place != std::string::npos)
      result.erase(0, place);
    return result;
  }
};

constexpr auto five = "input: 1, output: 2, cache_write_5m: 3, cache_write_1h: 4, cache_read: 0.000005";

} // namespace

CAF_TEST_FIXTURE_SCOPE(config_price_file_tests, fixture)

CAF_TEST(the prices that came with the program are there and not free) {
  config::problems found;
  const auto table = config::load_prices({}, found);
  CAF_CHECK_EQUAL(config::to_string(found), "");
  CAF_REQUIRE(table);
  const sys_days date{year_month_day{year{2026}, month{11}, day{29}}};
  for (const auto* model : {"claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"}) {
    const auto* price = find_price(*table, model, date, 1'000);
    CAF_REQUIRE(price != nullptr);
    CAF_CHECK(std::min({price->input, price->output, price->cache_write_5m, price->cache_write_1h, price->cache_read}) > 0);
  }
  CAF_CHECK_EQUAL(find_price(*table, "claude-haiku-5-5", date, 200'000)->output, 2'500'000);
}

CAF_TEST(prices are dollars with six decimals) {
  config::problems found;
  const auto file = folder.write("p.yaml", std::string{"m:\n  - {from: 2026-09-22, prompt_over: 0, "} + five + "}\n");
  const auto table = config::load_prices(file, found);
  CAF_CHECK_EQUAL(config::to_string(found), "");
  CAF_REQUIRE(table);
  CAF_REQUIRE_EQUAL(table->size(), 1u);
  const auto& x = table->front();
  CAF_CHECK_EQUAL(x.model, "m");
  CAF_CHECK((x.effective_from == sys_days{year_month_day{year{2026}, month{9}, day{22}}}));
  CAF_CHECK_EQUAL(x.input, 1'000'000);
  CAF_CHECK_EQUAL(x.cache_read, 5);
  CAF_CHECK_EQUAL(x.batch_millionths, 500'000);
}

CAF_TEST(what is wrong is named with its place) {
  const auto row = [](const std::string& fields) { return "m:\n  - {" + fields + "}\n"; };
  const std::string decimals = "must be dollars per million tokens, with at most six decimals, as in 0.125";
  const std::vector<std::pair<std::string, std::string>> rows{
    {row(std::string{"from: 2026-09-22, "} + five), "right"},
    {"# nothing\n", "prices.yaml: holds no prices, only comments or blank lines"},
    {"[]\n", "prices.yaml:1:1: a price file is a map from models to lists of prices"},
    {"m: 7\n", "prices.yaml:1:1: 'm' needs a list of prices, as in [{from: 2026-09-22, input: 4, ...}]"},
    {"m: [7]\n", "prices.yaml:1:5: a price must be a map, as in {from: 2026-09-22, input: 4, ...}"},
    {row(five), "prices.yaml:2:5: 'm': from must be a day, as in 2026-09-22"},
    {row(std::string{"from: 2026-02-30, "} + five), "prices.yaml:2:12: 'm': from must be a day, as in 2026-09-22"},
    {row("from: 2026-09-22, input: 1, output: 2, cache_write_5m: 3, cache_write_1h: 4"),
     "prices.yaml:2:5: 'm': cache_read " + decimals},
    {row(std::string{"from: 2026-09-22, surcharge: 1, "} + five),
     "prices.yaml:2:24: 'm': unknown key 'surcharge', known are from, prompt_over, batch, input, output, cache_write_5m, "
     "cache_write_1h, cache_read"},
    {row(std::string{"from: 2026-09-22, batch: 0.25, "} + five), "right"},
    {row(std::string{"from: 2026-09-22, batch: 1.1, "} + five),
     "prices.yaml:2:31: 'm': batch must be the part of the prices that a batch pays, as in 0.5"},
    {row(std::string{"from: 2026-09-22, batch: 0, "} + five),
     "prices.yaml:2:31: 'm': batch must be the part of the prices that a batch pays, as in 0.5"},
    {row(std::string{"from: 2026-09-22, prompt_over: 5, "} + five),
     "prices.yaml: model 'm' on 2026-09-22: a row with prompt_tokens_over 0 is missing, so that short prompts have no price"},
  };
  for (const auto& [text, sentence] : rows)
    CAF_CHECK_EQUAL(problem(text), sentence);
  for (const auto* price : {"-1", "1e3", "1.0000001", ".5", "1.", "99999999", "1000001", "''", "free"})
    CAF_CHECK(problem(row("from: 2026-09-22, output: 2, cache_write_5m: 3, cache_write_1h: 4, cache_read: 1, input: "
                          + std::string{price}))
                .ends_with("'m': input " + decimals));
}

CAF_TEST_FIXTURE_SCOPE_END()
