#define CAF_SUITE command_runner

#include "runtime/executors/command/command_runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <future>
#include <iostream>
#include <limits>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace std::chrono_literals;
using namespace std::string_literals;

namespace {

/// Far beyond what a loaded machine needs; a test that gets here has failed.
constexpr auto deadline = 20s;

command_spec program(std::vector<std::string> argv) {
  command_spec result;
  result.argv = std::move(argv);
  result.working_directory = "/";
  result.environment = {{"PATH", "/usr/bin:/bin"}};
  return result;
}

command_spec shell(std::string script) {
  return program({"sh", "-c", std::move(script)});
}

/// For a background job: the leader is a zombie until its run ends.
const auto outlives_its_parent = "until grep -q 'State:.Z' /proc/$$/status; do :; done"s;

std::future<command_result> start(command_runner& runner, command_runner::run_id id, command_spec spec) {
  auto promise = std::make_shared<std::promise<command_result>>();
  auto result = promise->get_future();
  runner.start(id, std::move(spec), [promise](command_result x) { promise->set_value(std::move(x)); });
  return result;
}

command_result wait_for(std::future<command_result>& x) {
  if (x.wait_for(deadline) != std::future_status::ready)
    throw std::runtime_error("the run did not end");
  return x.get();
}

command_result run(command_runner& runner, command_spec spec) {
  auto result = start(runner, 1'000'000, std::move(spec));
  return wait_for(result);
}

/// Also true for a process that is gone already.
bool is_dead_before_deadline(pid_t pid) {
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd == -1)
    return errno == ESRCH;
  pollfd event{fd, POLLIN, 0};
  const bool result = poll(&event, 1, std::chrono::milliseconds{deadline}.count()) == 1;
  close(fd);
  return result;
}

/// Zombies are children too.
bool has_children() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

struct scratch_directory {
  scratch_directory() {
    auto name = (std::filesystem::temp_directory_path() / "swarm_command_XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw std::runtime_error("no scratch directory");
    path = name;
  }
  ~scratch_directory() { std::filesystem::remove_all(path); }

  std::string write(const std::string& name, const std::string& text, mode_t mode) const {
    const auto file = (path / name).string();
    std::ofstream{file} << text;
    chmod(file.c_str(), mode);
    return file;
  }

  std::filesystem::path path;
};

/// A FIFO by which programs say that they have reached a point.
struct signpost {
  signpost() : path((directory.path / "signpost").string()) {
    mkfifo(path.c_str(), 0600);
    fd = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  }
  ~signpost() { close(fd); }

  std::string read_line(std::size_t count = 1) {
    std::string result;
    while (static_cast<std::size_t>(std::count(result.begin(), result.end(), '\n')) < count) {
      pollfd event{fd, POLLIN, 0};
      char bytes[512];
      if (poll(&event, 1, std::chrono::milliseconds{deadline}.count()) != 1)
        throw std::runtime_error("nobody came to the signpost");
      if (const auto got = read(fd, bytes, sizeof(bytes)); got > 0)
        result.append(bytes, static_cast<std::size_t>(got));
    }
    return result;
  }

  scratch_directory directory;
  std::string path;
  int fd;
};

/// The other half of the test that kills an owner: this program again, ended before the tests begin.
[[noreturn]] void be_a_runner_that_is_killed() {
  command_runner runner;
  signpost post;
  runner.start(1, shell("echo $$ >" + post.path + "; exec sleep 600"), [](command_result) {});
  std::cout << post.read_line() << std::flush;
  std::filesystem::remove_all(post.directory.path);
  raise(SIGKILL);
  std::abort();
}

[[maybe_unused]] const bool is_test_run = [] {
  if (getenv("SWARM_TEST_BE_A_RUNNER_THAT_IS_KILLED"))
    be_a_runner_that_is_killed();
  return true;
}();

struct fixture {
  command_runner runner{{.after_interrupt = 50ms, .after_terminate = 50ms}};
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(command_runner_tests, fixture)

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

CAF_TEST(the environment is exactly what was given) {
  auto spec = program({"env"});
  spec.environment = {{"EMPTY", ""}, {"PATH", "/usr/bin:/bin"}, {"TEXT", "a=b\n\xff $x"}};
  CAF_CHECK_EQUAL(run(runner, spec).output, "EMPTY=\nPATH=/usr/bin:/bin\nTEXT=a=b\n\xff $x\n");
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
    "", " ", "a b", "$HOME", "${HOME}", "$(id)", "`id`", "'", "\"", "\\", "\\\\", "\\n", "\n", "\t", "\r\n", ";", "; id",
    "&", "&& id", "|", "|| id", ">", "> /tmp/x", "<", "<<EOF", "*", "?", "[a-z]", "{a,b}", "~", "!", "!!", "#", "#!", "%s",
    "%n%n", "-", "--", "-rf", "--help", "\x01\x7f", "\xff\xfe", "\xc3\x28", "a=b", "(", ")", "\u00fc\u20ac", "\x1b[31m"};
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

CAF_TEST(a stop is an interrupt first and a terminate next however often it is asked for) {
  signpost post;
  auto ended = start(runner, 1, shell("exec 2>&-; trap 'echo INT' INT; trap 'echo TERM; exit 4' TERM; echo >" + post.path
                                      + "; while :; do sleep 600; done"));
  post.read_line();
  for (int i = 0; i < 4; ++i)
    runner.stop(1);
  const auto result = wait_for(ended);
  CAF_CHECK_EQUAL(to_string(result.ending), "stopped");
  CAF_CHECK_EQUAL(result.exit_code, 4);
  CAF_CHECK_EQUAL(result.output, "INT\nTERM\n");
}

CAF_TEST(a stop that follows its start at once is not lost) {
  for (command_runner::run_id id = 1; id <= 50; ++id) {
    auto ended = start(runner, id, program({"sleep", "600"}));
    runner.stop(id);
    CAF_CHECK_EQUAL(to_string(wait_for(ended).ending), "stopped");
  }
}

CAF_TEST(a program that ended by itself was neither stopped nor timed out) {
  signpost post;
  std::promise<void> batch_is_complete;
  auto gate = batch_is_complete.get_future();
  bool ended_in_time = true;
  const auto wait_for_its_end = [&](command_result) {
    ended_in_time = ended_in_time && is_dead_before_deadline(std::stoi(post.read_line()));
  };
  // The loop stands while an end is told. So it meets the exit of a program together with its timeout or its stop.
  auto slow = shell("echo $$ >" + post.path + "; sleep 0.01");
  slow.timeout = 1ms;
  runner.start(1, program({"mkae"}), [&](command_result) { gate.wait(); });
  auto over_time = start(runner, 2, slow);
  runner.start(3, program({"mkae"}), wait_for_its_end);
  slow.timeout = 0ms;
  auto stopped_late = start(runner, 4, slow);
  runner.start(5, program({"mkae"}), wait_for_its_end);
  runner.stop(4);
  batch_is_complete.set_value();
  CAF_CHECK_EQUAL(to_string(wait_for(over_time).ending), "exited");
  CAF_CHECK_EQUAL(to_string(wait_for(stopped_late).ending), "exited");
  CAF_CHECK(ended_in_time);
}

CAF_TEST(an output that is closed by all is not waited for) {
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 20; ++i)
    run(runner, shell(outlives_its_parent + "& exit 0"));
  CAF_CHECK(std::chrono::steady_clock::now() - begin < 10s);
}

CAF_TEST(a stop of nothing is harmless) {
  runner.stop(7);
  CAF_CHECK_EQUAL(to_string(run(runner, program({"true"})).ending), "exited");
}

CAF_TEST(an id in use is refused and can be used again after the end) {
  auto first = start(runner, 1, program({"sleep", "600"}));
  auto second = start(runner, 1, program({"true"}));
  CAF_CHECK_EQUAL(wait_for(second).error_number, EEXIST);
  runner.stop(1);
  CAF_CHECK_EQUAL(to_string(wait_for(first).ending), "stopped");
  auto third = start(runner, 1, program({"true"}));
  CAF_CHECK_EQUAL(to_string(wait_for(third).ending), "exited");
}

CAF_TEST(an end may start the next run and may throw) {
  std::promise<command_result> last;
  auto ended = last.get_future();
  runner.start(1, program({"true"}), [&](command_result) {
    runner.start(1, program({"true"}), [&](command_result x) { last.set_value(std::move(x)); });
    throw std::runtime_error("thrown by a callback");
  });
  CAF_CHECK_EQUAL(to_string(wait_for(ended).ending), "exited");
}

CAF_TEST(the duration is that of the program) {
  const auto result = run(runner, program({"sleep", "0.2"}));
  CAF_CHECK(result.duration >= 200ms);
  CAF_CHECK(result.duration < deadline);
}

CAF_TEST(two hundred programs run at once and leave nothing behind) {
  const auto before = open_descriptors();
  signpost post;
  std::vector<std::future<command_result>> runs;
  for (command_runner::run_id id = 1; id <= 200; ++id)
    runs.push_back(start(runner, id, shell("echo up >" + post.path + "; exec sleep 600")));
  post.read_line(200);
  for (command_runner::run_id id = 1; id <= 200; ++id)
    runner.stop(id);
  for (auto& x : runs)
    CAF_CHECK_EQUAL(to_string(wait_for(x).ending), "stopped");
  // One for the signpost.
  CAF_CHECK_EQUAL(open_descriptors(), before + 1);
  CAF_CHECK(!has_children());
}

CAF_TEST(the end of the runner is the end of its programs) {
  signpost post;
  const auto before = open_descriptors();
  auto mortal = std::make_unique<command_runner>(stop_ladder{.after_interrupt = 1h, .after_terminate = 1h});
  auto stubborn = start(*mortal, 1, shell("trap '' INT TERM; echo $$ >" + post.path + "; while :; do sleep 600; done"));
  const auto pid = std::stoi(post.read_line());
  auto fresh = start(*mortal, 2, program({"sleep", "600"}));
  mortal.reset();
  CAF_REQUIRE(stubborn.wait_for(0s) == std::future_status::ready);
  CAF_REQUIRE(fresh.wait_for(0s) == std::future_status::ready);
  CAF_CHECK_EQUAL(to_string(stubborn.get().ending), "stopped");
  CAF_CHECK_EQUAL(to_string(fresh.get().ending), "stopped");
  CAF_CHECK(is_dead_before_deadline(pid));
  CAF_CHECK_EQUAL(open_descriptors(), before);
}

CAF_TEST(all ends are told by the one thread of the runner) {
  std::set<std::thread::id> tellers;
  {
    command_runner mortal;
    const auto note = [&](command_result) { tellers.insert(std::this_thread::get_id()); };
    mortal.start(1, program({"mkae"}), note);
    mortal.start(2, program({"true"}), note);
    mortal.start(3, program({"sleep", "600"}), note);
    run(mortal, program({"true"}));
    mortal.start(4, program({"sleep", "600"}), note);
  }
  CAF_CHECK_EQUAL(tellers.size(), 1u);
  CAF_CHECK(!tellers.contains(std::this_thread::get_id()));
}

CAF_TEST(a program dies when its node is killed) {
  auto spec = program({"/proc/self/exe"});
  spec.environment["SWARM_TEST_BE_A_RUNNER_THAT_IS_KILLED"] = "yes";
  const auto owner = run(runner, spec);
  CAF_REQUIRE_EQUAL(owner.signal, SIGKILL);
  CAF_CHECK(is_dead_before_deadline(std::stoi(owner.output)));
}

CAF_TEST(every run ends once whatever several threads do) {
  const auto given = getenv("SWARM_SEED");
  const auto seed = given ? static_cast<unsigned>(std::stoul(given)) : std::random_device{}();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  constexpr std::size_t threads = 4;
  constexpr std::size_t starts = 60;
  std::vector<std::atomic<int>> ends(threads * starts);
  {
    command_runner shared{{.after_interrupt = 1ms, .after_terminate = 1ms}};
    std::vector<std::thread> workers;
    for (std::size_t worker = 0; worker < threads; ++worker)
      workers.emplace_back([&, worker] {
        std::mt19937 random{seed + static_cast<unsigned>(worker)};
        const std::vector<command_spec> specs{
          program({"true"}), program({"sleep", "600"}), program({"mkae"}), shell("trap '' INT TERM; sleep 600"),
          shell("head -c 300000 /dev/zero; exit 1"), shell("sleep 600 & exit 0")};
        for (std::size_t i = 0; i < starts; ++i) {
          const auto id = worker * starts + i;
          auto spec = specs[random() % specs.size()];
          spec.timeout = std::chrono::milliseconds{random() % 20};
          shared.start(id, std::move(spec), [&ends, id](command_result) { ++ends[id]; });
          if (random() % 2 == 0)
            shared.stop(random() % ends.size());
        }
      });
    for (auto& worker : workers)
      worker.join();
  }
  for (const auto& x : ends)
    CAF_CHECK_EQUAL(x.load(), 1);
  CAF_CHECK(!has_children());
}

CAF_TEST_FIXTURE_SCOPE_END()
