#define CAF_SUITE claude_transcript

#include "tests/runtime/claude_fixture.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using json = nlohmann::json;
namespace fs = std::filesystem;

namespace {

json use_of(const char* tool) {
  return {{"tools", {{tool, true}}}};
}

struct fixture : claude_fixture {
  fixture() {
    values.attempts_folder = folder.path() / "attempts";
    fs::create_directory(values.attempts_folder);
    values.output_file_bytes_max = values.outputs_bytes_max = 1u << 20;
    ticket.claim = {ticket_id{7}, fence{42}};
  }

  std::string file() const {
    std::ostringstream result;
    result << std::ifstream{values.attempts_folder / "outputs" / "7-42"}.rdbuf();
    return result.str();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(claude_transcript_tests, fixture)

CAF_TEST(all of a transcript stays in a file and what is kept of it is short) {
  const std::string content(10'000, 'x');
  const auto x = run({calls("write_file", {{"path", "a.txt"}, {"content", content}}), says("Done.")},
                     use_of("write_file"));
  CAF_CHECK(!holds(x.output, content) && holds(x.output, "bytes dropped"));
  const auto all = file();
  CAF_CHECK(holds(all, content) && holds(all, "< wrote 10000 bytes\n") && holds(all, "Done.\n"));
  CAF_CHECK(!fs::exists(values.attempts_folder / "7-42"));
}

CAF_TEST(a secret that a transcript would cut in two is redacted in both of its forms) {
  const std::string secret = "first-half-of-a-secret+second-half-of-a-secret";
  auto redactor = redact::redactor::build({{"TOKEN", secret}});
  CAF_REQUIRE(redactor);
  values.redactor = std::make_shared<const redact::redactor>(std::move(*redactor));
  // The first 1,500 bytes and the last 500 are kept, and the secret lies across the cut.
  folder.write("a.txt", std::string(1'480, 'x') + secret + std::string(2'000, 'y'));
  const auto x = run({calls("read_file", {{"path", "a.txt"}}), says("Done.")}, use_of("read_file"));
  const auto all = file();
  CAF_CHECK(holds(x.output, "[redacted:TOKEN]") && holds(all, "[redacted:TOKEN]"));
  for (const auto* half : {"first-half", "second-half"})
    CAF_CHECK(!holds(x.output, half) && !holds(all, half));
}

CAF_TEST(a key that takes the place of another one is redacted from its first use on) {
  auto redactor = redact::redactor::build({});
  CAF_REQUIRE(redactor);
  values.redactor = std::make_shared<const redact::redactor>(std::move(*redactor));
  for (const std::string key : {"the-first-key-of-them", "the-second-key-of-them"}) {
    values.api_key_file = folder.write("key", key + "\n");
    const auto x = run({says("It is " + key + ".")});
    CAF_CHECK(holds(requests.at(0), "x-api-key: " + key));
    CAF_CHECK(holds(x.output, "It is [redacted:the key of claude]."));
    CAF_CHECK(holds(file(), "It is [redacted:the key of claude]."));
  }
  CAF_CHECK_EQUAL(values.redactor->redact("the-first-key-of-them"), "[redacted:the key of claude]");
}

CAF_TEST_FIXTURE_SCOPE_END()
