#define CAF_SUITE config_graph_file

#include "config/graph_file.hpp"
#include "messages/payload.hpp"

#include <chrono>
#include <ctime>
#include <random>

#include "tests/fixtures/scratch_folder.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::config;
using namespace std::string_literals;
using namespace std::chrono_literals;
using swarm::test::scratch_folder;

namespace {

constexpr const char* hello = R"(graph: hello
tickets:
  configure: {command: [./configure]}
  build:     {command: [make, -j2], needs: [configure], timeout: 10m, attempts: 3, priority: 10,
              env: {CC: gcc}, cwd: hello, check: {command: [test, -x, hello]}}
)";

struct fixture {
  scratch_folder folder;
  std::string found_text;

  std::optional<new_graph> load(std::string_view text, const graph_defaults& defaults = {}) {
    problems found;
    auto graph = load_graph(folder.write("g", text), defaults, found);
    if (graph.has_value() != found.empty())
      CAF_ERROR("a graph and a problem exclude each other: " << text);
    for (auto& x : found)
      x.source = "g"s;
    found_text = to_string(found);
    return graph;
  }

  std::string problems_of(std::string_view text) {
    load(text);
    return found_text;
  }

  // The problem of `body` as the ticket 'x', which stands on line 3 behind four columns and "x: ".
  std::string problem_of_ticket(const std::string& body) {
    return problems_of("graph: a\ntickets:\n x: " + body + "\n");
  }

  command_payload payload_of(const std::string& body) {
    const auto graph = load("graph: a\ntickets:\n x: " + body + "\n");
    CAF_REQUIRE(graph);
    auto result = parse_command_payload(graph->tickets.front().payload);
    CAF_REQUIRE(result);
    return *result;
  }

  std::string directory_of(const std::string& cwd) {
    return payload_of("{command: [a], cwd: " + cwd + "}").working_directory;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(graph_file_tests, fixture)

CAF_TEST(the documented form becomes a graph) {
  const auto graph = load(hello);
  CAF_REQUIRE(graph);
  CAF_CHECK_EQUAL(graph->name, "hello");
  CAF_REQUIRE_EQUAL(graph->tickets.size(), 2u);
  const auto& build = graph->tickets[1];
  CAF_CHECK_EQUAL(build.key, "build");
  CAF_CHECK_EQUAL(build.kind, "command");
  CAF_CHECK_EQUAL(build.queue, "default");
  CAF_CHECK_EQUAL(build.priority, 10);
  CAF_CHECK_EQUAL(build.attempts_max, 3);
  CAF_CHECK(build.timeout == 10min);
  CAF_CHECK_EQUAL(build.needs, std::vector<std::uint32_t>{0});
  const auto payload = parse_command_payload(build.payload);
  CAF_REQUIRE(payload);
  CAF_CHECK_EQUAL(payload->command, (std::vector<std::string>{"make", "-j2"}));
  CAF_CHECK_EQUAL(payload->check, (std::vector<std::string>{"test", "-x", "hello"}));
  CAF_CHECK_EQUAL(payload->environment.at("CC"), "gcc");
  CAF_CHECK_EQUAL(payload->working_directory, (folder.path() / "hello").string());
}

CAF_TEST(a ticket has its clocks and its keys) {
  const auto graph = load("graph: a\ntickets: {x: {command: [a], group: customer-7, unique: deploy, queue_timeout: 1s, "
                          "start_timeout: 2s, progress_timeout: 3s, deadline: 4s, on_failure: ignore}}");
  CAF_REQUIRE(graph);
  const auto& x = graph->tickets.front();
  CAF_CHECK_EQUAL(x.group_key, "customer-7");
  CAF_CHECK_EQUAL(x.unique_key, "deploy");
  CAF_CHECK(x.queue_timeout == 1s && x.start_timeout == 2s && x.progress_timeout == 3s && x.deadline == 4s);
  CAF_CHECK(x.on_failure == edge_policy::ignore);
}

CAF_TEST(what a ticket leaves open comes from the defaults and the folder of the file) {
  const auto graph = load("graph: a\ntickets: {x: {command: [a]}}", {7, 90s});
  CAF_REQUIRE(graph);
  const auto& x = graph->tickets.front();
  CAF_CHECK_EQUAL(x.attempts_max, 7);
  CAF_CHECK(x.timeout == 90s);
  CAF_CHECK_EQUAL(x.priority, 100);
  const auto payload = parse_command_payload(x.payload);
  CAF_REQUIRE(payload);
  CAF_CHECK_EQUAL(payload->working_directory, folder.path().string());
}

CAF_TEST(a ticket may stand before what it needs) {
  const auto graph = load("graph: a\ntickets:\n x: {command: [a], needs: [y, z]}\n y: {command: [a]}\n"
                          " z: {command: [a], needs: [y]}\n");
  CAF_REQUIRE(graph);
  CAF_CHECK_EQUAL(graph->tickets[0].needs, (std::vector<std::uint32_t>{1, 2}));
}

CAF_TEST(a working directory is made absolute and plain) {
  const auto in = folder.path();
  CAF_CHECK_EQUAL(directory_of("./b/../c//d/"), (in / "c/d").string());
  CAF_CHECK_EQUAL(directory_of("."), in.string());
  CAF_CHECK_EQUAL(directory_of(".."), in.parent_path().string());
  CAF_CHECK_EQUAL(directory_of("/"), "/");
  CAF_CHECK_EQUAL(directory_of("/x/./y"), "/x/y");
}

CAF_TEST(words and numbers stay what was written) {
  const auto x = payload_of("{command: [echo, 010, 1.50, yes, 'null', '', \"a\\nb\"], env: {A: 007, B: ''},"
                            " check: {command: [a], timeout: 1m30s}}");
  CAF_CHECK_EQUAL(x.command, (std::vector<std::string>{"echo", "010", "1.50", "yes", "null", "", "a\nb"}));
  CAF_CHECK_EQUAL(x.environment.at("A"), "007");
  CAF_CHECK_EQUAL(x.environment.at("B"), "");
  CAF_CHECK(x.check_timeout == 90s);
}

CAF_TEST(checks are a list of any kind for any ticket) {
  const auto x = payload_of("{command: [a], checks: [{kind: human, question: 'Good?', expires: 2d}, "
                            "{command: [test, -x, 010], timeout: 1m30s, name: built}, "
                            "{kind: files, files: [{path: out.json, bytes_max: 10, json_schema: {type: object}}]}]}");
  CAF_REQUIRE_EQUAL(x.checks.size(), 3u);
  CAF_CHECK(x.checks[0].kind == check_kind::files && x.checks[0].files[0].bytes_max == 10u);
  CAF_CHECK(x.checks[1].command == (std::vector<std::string>{"test", "-x", "010"}) && x.checks[1].timeout == 90s);
  CAF_CHECK(x.checks[2].question == "Good?" && x.checks[2].expires == 48h);
  const auto graph = load("graph: a\ntickets:\n x: {mock: {class: completed}, checks: [{kind: diff}]}\n");
  CAF_REQUIRE(graph);
  CAF_CHECK_EQUAL(graph->tickets[0].payload, R"({"checks":[{"kind":"diff"}],"class":"completed"})");
}

CAF_TEST(checks that can not be meant are refused with their place) {
  const auto problems = [&](const std::string& checks) {
    return problems_of("graph: a\ntickets:\n x: {command: [a], " + checks + "}\n");
  };
  const auto p = "g:3:"s;
  for (auto [checks, words] : std::vector<std::pair<std::string, std::string>>{
         {"checks: 1", "checks must be a list of checks"},
         {"checks: []", "checks must be a list of checks"},
         {"checks: [{kind: difs}]",
          "checks: check 1: 'kind' must be one of files, diff, command, tests, model_review, human"},
         {"checks: [{command: make}]", "the check's command is one text, write it as a list"},
         {"checks: [{command: [a], timeout: soon}]", "the check's timeout"},
         {"checks: [{kind: diff}], check: {command: [a]}", "has both check and checks; write one of them"}}) {
    CAF_MESSAGE(problems(checks));
    CAF_CHECK(problems(checks).starts_with(p));
    CAF_CHECK(problems(checks).find(words) != std::string::npos);
  }
}

CAF_TEST(anchors and aliases save repetition) {
  const auto graph = load("graph: a\ntickets:\n x: {command: &c [make, all], env: &e {A: b}}\n"
                          " y: {command: *c, env: *e}\n");
  CAF_REQUIRE(graph);
  CAF_CHECK_EQUAL(graph->tickets[1].payload, graph->tickets[0].payload);
}

CAF_TEST(a file that is no graph is refused) {
  CAF_CHECK_EQUAL(problems_of(""), "g: is empty");
  CAF_CHECK_EQUAL(problems_of("# soon\n"), "g: holds no graph, only comments or blank lines");
  CAF_CHECK_EQUAL(problems_of("- a\n"), "g:1:1: a graph file is a map with the keys 'graph' and 'tickets'");
  CAF_CHECK_EQUAL(problems_of("{}"),
                  "g:1:1: the key 'graph' is missing; write the graph's name, as in 'graph: hello'\n"
                  "g:1:1: the key 'tickets' is missing; write at least one ticket below it");
  const auto tickets = "tickets must be a map with at least one ticket, as in 'build: {command: [make, -j2]}'"s;
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets:\n"), "g:2:1: " + tickets);
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets: {}\n"), "g:2:10: " + tickets);
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets: [b]\n"), "g:2:10: " + tickets);
  const auto name = "graph must be a name of 1 to 200 bytes on one line, as in 'graph: hello'"s;
  CAF_CHECK_EQUAL(problems_of("graph:\ntickets: {x: {command: [a]}}\n"), "g:1:1: " + name);
  CAF_CHECK_EQUAL(problems_of("graph: [a]\ntickets: {x: {command: [a]}}\n"), "g:1:8: " + name);
  CAF_CHECK_EQUAL(problems_of("graph: \"a\\nb\"\ntickets: {x: {command: [a]}}\n"), "g:1:8: " + name);
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets: {x: {command: [a]}}\nticket: 1\nfoo: 1\n"),
                  "g:3:1: unknown key 'ticket', did you mean 'tickets'?\n"
                  "g:4:1: unknown key 'foo', known are graph, tickets");
}

CAF_TEST(a wrong key of a ticket is refused) {
  const auto sentence = "a ticket's key is made of 1 to 100 letters, digits, '_', '.' and '-'"s;
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets:\n a b: {command: [a]}\n"), "g:3:2: ticket 'a b': " + sentence);
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets:\n '': {command: [a]}\n"), "g:3:2: ticket '': " + sentence);
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets:\n " + std::string(101, 'k') + ": {command: [a]}\n"),
                  "g:3:2: ticket '" + std::string(60, 'k') + "...': " + sentence);
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets:\n " + std::string(100, 'k') + ": {command: [a]}\n"), "");
}

CAF_TEST(a ticket without a command is refused) {
  CAF_CHECK_EQUAL(problem_of_ticket("{}"), "g:3:2: ticket 'x' has no command");
  CAF_CHECK_EQUAL(problem_of_ticket(""),
                  "g:3:2: ticket 'x' has no command; write {command: [program, argument]} behind its key");
  CAF_CHECK_EQUAL(problem_of_ticket("[make]"), "g:3:5: ticket 'x' must be a map, as in {command: [make, -j2]}");
  CAF_CHECK_EQUAL(problem_of_ticket("make"), "g:3:5: ticket 'x' must be a map, as in {command: [make, -j2]}");
  CAF_CHECK_EQUAL(problem_of_ticket("{comand: [a]}"),
                  "g:3:2: ticket 'x' has no command\n"
                  "g:3:6: ticket 'x': unknown key 'comand', did you mean 'command'?");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], colour: 1}"),
                  "g:3:20: ticket 'x': unknown key 'colour', known are agent, attempts, check, checks, claude, command, cwd, deadline, "
                  "env, exit_codes, group, http, limits, mock, needs, on_failure, priority, progress_timeout, queue, queue_timeout, secrets, shell, "
                  "start_timeout, stdin, stdin_file, timeout, unique, workspace");
}

CAF_TEST(a command has its input and its limits and its exit codes) {
  const auto x = payload_of("{command: ['wc -l | tee count', a], shell: true, stdin: \"1\\n2\\n\", exit_codes: [0, 3], "
                            "limits: {cpu: 90s, memory: 2GiB, files: 256, processes: 100, core: 0B}}");
  CAF_CHECK_EQUAL(argv_of(x), (std::vector<std::string>{"/bin/sh", "-c", "wc -l | tee count", "sh", "a"}));
  CAF_CHECK_EQUAL(x.input, "1\n2\n");
  CAF_CHECK_EQUAL(x.exit_codes, (std::vector<std::int32_t>{0, 3}));
  CAF_CHECK(x.limits.cpu == 90s);
  CAF_CHECK_EQUAL(x.limits.memory_bytes, std::int64_t{2} << 30);
  CAF_CHECK_EQUAL(x.limits.files, 256);
  CAF_CHECK_EQUAL(x.limits.processes, 100);
  CAF_CHECK_EQUAL(x.limits.core_bytes, 0);
  CAF_CHECK_EQUAL(payload_of("{command: [cat], stdin_file: in.txt}").input_file, "in.txt");
}

CAF_TEST(a ticket may call somebody instead of running a command) {
  const auto graph = load("graph: a\ntickets:\n x: {http: {url: 'http://h/x', method: POST, json: {n: 1, t: '1', b: true, "
                          "l: [~]}}, check: {command: [c], timeout: 2s}}\n y: {mock: {latency_ms: 5}}\n");
  CAF_REQUIRE(graph);
  CAF_CHECK_EQUAL(graph->tickets[0].kind, "http");
  CAF_CHECK_EQUAL(graph->tickets[0].payload,
                  R"({"check":["c"],"check_timeout_ms":2000,"json":{"b":true,"l":[null],"n":1,"t":"1"},)"
                  R"("method":"POST","url":"http://h/x"})");
  CAF_CHECK_EQUAL(graph->tickets[1].kind, "mock");
  CAF_CHECK_EQUAL(graph->tickets[1].payload, R"({"latency_ms":5})");
}

CAF_TEST(a ticket may be the work of an agent) {
  const auto graph = load("graph: a\ntickets:\n x: {agent: {agent: codex, prompt: Do it., environment: {A: '1'}}, "
                          "cwd: /src, env: {B: 2}, check: {command: [c]}}\n");
  CAF_REQUIRE(graph);
  CAF_CHECK_EQUAL(graph->tickets[0].kind, "agent_cli");
  CAF_CHECK_EQUAL(graph->tickets[0].payload,
                  R"({"agent":"codex","check":["c"],"check_timeout_ms":0,"environment":{"A":"1","B":"2"},"prompt":"Do it.",)"
                  R"("working_directory":"/src"})");
}

CAF_TEST(a ticket may work in a workspace of its own) {
  const auto dir = payload_of("{command: [a], workspace: dir}");
  CAF_CHECK(dir.workspace.kind == workspace_kind::dir && dir.working_directory.empty());
  const auto tree = payload_of("{command: [a], workspace: {kind: git_worktree, repository: ./app/, base: 7, on_retry: reset}}");
  CAF_CHECK(tree.workspace.kind == workspace_kind::git_worktree && tree.workspace.on_retry == retry_rule::reset);
  CAF_CHECK_EQUAL(tree.workspace.repository, (folder.path() / "app").string());
  CAF_CHECK_EQUAL(payload_of("{command: [a], workspace: none}").working_directory, folder.path().string());
  const auto graph = load("graph: a\ntickets:\n x: {workspace: dir, agent: {agent: codex, prompt: p}, check: {command: [c]}}\n"
                          " y: {claude: {prompt: p, tools: {read_file: true}}, workspace: dir, check: {command: [c]}}\n");
  CAF_REQUIRE(graph);
  CAF_CHECK_EQUAL(graph->tickets[0].payload, R"({"agent":"codex","check":["c"],"check_timeout_ms":0,"prompt":"p",)"
                                             R"("workspace":{"kind":"dir"}})");
  CAF_CHECK_EQUAL(graph->tickets[1].payload, R"({"check":["c"],"check_timeout_ms":0,"prompt":"p",)"
                                             R"("tools":{"read_file":true},"workspace":{"kind":"dir"}})");
}

CAF_TEST(a workspace that could not be made is refused with its place) {
  const std::vector<std::pair<std::string, std::string>> rows{
    {"{command: [a], workspace: folder}", "g:3:31: ticket 'x': workspace: 'kind' must be none, dir or git_worktree"},
    {"{command: [a], workspace: [dir]}",
     "g:3:31: ticket 'x': workspace must be none, dir or a map, as in {kind: git_worktree, repository: ., base: main}"},
    {"{command: [a], workspace: {kind: git_worktree}}",
     "g:3:31: ticket 'x': workspace: 'repository' must be the absolute path of a git repository on the node's machine"},
    {"{command: [a], workspace: {kind: dir, branch: x}}",
     "g:3:31: ticket 'x': workspace: unknown member \"branch\", known are base, kind, on_retry and repository"},
    {"{command: [a], workspace: dir, cwd: src}",
     "g:3:2: ticket 'x' has both a workspace and a directory to work in; write one of them"},
    {"{claude: {prompt: p, working_directory: /w}, workspace: dir, check: {command: [c]}}",
     "g:3:2: ticket 'x' has both a workspace and a directory to work in; write one of them"},
    {"{mock: {}, workspace: dir}",
     "g:3:2: ticket 'x' has 'workspace', which only a command, an agent or claude can have"},
  };
  for (const auto& [body, sentence] : rows)
    CAF_CHECK_EQUAL(problem_of_ticket(body), sentence);
}

CAF_TEST(a ticket does one thing) {
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], http: {url: 'http://h'}}"),
                  "g:3:2: ticket 'x' must have one of agent, claude, command, http and mock");
  CAF_CHECK_EQUAL(problem_of_ticket("{mock: {}, shell: true}"),
                  "g:3:2: ticket 'x' has 'shell', which only a command can have");
  CAF_CHECK_EQUAL(problem_of_ticket("{mock: {}, cwd: src}"),
                  "g:3:2: ticket 'x' has 'cwd', which only a command, an agent or claude can have");
  CAF_CHECK_EQUAL(problem_of_ticket("{agent: {agent: claude, prompt: p}, stdin: x, check: {command: [c]}}"),
                  "g:3:2: ticket 'x' has 'stdin', which only a command can have");
  CAF_CHECK_EQUAL(problem_of_ticket("{agent: claude, check: {command: [c]}}"),
                  "g:3:13: ticket 'x': agent must be a map, as in {agent: claude, prompt: Make the tests pass.}");
  CAF_CHECK_EQUAL(problem_of_ticket("{agent: {agent: claude}, check: {command: [c]}}"),
                  "g:3:13: ticket 'x': agent: payload of an agent: 'prompt' is missing; it says what the agent shall do");
  CAF_CHECK_EQUAL(problem_of_ticket("{claude: {prompt: p, batch: true}, timeout: 25h, check: {command: [c]}}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{claude: {prompt: p, batch: true, tools: {finish: true}}, check: {command: [c]}}"),
                  "g:3:14: ticket 'x': claude: payload of a call of Claude: 'batch' and 'tools' don't go together: a batch is a "
                  "single turn");
  CAF_CHECK(problem_of_ticket("{claude: {prompt: p}}").find("has an agent and no check") != std::string::npos);
  CAF_CHECK_EQUAL(problem_of_ticket("{agent: {agent: claude, prompt: p}}"),
                  "g:3:2: ticket 'x' has an agent and no check, so its own word would decide; write for example "
                  "check: {command: [./test]}");
  CAF_CHECK_EQUAL(problem_of_ticket("{mock: 1}"),
                  "g:3:12: ticket 'x': mock must be a map, as in {class: completed, latency_ms: 50}");
  CAF_CHECK_EQUAL(problem_of_ticket("{http: {url: x}}"),
                  "g:3:12: ticket 'x': http: payload of an HTTP call: 'url' must begin with http:// or https://");
}

CAF_TEST(wrong input and limits and exit codes are refused) {
  const std::vector<std::pair<std::string, std::string>> rows{
    {"shell: 1", "shell must be true or false: whether /bin/sh runs the first text of command as a script, not '1'"},
    {"stdin: [1]", "stdin must be a text that the command reads; stdin_file names a file instead"},
    {"exit_codes: 3", "exit_codes must be a list of those by which the command says that its work is done, as in [0, 3]"},
    {"limits: 3", "limits must be a map, as in {cpu: 10m, memory: 2GiB, files: 256, processes: 100, core: 0B}"},
  };
  for (const auto& [field, sentence] : rows) {
    const auto column = 20 + field.find(' ') + 1;
    CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], " + field + "}"),
                    "g:3:" + std::to_string(column) + ": ticket 'x': " + sentence);
  }
  for (const std::string field : {"exit_codes: [256]", "exit_codes: [x]", "limits: {files: 2}", "limits: {memory: 5}",
                                  "limits: {memory: 9999TiB}", "limits: {cpu: 5}", "limits: {disk: 5}", "stdin_file: ''"})
    CAF_CHECK(problem_of_ticket("{command: [a], " + field + "}") != "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], stdin: x, stdin_file: y}"),
                  "g:3:2: ticket 'x' has both stdin and stdin_file; write one of them");
}

CAF_TEST(a command is a list of texts) {
  const auto p = "ticket 'x': "s;
  CAF_CHECK_EQUAL(problem_of_ticket("{command: make -j2}"),
                  "g:3:15: " + p + "command is one text, write it as a list: [make, -j2]; no shell is involved");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: }"),
                  "g:3:6: " + p + "command must be a list: [make, -j2]; no shell is involved");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: {a: b}}"),
                  "g:3:15: " + p + "command must be a list: [make, -j2]; no shell is involved");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: []}"), "g:3:15: " + p + "command must hold 1 to 1,000 texts, not 0");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: ['', a]}"),
                  "g:3:15: " + p + "command begins with an empty text; the first is the program");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a, [b], ~]}"),
                  "g:3:19: " + p + "item 2 of command must be a text or number; quote it if it holds brackets or ': '\n"
                  "g:3:24: " + p + "item 3 of command is empty; write '' for an empty text, 'null' for the word");
  std::string many = "a";
  for (int i = 1; i < 1'000; ++i)
    many += ", a";
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [" + many + "]}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [" + many + ", a]}"),
                  "g:3:15: " + p + "command must hold 1 to 1,000 texts, not 1,001");
}

CAF_TEST(numbers have bounds) {
  const auto attempts = "g:3:30: ticket 'x': attempts must be a whole number from 1 to 100"s;
  for (const auto* wrong : {"0", "101", "-1", "1.5", "3x", "99999999999999999999", "three"})
    CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], attempts: "s + wrong + "}"), attempts + ", not '" + wrong + "'");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], attempts: [1]}"), attempts);
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], attempts: }"),
                  "g:3:20: ticket 'x': attempts must be a whole number from 1 to 100");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], attempts: 1}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], attempts: 100}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], priority: 0}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], priority: 1000}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], priority: 1001}"),
                  "g:3:30: ticket 'x': priority must be a whole number from 0 to 1,000, not '1001'");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], priority: -1}"),
                  "g:3:30: ticket 'x': priority must be a whole number from 0 to 1,000, not '-1'");
}

CAF_TEST(a duration needs its unit) {
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], timeout: 0}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], timeout: 10}"),
                  "g:3:29: ticket 'x': timeout '10' has no unit, write for example 30s, 250ms, 5m, 1h or 2d; "
                  "0 for no limit");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], timeout: [10m]}"),
                  "g:3:29: ticket 'x': timeout must be a duration, as in 10m or 1h30m; 0 for no limit");
}

CAF_TEST(group and unique are short texts) {
  const std::string sentence = "g:3:20: ticket 'x': unique must be a text of 1 to 200 bytes that no other unfinished "
                               "ticket has, as in 'unique: deploy-shop'";
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], unique: ''}"), "g:3:28" + sentence.substr(6));
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], unique: [b]}"), "g:3:28" + sentence.substr(6));
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], unique: " + std::string(201, 'x') + "}"), "g:3:28" + sentence.substr(6));
  CAF_CHECK(problem_of_ticket("{command: [a], group: ''}").find("group must be a text") != std::string::npos);
}

CAF_TEST(a queue has a simple name) {
  const auto sentence = "g:3:27: ticket 'x': queue must be a name of 1 to 63 letters, digits, '_', '-' and '.'"s;
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], queue: gpu-2_b}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], queue: a/b}"), sentence + ", not 'a/b'");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], queue: ''}"), sentence + ", not ''");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], queue: [a]}"), sentence);
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], queue: " + std::string(64, 'q') + "}"),
                  sentence + ", not '" + std::string(60, 'q') + "...'");
}

CAF_TEST(the environment is a map of texts) {
  const auto p = "ticket 'x': env"s;
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], env: [A]}"), "g:3:25: " + p + " must be a map, as in {CC: gcc}");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], env: {1A: b, SWARM_X: c, D: , E: [f], A-B: g}}"),
                  "g:3:26: " + p + ": '1A' can't be a variable's name; use letters, digits and '_', no digit first\n"
                  "g:3:33: " + p + ": 'SWARM_X' is reserved; names that begin with SWARM_ are given by the node\n"
                  "g:3:45: " + p + ": 'D' has no value; write '' for an empty text, 'null' for the word\n"
                  "g:3:53: " + p + ": 'E' must be a text or number\n"
                  "g:3:58: " + p + ": 'A-B' can't be a variable's name; use letters, digits and '_', no digit first");
}

CAF_TEST(a check is a map with a command) {
  const auto p = "ticket 'x': "s;
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], check: [test]}"),
                  "g:3:27: " + p + "check must be a map, as in {command: [test, -x, hello]}");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], check: {timeout: 1m}}"),
                  "g:3:27: " + p + "check has no command, write for example {command: [test, -x, hello]}");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], check: {command: test, timeout: 5, time: 1}}"),
                  "g:3:37: " + p + "the check's command is one text, write it as a list: [test, -x, hello]; "
                                   "no shell is involved\n"
                  "g:3:52: " + p + "the check's timeout '5' has no unit, write for example 30s, 250ms, 5m, 1h or 2d; "
                                   "0 for no limit\n"
                  "g:3:55: " + p + "check: unknown key 'time', known are command, timeout");
}

CAF_TEST(a working directory is a path) {
  const auto sentence =
    "g:3:25: ticket 'x': cwd must be the path of a directory, as in 'src/hello'; leave it out for the file's own"s;
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], cwd: ''}"), sentence);
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], cwd: [a]}"), sentence);
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], cwd: " + std::string(4'096, 'd') + "}"), sentence);
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], cwd: \"a\\0b\"}"),
                  "g:3:25: this text holds a NUL character, which no program can be given; remove it");
}

CAF_TEST(needs are a list of other tickets) {
  const auto p = "ticket 'x'"s;
  const auto list = p + ": needs must be a list of tickets, as in [configure]";
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], needs: y}"), "g:3:27: " + list);
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], needs: }"), "g:3:20: " + list);
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], needs: []}"), "");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], needs: [[y]]}"),
                  "g:3:28: " + p + ": needs must hold keys of tickets only, as in [configure]");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], needs: [x, zzz]}"),
                  "g:3:28: " + p + " needs itself and could never start; remove it from its needs\n"
                  "g:3:31: " + p + " needs 'zzz', which isn't in this file");
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], needs: [configur, y, y]}\n configure: {command: [a]}\n"
                                    " y: {command: [a]}"),
                  "g:3:28: " + p + " needs 'configur', which isn't in this file, did you mean 'configure'?\n"
                  "g:3:41: " + p + " needs 'y' twice; write it once");
  std::string many = "a";
  for (int i = 0; i < 1'000; ++i)
    many += ", a";
  CAF_CHECK_EQUAL(problem_of_ticket("{command: [a], needs: [" + many + "]}"),
                  "g:3:27: " + p + " needs 1,001 tickets, at most 1,000 are possible; put a ticket in between that "
                  "collects some of them");
}

CAF_TEST(a circle is reported with its path at its first edge) {
  CAF_CHECK_EQUAL(problems_of("graph: a\ntickets:\n a: {command: [a], needs: [z, b]}\n b:\n  command: [a]\n"
                              "  needs: [a]\n z: {command: [a]}\n"),
                  "g:3:31: tickets need each other in a circle and could never start: a -> b -> a; "
                  "remove one of these needs");
}

CAF_TEST(all mistakes of a file are reported at once in their order) {
  CAF_CHECK_EQUAL(problems_of("graph: a\n"
                              "tickets:\n"
                              " a: {command: make, needs: [b]}\n"
                              " b: {command: [a], needs: [a], atempts: 2}\n"
                              " c: {command: [a], command: [b], needs: [bb]}\n"
                              " c: {priority: 2000, needs: [dd]}\n"
                              "queue: x\n"),
                  "g:3:15: ticket 'a': command is one text, write it as a list: [make, -j2]; no shell is involved\n"
                  "g:3:29: tickets need each other in a circle and could never start: a -> b -> a; "
                  "remove one of these needs\n"
                  "g:4:32: ticket 'b': unknown key 'atempts', did you mean 'attempts'?\n"
                  "g:5:20: duplicate key 'command', it is already on line 5\n"
                  "g:5:42: ticket 'c' needs 'bb', which isn't in this file\n"
                  "g:6:2: duplicate key 'c', it is already on line 5\n"
                  "g:6:2: ticket 'c' has no command\n"
                  "g:6:16: ticket 'c': priority must be a whole number from 0 to 1,000, not '2000'\n"
                  "g:6:30: ticket 'c' needs 'dd', which isn't in this file\n"
                  "g:7:1: unknown key 'queue', known are graph, tickets");
}

CAF_TEST(a circle of ten thousand tickets is one short sentence) {
  std::string text = "graph: a\ntickets:\n";
  for (int i = 0; i < 10'000; ++i)
    text += " t"s + std::to_string(i) + ": {command: [a], needs: [t" + std::to_string((i + 1) % 10'000) + "]}\n";
  CAF_CHECK_EQUAL(problems_of(text),
                  "g:3:29: tickets need each other in a circle and could never start: t0 -> t1 -> t2 -> t3 -> t4 -> "
                  "... 9,990 more ... -> t9995 -> t9996 -> t9997 -> t9998 -> t9999 -> t0; remove one of these needs");
}

CAF_TEST(ten thousand missing needs take no time to speak of) {
  std::string text = "graph: a\ntickets:\n";
  for (int i = 0; i < 10'000; ++i)
    text += " t"s + std::to_string(i) + ": {command: [a], needs: [u" + std::to_string(i) + "]}\n";
  // Time on the processor, which other programs of the machine don't lengthen.
  const auto begin = std::clock();
  CAF_CHECK(problems_of(text).ends_with("\n... and 9,900 more"));
  CAF_CHECK_LESS((std::clock() - begin) / CLOCKS_PER_SEC, 10);
}

CAF_TEST(more tickets than a graph may hold are refused) {
  std::string text = "graph: a\ntickets:\n";
  for (int i = 0; i <= 100'000; ++i)
    text += " t"s + std::to_string(i) + ": {}\n";
  CAF_CHECK_EQUAL(problems_of(text), "g:3:2: a graph holds at most 100,000 tickets, not 100,001; split it");
}

CAF_TEST(a ticket may refer to results of those that it needs and to no others) {
  const auto problems_with = [&](const std::string& use) {
    return problems_of("graph: a\ntickets:\n a: {command: [a]}\n b: {command: [b], needs: [a]}\n c: {" + use + "}\n");
  };
  CAF_CHECK_EQUAL(problems_with("command: [x, '${ticket.b.result.files.0}'], needs: [b]"), "");
  CAF_CHECK_EQUAL(problems_with("command: [x, '$${ticket.b.result}']"), "");
  CAF_CHECK_EQUAL(problems_with("http: {url: 'http://127.0.0.1/', json: {n: '${ticket.b.result}'}}, needs: [b]"), "");
  // A result of what is needed by another one isn't handed on.
  CAF_CHECK_EQUAL(problems_with("command: [x, '${ticket.a.result}'], needs: [b]"),
                  "g:5:2: ticket 'c': refers to the result of 'a' and doesn't need it; add 'a' to its needs");
  CAF_CHECK(problems_with("command: [x, '${ticket.b}'], needs: [b]").find("malformed reference '${ticket.b}'") != std::string::npos);
  CAF_CHECK(problems_with("command: [sh, -c, 'x ${ticket.b.result}'], needs: [b]").find("would be run as code")
            != std::string::npos);
  CAF_CHECK(problems_with("http: {url: 'https://${ticket.b.result}/'}, needs: [b]").find("who gets the request")
            != std::string::npos);
  CAF_CHECK(problems_with("command: ['x ${ticket.b.result}'], shell: true, needs: [b]").find("would be run as code")
            != std::string::npos);
}

CAF_TEST(what is wrong with the file itself is said once) {
  problems found;
  CAF_CHECK(!load_graph(folder.path() / "none", {}, found));
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(found[0].text, "there is no such file; check the path");
}

CAF_TEST(an earlier problem of somebody else spoils no right graph) {
  problems found{{"--flag", 0, 0, "is wrong"}};
  CAF_CHECK(load_graph(folder.write("g", hello), {}, found));
  CAF_CHECK_EQUAL(found.size(), 1u);
}

CAF_TEST(a folder whose name is not UTF8 is refused) {
  std::filesystem::create_directory(folder.path() / "\xFF");
  problems found;
  CAF_CHECK(!load_graph(folder.write("\xFF/g", hello), {}, found));
  CAF_REQUIRE_EQUAL(found.size(), 1u);
  CAF_CHECK_EQUAL(found[0].text, "the name of its directory isn't UTF-8; rename the directory");
}

CAF_TEST(mutated graphs become a graph or at least one problem) {
  const auto seed = 99u;
  CAF_MESSAGE("seed " << seed);
  std::mt19937 random{seed};
  const std::vector<std::string> pieces{"[", "]", "{", "}", ",", ": ", "\n", " ", "'", "\"", "&a ", "*a", "~", "-1",
                                        "needs", "build", "configure", "command", "check", "\\0", "!x ", "- ", "#"};
  int graphs = 0;
  for (int round = 0; round < 1'500; ++round) {
    std::string text = hello;
    for (int edits = 0; edits <= round % 4; ++edits) {
      const auto at = random() % text.size();
      switch (random() % 4) {
        case 0: text[at] = static_cast<char>(random() % 256); break;
        case 1: text.erase(at, 1 + random() % 5); break;
        case 2: text.insert(at, pieces[random() % pieces.size()]); break;
        default: text.insert(at, text.substr(random() % text.size(), random() % 40)); break;
      }
    }
    graphs += load(text) ? 1 : 0;
  }
  CAF_CHECK(graphs > 50 && graphs < 1'450);
}

CAF_TEST_FIXTURE_SCOPE_END()
