#define CAF_SUITE config_values

#include "config/values.hpp"
#include "messages/error.hpp"

#include <limits>

#include "tests/fixtures/caf_test.hpp"

using namespace std::chrono_literals;
using namespace swarm::config;
using std::chrono::milliseconds;

namespace {

struct duration_row {
  std::string text;
  milliseconds value;
  std::string canonical;
};

struct size_row {
  std::string text;
  std::uint64_t value;
  std::string canonical;
};

struct wrong_row {
  std::string text;
  std::string sentence;
};

template <class T>
std::string sentence_of(const caf::expected<T>& x) {
  return x ? "no error" : swarm::render(x.error());
}

} // namespace

CAF_TEST(durations are read and written in the units of people) {
  const std::vector<duration_row> rows{
    {"0", 0ms, "0s"},
    {"0s", 0ms, "0s"},
    {"250ms", 250ms, "250ms"},
    {"30s", 30s, "30s"},
    {"90s", 90s, "1m30s"},
    {"5m", 5min, "5m"},
    {"1h30m", 90min, "1h30m"},
    {"2d", 48h, "2d"},
    {"1d2h3m4s5ms", 26h + 3min + 4s + 5ms, "1d2h3m4s5ms"},
    {"0007s", 7s, "7s"},
    {"1h0m5s", 1h + 5s, "1h5s"},
    {"106751d", 106751 * 24h, "106751d"},
  };
  for (const auto& row : rows) {
    const auto value = parse_duration(row.text);
    CAF_REQUIRE_EQUAL(sentence_of(value), "no error");
    CAF_CHECK_EQUAL(value->count(), row.value.count());
    CAF_CHECK_EQUAL(format_duration(*value), row.canonical);
  }
}

CAF_TEST(what is no duration is refused with a sentence) {
  const std::vector<wrong_row> rows{
    {"", "'' is not a duration, write for example 30s or 1h30m"},
    {"s", "'s' is not a duration, write for example 30s or 1h30m"},
    {"-5s", "'-5s' is not a duration, write for example 30s or 1h30m"},
    {" 5s", "' 5s' is not a duration, write for example 30s or 1h30m"},
    {"30", "'30' has no unit, write for example 30s, 250ms, 5m, 1h or 2d"},
    {"1h30", "'30' has no unit, write for example 30s, 250ms, 5m, 1h or 2d"},
    {"30sec", "'30sec' has the unknown unit 'sec', known are ms, s, m, h and d"},
    {"30S", "'30S' has the unknown unit 'S', known are ms, s, m, h and d"},
    {"1.5h", "'1.5h' has the unknown unit '.', known are ms, s, m, h and d"},
    {"5s ", "'5s ' has the unknown unit 's ', known are ms, s, m, h and d"},
    {"30m1h", "'30m1h' must go from the largest unit to the smallest, each once, as in 1h30m"},
    {"1s1s", "'1s1s' must go from the largest unit to the smallest, each once, as in 1h30m"},
    {"106752d", "'106752d' is too long, 100000d is possible"},
    {"106751d24h", "'106751d24h' is too long, 100000d is possible"},
    {"99999999999999999999ms", "'99999999999999999999ms' is too long, 100000d is possible"},
    {"18446744073709551615d", "'18446744073709551615d' is too long, 100000d is possible"},
    {std::string("5\0s", 3), "'5?s' has the unknown unit '?s', known are ms, s, m, h and d"},
  };
  for (const auto& row : rows) {
    const auto value = parse_duration(row.text);
    CAF_CHECK_EQUAL(sentence_of(value), row.sentence);
    CAF_CHECK(!value && swarm::code_of(value.error()) == swarm::errc::invalid_input);
  }
}

CAF_TEST(every duration survives being written and read) {
  for (std::int64_t x = 1; x < 9'000'000'000'000; x = x * 7 + 3) {
    const auto value = parse_duration(format_duration(milliseconds{x}));
    CAF_REQUIRE_EQUAL(sentence_of(value), "no error");
    CAF_CHECK_EQUAL(value->count(), x);
  }
}

CAF_TEST(durations that no text stands for can be shown) {
  CAF_CHECK_EQUAL(format_duration(-90s), "-1m30s");
  CAF_CHECK_EQUAL(format_duration(milliseconds::min()), "-106751991167d7h12m55s808ms");
}

CAF_TEST(sizes are read and written in the units of people) {
  const std::vector<size_row> rows{
    {"0", 0, "0B"},
    {"0KiB", 0, "0B"},
    {"512B", 512, "512B"},
    {"1024B", 1024, "1KiB"},
    {"64KiB", 64u << 10, "64KiB"},
    {"16MiB", 16u << 20, "16MiB"},
    {"1GiB", 1u << 30, "1GiB"},
    {"2TiB", 2ull << 40, "2TiB"},
    {"1536KiB", 1536u << 10, "1536KiB"},
    {"1kB", 1000, "1000B"},
    {"3MB", 3'000'000, "3000000B"},
    {"1GB", 1'000'000'000, "1000000000B"},
    {"1024TB", 1'024'000'000'000'000, "976562500MiB"},
    {"18446744073709551615B", std::numeric_limits<std::uint64_t>::max(), "18446744073709551615B"},
    {"16777215TiB", 16'777'215ull << 40, "16777215TiB"},
  };
  for (const auto& row : rows) {
    const auto value = parse_size(row.text);
    CAF_REQUIRE_EQUAL(sentence_of(value), "no error");
    CAF_CHECK_EQUAL(*value, row.value);
    CAF_CHECK_EQUAL(format_size(*value), row.canonical);
    const auto again = parse_size(row.canonical);
    CAF_CHECK(again && *again == row.value);
  }
}

CAF_TEST(what is no size is refused with a sentence) {
  const std::vector<wrong_row> rows{
    {"", "'' is not a size, write for example 64KiB or 16MiB"},
    {"KiB", "'KiB' is not a size, write for example 64KiB or 16MiB"},
    {"-1B", "'-1B' is not a size, write for example 64KiB or 16MiB"},
    {"64", "'64' has no unit, write for example 512B, 64KiB, 16MiB or 1GiB"},
    {"64K", "'64K' has the unknown unit 'K', known are B, KiB, MiB, GiB, TiB, kB, MB, GB and TB"},
    {"64kib", "'64kib' has the unknown unit 'kib', known are B, KiB, MiB, GiB, TiB, kB, MB, GB and TB"},
    {"1GiB512MiB", "'1GiB512MiB' is not a size, write one number and one unit as in 64KiB"},
    {"16777216TiB", "'16777216TiB' is too large, 16777215TiB is possible"},
    {"18446744073709551616B", "'18446744073709551616B' is too large, 16777215TiB is possible"},
  };
  for (const auto& row : rows) {
    const auto value = parse_size(row.text);
    CAF_CHECK_EQUAL(sentence_of(value), row.sentence);
    CAF_CHECK(!value && swarm::code_of(value.error()) == swarm::errc::invalid_input);
  }
}

CAF_TEST(foreign text is shown without control characters and cut between characters) {
  CAF_CHECK_EQUAL(in_quotes("a\n\x1b[31mb"), "'a??[31mb'");
  CAF_CHECK_EQUAL(in_quotes(std::string(60, 'x')), "'" + std::string(60, 'x') + "'");
  CAF_CHECK_EQUAL(in_quotes(std::string(61, 'x')), "'" + std::string(60, 'x') + "...'");
  CAF_CHECK_EQUAL(in_quotes(std::string(59, 'x') + "\xc3\xa4 and more"), "'" + std::string(59, 'x') + "...'");
  // No character at all, only continuation bytes: still ends.
  CAF_CHECK_EQUAL(in_quotes(std::string(100, '\x80')), "'...'");
}
