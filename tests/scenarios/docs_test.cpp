#define CAF_SUITE scenario_docs

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"

#include <regex>
#include <set>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

using swarm::test::contains;
using swarm::test::read_all;
using swarm::test::user;

namespace {

/// Command lines in a Markdown file, with the remarks behind them: lines of code blocks, and code between words.
std::vector<std::string> commands_in(const std::string& file) {
  std::istringstream text{read_all(std::string{SWARM_SOURCE_DIR "/"} + file)};
  std::vector<std::string> result;
  bool in_block = false;
  for (std::string line; std::getline(text, line);) {
    if (line.starts_with("```"))
      in_block = !in_block;
    else if (in_block && line.starts_with("swarm "))
      result.push_back(line);
    static const std::regex inline_code{"`(swarm [^`]*)`"};
    for (std::sregex_iterator i{line.begin(), line.end(), inline_code}, end; i != end; ++i)
      result.push_back((*i)[1]);
  }
  return result;
}

/// What is typed before the first option or remark: `show 42`.
std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in{line.substr(line.find(' '))};
  std::vector<std::string> result;
  for (std::string word; in >> word && word[0] != '-' && word[0] != '#';)
    result.push_back(word);
  return result;
}

} // namespace

CAF_TEST(every command of the documents exists with its options) {
  user me;
  std::set<std::string> seen;
  for (auto file : {"README.md", "CONTRIBUTING.md", "ARCHITECTURE.md"})
    for (auto& line : commands_in(file)) {
      CAF_MESSAGE(line);
      auto asked = words_of(line);
      seen.insert(asked.at(0));
      asked.emplace_back("--help");
      auto help = me.run(asked);
      CAF_CHECK_EQUAL(help.code, 0);
      static const std::regex option{"--[a-z][a-z_.-]*"};
      for (std::sregex_iterator i{line.begin(), line.end(), option}, end; i != end; ++i)
        CAF_CHECK(contains(help.out, i->str()));
    }
  for (auto command : {"up", "run", "list", "show", "why", "events", "retry", "cancel", "release", "queues", "pause",
                       "audit", "config", "bench"})
    CAF_CHECK_EQUAL(seen.count(command), 1u);
}

CAF_TEST(the example of a configuration is the one that the program prints) {
  user me;
  auto said = me.run({"config", "example"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(said.out == read_all(SWARM_SOURCE_DIR "/config/swarm.example.yaml"));
  auto file = me.write("swarm.yaml", said.out);
  auto printed = me.run({"--config", file.string(), "config", "print"});
  CAF_CHECK_EQUAL(printed.code, 0);
  CAF_CHECK(!std::filesystem::exists(me.home()));
}

CAF_TEST(every option is a flag and in the reference) {
  user me;
  auto help = me.run({"up", "--help"}).out;
  auto reference = me.run({"config", "reference"}).out;
  auto printed = me.run({"config", "print", "--json"});
  CAF_REQUIRE_EQUAL(printed.code, 0);
  CAF_CHECK(nlohmann::json::parse(printed.out, nullptr, false).is_object());
  int count = 0;
  static const std::regex flag{R"(--([a-z]+\.[a-z_]+))"};
  for (std::sregex_iterator i{help.begin(), help.end(), flag}, end; i != end; ++i, ++count)
    CAF_CHECK(reference.find((*i)[1].str()) != std::string::npos);
  CAF_CHECK(count > 40);
}

CAF_TEST(the flag wins over the variable and the variable over the file) {
  user me;
  auto file = me.write("swarm.yaml", "node: {slots: 7, name: file}\nreaper: {interval: 7s}\n");
  me.environment["SWARM_NODE_SLOTS"] = "8";
  me.environment["SWARM_REAPER_INTERVAL"] = "8s";
  auto said = me.run({"--config", file.string(), "config", "print", "--node.slots", "9"}).out;
  for (auto line : {R"(node\.slots +9 +--node\.slots)", R"(reaper\.interval +8s +SWARM_REAPER_INTERVAL)",
                    R"(node\.name +file +.*swarm\.yaml:1)"})
    CAF_CHECK(std::regex_search(said, std::regex{line}));
}

CAF_TEST(the examples are graphs that run accepts) {
  user me;
  for (auto name : {"agent.yaml", "claude.yaml", "hello.yaml", "slow.yaml", "worktree.yaml"}) {
    // The database refuses, so that only the reading of the file is tried.
    me.environment["SWARM_DATABASE_URL"] = "host=127.0.0.1 port=1";
    auto said = me.run({"run", std::string{SWARM_SOURCE_DIR "/tools/examples/"} + name});
    CAF_CHECK_EQUAL(said.code, 1);
    CAF_CHECK(contains(said.err, "cannot connect to the database"));
  }
}
