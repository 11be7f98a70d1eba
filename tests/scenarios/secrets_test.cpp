#define CAF_SUITE scenario_secrets

#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/program.hpp"

#include <csignal>
#include <string>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using swarm::test::contains;
using swarm::test::read_all;
using swarm::test::user;

namespace {

/// The secret, how programs write it, and a part of it.
const std::vector<std::string> forms{"corr/ect+horse battery", "Y29yci9lY3QraG9yc2UgYmF0dGVyeQ",
                                     "corr%2Fect%2Bhorse%20battery", "horse battery"};

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
  me.write("g.yaml", graph);
  auto said = me.run({"run", "g.yaml", "--command.output_head", "600B", "--command.output_tail", "130B", "--log.level", "debug"});
  CAF_CHECK_EQUAL(said.code, 1);
  auto node = me.start_node();
  auto shown = me.run({"show", me.ticket("tell")}).out;
  CAF_CHECK(contains(shown, "[redacted:SWARM_SECRET_A]"));
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

CAF_TEST(a secret that is too short to be found is refused before the node starts) {
  user me;
  me.environment["SWARM_SECRET_A"] = "abc";
  auto said = me.run({"up"});
  CAF_CHECK_EQUAL(said.code, 2);
  CAF_CHECK(contains(said.err, "the secret 'SWARM_SECRET_A' has 3 bytes"));
  CAF_CHECK(!contains(said.err, "abc"));
}
