#define CAF_SUITE command_survivors

#include "runtime/executors/command/survivors.hpp"
#include "tests/runtime/command_fixture.hpp"

#include <csignal>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;

namespace {

/// Zombies are dead, too.
bool is_dead(pid_t pid) {
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd == -1)
    return errno == ESRCH;
  pollfd event{fd, POLLIN, 0};
  const bool result = poll(&event, 1, 0) == 1;
  close(fd);
  return result;
}

struct fixture : command_fixture {
  signpost post;

  /// Of a shell: tells its own number at the signpost and sleeps, without any hold on the output.
  std::string hidden() const { return "echo $$ >" + post.path + "; exec sleep 600 >/dev/null 2>&1 </dev/null"; }

  /// Stops a run as soon as somebody in it has told his number. @returns that number.
  pid_t stop_when_told(const std::string& script, command_result& result) {
    auto ended = start(runner, 1, shell(script));
    const auto pid = std::stoi(post.read_line());
    runner.stop(1);
    result = wait_for(ended);
    return pid;
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(command_survivors_tests, fixture)

CAF_TEST(nobody of the group lives when the run ends) {
  for (int i = 0; i < 20; ++i) {
    const auto result = run(runner, shell("sleep 600 >/dev/null 2>&1 & echo $!"));
    CAF_CHECK_EQUAL(to_string(result.ending), "exited");
    CAF_CHECK(is_dead(std::stoi(result.output)));
    CAF_CHECK_EQUAL(result.error_text, "");
  }
}

CAF_TEST(who changed his process group is stopped with the rest) {
  command_result result;
  const auto pid = stop_when_told("perl -e 'setpgrp(0, 0); exec @ARGV' sh -c '" + hidden() + "' & wait", result);
  CAF_CHECK_EQUAL(to_string(result.ending), "stopped");
  CAF_CHECK(is_dead(pid));
  CAF_CHECK_EQUAL(result.error_text, "");
}

CAF_TEST(who changed his process group and holds the output is killed at the end) {
  const auto result = run(runner, shell("perl -e 'setpgrp(0, 0); exec @ARGV' sh -c 'echo $$ >" + post.path
                                        + "; exec sleep 600' & read x <" + post.path + ".go"));
  CAF_CHECK_EQUAL(to_string(result.ending), "exited"); // there is no such file
  CAF_CHECK(is_dead(std::stoi(post.read_line())));
  CAF_CHECK_EQUAL(result.error_text, "");
}

CAF_TEST(a descendant in a session of its own is stopped with the rest) {
  command_result result;
  const auto pid = stop_when_told("setsid sh -c '" + hidden() + "' & wait", result);
  CAF_CHECK_EQUAL(to_string(result.ending), "stopped");
  CAF_CHECK(is_dead(pid));
}

CAF_TEST(a daemon is killed when its command is stopped and not with another one) {
  const auto told = (post.directory.path / "told").string();
  const auto begin = "(setsid sh -c 'echo $$ >" + told + "; exec sleep 600 >/dev/null 2>&1 </dev/null' &); "
                     "until [ -s " + told + " ]; do :; done; cat " + told + " >" + post.path;
  CAF_CHECK_EQUAL(to_string(run(runner, shell(begin)).ending), "exited");
  const auto other = std::stoi(post.read_line());
  std::filesystem::remove(told);
  command_result result;
  const auto pid = stop_when_told(begin + "; sleep 600", result);
  CAF_CHECK_EQUAL(to_string(result.ending), "stopped");
  CAF_CHECK_EQUAL(result.error_text, "");
  CAF_CHECK(is_dead(pid));
  CAF_CHECK(!is_dead(other));
  CAF_CHECK_EQUAL(kill(other, SIGKILL), 0);
}

CAF_TEST(a daemon is killed with a command whose time is up and of a lost ticket) {
  const auto begin = "(setsid sh -c '" + hidden() + "' &); sleep 600";
  auto spec = shell(begin);
  spec.timeout = 1s;
  auto ended = start(runner, 1, spec);
  const auto pid = std::stoi(post.read_line());
  CAF_CHECK_EQUAL(to_string(wait_for(ended).ending), "timed_out");
  CAF_CHECK(is_dead(pid));
  ended = start(runner, 2, shell(begin));
  const auto lost = std::stoi(post.read_line());
  runner.kill(2);
  CAF_CHECK_EQUAL(to_string(wait_for(ended).ending), "stopped");
  CAF_CHECK(is_dead(lost));
}

CAF_TEST(one look finds the marked of all who asked before it began) {
  marked_processes marked{"SWARM_TEST_MARK"};
  const auto begin_marked = [&](std::uint64_t id, const std::string& value) {
    auto spec = shell(hidden());
    spec.environment["SWARM_TEST_MARK"] = value;
    auto ended = start(runner, id, spec);
    return std::pair{std::stoi(post.read_line()), std::move(ended)};
  };
  const auto pids = [&](const std::string& value, std::chrono::steady_clock::time_point since) {
    std::vector<pid_t> result;
    for (const auto& x : marked.find(value, since))
      result.push_back(x.pid);
    return result;
  };
  auto [first, first_ended] = begin_marked(1, "one");
  const auto before = std::chrono::steady_clock::now();
  CAF_CHECK_EQUAL(pids("one", before), std::vector{first});
  CAF_CHECK(pids("on", before).empty());
  auto [second, second_ended] = begin_marked(2, "two");
  CAF_CHECK(pids("two", before).empty()); // whoever asked before it began was answered by the first look
  CAF_CHECK_EQUAL(pids("two", std::chrono::steady_clock::now()), std::vector{second});
  runner.kill(1);
  wait_for(first_ended);
  CAF_CHECK(pids("one", before).empty());
  runner.kill(2);
  wait_for(second_ended);
}

CAF_TEST(a daemon that holds the output is named) {
  const auto result = run(runner, shell("setsid sh -c 'echo $$; exec sleep 600' & sleep 0.2"));
  const auto pid = std::stoi(result.output);
  CAF_CHECK_EQUAL(result.error_text,
                  "process " + std::to_string(pid) + " (sleep) left its session and still holds its output open");
  CAF_CHECK(!is_dead(pid));
  CAF_CHECK_EQUAL(kill(pid, SIGKILL), 0);
}

CAF_TEST(gigabytes are counted and not kept) {
  auto spec = shell("head -c 2200000000 /dev/zero");
  spec.output_head_bytes = spec.output_tail_bytes = 1'000;
  const auto result = run(runner, spec);
  CAF_CHECK_EQUAL(result.output_bytes, 2'200'000'000u);
  CAF_CHECK(result.output.size() < 2'100);
}

CAF_TEST(a process is known by its beginning whatever it is called) {
  auto ended = start(runner, 1, program({"perl", "-e", "$0 = 'a) Z 1 (b'; open(F, '>', '" + post.path + "'); print F \"$$\\n\"; close(F); sleep 600"}));
  const auto pid = std::stoi(post.read_line());
  const auto children = find_descendants(getpid());
  const auto found = std::find_if(children.begin(), children.end(), [&](auto& x) { return x.pid == pid; });
  CAF_REQUIRE(found != children.end());
  CAF_CHECK_EQUAL(found->name, "a) Z 1 (b");
  CAF_CHECK(is_alive(*found));
  auto other = *found;
  ++other.started;
  CAF_CHECK(!is_alive(other));
  kill_process(other);
  CAF_CHECK(!is_dead(pid));
  kill_process(*found);
  CAF_CHECK_EQUAL(wait_for(ended).signal, SIGKILL);
  CAF_CHECK(!is_alive(*found));
}

CAF_TEST(survivors are told in a few words) {
  const process sleep{17, 1, "sleep"};
  const process sh{18, 1, "sh"};
  CAF_CHECK_EQUAL(describe({sleep}), "process 17 (sleep)");
  CAF_CHECK_EQUAL(describe({sleep, sh}), "processes 17 (sleep) and 18 (sh)");
  CAF_CHECK_EQUAL(describe({sleep, sh, sh}), "3 processes, such as 17 (sleep)");
}

CAF_TEST_FIXTURE_SCOPE_END()
