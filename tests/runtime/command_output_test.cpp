#define CAF_SUITE command_output

#include "tests/runtime/command_fixture.hpp"

#include "runtime/executors/redact/redactor.hpp"

#include <caf/deep_to_string.hpp>

#include <sstream>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;

namespace {

std::string text_of(const std::filesystem::path& file) {
  std::ostringstream result;
  result << std::ifstream{file, std::ios::binary}.rdbuf();
  return result.str();
}

struct fixture : command_fixture {
  /// Runs it with a file for its output.
  command_result run_into_file(command_spec spec, std::uint64_t bytes_max) {
    spec.output_file = file.string();
    spec.output_file_bytes_max = bytes_max;
    return run(runner, std::move(spec));
  }

  /// Runs it and listens.
  command_result listen(command_spec spec) {
    std::promise<command_result> ended;
    runner.start(7, std::move(spec), [&](command_result x) { ended.set_value(std::move(x)); },
                 [this](bool is_error, std::string_view x) { (is_error ? errors : output) += x; });
    auto result = ended.get_future();
    return wait_for(result);
  }

  scratch_directory scratch;
  std::filesystem::path file = scratch.path / "output";
  std::string output;
  std::string errors;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(command_output_tests, fixture)

CAF_TEST(all of an output goes to its file beside what is kept of it) {
  auto spec = shell("seq 100000; echo end >&2");
  spec.output_head_bytes = spec.output_tail_bytes = 10;
  const auto result = run_into_file(spec, 1u << 20);
  const auto text = text_of(file);
  CAF_CHECK_EQUAL(text.size(), result.output_bytes);
  CAF_CHECK_EQUAL(result.output_file_bytes, result.output_bytes);
  CAF_CHECK(text.starts_with("1\n2\n3\n") && text.ends_with("99999\n100000\nend\n"));
  CAF_CHECK(result.output.ends_with("00000\nend\n"));
  struct stat found {};
  CAF_REQUIRE_EQUAL(stat(file.c_str(), &found), 0);
  CAF_CHECK_EQUAL(found.st_mode & 0777u, 0600u);
}

CAF_TEST(a file of an output ends at its limit and the rest is counted) {
  const auto result = run_into_file(shell("head -c 300000 /dev/zero"), 100'001);
  CAF_CHECK_EQUAL(text_of(file).size(), 100'001u);
  CAF_CHECK_EQUAL(result.output_file_bytes, 100'001u);
  CAF_CHECK_EQUAL(result.output_bytes, 300'000u);
}

CAF_TEST(a program that writes nothing leaves no file) {
  CAF_CHECK_EQUAL(run_into_file(program({"true"}), 100).output_file_bytes, 0u);
  CAF_CHECK(!std::filesystem::exists(file));
  run_into_file(shell("echo"), 0);
  CAF_CHECK(!std::filesystem::exists(file));
}

CAF_TEST(an output that has no place for its file is kept and counted as ever) {
  CAF_REQUIRE_EQUAL(mkfifo(file.c_str(), 0600), 0); // would keep everybody waiting
  auto result = run_into_file(shell("echo hello; echo again"), 100);
  CAF_CHECK_EQUAL(result.output, "hello\nagain\n");
  CAF_CHECK_EQUAL(result.output_file_bytes, 0u);
  file = scratch.path / "none" / "output";
  CAF_CHECK_EQUAL(run_into_file(shell("echo hello"), 100).output, "hello\n");
  file = "/dev/full"; // exists
  CAF_CHECK_EQUAL(run_into_file(shell("echo hello"), 100).output_file_bytes, 0u);
}

CAF_TEST(who listens hears all of the output before its end) {
  auto spec = shell("seq 50000; echo oh >&2");
  spec.output_head_bytes = spec.output_tail_bytes = 0;
  const auto result = listen(spec);
  CAF_CHECK(output.ends_with("49999\n50000\noh\n"));
  CAF_CHECK_EQUAL(output.size(), result.output_bytes);
  CAF_CHECK_EQUAL(errors, "");
}

CAF_TEST(errors that are apart are told apart and kept together) {
  auto spec = shell("echo one; echo two >&2");
  spec.errors_apart = true;
  const auto result = listen(spec);
  CAF_CHECK_EQUAL(output, "one\n");
  CAF_CHECK_EQUAL(errors, "two\n");
  CAF_CHECK_EQUAL(result.output_bytes, 8u);
  CAF_CHECK_EQUAL(result.output.size(), 8u);
}

CAF_TEST(a run waits for both outputs when errors are apart) {
  auto spec = shell("exec >&-; echo late >&2");
  spec.errors_apart = true;
  listen(spec);
  CAF_CHECK_EQUAL(errors, "late\n");
  spec = shell("exec 2>&-; echo late");
  spec.errors_apart = true;
  listen(spec);
  CAF_CHECK_EQUAL(output, "late\n");
}

CAF_TEST(who throws hears no more and the run goes on) {
  std::promise<command_result> ended;
  int calls = 0;
  runner.start(7, shell("seq 100000"), [&](command_result x) { ended.set_value(std::move(x)); },
               [&](bool, std::string_view) {
                 ++calls;
                 throw std::runtime_error("no");
               });
  auto result = ended.get_future();
  CAF_CHECK_EQUAL(wait_for(result).output_bytes, 588'895u);
  CAF_CHECK_EQUAL(calls, 1);
}

CAF_TEST(a run may be given time to end by itself before it is stopped) {
  signpost post;
  auto patient = start(runner, 1, shell("trap '' INT TERM; echo up > " + post.path + "; exec sleep 1000"));
  post.read_line();
  runner.stop(1, 20ms);
  auto result = wait_for(patient);
  CAF_CHECK(result.ending == command_ending::stopped);
  auto quick = start(runner, 2, shell("echo up > " + post.path + "; read x < " + post.path + ".go"));
  CAF_REQUIRE_EQUAL(mkfifo((post.path + ".go").c_str(), 0600), 0);
  post.read_line();
  runner.stop(2, 1h);
  std::ofstream{post.path + ".go"} << "go\n";
  CAF_CHECK(wait_for(quick).ending == command_ending::exited);
}

CAF_TEST(a stop with a delay takes the place of the time that was left) {
  signpost post;
  auto spec = shell("echo up > " + post.path + "; exec sleep 1000");
  spec.timeout = 1h;
  auto running = start(runner, 1, spec);
  post.read_line();
  runner.stop(1, 20ms);
  CAF_CHECK(wait_for(running).ending == command_ending::stopped);
}

CAF_TEST(a judge reads what was written and nobody else does) {
  const auto redactor = redact::redactor::build({{"HORSE", "correct horse"}});
  CAF_REQUIRE(redactor);
  command_runner discreet{{}, std::make_shared<const redact::redactor>(*redactor)};
  auto spec = shell("echo 'a correct horse'; seq 1000; echo 'the correct horse'");
  spec.output_head_bytes = spec.output_tail_bytes = 20;
  spec.output_file = file.string();
  spec.output_file_bytes_max = 1u << 20;
  CAF_CHECK(!run(discreet, spec).raw_output);
  CAF_CHECK(!run(runner, spec).raw_output);
  spec.keeps_raw_output = true;
  spec.output_file = (scratch.path / "judged").string();
  const auto result = run(discreet, spec);
  CAF_REQUIRE(result.raw_output);
  CAF_CHECK(result.judged_output().starts_with("a correct horse\n1\n2\n"));
  CAF_CHECK(result.judged_output().ends_with("0\nthe correct horse\n"));
  // Where its head ends, "[redacted:" is cut, and not the secret.
  for (const auto& kept : {result.output, text_of(spec.output_file), caf::deep_to_string(result)}) {
    CAF_CHECK(kept.find("[redacted:") != std::string::npos);
    CAF_CHECK(kept.find("horse") == std::string::npos && kept.find("correct") == std::string::npos);
  }
  CAF_CHECK_EQUAL(result.output_bytes, 3'927u);
  spec.output_file.clear();
  const auto plain = run(runner, spec);
  CAF_CHECK(!plain.raw_output); // it is no other
  CAF_CHECK_EQUAL(plain.judged_output(), plain.output);
}

CAF_TEST_FIXTURE_SCOPE_END()
