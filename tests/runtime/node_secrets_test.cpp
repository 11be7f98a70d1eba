#define CAF_SUITE node_secrets

#include "messages/agent_payload.hpp"
#include "runtime/secrets.hpp"
#include "tests/fixtures/scratch_folder.hpp"

#include <cstdlib>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;

namespace {

std::string redacted(const config::node_config& x, const std::string& text) {
  const auto made = runtime::make_redactor(x);
  return made ? (*made)->redact(text) : render(made.error());
}

} // namespace

CAF_TEST(the variables by which agents log in are redacted) {
  config::node_config x;
  x.secrets.variables.clear();
  for (const auto* agent : {"claude", "codex", "gemini"}) {
    CAF_CHECK(!credential_variables(agent).empty());
    for (const auto variable : credential_variables(agent)) {
      const std::string name{variable};
      ::setenv(name.c_str(), "turnip&lantern", 1);
      for (const auto* form : {"turnip&lantern", "turnip%26lantern", "dHVybmlwJmxhbnRlcm4="})
        CAF_CHECK_EQUAL(redacted(x, form), "[redacted:" + name + "]");
      ::setenv(name.c_str(), "a b", 1); // no key, and a word like any other
      CAF_CHECK_EQUAL(redacted(x, "a b"), "a b");
      ::unsetenv(name.c_str());
    }
  }
}

CAF_TEST(what the configuration names is redacted) {
  const test::scratch_folder folder;
  config::node_config x;
  x.secrets.variables = {"NODE_SECRETS_TEST"};
  x.database.url = "postgresql://u:lantern-7@h/d";
  x.claude.api_key_file = folder.write("key", "turnip&lantern\n");
  ::setenv("NODE_SECRETS_TEST", "battery", 1);
  CAF_CHECK_EQUAL(redacted(x, "battery, lantern-7, turnip%26lantern"),
                  "[redacted:NODE_SECRETS_TEST], [redacted:database.url], [redacted:the key of claude]");
  ::unsetenv("NODE_SECRETS_TEST");
}
