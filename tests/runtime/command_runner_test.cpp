#define CAF_SUITE command_runner

#include "tests/runtime/command_fixture.hpp"

#include <sys/resource.h>

#include <csignal>
#include <ctime>
#include <limits>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;

CAF_TEST_FIXTURE_SCOPE(command_runner_tests, command_fixture)

CAF_TEST(every way to end has its name and its numbers) {
  scratch_directory scratch;
  const auto plain = scratch.write("plain", "echo not a script", 0755);
  const auto closed = scratch.write("closed", "#!/bin/sh\n", 0644);
  scratch.write("true", "#!/bin/sh\n", 0644);
  const auto orphan = scratch.write("orphan", "#!/no/such/interpreter\n", 0755);
  auto in = [](command_spec spec, std::string directory) {
    spec.working_directory = std::move(directory);
    return spec;
  };
  auto with = [](command_spec spec, std::map<std::string, std::string> environment) {
    spec.environment = std::move(environment);
    return spec;
  };
  auto within = [](command_spec spec, caf::timespan timeout) {
    spec.timeout = timeout;
    return spec;
  };
  using enum command_ending;
  struct row {
    command_spec spec;
    command_ending ending;
    int exit_code;
    int signal;
    int error_number;
    std::string error_text;
  };
  const auto denied = ": Permission denied; the file must be executable, and its directories open to this user";
  const std::vector<row> rows{
    {program({"true"}), exited, 0, 0, 0, ""},
    {program({"/bin/true"}), exited, 0, 0, 0, ""},
    {in(program({"./true"}), "/bin"), exited, 0, 0, 0, ""},
    {in(with(program({"true"}), {{"PATH", ":/nowhere"}}), "/bin"), exited, 0, 0, 0, ""},
    {with(program({"true"}), {{"PATH", "/etc/passwd:" + scratch.path.string() + ":/bin"}}), exited, 0, 0, 0, ""},
    {shell("exit 3"), exited, 3, 0, 0, ""},
    {within(shell("exit 3"), 1h), exited, 3, 0, 0, ""},
    {shell("kill -SEGV $$"), signalled, 0, SIGSEGV, 0, ""},
    {shell("kill -KILL $$"), signalled, 0, SIGKILL, 0, ""},
    {within(program({"sleep", "600"}), 1ms), timed_out, 0, SIGINT, 0, ""},
    {within(shell("trap '' INT; sleep 600"), 200ms), timed_out, 0, SIGTERM, 0, ""},
    {within(shell("trap '' INT TERM; while :; do sleep 600; done"), 200ms), timed_out, 0, SIGKILL, 0, ""},
    {within(shell("trap 'exit 9' INT; while :; do sleep 600; done"), 200ms), timed_out, 9, 0, 0, ""},
    {program({"mkae", "all"}), not_started, 0, 0, ENOENT, "cannot run 'mkae': no such program in PATH"},
    {program({"/no/mkae"}), not_started, 0, 0, ENOENT, "cannot run '/no/mkae': no such file"},
    {program({"/etc/passwd/mkae"}), not_started, 0, 0, ENOTDIR, "cannot run '/etc/passwd/mkae': Not a directory"},
    {program({closed}), not_started, 0, 0, EACCES, "cannot run '" + closed + "'" + denied},
    {with(program({"closed"}), {{"PATH", scratch.path.string() + ":/bin"}}), not_started, 0, 0, EACCES,
     "cannot run 'closed'"s + denied},
    {program({plain}), not_started, 0, 0, ENOEXEC,
     "cannot run '" + plain + "': the file is neither a program for this machine nor a script that begins with '#!'"},
    {program({orphan}), not_started, 0, 0, ENOENT,
     "cannot run '" + orphan + "': the interpreter that it asks for doesn't exist; see the first line of the file"},
    {program({"true", std::string(8u << 20, 'x')}), not_started, 0, 0, E2BIG,
     "cannot run 'true': its arguments and environment are longer than this system allows"},
    {program({std::string(5'000, 'x')}), not_started, 0, 0, ENAMETOOLONG,
     "cannot run '" + std::string(200, 'x') + "...': File name too long"},
    {in(program({"true"}), "/no/where"), not_started, 0, 0, ENOENT,
     "cannot enter directory '/no/where': No such file or directory"},
    {in(program({"true"}), "/etc/passwd"), not_started, 0, 0, ENOTDIR,
     "cannot enter directory '/etc/passwd': Not a directory"},
    {in(program({"true"}), "tmp"), not_started, 0, 0, EINVAL,
     "cannot run 'true': the working directory 'tmp' is not an absolute path"},
    {with(program({"true"}), {}), not_started, 0, 0, EINVAL,
     "cannot run 'true': its environment has no PATH; set it, or name the program by its full path"},
    {with(program({"/bin/true"}), {{"A=B", ""}}), not_started, 0, 0, EINVAL,
     "cannot run '/bin/true': the environment variable 'A=B' needs a name without '=' and may hold no NUL byte"},
    {program({"true", "a\0b"s}), not_started, 0, 0, EINVAL, "cannot run 'true': argument 1 holds a NUL byte"},
    {program({}), not_started, 0, 0, EINVAL, "cannot run a command that names no program"},
    {program({""}), not_started, 0, 0, EINVAL, "cannot run a command that names no program"},
  };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CAF_MESSAGE("row " << i);
    const auto result = run(runner, rows[i].spec);
    CAF_CHECK_EQUAL(to_string(result.ending), to_string(rows[i].ending));
    CAF_CHECK_EQUAL(result.exit_code, rows[i].exit_code);
    CAF_CHECK_EQUAL(result.signal, rows[i].signal);
    CAF_CHECK_EQUAL(result.error_number, rows[i].error_number);
    CAF_CHECK_EQUAL(result.error_text, rows[i].error_text);
    CAF_CHECK_EQUAL(result.output, "");
  }
  CAF_CHECK(!has_children());
}

CAF_TEST(the environment is exactly what was given and the mark of the run) {
  auto spec = program({"env"});
  spec.environment = {{"EMPTY", ""}, {"PATH", "/usr/bin:/bin"}, {"TEXT", "a=b\n\xff $x"}};
  const auto output = run(runner, spec).output;
  const auto mark = output.find("SWARM_RUN=");
  CAF_REQUIRE(mark != std::string::npos);
  CAF_CHECK_EQUAL(output.substr(0, mark), "EMPTY=\nPATH=/usr/bin:/bin\n");
  CAF_CHECK_EQUAL(output.substr(output.find('\n', mark)), "\nTEXT=a=b\n\xff $x\n");
}

CAF_TEST(a program runs in its directory) {
  auto spec = program({"pwd"});
  spec.working_directory = "/usr/bin";
  CAF_CHECK_EQUAL(run(runner, spec).output, "/usr/bin\n");
}

CAF_TEST(a program sees no descriptor of the node) {
  const int leak = fcntl(0, F_DUPFD, 50);
  // 3 is the directory that ls reads.
  CAF_CHECK_EQUAL(run(runner, program({"ls", "/proc/self/fd"})).output, "0\n1\n2\n3\n");
  close(leak);
}

CAF_TEST(stdin is empty) {
  CAF_CHECK_EQUAL(run(runner, shell("cat; readlink /proc/self/fd/0")).output, "/dev/null\n");
}

CAF_TEST(a program starts with no signal blocked or ignored) {
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  sigset_t blocked;
  sigset_t mask_before;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &blocked, &mask_before);
  command_runner other;
  const auto output = run(other, program({"grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"})).output;
  pthread_sigmask(SIG_SETMASK, &mask_before, nullptr);
  std::signal(SIGPIPE, before);
  CAF_CHECK_EQUAL(output, "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

CAF_TEST(a program leads its own session and process group) {
  std::istringstream output{run(runner, shell("echo $$; cut -d' ' -f5,6 /proc/$$/stat")).output};
  int pid = 0;
  int group = 0;
  int session = 0;
  output >> pid >> group >> session;
  CAF_CHECK(pid > 0);
  CAF_CHECK_EQUAL(group, pid);
  CAF_CHECK_EQUAL(session, pid);
}

CAF_TEST(arguments arrive byte for byte) {
  const std::vector<std::string> arguments{
    "", " ", "a b", "$HOME", "${HOME}", "$(id)", "`id`", "'", "\"", "\\", "\\\\", "\\n", "\n", "\t", "\r\n", ";",
    "; id", "&", "&& id", "|", "|| id", ">", "> /tmp/x", "<", "<<EOF", "*", "?", "[a-z]", "{a,b}", "~", "!", "!!", "#",
    "#!", "%s", "%n%n", "-", "--", "-rf", "--help", "\x01\x7f", "\xff\xfe", "\xc3\x28", "a=b", "(", ")",
    "\u00fc\u20ac", "\x1b[31m"};
  CAF_CHECK(arguments.size() >= 40);
  auto spec = program({"printf", "%s\\0"});
  std::string expected;
  for (const auto& argument : arguments) {
    spec.argv.push_back(argument);
    expected += argument + '\0';
  }
  CAF_CHECK_EQUAL(run(runner, spec).output, expected);
}

CAF_TEST(stdout and stderr are kept in the order in which they came) {
  const auto result = run(runner, shell("echo one; echo two >&2; printf 'a\\0\\377b'"));
  CAF_CHECK_EQUAL(result.output, "one\ntwo\na\0\xff"s + "b");
  CAF_CHECK_EQUAL(result.output_bytes, 12u);
}

CAF_TEST(a flood is counted and kept at both ends) {
  auto spec = shell("echo first; yes swarm | head -c 50000000; echo last");
  spec.output_head_bytes = 1'000;
  spec.output_tail_bytes = 2'000;
  const auto result = run(runner, spec);
  const auto line = "\n... 49,997,011 bytes dropped ...\n"s;
  CAF_CHECK_EQUAL(result.output_bytes, 50'000'011u);
  CAF_CHECK_EQUAL(result.output.size(), 3'000u + line.size());
  CAF_CHECK_EQUAL(result.output.substr(0, 12), "first\nswarm\n");
  CAF_CHECK_EQUAL(result.output.substr(1'000, line.size()), line);
  // 50,000,000 bytes end in the middle of a word.
  CAF_CHECK_EQUAL(result.output.substr(result.output.size() - 13), "swarm\nswlast\n");
}

CAF_TEST(endless floods hold up neither other runs nor their own timeout) {
  std::vector<std::future<command_result>> floods;
  auto flood = program({"yes"});
  flood.timeout = 500ms;
  for (command_runner::run_id id = 1; id <= 4; ++id)
    floods.push_back(start(runner, id, flood));
  CAF_CHECK_EQUAL(run(runner, shell("echo done")).output, "done\n");
  for (auto& x : floods) {
    const auto result = wait_for(x);
    CAF_CHECK_EQUAL(to_string(result.ending), "timed_out");
    CAF_CHECK(result.output_bytes > result.output.size());
  }
}

CAF_TEST(an output limit beyond all memory is a run that was not started) {
  auto spec = program({"true"});
  spec.output_tail_bytes = std::numeric_limits<std::uint64_t>::max();
  const auto result = run(runner, spec);
  CAF_CHECK_EQUAL(to_string(result.ending), "not_started");
  CAF_CHECK_EQUAL(result.error_number, ENOMEM);
}

CAF_TEST(without free descriptors a run is not started and leaves nothing behind) {
  const auto before = open_descriptors();
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  auto tight = limit;
  int refused = 0;
  for (rlim_t free = 0; free < 8; ++free) {
    tight.rlim_cur = before + free;
    setrlimit(RLIMIT_NOFILE, &tight);
    const auto result = run(runner, program({"true"}));
    if (result.ending == command_ending::not_started) {
      ++refused;
      CAF_CHECK_EQUAL(result.error_text, "cannot run 'true': no process could be started: Too many open files");
      CAF_CHECK_EQUAL(result.error_number, EMFILE);
    }
  }
  setrlimit(RLIMIT_NOFILE, &limit);
  CAF_CHECK(refused >= 2);
  CAF_CHECK_EQUAL(run(runner, program({"true"})).error_text, "");
  CAF_CHECK_EQUAL(open_descriptors(), before);
  CAF_CHECK(!has_children());
}

CAF_TEST(a child signal that the node inherited as ignored costs no exit status) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  command_runner other;
  CAF_CHECK_EQUAL(run(other, shell("exit 3")).exit_code, 3);
  std::signal(SIGCHLD, before);
}

CAF_TEST(a status that somebody else took away is told) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  auto ended = start(runner, 1, program({"sleep", "600"}));
  runner.stop(1);
  const auto result = wait_for(ended);
  std::signal(SIGCHLD, before);
  CAF_CHECK_EQUAL(to_string(result.ending), "stopped");
  CAF_CHECK_EQUAL(result.exit_code, -1);
  CAF_CHECK(result.error_text.find("was lost") != std::string::npos);
}

CAF_TEST(a background child of the group dies with the run) {
  const auto result = run(runner, shell("sleep 600 & echo $!"));
  CAF_CHECK_EQUAL(to_string(result.ending), "exited");
  CAF_CHECK(is_dead_before_deadline(std::stoi(result.output)));
}

CAF_TEST(a descendant that left the group does not keep the run open) {
  const auto before = std::clock();
  const auto result = run(runner, shell("setsid sh -c 'echo $$; exec sleep 600' & sleep 0.1"));
  // Waiting for it costs no processor time.
  CAF_CHECK(std::clock() - before < CLOCKS_PER_SEC / 5);
  CAF_CHECK_EQUAL(to_string(result.ending), "exited");
  CAF_CHECK_EQUAL(kill(std::stoi(result.output), SIGKILL), 0);
}

CAF_TEST(what a background child writes shortly after the end is kept) {
  const auto result = run(runner, shell("(" + outlives_its_parent + "; echo late) & exit 0"));
  CAF_CHECK_EQUAL(result.output, "late\n");
}

CAF_TEST_FIXTURE_SCOPE_END()
