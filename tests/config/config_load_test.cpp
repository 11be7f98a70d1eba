#define CAF_SUITE config_load

#include "config/load_config.hpp"
#include "config/options.hpp"
#include "config/render.hpp"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "tests/fixtures/caf_test.hpp"

using namespace std::chrono_literals;
using namespace swarm::config;

namespace {

struct fixture {
  fixture() {
    folder = std::filesystem::temp_directory_path() / "swarm-config-XXXXXX";
    auto text = folder.string();
    if (!::mkdtemp(text.data()))
      CAF_FAIL("cannot make a folder for the files of this test");
    folder = text;
  }

  ~fixture() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  std::filesystem::path write(const std::string& text, const std::string& name = "swarm.yaml") {
    std::ofstream{folder / name} << text;
    return folder / name;
  }

  // All problems in order of place, or "loaded". The folder's name is left out.
  std::string load(const config_sources& sources) {
    problems found;
    loaded = load_config(sources, found);
    if (loaded && found.empty())
      return "loaded";
    if (loaded)
      return "loaded in spite of problems";
    auto result = to_string(found);
    const auto prefix = folder.string() + "/";
    for (auto at = result.find(prefix); at != std::string::npos; at = result.find(prefix))
      result.erase(at, prefix.size());
    return result;
  }

  std::string load_text(const std::string& text) {
    config_sources sources;
    sources.file = write(text);
    return load(sources);
  }

  std::string origin(const std::string& key) const {
    const auto result = loaded->origins.at(key);
    const auto prefix = folder.string() + "/";
    return result.starts_with(prefix) ? result.substr(prefix.size()) : result;
  }

  std::filesystem::path folder;
  std::optional<loaded_config> loaded;
};

struct row {
  std::string text;
  std::string result;
};

// A value that each layer can set and that isn't the default.
std::string other_value(const option& x) {
  switch (x.type) {
    case option_type::integer:
    case option_type::duration:
    case option_type::size: return x.key == "database.statement_timeout" ? "50s" : format_value(x.max);
    case option_type::choice: return std::string{x.choices.back()};
    case option_type::text: return "other";
    case option_type::path: return "/other";
    case option_type::names: return "other,another";
    case option_type::levels: return "reaper=debug,store=warn";
  }
  return "";
}

std::string as_yaml(const option& x, const std::string& text) {
  if (x.type == option_type::names)
    return "[" + text + "]";
  if (x.type == option_type::levels)
    return "{reaper: debug, store: warn}";
  return text;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(config_load_tests, fixture)

CAF_TEST(without any source the defaults hold) {
  CAF_REQUIRE_EQUAL(load({}), "loaded");
  for (const auto& x : options()) {
    CAF_CHECK(x.get(loaded->values) == x.initial);
    CAF_CHECK_EQUAL(origin(x.key), "default");
  }
  CAF_CHECK_EQUAL(loaded->file, std::filesystem::path{});
}

CAF_TEST(each layer reaches each option and a later one wins) {
  for (const auto& x : options()) {
    CAF_MESSAGE(x.key);
    const auto other = other_value(x);
    const auto initial = format_value(x.initial);
    config_sources sources;
    // Flags that let every other value go together with them.
    for (const std::string key : {"heartbeat.stale_after", "database.reconnect_max", "retry.backoff_max",
                                  "retry.deferral_max", "breaker.pause_max", "reaper.grace", "supervisor.backoff_max"})
      if (x.key != key)
        sources.flags.emplace_back(key, format_value(find_option(key)->max));
    if (x.key != "database.statement_timeout") // its greatest value is too much for any supervisor.stuck_after
      sources.flags.emplace_back("database.statement_timeout", "100ms");
    sources.file = write(std::string{x.section()} + ":\n  " + std::string{x.name()} + ": " + as_yaml(x, other) + "\n");
    CAF_REQUIRE_EQUAL(load(sources), "loaded");
    CAF_CHECK_EQUAL(format_value(x.get(loaded->values)), other);
    CAF_CHECK_EQUAL(origin(x.key), "swarm.yaml:2");

    sources.environment[x.environment_name()] = initial;
    CAF_REQUIRE_EQUAL(load(sources), "loaded");
    CAF_CHECK_EQUAL(format_value(x.get(loaded->values)), initial);
    CAF_CHECK_EQUAL(origin(x.key), x.environment_name());

    sources.flags.emplace_back(x.key, other);
    CAF_REQUIRE_EQUAL(load(sources), "loaded");
    CAF_CHECK_EQUAL(format_value(x.get(loaded->values)), other);
    CAF_CHECK_EQUAL(origin(x.key), "--" + x.key);
  }
}

CAF_TEST(of a repeated flag the last counts) {
  config_sources sources;
  sources.flags = {{"node.slots", "7"}, {"node.slots", "8"}};
  CAF_REQUIRE_EQUAL(load(sources), "loaded");
  CAF_CHECK_EQUAL(loaded->values.node.slots, 8);
}

CAF_TEST(a named file must exist and a candidate need not) {
  config_sources sources;
  sources.candidates = {folder / "none.yaml", write("node: {slots: 5}\n", "first.yaml"),
                        write("node: {slots: 6}\n", "second.yaml")};
  CAF_REQUIRE_EQUAL(load(sources), "loaded");
  CAF_CHECK_EQUAL(loaded->values.node.slots, 5);
  CAF_CHECK_EQUAL(loaded->file, folder / "first.yaml");
  sources.file = folder / "none.yaml";
  CAF_CHECK_EQUAL(load(sources), "none.yaml: there is no such file; check the path");
}

CAF_TEST(sections without keys and files of comments change nothing) {
  CAF_CHECK_EQUAL(load_text("# nothing yet\n"), "loaded");
  CAF_CHECK_EQUAL(load_text("node:\nheartbeat:\n  # interval: 30s\n"), "loaded");
  CAF_CHECK_EQUAL(load_text("{}\n"), "loaded");
}

CAF_TEST(a wrong file is refused with the place and the remedy) {
  const std::vector<row> rows{
    {"hartbeat: {interval: 30s}", "swarm.yaml:1:1: unknown section 'hartbeat', did you mean 'heartbeat'?"},
    {"heartbeat: {intervall: 30s}",
     "swarm.yaml:1:13: unknown key 'heartbeat.intervall', did you mean 'heartbeat.interval'?"},
    {"heartbeat: {colour: red}",
     "swarm.yaml:1:13: unknown key 'heartbeat.colour', known in this section are interval, stale_after"},
    {"heartbeat.interval: 30s",
     "swarm.yaml:1:1: unknown section 'heartbeat.interval', write 'interval' inside the section 'heartbeat'"},
    {"colour: red",
     "swarm.yaml:1:1: unknown section 'colour', known are database, postgres, node, dispatcher, heartbeat, reaper, "
     "scheduler, cascade, sealer, pruner, completer, retry, breaker, ticket, command, workspaces, secrets, claude, supervisor, "
     "log"},
    {"heartbeat: 30s", "swarm.yaml:1:12: 'heartbeat' is a section and holds keys, got text"},
    {"heartbeat: [30s]", "swarm.yaml:1:12: 'heartbeat' is a section and holds keys, got a list"},
    {"- heartbeat", "swarm.yaml:1:1: a configuration holds sections such as 'heartbeat: {interval: 30s}', got a list"},
    {"heartbeat", "swarm.yaml:1:1: a configuration holds sections such as 'heartbeat: {interval: 30s}', got text"},
    {"node:\n  slots: four", "swarm.yaml:2:10: node.slots must be an integer, got 'four'"},
    {"node:\n  slots: [4]", "swarm.yaml:2:10: node.slots must be an integer, got a list"},
    {"node:\n  slots: {a: 4}", "swarm.yaml:2:10: node.slots must be an integer, got keys"},
    {"node:\n  slots:", "swarm.yaml:2:3: node.slots has no value, remove the key to get the default"},
    {"node:\n  slots: 0", "swarm.yaml:2:10: node.slots must be between 1 and 10000, got 0"},
    {"node:\n  queues: default",
     "swarm.yaml:2:11: node.queues must be a list of names such as [default, build], got text"},
    {"node:\n  queues: [a, [b]]", "swarm.yaml:2:11: node.queues must hold only names, got a list in their midst"},
    {"node:\n  queues: []", "swarm.yaml:2:11: node.queues must hold at least one name"},
    {"heartbeat:\n  interval: 30",
     "swarm.yaml:2:13: heartbeat.interval: '30' has no unit, write for example 30s, 250ms, 5m, 1h or 2d"},
    {"heartbeat:\n  interval: [30s]", "swarm.yaml:2:13: heartbeat.interval must be a duration such as 30s, got a list"},
    {"heartbeat:\n  interval: 1h", "swarm.yaml:2:13: heartbeat.interval must be between 100ms and 10m, got 1h"},
    {"log:\n  file_size_max: 16",
     "swarm.yaml:2:18: log.file_size_max: '16' has no unit, write for example 512B, 64KiB, 16MiB or 1GiB"},
    {"log:\n  levels: debug",
     "swarm.yaml:2:11: log.levels must be levels of components such as {store: debug}, got text"},
    {"log:\n  levels: {store: [debug]}",
     "swarm.yaml:2:11: log.levels must hold only names and levels, such as {store: debug}"},
    {"log:\n  levels: {store: loud}",
     "swarm.yaml:2:11: log.levels gives 'store' a level that must be trace, debug, info, warn, error or off, got 'loud'"},
    {"node:\n  slots: 4\n  slots: 5", "swarm.yaml:3:3: duplicate key 'slots', it is already on line 2"},
    {"node: {slots: 4}\nnode: {slots: 4}", "swarm.yaml:2:1: duplicate key 'node', it is already on line 1"},
  };
  for (const auto& row : rows) {
    CAF_MESSAGE(row.text);
    CAF_CHECK_EQUAL(load_text(row.text), row.result);
  }
}

CAF_TEST(everything that is wrong in any layer is reported at once in order of place) {
  config_sources sources;
  sources.file = write("node:\n"
                       "  slots: many\n"
                       "  quues: [default]\n"
                       "heartbeat: {interval: 30, stale_after: 2d}\n"
                       "reaper:\n"
                       "  batch: 10\n"
                       "  batch: -1\n"
                       "logg: {}\n");
  sources.environment = {{"SWARM_LOG_LEVEL", "loud"}, {"SWARM_HEARTBEAT_INTERVALL", "30s"}};
  sources.flags = {{"retry.backoff_max", "1ms"}, {"node.slot", "4"}, {"node.slots", "5"}};
  CAF_CHECK_EQUAL(
    load(sources),
    "--node.slot: no option has this flag, did you mean '--node.slots'?\n"
    "--retry.backoff_max: retry.backoff_max = 1ms (--retry.backoff_max) must be at least "
    "retry.backoff_first = 1s (default): pauses only grow\n"
    "swarm.yaml:2:10: node.slots must be an integer, got 'many'\n"
    "swarm.yaml:3:3: unknown key 'node.quues', did you mean 'node.queues'?\n"
    "swarm.yaml:4:23: heartbeat.interval: '30' has no unit, write for example 30s, 250ms, 5m, 1h or 2d\n"
    "swarm.yaml:4:40: heartbeat.stale_after must be between 1s and 1d, got 2d\n"
    "swarm.yaml:7:3: duplicate key 'batch', it is already on line 6\n"
    "swarm.yaml:7:10: reaper.batch must be between 1 and 100000, got -1\n"
    "swarm.yaml:8:1: unknown section 'logg', did you mean 'log'?\n"
    "SWARM_HEARTBEAT_INTERVALL: no option has this variable, did you mean 'SWARM_HEARTBEAT_INTERVAL'?\n"
    "SWARM_LOG_LEVEL: log.level must be trace, debug, info, warn, error or off, got 'loud'");
}

CAF_TEST(variables that resemble an option are refused and others are not ours) {
  const std::vector<row> rows{
    {"SWARM_NODE_SLOT", "SWARM_NODE_SLOT: no option has this variable, did you mean 'SWARM_NODE_SLOTS'?"},
    {"SWARM_NODE_COLOUR",
     "SWARM_NODE_COLOUR: no option has this variable, unset it or see swarm config reference"},
    {"SWARM_HOME", "loaded"},
    {"SWARM_CONFIG", "loaded"},
    {"SWARM_BINARY", "loaded"},
    {"SWARM_TICKET", "loaded"},
    {"SWARM_ATTEMPT", "loaded"},
    {"SWARM_FENCE", "loaded"},
    {"SWARM_WORKSPACE", "loaded"},
    {"SWARM_TEST_BACKOFF_MAX", "loaded"},
    {"SWARM_COLOUR", "loaded"},
    {"NODE_SLOT", "loaded"},
  };
  for (const auto& row : rows) {
    config_sources sources;
    sources.environment[row.text] = "5";
    CAF_CHECK_EQUAL(load(sources), row.result);
  }
}

CAF_TEST(values that are right alone and wrong together are refused with both and where they came from) {
  CAF_CHECK_EQUAL(load_text("heartbeat:\n  stale_after: 1m\n"),
                  "swarm.yaml:2:16: heartbeat.stale_after = 1m (swarm.yaml:2) must be at least 3 times "
                  "heartbeat.interval = 30s (default): "
                  "a late heartbeat or two must not cost a living worker its tickets\n"
                  "swarm.yaml:2:16: heartbeat.stale_after = 1m (swarm.yaml:2) must be more than 2 times "
                  "database.idle_in_transaction_timeout = 30s (default): "
                  "a hung transaction must end before it can hold up a reclaim");
  config_sources sources;
  sources.environment["SWARM_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT"] = "150s";
  CAF_CHECK_EQUAL(load(sources),
                  "SWARM_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT: heartbeat.stale_after = 5m (default) must be more than "
                  "2 times database.idle_in_transaction_timeout = 2m30s (SWARM_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT): "
                  "a hung transaction must end before it can hold up a reclaim");
  sources.environment["SWARM_DATABASE_IDLE_IN_TRANSACTION_TIMEOUT"] = "149999ms";
  CAF_CHECK_EQUAL(load(sources), "loaded");
  CAF_CHECK_EQUAL(load_text("heartbeat: {interval: 30s, stale_after: 90s}\n"
                            "database: {idle_in_transaction_timeout: 10s}\n"),
                  "loaded");
  CAF_CHECK_EQUAL(load_text("retry: {backoff_first: 2s, backoff_max: 2s}\n"), "loaded");
  CAF_CHECK_EQUAL(load_text("retry: {backoff_first: 2s, backoff_max: 1999ms}\n"),
                  "swarm.yaml:1:41: retry.backoff_max = 1s999ms (swarm.yaml:1) must be at least "
                  "retry.backoff_first = 2s (swarm.yaml:1): pauses only grow");
  CAF_CHECK_EQUAL(load_text("reaper: {grace: 1m}\n"), "loaded");
  CAF_CHECK_EQUAL(load_text("reaper: {grace: 59s}\n"),
                  "swarm.yaml:1:17: reaper.grace = 59s (swarm.yaml:1) must be at least 2 times heartbeat.interval = 30s "
                  "(default): the database learns of progress by heartbeats, and one may be late");
}

CAF_TEST(a value that could not be read is not compared with others) {
  CAF_CHECK_EQUAL(load_text("heartbeat: {interval: 5, stale_after: 45s}\n"
                            "database: {idle_in_transaction_timeout: 10s}\n"),
                  "swarm.yaml:1:23: heartbeat.interval: '5' has no unit, write for example 30s, 250ms, 5m, 1h or 2d");
}

CAF_TEST(a relative path in the file is taken from the folder of the file) {
  config_sources sources;
  sources.file = write("log: {file: logs/node.log}\npostgres: {bin_dir: /usr/bin}\n");
  CAF_REQUIRE_EQUAL(load(sources), "loaded");
  CAF_CHECK_EQUAL(loaded->values.log.file, folder / "logs/node.log");
  CAF_CHECK_EQUAL(loaded->values.postgres.bin_dir, "/usr/bin");
  sources.flags = {{"log.file", "other.log"}};
  CAF_REQUIRE_EQUAL(load(sources), "loaded");
  CAF_CHECK_EQUAL(loaded->values.log.file, "other.log");
}

CAF_TEST(no prefix of the example and no single changed byte crashes the loader) {
  const auto text = example_yaml();
  for (std::size_t length = 0; length < text.size(); length += 41)
    CAF_CHECK(!load_text(text.substr(0, length)).empty());
  for (std::size_t at = 0; at < text.size(); at += 101) {
    for (const char c : {'\0', '[', '{', ':', '&', '*', '!', '"', '\n', '\xff', '-'}) {
      auto changed = text;
      changed[at] = c;
      CAF_CHECK(!load_text(changed).empty());
    }
  }
}

CAF_TEST(only variables of swarm are taken from the environment of the process) {
  ::setenv("SWARM_TEST_MARK", "a=b", 1);
  ::setenv("NOT_SWARM_TEST_MARK", "x", 1);
  const auto variables = swarm_environment();
  ::unsetenv("SWARM_TEST_MARK");
  ::unsetenv("NOT_SWARM_TEST_MARK");
  CAF_CHECK_EQUAL(variables.at("SWARM_TEST_MARK"), "a=b");
  for (const auto& [name, text] : variables)
    CAF_CHECK(name.starts_with("SWARM_"));
}

CAF_TEST_FIXTURE_SCOPE_END()
