#define CAF_SUITE scenario_secrets

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <csignal>
#include <string>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using swarm::test::contains;
using swarm::test::privilege;
using swarm::test::read_all;
using swarm::test::scratch_database;
using swarm::test::user;

namespace {

/// The secret, how programs write it, and a part of it; then the same of an agent's key and of Claude's.
const std::vector<std::string> forms{"corr/ect+horse battery", "Y29yci9lY3QraG9yc2UgYmF0dGVyeQ",
                                     "corr%2Fect%2Bhorse%20battery", "horse battery",
                                     "mo/del+agent-7-key", "bW8vZGVsK2FnZW50LTcta2V5",
                                     "mo%2Fdel%2Bagent-7-key", "agent-7-key",
                                     "fi/le+kept-9-key", "ZmkvbGUra2VwdC05LWtleQ",
                                     "fi%2Fle%2Bkept-9-key", "kept-9-key"};
const auto& agent_key = forms[4];
const auto& claude_key = forms[8];

/// Prints all of them, also over the border between what is kept of an output and what isn't, and in two pieces, and passes
/// it on in all ways.
constexpr const char* graph = R"(graph: g
tickets:
  tell:
    command: ['
      env; echo "$SWARM_SECRET_A" >&2; printf %s "$SWARM_SECRET_A" | base64;
      printf %s "$SWARM_SECRET_A" | sed "s,/,%2F,;s,+,%2B,;s, ,%20," | tee leak;
      for i in 1 2 3 4 5 6 7 8 9; do printf %s "$SWARM_SECRET_A"; done;
      printf %.9s "$SWARM_SECRET_A"; sleep 0.1; printf %s "${SWARM_SECRET_A#?????????}";
      printf "{\"result\": \"%s\", \"notes\": \"%s\"}" "$SWARM_SECRET_A" "$SWARM_SECRET_A" > $SWARM_RESULT_FILE; exit 3']
    shell: true
    secrets: [SWARM_SECRET_A]
    exit_codes: [3]
    check: {command: [sh, -c, 'env; echo "the check saw ${SWARM_SECRET_A:-nothing}"; cat leak; exit 1']}
    attempts: 2
  ask:
    agent: {agent: codex, prompt: Tell., secrets: [CODEX_API_KEY]}
    check: {command: ['true']}
    attempts: 1
  read:
    command: ['key=$(cat claude.key); echo "$key"; printf %s "$key" | base64; echo "$key" | sed "s,/,%2F,;s,+,%2B,"']
    shell: true
)";

/// An agent that tells its key in every way.
constexpr const char* agent = R"(#!/bin/sh
say() { printf '%s\n' "$1"; }
cat >/dev/null
env
printf %s "$CODEX_API_KEY" | base64 | tee /dev/stderr
printf %s "$CODEX_API_KEY" | sed 's,/,%2F,;s,+,%2B,'
say "{\"result\": \"$CODEX_API_KEY\", \"notes\": \"$CODEX_API_KEY\"}" >"$SWARM_RESULT_FILE"
say '{"type":"thread.started","thread_id":"11111111-2222-4333-8444-555555555555"}'
item="{\"id\":\"item_1\",\"type\":\"agent_message\",\"text\":\"It is $CODEX_API_KEY.\"}"
say "{\"type\":\"item.completed\",\"item\":$item}"
say '{"type":"turn.completed","usage":{"input_tokens":1200,"cached_input_tokens":1000,"output_tokens":80}}'
)";

/// The ends of a private key around the failure of a test.
constexpr const char* judged = R"(graph: g
tickets:
  tell:
    command: ['printf %s "$SWARM_SECRET_A" > leak']
    shell: true
    secrets: [SWARM_SECRET_A]
    checks:
      - kind: tests
        command: [sh, -c, 'printf "1..2\nok 1 - $(cat leak)\n# -----BEGIN RSA PRIVATE KEY-----\n# MIIE%s\nnot ok 2 - b\n# -----END RSA PRIVATE KEY-----\n" owIBAAKCAQEA']
        format: tap
    attempts: 1
)";

/// Whether none of the words stands in a file below the folder.
bool is_nowhere(const fs::path& folder, const std::vector<std::string>& words) {
  std::size_t files = 0;
  bool result = true;
  for (auto& entry : fs::recursive_directory_iterator{folder}) {
    if (!entry.is_regular_file())
      continue;
    ++files;
    auto text = read_all(entry.path());
    for (auto& word : words)
      if (contains(text, word)) {
        CAF_ERROR(word << " stands in " << entry.path());
        result = false;
      }
  }
  CAF_CHECK(files > 100);
  return result;
}

} // namespace

CAF_TEST(a secret that a ticket prints in every way is in no table and no file and no log) {
  user me;
  me.environment["SWARM_SECRET_A"] = forms.front();
  me.environment["CODEX_API_KEY"] = agent_key;
  me.environment["SWARM_CLAUDE_API_KEY_FILE"] = me.write("claude.key", claude_key + "\n").string();
  me.environment["PATH"] = me.folder().string() + ":" + me.environment["PATH"];
  fs::permissions(me.write("codex", agent), fs::perms::owner_all);
  me.write("g.yaml", graph);
  auto said = me.run({"run", "g.yaml", "--command.output_head", "600B", "--command.output_tail", "130B", "--log.level", "debug"});
  CAF_CHECK_EQUAL(said.code, 1);
  auto node = me.start_node();
  std::string shown;
  for (const auto* key : {"tell", "ask", "read"})
    shown += me.run({"show", me.ticket(key)}).out;
  for (const auto* name : {"SWARM_SECRET_A", "CODEX_API_KEY", "the key of claude"})
    CAF_CHECK(contains(shown, "[redacted:" + std::string{name} + "]"));
  CAF_CHECK(contains(shown, "It is [redacted:CODEX_API_KEY]."));
  CAF_CHECK(contains(shown, "the check saw nothing"));
  auto events = me.run({"events"}).out;
  for (auto& form : forms)
    for (auto* text : {&said.out, &said.err, &shown, &events})
      CAF_CHECK(!contains(*text, form));
  node.signal(SIGTERM);
  CAF_CHECK_EQUAL(node.end().code, 0);
  CAF_CHECK(is_nowhere(me.home(), forms));
}

CAF_TEST(a check judges what was written and neither key nor secret is kept of it) {
  user me;
  me.environment["SWARM_SECRET_A"] = forms.front();
  me.write("g.yaml", judged);
  CAF_CHECK_EQUAL(me.run({"run", "g.yaml", "--log.level", "debug"}).code, 1);
  auto node = me.start_node();
  auto shown = me.run({"show", me.ticket("tell")}).out;
  CAF_CHECK(contains(shown, "1 of 2 tests failed"));
  node.signal(SIGTERM);
  CAF_CHECK_EQUAL(node.end().code, 0);
  CAF_CHECK(is_nowhere(me.home(), {forms.front(), "horse battery", "MIIEowIBAAKCAQEA"}));
}

CAF_TEST(a person who quotes a secret in a verdict does not store it) {
  user me;
  me.environment["SWARM_SECRET_A"] = forms.front();
  const auto token = "ghp_" + std::string(36, 'x');
  me.write("g.yaml", "graph: g\ntickets:\n  good: {command: ['true'], checks: [{kind: human}]}\n"
                     "  bad: {command: ['true'], checks: [{kind: human}]}\n");
  me.run({"run", "g.yaml"});
  CAF_CHECK_EQUAL(me.run({"approve", me.ticket("good"), "--note", "It shows " + forms.front() + " and " + token}).code, 0);
  CAF_CHECK_EQUAL(me.run({"reject", me.ticket("bad"), "--why", "It shows " + token + " and " + forms.front()}).code, 0);
  auto shown = me.run({"show", me.ticket("good")}).out + me.run({"show", me.ticket("bad")}).out;
  CAF_CHECK(contains(shown, "It shows [redacted:SWARM_SECRET_A] and [redacted]"));
  CAF_CHECK(contains(shown, "It shows [redacted] and [redacted:SWARM_SECRET_A]"));
  CAF_CHECK(is_nowhere(me.home(), {forms.front(), token}));
}

CAF_TEST(a program of a ticket can read neither the environment nor the memory of its node) {
  scratch_database database;
  user me{database.conninfo()};
  me.write("g.yaml", R"(graph: g
tickets:
  spy:
    command: ['grep -x swarm /proc/$PPID/comm;
      for x in environ mem maps; do
        if ( : </proc/$$/$x ) && ! ( : </proc/$PPID/$x ); then echo "$x is closed"; fi;
      done']
    shell: true
)");
  CAF_CHECK_EQUAL(me.run_unprivileged({"run", "g.yaml"}, privilege::processes).code, 0);
  auto shown = me.run({"show", me.ticket("spy")}).out;
  for (const auto* part : {"| swarm\n", "environ is closed", "mem is closed", "maps is closed"})
    CAF_CHECK(contains(shown, part));
}

CAF_TEST(a secret that is too short to be found is refused before the node starts) {
  user me;
  me.environment["SWARM_SECRET_A"] = "abc";
  auto said = me.run({"up"});
  CAF_CHECK_EQUAL(said.code, 2);
  CAF_CHECK(contains(said.err, "the secret 'SWARM_SECRET_A' has 3 bytes"));
  CAF_CHECK(!contains(said.err, "abc"));
}
