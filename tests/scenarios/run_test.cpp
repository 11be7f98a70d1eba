#define CAF_SUITE scenario_run

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <csignal>
#include <fstream>
#include <set>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace std::chrono_literals;
using swarm::test::contains;
using swarm::test::is_alive;
using swarm::test::read_all;
using swarm::test::within;

namespace {

/// Somebody with an external database, so that no test has to wait for a server.
struct fixture {
  swarm::test::scratch_database database;
  swarm::test::user me{database.conninfo()};

  swarm::test::ended_program run(const std::string& graph, std::vector<std::string> settings = {}) {
    me.write("graph.yaml", graph);
    me.environment.try_emplace("SWARM_RETRY_BACKOFF_FIRST", "1ms");
    settings.insert(settings.begin(), {"run", "graph.yaml"});
    return me.run(std::move(settings));
  }

  std::string show(const std::string& key) { return me.run({"show", me.ticket(key)}).out; }

  ~fixture() { CAF_CHECK_EQUAL(swarm::test::violations(database.conninfo()), ""); }
};

void write_program(const fs::path& file, const std::string& script) {
  fs::create_directories(file.parent_path());
  std::ofstream{file} << "#!/bin/sh\n" << script << "\n";
  fs::permissions(file, fs::perms::owner_all);
}

/// The first block of YAML in the README.
std::string first_graph() {
  auto text = read_all(SWARM_SOURCE_DIR "/README.md");
  auto begin = text.find("```yaml\ngraph:") + 8;
  return text.substr(begin, text.find("```", begin) - begin);
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(scenario_run_tests, fixture)

CAF_TEST(the first graph of the readme runs and its summary is one object) {
  write_program(me.folder() / "configure",
                "echo 'all: ; cp /bin/true hello; echo compiled with $$CC' > hello/Makefile");
  fs::create_directories(me.folder() / "hello");
  auto said = run(first_graph(), {"--json"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK_EQUAL(said.out, "{\"graph\":1,\"completed\":2,\"failed\":0,\"cancelled\":0,\"blocked\":0,\"in_review\":0}\n");
  CAF_CHECK(contains(said.err, "graph 1 'hello': 2 tickets"));
  CAF_CHECK(contains(said.err, "graph 1: 2 completed"));
  CAF_CHECK_EQUAL(me.history("configure"), "submitted claimed completed");
  CAF_CHECK_EQUAL(me.history("build"), "submitted unblocked claimed completed");
  CAF_CHECK(contains(show("build"), "| compiled with gcc"));
  CAF_CHECK(me.leaves_no_server());
}

CAF_TEST(the example of a worktree runs and each attempt shows where it worked) {
  fs::copy(SWARM_SOURCE_DIR "/tools/examples/worktree.yaml", me.folder());
  me.environment.try_emplace("SWARM_RETRY_BACKOFF_FIRST", "1ms");
  CAF_CHECK_EQUAL(me.run({"run", "worktree.yaml", "--scheduler.interval", "20ms"}).code, 0);
  const auto shown = show("work");
  const auto path = (me.home() / "workspaces" / ("ticket-" + me.ticket("work"))).string();
  CAF_CHECK(contains(shown, "git_worktree of " + (me.folder() / "build/worktree").string() + ", from main, on retry keep"));
  for (auto number : {"1", "2"})
    CAF_CHECK(contains(shown, path + ", branch swarm/ticket-" + me.ticket("work") + "-attempt-" + number + ", from "));
}

CAF_TEST(homes with one root for workspaces have a folder each in it) {
  const auto root = me.folder() / "elsewhere" / "workspaces";
  const auto graph = "graph: g\ntickets: {x: {command: [touch, made], workspace: dir}}\n";
  for (auto home : {"one", "two"}) {
    me.environment["SWARM_HOME"] = (me.folder() / home).string();
    CAF_CHECK_EQUAL(run(graph, {"--workspaces.root", root.string()}).code, 0);
  }
  std::set<std::string> made;
  for (auto& x : fs::recursive_directory_iterator{root})
    if (x.path().filename() == "made")
      made.insert(x.path().parent_path().parent_path().filename());
  CAF_CHECK_EQUAL(made.size(), 2u);
}

CAF_TEST(the example of an agent learns from its check and leaves what it used) {
  for (auto name : {"agent.yaml", "agent"})
    fs::copy(fs::path{SWARM_SOURCE_DIR "/tools/examples"} / name, me.folder() / name, fs::copy_options::recursive);
  me.environment.try_emplace("SWARM_RETRY_BACKOFF_FIRST", "1ms");
  auto said = me.run({"run", "agent.yaml", "--scheduler.interval", "20ms"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(said.err, "graph 1: 2 completed"));
  auto shown = show("mend");
  CAF_CHECK(contains(shown, "greet said 'hello world' instead of 'hello, world'"));
  auto second = shown.substr(shown.find("attempt 2"));
  for (auto part : {"claude said 'success' (turns: 2, tool calls: 1): 'I mended greet.' (row 2.3/1)", "passed",
                    "\"cost_micro_dollars\":20000", "\"input_tokens\":900", "session_id"})
    CAF_CHECK(contains(second, part));
}

CAF_TEST(a failure ends with 1 and shows what the command said) {
  auto said = run("graph: g\ntickets:\n  bad: {command: [sh, -c, 'echo oops >&2; exit 3'], attempts: 1}\n"
                  "  after: {command: ['true'], needs: [bad]}\n  beside: {command: ['true']}\n", {"--json"});
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK_EQUAL(said.out, "{\"graph\":1,\"completed\":1,\"failed\":1,\"cancelled\":0,\"blocked\":1,\"in_review\":0}\n");
  CAF_CHECK(contains(said.err, "ticket 1 'bad' failed: 'sh -c echo oops >&2; exit 3' exited with 3"));
  CAF_CHECK(contains(said.err, "  | oops\n"));
  CAF_CHECK_EQUAL(me.state("after"), "blocked");
}

CAF_TEST(a script reads its input and leaves a result and learns from its last failure) {
  auto said = run(R"(graph: g
tickets:
  count:
    command: ['echo "{\"result\": $(wc -l)}" > $SWARM_RESULT_FILE']
    shell: true
    stdin: "1\n2\n3\n"
  learn:
    command: ['[ -n "$SWARM_LAST_FAILURE" ] || { echo red; exit 3; }; cat $SWARM_LAST_FAILURE']
    shell: true
)", {"--scheduler.interval", "20ms"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK(contains(show("count"), "result      3"));
  auto learnt = show("learn");
  CAF_CHECK(contains(learnt, "attempt 2"));
  CAF_CHECK(contains(learnt.substr(learnt.find("attempt 2")), "exited with 3 after"));
  CAF_CHECK(contains(learnt.substr(learnt.find("attempt 2")), "  | red\n"));
}

CAF_TEST(what a ticket has found stands in the arguments of those that need it) {
  auto said = run(R"(graph: g
tickets:
  find: {command: ['echo "{\"result\": {\"file\": \"in put\", \"n\": 3}}" > $SWARM_RESULT_FILE'], shell: true}
  use:  {command: [echo, '${ticket.find.result.file}', '${ticket.find.result}'], needs: [find]}
  miss: {command: [echo, '${ticket.find.result.none}'], needs: [find], attempts: 3}
)");
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK(contains(show("use"), "| in put {\"file\":\"in put\",\"n\":3}\n"));
  CAF_CHECK(contains(said.err, "payload at '/command/1': '${ticket.find.result.none}' can't be resolved"));
  CAF_CHECK_EQUAL(me.history("miss"), "submitted unblocked claimed failed");
}

CAF_TEST(a result that can not be stored fails its ticket and harms nobody else) {
  auto said = run(R"(graph: g
tickets:
  nul: {command: ['printf "{\"result\": \"\\\\u0000\"}" > $SWARM_RESULT_FILE'], shell: true, attempts: 1}
  deep:
    command: ['{ printf "{\"result\": "; head -c 500000 /dev/zero | tr "\0" "["; } > $SWARM_RESULT_FILE']
    shell: true
    attempts: 1
  good: {command: ['true']}
)");
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK(contains(said.err, "its result file has a NUL in a text"));
  CAF_CHECK(contains(said.err, "its result file is nested more than 100 levels deep"));
  CAF_CHECK_EQUAL(me.state("good"), "completed");
}

CAF_TEST(output is kept at both ends with the count of what was dropped) {
  auto said = run("graph: g\ntickets:\n  long: {command: [sh, -c, 'echo first; seq 100000; echo last']}\n",
                  {"--command.output_head", "1KiB", "--command.output_tail", "2KiB"});
  CAF_CHECK_EQUAL(said.code, 0);
  auto shown = show("long");
  CAF_CHECK(contains(shown, "output      588906 bytes"));
  CAF_CHECK(contains(shown, "  | first\n  | 1\n"));
  CAF_CHECK(contains(shown, "  | 100000\n  | last\n"));
  CAF_CHECK(contains(shown, "... 585,834 bytes dropped ..."));
  CAF_CHECK(shown.size() < 8000);
  auto files = me.home() / "attempts" / "outputs";
  CAF_REQUIRE_EQUAL(std::distance(fs::directory_iterator{files}, {}), 1);
  CAF_CHECK_EQUAL(fs::file_size(fs::directory_iterator{files}->path()), 588'906u);
}

CAF_TEST(control characters are shown and not obeyed) {
  run("graph: g\ntickets:\n"
      "  colours: {command: [sh, -c, \"printf 'a\\\\033[31mred\\\\007 \\\\302\\\\233 \\\\377 end\\\\n'; exit 1; "
      "#\\e]0;x\\nfaked\"],"
      " attempts: 1}\n");
  for (auto text : {show("colours"), run("graph: h\ntickets: {x: {command: [\"a\\e\\nfaked\"]}}\n").err}) {
    CAF_CHECK_EQUAL(text.find('\033'), std::string::npos);
    CAF_CHECK_EQUAL(text.find('\007'), std::string::npos);
    CAF_CHECK_EQUAL(text.find("\nfaked"), std::string::npos);
  }
  CAF_CHECK(contains(show("colours"), "a\\x1b[31mred\\x07 \\xc2\\x9b \\xff end\n"));
}

CAF_TEST(work that its check refuses is done again after a pause) {
  auto said =
    run("graph: g\ntickets:\n"
        "  repaired: {command: [sh, -c, 'echo x >> tries'], check: {command: [sh, -c, '[ $(wc -l < tries) = 3 ]']}}\n",
        {"--retry.backoff_first", "200ms", "--scheduler.interval", "20ms"});
  CAF_CHECK_EQUAL(said.code, 0);
  CAF_CHECK_EQUAL(me.history("repaired"), "submitted claimed attempt_failed promoted claimed attempt_failed promoted "
                                          "claimed completed");
  auto shown = show("repaired");
  CAF_CHECK(contains(shown, "attempts    2 of 3 used"));
  CAF_CHECK(contains(shown, ": check_failed"));
  // The pause is drawn from zero to its limit, which doubles; two clocks are read in one statement.
  auto pause =
    swarm::test::ask(database.conninfo(),
                     "SELECT bool_and(gap + interval '5 ms' >= delay * interval '1 ms' AND delay BETWEEN 1 AND 400) "
                     "FROM (SELECT lead(at) OVER (ORDER BY id) - at AS gap, (data ->> 'delay_ms')::int AS delay, "
                     "kind FROM swarm.ticket_events) AS x WHERE kind = 'attempt_failed'");
  CAF_CHECK_EQUAL(pause, "t");
}

CAF_TEST(a check that cannot run never passes) {
  auto said = run("graph: g\ntickets:\n"
                  "  missing: {command: ['true'], check: {command: [no-such-check]}}\n"
                  "  code127: {command: ['true'], check: {command: [sh, -c, 'exit 127']}}\n"
                  "  killed:  {command: ['true'], check: {command: [sh, -c, 'kill -9 $$']}}\n"
                  "  endless: {command: ['true'], check: {command: [sleep, '30'], timeout: 100ms}}\n",
                  {"--retry.check_errors_max", "1", "--scheduler.interval", "20ms"});
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK(contains(said.err, "graph 1: 0 completed, 4 in review"));
  CAF_CHECK(contains(said.err, "cannot run 'no-such-check': no such program in PATH"));
  CAF_CHECK(contains(said.err, "check 'sh -c exit 127' couldn't run: exit code 127"));
  CAF_CHECK(contains(said.err, "gave no verdict: ended by signal 9"));
  for (auto key : {"missing", "code127", "killed", "endless"})
    CAF_CHECK_EQUAL(me.history(key), "submitted claimed review_requested"); // the work is not repeated
}

CAF_TEST(each check says what it found and a person has the last word) {
  me.write("keep.txt", "as it was");
  auto said = run("graph: g\ntickets:\n"
                  "  made: {command: [sh, -c, 'echo 1..1; echo ok 1; echo {} > out.json'], checks: [\n"
                  "    {kind: human, question: 'Is it good?'},\n"
                  "    {kind: tests, name: suite, command: [sh, -c, 'echo 1..2; echo ok 1; echo ok 2'], format: tap},\n"
                  "    {kind: files, files: [{path: out.json, json_schema: {type: object}}, {path: keep.txt, protected: true}]}]}\n"
                  "  after: {command: ['true'], needs: [made]}\n"
                  "  spoilt: {command: [sh, -c, 'echo x >> keep.txt'], attempts: 1, checks: [\n"
                  "    {kind: files, files: [{path: keep.txt, protected: true}]}]}\n"
                  "  blind: {command: ['true'], checks: [{kind: tests, command: ['true'], format: pytest}]}\n",
                  {"--retry.check_errors_max", "0", "--node.slots", "1"});
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK(contains(said.err, "graph 1: 0 completed, 1 failed, 1 blocked, 2 in review"));
  CAF_CHECK(contains(said.err, "'spoilt' failed: 'keep.txt' is protected, and the work has changed it"));
  CAF_CHECK(contains(said.err, "swarm approve 1, or swarm reject 1 --why TEXT"));
  auto shown = show("made");
  CAF_CHECK(contains(shown, "check       files: pass, 2 files are as they must be"));
  CAF_CHECK(contains(shown, "check       tests 'suite': pass, 2 tests passed, 0 skipped"));
  CAF_CHECK(contains(shown, "judge       'sh -c"));
  CAF_CHECK(contains(show("blind"), "the pytest report is empty"));
  CAF_CHECK(contains(me.run({"list", "--state", "in_review"}).out, "a person has until "));
  CAF_CHECK_EQUAL(me.run({"approve", "1", "--note", "nice"}).code, 0);
  CAF_CHECK_EQUAL(me.history("made"), "submitted claimed review_requested completed");
  CAF_CHECK_EQUAL(me.history("after"), "submitted unblocked");
  CAF_CHECK(contains(show("made"), "check       human: pass by "));
  CAF_CHECK_EQUAL(me.run({"approve", "1"}).code, 1);
  CAF_CHECK_EQUAL(me.run({"reject", "4"}).code, 2);
  CAF_CHECK_EQUAL(me.run({"reject", "4", "--why", "nothing ran"}).code, 0);
  CAF_CHECK_EQUAL(me.history("blind"), "submitted claimed review_requested attempt_failed");
}

CAF_TEST(a command that does not exist fails at once with its sentence) {
  auto said = run("graph: g\ntickets:\n  nowhere: {command: [no-such-program, x]}\n"
                  "  nodir: {command: ['true'], cwd: no/such/folder}\n  noexec: {command: [./graph.yaml]}\n");
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK(contains(said.err, "cannot run 'no-such-program': no such program in PATH"));
  CAF_CHECK(contains(said.err, "cannot enter directory '" + (me.folder() / "no/such/folder").string() + "'"));
  CAF_CHECK(contains(said.err, "cannot run './graph.yaml'"));
  for (auto key : {"nowhere", "nodir", "noexec"})
    CAF_CHECK_EQUAL(me.history(key), "submitted claimed failed");
}

CAF_TEST(an attempt that takes too long is ended with all its children) {
  auto begin = std::chrono::steady_clock::now();
  auto said = run(
    "graph: g\ntickets:\n"
    "  slow: {command: [sh, -c, 'sleep 61 & echo $! > child; echo $$ > parent; wait'], timeout: 300ms, attempts: 1}\n");
  CAF_CHECK_EQUAL(said.code, 1);
  CAF_CHECK(std::chrono::steady_clock::now() - begin < 20s);
  CAF_CHECK(contains(said.err, "was stopped by the attempt's timeout"));
  for (auto file : {"parent", "child"})
    CAF_CHECK(!is_alive(std::stoi(read_all(me.folder() / file))));
}

CAF_TEST(a command gets its own environment and place and nothing of the node) {
  me.environment["SECRET"] = "hidden";
  fs::create_directories(me.folder() / "in/side");
  auto said =
    run("graph: g\ntickets:\n  look: {command: [sh, -c, 'env; pwd; cat'], cwd: in/side, env: {CC: gcc, LANG: C}}\n");
  CAF_CHECK_EQUAL(said.code, 0);
  auto shown = show("look");
  CAF_CHECK(contains(shown, "| " + (me.folder() / "in/side").string() + "\n"));
  for (auto line : {"CC=gcc", "LANG=C", "SWARM_TICKET=1", "SWARM_ATTEMPT=1", "SWARM_FENCE=", "PATH=", "HOME="})
    CAF_CHECK(contains(shown, std::string{"  | "} + line));
  for (auto word : {"SECRET", "SWARM_DATABASE_URL", "SWARM_HOME"})
    CAF_CHECK_EQUAL(shown.find(word), std::string::npos);
}

CAF_TEST(logs follow a ticket through its attempts and print an older one when asked) {
  auto node = me.start_node();
  me.write("g.yaml", "graph: g\ntickets: {a: {command: [sh, -c, 'echo first of $SWARM_ATTEMPT; until [ -e go ]; do sleep 0.05; done; "
                     "echo last of $SWARM_ATTEMPT; [ $SWARM_ATTEMPT = 2 ]']}}\n");
  me.environment["SWARM_RETRY_BACKOFF_FIRST"] = "1ms";
  auto running = me.start({"run", "g.yaml"});
  CAF_REQUIRE(within(20s, [&] { return contains(me.run({"list", "--state", "in_progress"}).out, " a "); }));
  auto following = me.start({"logs", me.ticket("a"), "--follow"});
  CAF_CHECK(within(20s, [&] { return following.out() == "first of 1\n"; }));
  me.write("go", "");
  CAF_CHECK_EQUAL(following.end().out, "first of 1\nlast of 1\nfirst of 2\nlast of 2\n");
  CAF_CHECK_EQUAL(running.end().code, 0);
  CAF_CHECK_EQUAL(me.run({"logs", me.ticket("a")}).out, "first of 2\nlast of 2\n");
  CAF_CHECK_EQUAL(me.run({"logs", me.ticket("a"), "--attempt", "1"}).out, "first of 1\nlast of 1\n");
  auto none = me.run({"logs", me.ticket("a"), "--attempt", "3"});
  CAF_CHECK_EQUAL(none.code, 1);
  CAF_CHECK(contains(none.err, "ticket 1 has no output of an attempt 3"));
}

CAF_TEST(all of a long output is in the logs of its home) {
  auto said = run("graph: g\ntickets: {a: {command: [seq, '1', '300000']}}\n", {"--command.output_file", "4MiB"});
  CAF_CHECK_EQUAL(said.code, 0);
  auto logs = me.run({"logs", me.ticket("a")}).out;
  CAF_CHECK_EQUAL(std::count(logs.begin(), logs.end(), '\n'), 300'000);
  CAF_CHECK(contains(logs, "\n150000\n"));
}

CAF_TEST(one slot works in the order of priority) {
  std::string graph = "graph: g\ntickets:\n";
  for (auto priority : {"500", "1000", "0", "100", "7"})
    graph += std::string{"  p"} + priority + ": {command: [sh, -c, 'echo " + priority + " >> order'], priority: "
             + priority + "}\n";
  CAF_CHECK_EQUAL(run(graph, {"--node.slots", "1"}).code, 0);
  CAF_CHECK_EQUAL(read_all(me.folder() / "order"), "0\n7\n100\n500\n1000\n");
}

CAF_TEST(a run says why nothing moves) {
  me.write("graph.yaml", "graph: g\ntickets: {lonely: {command: ['true'], queue: gpu}}\n");
  auto running = me.start({"run", "graph.yaml"});
  CAF_CHECK(running.says("nothing moves"));
  CAF_CHECK(running.says("no living node serves queue gpu"));
  running.signal(SIGINT);
  CAF_CHECK_EQUAL(running.end().code, 130);
}

CAF_TEST(a running ticket that is cancelled is gone within two seconds and may be tried again) {
  auto node = me.start_node({"--node.slots", "1"});
  me.write("graph.yaml",
           "graph: g\ntickets:\n"
           "  long: {command: [sh, -c, 'echo $$ > pid; [ -e again ] || exec sleep 62'], priority: 1}\n"
           "  waiting: {command: ['true'], needs: [long]}\n  behind: {command: ['true'], needs: [waiting]}\n");
  auto watching = me.start({"run", "graph.yaml"});
  CAF_REQUIRE(within(20s, [&] { return read_all(me.folder() / "pid").ends_with('\n'); }));
  auto pid = std::stoi(read_all(me.folder() / "pid"));
  CAF_CHECK(is_alive(pid));
  auto waiting = me.run({"cancel", me.ticket("behind")});
  CAF_CHECK_EQUAL(waiting.out, "ticket 3 is cancelled\n");
  auto running = me.run({"cancel", me.ticket("long")});
  CAF_CHECK_EQUAL(running.out, "ticket 1 is running; its node was asked to stop it\n");
  CAF_CHECK(within(2s, [&] { return !is_alive(pid); }));
  CAF_CHECK_EQUAL(watching.end().code, 1);
  CAF_CHECK_EQUAL(me.history("long"), "submitted claimed cancel_requested cancelled");
  me.write("again", "");
  CAF_CHECK(contains(me.run({"retry", me.ticket("long")}).out, "ticket 1 is ready again"));
  CAF_CHECK(within(20s, [&] { return me.state("waiting") == "completed"; }));
  CAF_CHECK_EQUAL(me.state("behind"), "cancelled");
  CAF_CHECK(contains(me.run({"retry", me.ticket("waiting")}).err, "ticket 2 "));
  CAF_CHECK_EQUAL(me.run({"cancel", me.ticket("waiting")}).code, 1);
  CAF_CHECK_EQUAL(me.history("waiting"), "submitted unblocked claimed completed");
}

CAF_TEST_FIXTURE_SCOPE_END()
