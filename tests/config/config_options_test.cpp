#define CAF_SUITE config_options

#include "config/options.hpp"
#include "messages/error.hpp"

#include <algorithm>
#include <set>

#include "tests/fixtures/caf_test.hpp"

using namespace std::chrono_literals;
using namespace swarm::config;

namespace {

std::string sentence_of(std::string_view key, std::string_view text) {
  const auto* x = find_option(key);
  if (!x)
    return "no such option";
  const auto value = parse_value(*x, text);
  return value ? format_value(*value) : swarm::render(value.error());
}

struct row {
  std::string_view key;
  std::string_view text;
  std::string result; // The value as it is written, or the sentence of the error.
};

} // namespace

CAF_TEST(every option has a unique key and variable and a sentence) {
  std::set<std::string> keys;
  std::set<std::string> variables;
  for (const auto& x : options()) {
    CAF_MESSAGE(x.key);
    CAF_CHECK(keys.insert(x.key).second);
    CAF_CHECK(variables.insert(x.environment_name()).second);
    CAF_CHECK_EQUAL(std::count(x.key.begin(), x.key.end(), '.'), 1);
    CAF_CHECK_EQUAL(std::string{x.section()} + "." + std::string{x.name()}, x.key);
    CAF_CHECK(x.sentence.ends_with("."));
    CAF_CHECK_EQUAL(x.type == option_type::integer, !x.unit.empty());
    CAF_CHECK(find_option(x.key) == &x);
  }
  CAF_CHECK(find_option("heartbeat.intervall") == nullptr);
}

CAF_TEST(options of a section stand together) {
  std::set<std::string_view> seen;
  std::string_view section;
  for (const auto& x : options()) {
    if (x.section() != section)
      CAF_CHECK(seen.insert(x.section()).second);
    section = x.section();
  }
}

CAF_TEST(every default and every bound is a value that the option accepts) {
  for (const auto& x : options()) {
    CAF_MESSAGE(x.key);
    const auto error = check_value(x, x.initial);
    CAF_CHECK_EQUAL(error ? swarm::render(error) : "", "");
    CAF_CHECK_EQUAL(x.initial.index(), x.min.index());
    CAF_CHECK(x.min <= x.max);
    CAF_CHECK(!check_value(x, x.min));
    CAF_CHECK(!check_value(x, x.max));
  }
}

CAF_TEST(a default is written as it is read) {
  for (const auto& x : options())
    CAF_CHECK_EQUAL(sentence_of(x.key, format_value(x.initial)), format_value(x.initial));
}

CAF_TEST(every option is bound to a member of its own) {
  // Sets one option at a time and looks at all, so that two rows with the same member are noticed.
  for (const auto& changed : options()) {
    CAF_MESSAGE(changed.key);
    node_config values;
    auto value = changed.initial;
    if (std::holds_alternative<std::string>(value))
      value = std::string{"other"};
    else if (std::holds_alternative<std::filesystem::path>(value))
      value = std::filesystem::path{"other"};
    else if (std::holds_alternative<std::vector<std::string>>(value))
      value = std::vector<std::string>{"other"};
    else if (std::holds_alternative<std::map<std::string, std::string>>(value))
      value = std::map<std::string, std::string>{{"other", "debug"}};
    else
      value = changed.max;
    changed.set(values, value);
    for (const auto& x : options())
      CAF_CHECK(x.get(values) == (x.key == changed.key ? value : x.initial));
  }
}

CAF_TEST(the defaults are those of the earlier engine) {
  const node_config values;
  CAF_CHECK(values.heartbeat.interval == 30s);
  CAF_CHECK(values.heartbeat.stale_after == 5min);
  CAF_CHECK(values.reaper.interval == 60s);
  CAF_CHECK_EQUAL(values.node.queues, std::vector<std::string>{"default"});
  CAF_CHECK_EQUAL(values.node.slots, 4);
  CAF_CHECK_EQUAL(values.command.output_tail, 192u << 10);
  CAF_CHECK_EQUAL(values.log.level, "info");
}

CAF_TEST(the variable of an option follows from its key) {
  CAF_CHECK_EQUAL(find_option("heartbeat.interval")->environment_name(), "SWARM_HEARTBEAT_INTERVAL");
  CAF_CHECK_EQUAL(find_option("log.file_size_max")->environment_name(), "SWARM_LOG_FILE_SIZE_MAX");
}

CAF_TEST(texts become values or sentences that name the remedy) {
  const std::vector<row> rows{
    {"node.slots", "8", "8"},
    {"node.slots", "four", "node.slots must be an integer, got 'four'"},
    {"node.slots", "", "node.slots must be an integer, got ''"},
    {"node.slots", "4.0", "node.slots must be an integer, got '4.0'"},
    {"node.slots", " 4", "node.slots must be an integer, got ' 4'"},
    {"node.slots", "0", "node.slots must be between 1 and 10000, got 0"},
    {"node.slots", "-1", "node.slots must be between 1 and 10000, got -1"},
    {"node.slots", "99999999999", "node.slots must be between 1 and 10000, got '99999999999'"},
    {"heartbeat.interval", "10s", "10s"},
    {"heartbeat.interval", "30",
     "heartbeat.interval: '30' has no unit, write for example 30s, 250ms, 5m, 1h or 2d"},
    {"heartbeat.interval", "1h", "heartbeat.interval must be between 100ms and 10m, got 1h"},
    {"heartbeat.interval", "99ms", "heartbeat.interval must be between 100ms and 10m, got 99ms"},
    {"ticket.timeout", "0", "0s"},
    {"ticket.timeout", "31d", "ticket.timeout must be between 0s and 30d, got 31d"},
    {"command.output_head", "1GiB", "command.output_head must be between 0B and 16MiB, got 1GiB"},
    {"log.format", "json", "json"},
    {"log.format", "xml", "log.format must be text or json, got 'xml'"},
    {"log.level", "warning", "log.level must be trace, debug, info, warn, error or off, got 'warning'"},
    {"log.level", "inof",
     "log.level must be trace, debug, info, warn, error or off, got 'inof', did you mean 'info'?"},
    {"node.queues", "a, b,c", "a,b,c"},
    {"node.queues", "", "node.queues must hold at least one name"},
    {"node.queues", "a,,b", "node.queues holds the name ''; names are 1 to 63 letters, digits, '_', '-' or '.'"},
    {"node.queues", "a b", "node.queues holds the name 'a b'; names are 1 to 63 letters, digits, '_', '-' or '.'"},
    {"node.queues", "a,b,a", "node.queues holds the name 'a' twice"},
    {"node.queues", "a b,c,c,d/e", "node.queues holds the name 'a b'; holds the name 'c' twice; holds the name 'd/e'; "
                                   "names are 1 to 63 letters, digits, '_', '-' or '.'"},
    {"log.levels", "", ""},
    {"log.levels", "store=debug, reaper = warn", "reaper=warn,store=debug"},
    {"log.levels", "store", "log.levels must be written as store=debug,reaper=warn, got 'store'"},
    {"log.levels", "stroe=debug", "log.levels names 'stroe', which no component is called, did you mean 'store'?"},
    {"log.levels", "store=debug,store=info", "log.levels holds the name 'store' twice"},
    {"log.levels", "stroe=debug,reaper=loud",
     "log.levels gives 'reaper' a level that must be trace, debug, info, warn, error or off, got 'loud'; names 'stroe', "
     "which no component is called, did you mean 'store'?"},
    {"log.levels", "store=debgu",
     "log.levels gives 'store' a level that must be trace, debug, info, warn, error or off, got 'debgu', "
     "did you mean 'debug'?"},
    {"node.name", "a\tb", "node.name must not hold control characters"},
    {"log.file", "a\nb", "log.file must not hold control characters"},
    {"database.url", "password=secret\n", "database.url must not hold control characters"},
  };
  for (const auto& row : rows)
    CAF_CHECK_EQUAL(sentence_of(row.key, row.text), row.result);
}
