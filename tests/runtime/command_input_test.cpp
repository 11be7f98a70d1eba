#define CAF_SUITE command_input

#include "runtime/executors/command/open_files.hpp"
#include "tests/runtime/command_fixture.hpp"

#include <sys/resource.h>

#include <csignal>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;

CAF_TEST_FIXTURE_SCOPE(command_input_tests, command_fixture)

CAF_TEST(a program reads what it is given and then the end) {
  auto spec = program({"cat"});
  spec.input = "one\ntwo\n";
  CAF_CHECK_EQUAL(run(runner, spec).output, spec.input);
  spec = program({"wc", "-c"});
  spec.input = std::string(3'000'000, 'x'); // more than any pipe holds
  CAF_CHECK_EQUAL(run(runner, spec).output, "3000000\n");
  CAF_CHECK_EQUAL(run(runner, program({"wc", "-c"})).output, "0\n");
}

CAF_TEST(a program that does not read its input ends all the same) {
  auto spec = program({"true"});
  spec.input = std::string(3'000'000, 'x');
  auto result = run(runner, spec);
  CAF_CHECK(result.ending == command_ending::exited);
  CAF_CHECK_EQUAL(result.exit_code, 0);
}

CAF_TEST(a file is read from the directory of the program) {
  scratch_directory scratch;
  scratch.write("in.txt", "from a file", 0600);
  auto spec = program({"cat"});
  spec.working_directory = scratch.path.string();
  for (auto path : {"in.txt"s, (scratch.path / "in.txt").string()}) {
    spec.input_file = path;
    CAF_CHECK_EQUAL(run(runner, spec).output, "from a file");
  }
}

CAF_TEST(an input that can not be read keeps the program from starting) {
  scratch_directory scratch;
  auto pipe = scratch.path / "pipe";
  CAF_REQUIRE_EQUAL(mkfifo(pipe.c_str(), 0600), 0);
  auto spec = program({"cat"});
  spec.working_directory = scratch.path.string();
  for (auto [file, sentence] : {std::pair{"none"s, "cannot read 'none': No such file or directory"s},
                                {"pipe"s, "cannot read 'pipe': it isn't a regular file"s},
                                {"."s, "cannot read '.': it isn't a regular file"s}}) {
    spec.input_file = file;
    auto result = run(runner, spec);
    CAF_CHECK(result.ending == command_ending::not_started);
    CAF_CHECK_EQUAL(result.error_text, sentence);
  }
}

CAF_TEST(a file that is confined is read below the directory and nowhere else) {
  scratch_directory scratch;
  scratch.write("secret", "of somebody else", 0600);
  std::filesystem::create_directory(scratch.path / "own");
  scratch.write("own/in.txt", "from a file", 0600);
  std::filesystem::create_symlink("../secret", scratch.path / "own/link");
  auto spec = program({"cat"});
  spec.working_directory = (scratch.path / "own").string();
  spec.input_is_confined = true;
  spec.input_file = "in.txt";
  CAF_CHECK_EQUAL(run(runner, spec).output, "from a file");
  for (auto path : {"../secret"s, "link"s, (scratch.path / "secret").string()}) {
    spec.input_file = path;
    auto result = run(runner, spec);
    CAF_CHECK(result.ending == command_ending::not_started);
    CAF_CHECK_EQUAL(result.error_text, "cannot read '" + path + "': it lies outside of '" + spec.working_directory + "'");
  }
}

CAF_TEST(a node may open more files than its programs which have the usual limit) {
  rlimit usual{};
  getrlimit(RLIMIT_NOFILE, &usual);
  auto low = usual;
  low.rlim_cur = 777;
  setrlimit(RLIMIT_NOFILE, &low);
  executors::allow_many_open_files();
  rlimit now{};
  getrlimit(RLIMIT_NOFILE, &now);
  CAF_CHECK_EQUAL(now.rlim_cur, usual.rlim_max);
  CAF_CHECK_EQUAL(run(runner, shell("ulimit -n")).output, "777\n");
  setrlimit(RLIMIT_NOFILE, &usual);
}

CAF_TEST(a program and its children have the limits that it was given) {
  auto spec = shell("ulimit -t; ulimit -v; ulimit -n; ulimit -c; sh -c 'ulimit -v'");
  spec.limits = {1500ms, 1 << 30, 64, -1, 0};
  CAF_CHECK_EQUAL(run(runner, spec).output, "2\n1048576\n64\n0\n1048576\n");
}

CAF_TEST(a program that uses up its time on the processor is ended) {
  auto spec = shell("while :; do :; done");
  spec.limits.cpu = 1s;
  auto result = run(runner, spec);
  CAF_CHECK(result.ending == command_ending::signalled);
  CAF_CHECK_EQUAL(result.signal, SIGXCPU);
}

CAF_TEST_FIXTURE_SCOPE_END()
