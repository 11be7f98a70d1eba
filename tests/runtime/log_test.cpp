#define CAF_SUITE runtime_log

#include "runtime/log.hpp"

#include "actors/logging.hpp"
#include "tests/fixtures/captured_log.hpp"
#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/scratch_folder.hpp"

#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>

#include <iterator>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using nlohmann::json;

namespace {

/// The line without its first three members, which are as given.
json parsed(const std::string& sentence) {
  auto line = json::parse(runtime::json_line("2026-01-02T03:04:05.678Z", "info", "reaper", sentence));
  CAF_CHECK_EQUAL(line.value("at", ""), "2026-01-02T03:04:05.678Z");
  CAF_CHECK_EQUAL(line.value("level", ""), "info");
  CAF_CHECK_EQUAL(line.value("component", ""), "reaper");
  line.erase("at");
  line.erase("level");
  line.erase("component");
  return line;
}

struct row {
  std::string sentence;
  json expected;
};

} // namespace

CAF_TEST(facts at the end of a sentence become members) {
  const std::vector<row> table{
    {"", {{"message", ""}}},
    {"nothing to tell", {{"message", "nothing to tell"}}},
    {"reaper reclaimed stale tickets: reclaimed=3 poisoned=1",
     {{"message", "reaper reclaimed stale tickets"}, {"reclaimed", 3}, {"poisoned", 1}}},
    {"it ends: ticket=5 key=build.all class=content",
     {{"message", "it ends"}, {"ticket", 5}, {"key", "build.all"}, {"class", "content"}}},
    {"it ends: cause=\"no such file\" ticket=5",
     {{"message", "it ends"}, {"cause", "no such file"}, {"ticket", 5}}},
    {"it ends: ticket=5 cause=\"no such file\"",
     {{"message", "it ends"}, {"cause", "no such file"}, {"ticket", 5}}},
    {"it ends: key=\"\"", {{"message", "it ends"}, {"key", ""}}},
    {"it ends: key=", {{"message", "it ends"}, {"key", ""}}},
    {"no colon count=2", {{"message", "no colon"}, {"count", 2}}},
    {"a=1 in the middle is text", {{"message", "a=1 in the middle is text"}}},
    {"it ends: a=1 then text b=2", {{"message", "it ends: a=1 then text"}, {"b", 2}}},
    {"Heartbeat started (interval=30000ms, stale=5min)",
     {{"message", "Heartbeat started (interval=30000ms, stale=5min)"}}},
    {"=", {{"message", "="}}},
    {"\"", {{"message", "\""}}},
    {"=\"", {{"message", "=\""}}},
    {" =5", {{"message", " =5"}}},
    {"key=5", {{"message", "key=5"}}}, // a sentence needs a word
    {"he said \"no\"", {{"message", "he said \"no\""}}},
    {"UPPER=5", {{"message", "UPPER=5"}}},
    {"it ends: Upper=5", {{"message", "it ends: Upper=5"}}},
  };
  for (auto& x : table) {
    CAF_MESSAGE(x.sentence);
    CAF_CHECK_EQUAL(parsed(x.sentence).dump(), x.expected.dump());
  }
}

CAF_TEST(only whole numbers that fit are numbers) {
  const std::vector<std::pair<std::string, json>> table{
    {"0", 0}, {"-5", -5}, {"9223372036854775807", std::int64_t{9223372036854775807}},
    {"9223372036854775808", "9223372036854775808"}, {"5s", "5s"}, {"1.5", "1.5"}, {"+5", "+5"}, {"0x5", "0x5"},
    {"-", "-"}, {"true", "true"}, {"null", "null"},
  };
  for (auto& [text, value] : table)
    CAF_CHECK_EQUAL(parsed("it ends: x=" + text)["x"].dump(), value.dump());
}

CAF_TEST(what was quoted as a fact is read back) {
  const std::vector<std::string> values{
    "one", "two words", "a \"quoted\" word", "\"", "\\", "back\\slash and \\\" more", "a=b", "x=\"y\" z", " ", "= ",
    "ends with a backslash \\", "{\"json\": [1, 2]}", "a=1 b=2", "C:\\dir", "",
  };
  for (auto& value : values) {
    CAF_MESSAGE(value);
    auto line = parsed("it ends: before=1 cause=" + fact(value) + " after=2");
    CAF_CHECK_EQUAL(line.value("message", ""), "it ends");
    CAF_CHECK_EQUAL(line.value("cause", "missing"), value);
    CAF_CHECK_EQUAL(line.value("before", 0), 1);
    CAF_CHECK_EQUAL(line.value("after", 0), 2);
  }
}

CAF_TEST(a fact is one line) {
  CAF_CHECK_EQUAL(fact("first\nsecond\tthird"), "\"first second third\"");
  CAF_CHECK_EQUAL(fact("word"), "word");
  CAF_CHECK_EQUAL(fact(""), "\"\"");
}

CAF_TEST(bytes in any encoding make a line that can be read) {
  for (int c = 1; c < 256; ++c) {
    auto text = "it says: output=\"" + std::string(3, static_cast<char>(c)) + "x\"";
    CAF_CHECK(json::accept(runtime::json_line("now", "info", "log", text)));
  }
}

CAF_TEST(no more log files are kept than the configuration says) {
  for (int files_max : {1, 3}) {
    test::scratch_folder folder;
    const config::log_config config{"info", {}, "text", {}, 1024, files_max};
    CAF_REQUIRE(runtime::set_up_logging(config, folder.path() / "swarm.log", runtime::log_terminal::nothing));
    for (int i = 0; i < 200; ++i)
      logger_for("node")->info("a sentence that fills the file: line={}", i);
    CAF_CHECK_EQUAL(std::distance(std::filesystem::directory_iterator{folder.path()}, {}), files_max);
    spdlog::drop_all();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("nothing"));
  }
}

CAF_TEST(a secret stands in no line whoever wrote it) {
  test::scratch_folder folder;
  auto redactor = std::make_shared<const redact::redactor>(*redact::redactor::build({{"HORSE", "correct horse"}}));
  for (auto format : {"text", "json"}) {
    auto file = folder.path() / format;
    CAF_REQUIRE(runtime::set_up_logging({"info", {}, format, {}, 1u << 20, 1}, file, runtime::log_terminal::nothing, redactor));
    logger_for("node")->info("it says correct horse: key={}", fact("correct horse"));
    auto line = test::read_all(file);
    CAF_CHECK(line.find("it says [redacted:HORSE]") != std::string::npos);
    CAF_CHECK(line.find("correct") == std::string::npos);
    spdlog::drop_all();
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("nothing"));
  }
}

CAF_TEST(an outage is told when it begins and when it is over) {
  test::captured_log log;
  outage_log outage{"store"};
  outage.is_over("store is back");
  CAF_CHECK(log.lines().empty());
  for (int i = 0; i < 3; ++i)
    outage.begins("store lost the database", make_error(errc::database_unavailable, "it is away"));
  outage.is_over("store is back");
  outage.is_over("store is back");
  outage.begins("store lost the database", make_error(errc::database_unavailable, "again"));
  CAF_CHECK_EQUAL(log.lines(),
                  (std::vector<std::string>{"warning store: store lost the database: cause=\"it is away\"",
                                            "info store: store is back",
                                            "warning store: store lost the database: cause=again"}));
}
