#define CAF_SUITE scenario_workspaces

#include "config/graph_file.hpp"
#include "runtime/node.hpp"
#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"
#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_folder.hpp"

#include <caf/all.hpp>
#include <nlohmann/json.hpp>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace swarm;
using namespace swarm::test;
using namespace std::chrono_literals;

namespace {

/// A real node in this process, as a program embeds it, with workspaces in a folder of the test.
struct fixture {
  desk d;
  session s = d.open();
  scratch_folder folder;
  fs::path root = folder.path() / "workspaces";
  runtime::node_settings settings;
  std::unique_ptr<runtime::node> it;

  fixture() {
    settings.values.retry.backoff_first = settings.values.retry.backoff_max = 1ms;
    settings.values.scheduler.interval = 20ms;
    settings.conninfo = d.settings().conninfo;
    settings.home_id = "00000000-0000-4000-8000-000000000001";
    settings.working_directory = folder.path();
    settings.workspaces_folder = root;
  }

  ~fixture() {
    it.reset();
    CAF_CHECK_EQUAL(d.violations(), "");
  }

  void start_node() { it = must(runtime::node::start(settings)); }

  /// Submits a graph and waits until all of it is final.
  void run(const std::string& text) {
    config::problems found;
    auto graph = config::load_graph(folder.write("g.yaml", text), {}, found);
    if (!graph)
      throw std::runtime_error(to_string(found));
    must(store::submit(s.db, *graph));
    if (!it)
      start_node();
    CAF_REQUIRE(within(90s, [&] { return must(store::count_unfinished(s.db)) == 0; }));
  }

  ticket_id ticket(const std::string& key) {
    return ticket_id{std::stoll(s.ask("SELECT max(id) FROM swarm.tickets WHERE key = '" + key + "'"))};
  }

  std::vector<store::attempt_row> attempts(const std::string& key) {
    return must(store::list_attempts(s.db, ticket(key)));
  }

  fs::path workspace(ticket_id x) const { return root / ("ticket-" + to_string(x)); }

  /// As an attempt of this ticket would have left it.
  void leave(ticket_id x) const {
    fs::create_directories(workspace(x));
    fs::permissions(root, fs::perms::owner_all);
    folder.write("workspaces/ticket-" + to_string(x) + "/left", "by somebody");
  }

  std::string git(std::vector<std::string> words) const {
    words.insert(words.begin(), {"/usr/bin/git", "-C", (folder.path() / "build/worktree").string()});
    return program{{words, {{"PATH", "/usr/bin:/bin"}, {"HOME", folder.path().string()}}, folder.path()}}.end().out;
  }
};

std::string example() {
  return read_all(SWARM_SOURCE_DIR "/tools/examples/worktree.yaml");
}

/// The example with another text in one place, the last that has it: a comment has it, too.
std::string example_with(const std::string& other, const std::string& place) {
  auto result = example();
  return result.replace(result.rfind(place), place.size(), other);
}

const ticket_id nobody{999'999};

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_workspaces_tests, fixture)

CAF_TEST(the example of a worktree has a branch per attempt and the second goes on with the first) {
  run(example());
  CAF_CHECK_EQUAL(s.state(ticket("work")), "completed");
  const auto branch = "swarm/ticket-" + to_string(ticket("work")) + "-attempt-";
  CAF_CHECK_EQUAL(git({"show", branch + "1:notes.txt"}), "begin\nattempt 1\n");
  CAF_CHECK_EQUAL(git({"show", branch + "2:notes.txt"}), "begin\nattempt 1\nattempt 2\n");
  CAF_CHECK_EQUAL(git({"show", "main:notes.txt"}), "begin\n");
  CAF_CHECK_EQUAL(read_all(folder.path() / "build/worktree/notes.txt"), "begin\n");
  CAF_CHECK_EQUAL(read_all(workspace(ticket("work")) / "notes.txt"), "begin\nattempt 1\nattempt 2\n");
  const auto told = attempts("work");
  CAF_REQUIRE_EQUAL(told.size(), 2u);
  CAF_CHECK_EQUAL(told[0].end, "check_failed");
  CAF_CHECK_EQUAL(told[1].end, "completed");
  const auto place = nlohmann::json::parse(told[1].details)["workspace"];
  CAF_CHECK_EQUAL(place["path"], workspace(ticket("work")).string());
  CAF_CHECK_EQUAL(place["branch"], branch + "2");
  CAF_CHECK_EQUAL(place["base"].get<std::string>() + "\n", git({"rev-parse", "main"}));
}

CAF_TEST(a worktree that is reset shows its second attempt nothing of the first) {
  run(example_with("on_retry: reset", "on_retry: keep"));
  CAF_CHECK_EQUAL(s.state(ticket("work")), "completed");
  const auto branch = "swarm/ticket-" + to_string(ticket("work")) + "-attempt-";
  CAF_CHECK_EQUAL(git({"show", branch + "1:notes.txt"}), "begin\nattempt 1\n");
  CAF_CHECK_EQUAL(git({"show", branch + "2:notes.txt"}), "begin\nattempt 2\n");
}

CAF_TEST(a repository or a base that is not there fails its ticket at once with what to do) {
  run("graph: g\ntickets:\n x: {command: ['true'], workspace: {kind: git_worktree, repository: none}}\n");
  const auto failed = attempts("x");
  CAF_REQUIRE_EQUAL(failed.size(), 1u);
  CAF_CHECK_EQUAL(failed[0].end, "permanent");
  CAF_CHECK(contains(failed[0].evidence, "its workspace can't be made: cannot open the repository "
                                           + (folder.path() / "none").string()));
  CAF_CHECK(contains(failed[0].evidence, "name the path of a git repository on this machine"));
  run(example_with("base: mian", "base: main"));
  CAF_REQUIRE_EQUAL(attempts("work").size(), 1u);
  CAF_CHECK(contains(attempts("work")[0].evidence, "cannot find the commit 'mian'"));
  CAF_CHECK(contains(attempts("work")[0].evidence, "name a branch, tag or commit of it as base"));
}

CAF_TEST(a node that starts removes what is left of tickets that are gone and nothing of those that may come back) {
  run("graph: g\ntickets:\n x: {command: [sh, -c, 'echo \"$SWARM_WORKSPACE\" > made'], workspace: dir}\n");
  const auto ended = ticket("x");
  CAF_CHECK_EQUAL(read_all(workspace(ended) / "made"), workspace(ended).string() + "\n");
  it.reset();
  const ticket_id waiting{std::stoll(s.ask("SELECT swarm.enqueue('noop', '{}', run_at => now() + interval '1 day')"))};
  leave(waiting);
  leave(nobody);
  start_node();
  CAF_CHECK(within(60s, [&] { return !fs::exists(workspace(nobody)); }));
  CAF_CHECK(fs::exists(workspace(waiting) / "left"));
  CAF_CHECK(fs::exists(workspace(ended) / "made"));
  it.reset();
  settings.values.workspaces.keep = 0ms;
  settings.values.workspaces.interval = 1s;
  start_node();
  CAF_CHECK(within(60s, [&] { return !fs::exists(workspace(ended)); }));
  CAF_CHECK(fs::exists(workspace(waiting) / "left"));
}

CAF_TEST_FIXTURE_SCOPE_END()
