#define CAF_SUITE config_render

#include "config/render.hpp"
#include "messages/mask_password.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::config;

namespace {

const auto example_file = std::filesystem::path{SWARM_SOURCE_DIR} / "config" / "swarm.example.yaml";

loaded_config load(const config_sources& sources) {
  problems found;
  auto result = load_config(sources, found);
  if (!result)
    CAF_FAIL(to_string(found));
  return std::move(*result);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> result;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);)
    result.push_back(line);
  return result;
}

struct row {
  std::string connection;
  std::string shown;
};

} // namespace

CAF_TEST(the example file of the source tree is the one that the table makes) {
  std::ifstream stream{example_file};
  const std::string text{std::istreambuf_iterator<char>{stream}, {}};
  if (text != example_yaml())
    CAF_FAIL("config/swarm.example.yaml differs from the table of options; make it anew with "
             "'swarm config example > config/swarm.example.yaml'");
  CAF_CHECK(!text.empty());
}

CAF_TEST(the example file sets every option to its default) {
  config_sources sources;
  sources.file = example_file;
  const auto loaded = load(sources);
  for (const auto& x : options()) {
    CAF_MESSAGE(x.key);
    CAF_CHECK(x.get(loaded.values) == x.initial);
    CAF_CHECK(loaded.origins.at(x.key).starts_with(example_file.string() + ":"));
  }
}

CAF_TEST(the example file explains an option by sentence and bounds) {
  const std::string entry = "heartbeat:\n"
                            "  # How often a node proves that it still works on its tickets.\n"
                            "  # Between 100ms and 10m.\n"
                            "  interval: 30s\n"
                            "\n";
  CAF_CHECK(example_yaml().find(entry) != std::string::npos);
  for (const auto& line : lines_of(example_yaml()))
    CAF_CHECK(line.size() <= 100);
}

CAF_TEST(the reference has one row of six cells for each option) {
  const auto lines = lines_of(reference_markdown());
  for (const auto& x : options()) {
    CAF_MESSAGE(x.key);
    const auto is_row = [&](const std::string& line) { return line.starts_with("| `" + x.key + "` |"); };
    CAF_REQUIRE_EQUAL(std::count_if(lines.begin(), lines.end(), is_row), 1);
    const auto line = *std::find_if(lines.begin(), lines.end(), is_row);
    CAF_CHECK_EQUAL(std::count(line.begin(), line.end(), '|'), 7);
    CAF_CHECK(line.find(x.sentence) != std::string::npos);
  }
  const std::string row = "| `node.slots` | INTEGER | `4` | between 1 and 10000 tickets | yes | "
                          "Tickets that run at once, per queue. |";
  CAF_CHECK(std::find(lines.begin(), lines.end(), row) != lines.end());
}

CAF_TEST(help tells sentence and bounds and default) {
  CAF_CHECK_EQUAL(help_text(*find_option("heartbeat.interval")),
                  "How often a node proves that it still works on its tickets. (between 100ms and 10m; default 30s)");
  CAF_CHECK_EQUAL(help_text(*find_option("log.format")),
                  "Lines for people or one JSON object per line. (text or json; default text)");
  CAF_CHECK_EQUAL(help_text(*find_option("log.file")), "Log file; empty for log/swarm.log in the home directory.");
}

CAF_TEST(printing shows each value and where it came from in columns) {
  config_sources sources;
  sources.environment = {{"SWARM_NODE_SLOTS", "8"}};
  sources.flags = {{"log.levels", "store=debug"}, {"database.url", "host=db password=secret dbname=tickets"}};
  const auto lines = lines_of(print_config(load(sources)));
  CAF_REQUIRE_EQUAL(lines.size(), options().size());
  const auto line_of = [&](const std::string& key) {
    const auto found = std::find_if(lines.begin(), lines.end(),
                                    [&](const std::string& line) { return line.starts_with(key + " "); });
    return found == lines.end() ? "no line" : *found;
  };
  CAF_CHECK_EQUAL(line_of("node.slots"), "node.slots                            8                          SWARM_NODE_SLOTS");
  CAF_CHECK_EQUAL(line_of("heartbeat.interval"), "heartbeat.interval                    30s                        default");
  CAF_CHECK_EQUAL(line_of("node.name"), "node.name                             \"\"                         default");
  CAF_CHECK_EQUAL(line_of("log.levels"), "log.levels                            store=debug                --log.levels");
  CAF_CHECK_EQUAL(line_of("database.url"),
                  "database.url                          host=db password=*** dbname=tickets  --database.url");
}

CAF_TEST(the JSON form keeps types and hides passwords) {
  config_sources sources;
  sources.flags = {{"database.url", "postgresql://me:secret@db/tickets"}, {"log.levels", "store=debug"},
                   {"node.name", "bad\xff"}};
  const auto text = print_config_json(load(sources));
  const auto json = nlohmann::json::parse(text);
  CAF_CHECK_EQUAL(json.size(), options().size());
  CAF_CHECK_EQUAL(json["node.slots"].dump(), R"({"origin":"default","value":4})");
  CAF_CHECK_EQUAL(json["node.queues"]["value"].dump(), R"(["default"])");
  CAF_CHECK_EQUAL(json["log.levels"].dump(), R"({"origin":"--log.levels","value":{"store":"debug"}})");
  CAF_CHECK_EQUAL(json["database.url"]["value"].get<std::string>(), "postgresql://me:***@db/tickets");
  CAF_CHECK(text.find("me:secret") == std::string::npos);
}

CAF_TEST(passwords are masked in every form of a connection string) {
  const std::vector<row> rows{
    {"", ""},
    {"postgresql://db/tickets", "postgresql://db/tickets"},
    {"postgresql://", "postgresql://"},
    {"postgresql://me@db:5432/tickets", "postgresql://me@db:5432/tickets"},
    {"postgresql://me:secret@db:5432/tickets", "postgresql://me:***@db:5432/tickets"},
    {"postgres://me:secret@a:1,b:2/tickets?sslmode=require", "postgres://me:***@a:1,b:2/tickets?sslmode=require"},
    {"postgresql://:secret@", "postgresql://:***@"},
    {"postgresql://me:@db", "postgresql://me:***@db"},
    {"postgresql://me:se:cret@db", "postgresql://me:***@db"},
    {"postgresql://[::1]:5432/tickets", "postgresql://[::1]:5432/tickets"},
    {"postgresql:///tickets?host=/run&user=me&password=secret&port=1",
     "postgresql:///tickets?host=/run&user=me&password=***&port=1"},
    {"postgresql://db?sslpassword=secret", "postgresql://db?sslpassword=***"},
    {"postgresql://db?pass%77ord=secret&host=a", "postgresql://db?***&host=a"},
    {"postgresql://db?secret", "postgresql://db?***"},
    {"postgresql://db?", "postgresql://db?***"},
    {"postgresql://db?password=secret&&", "postgresql://db?password=***&***&***"},
    // Passwords that should have been percent-encoded.
    {"postgresql://me:sec@ret@db/tickets", "postgresql://***"},
    {"postgresql://me:sec/ret@db/tickets", "postgresql://***"},
    {"postgresql://me:sec?ret@db/tickets", "postgresql://***"},
    {"postgresql://db?password=sec@ret", "postgresql://***"},
    {"host=db dbname=tickets", "host=db dbname=tickets"},
    {"host=db password=secret port=1", "host=db password=*** port=1"},
    {"password = secret   host = db", "password=*** host=db"},
    {"password='se cret' host='a b'", "password=*** host='a b'"},
    {R"(password='se\'cret' host=db)", "password=*** host=db"},
    {R"(password=se\ cret host=db)", "password=*** host=db"},
    {"password= host=db", "password=***"},
    {"password=", "password=***"},
    {"sslpassword=secret", "sslpassword=***"},
    // What libpq wouldn't understand either.
    {"password='secret", "***"},
    {"password=sec ret", "***"},
    {"password=sec ret=1", "***"},
    {"host=db password secret", "***"},
    {"Password=secret", "***"},
    {"=secret", "***"},
    {"secret", "***"},
    {"postgresq://me:secret@db", "***"},
    {"POSTGRESQL://me:secret@db", "***"},
    {R"(password=secret\)", "password=***"},
  };
  for (const auto& row : rows) {
    CAF_CHECK_EQUAL(swarm::mask_password(row.connection), row.shown);
    CAF_CHECK(swarm::mask_password(row.connection).find("sec") == std::string::npos);
  }
}

CAF_TEST(what libpq quotes of a password is hidden) {
  struct row {
    std::string connection;
    std::string message;
    std::string shown;
  };
  const std::vector<row> rows{
    {"postgresql://me:sec%ret@db", R"(invalid percent-encoded token: "sec%ret")",
     R"(invalid percent-encoded token: "***")"},
    {"host=db password=sec ret", R"(missing "=" after "ret" in connection info string)",
     R"(missing "=" after "***" in connection info string)"},
    {"postgresql://me:sec@ret@db", R"(could not translate host name "ret@db" to address)",
     R"(could not translate host name "***" to address)"},
    {"postgresql://me:secret@db", R"(could not translate host name "db" to address: "x)",
     R"(could not translate host name "db" to address: "x)"},
    {"password=secret", R"(role "me" does not exist)", R"(role "me" does not exist)"},
    {"host=db prot=1", R"(invalid connection option "prot")", R"(invalid connection option "prot")"},
  };
  for (const auto& row : rows)
    CAF_CHECK_EQUAL(swarm::mask_quotes(row.message, row.connection), row.shown);
}

CAF_TEST(a problem with the connection string does not repeat it) {
  config_sources sources;
  sources.flags = {{"database.url", "password=secret\n"}};
  problems found;
  CAF_CHECK(!load_config(sources, found));
  CAF_CHECK_EQUAL(to_string(found), "--database.url: database.url must not hold control characters");
}
