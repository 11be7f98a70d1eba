#define CAF_SUITE command_signal

#include "runtime/executors/command/command_signal.hpp"

#include <cerrno>
#include <chrono>
#include <limits>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using enum outcome_class;

namespace {

const std::vector<std::string> argv{"make", "all"};

struct row {
  command_ending ending;
  int number; ///< Exit code, signal or errno.
  outcome_class work;
  outcome_class check;
};

const std::vector<row> table{
  {command_ending::exited, 0, completed, completed},
  {command_ending::exited, 1, content, check_failed},
  {command_ending::exited, 2, content, check_failed},
  {command_ending::exited, 125, content, check_failed},
  {command_ending::exited, 126, content, check_error},
  {command_ending::exited, 127, content, check_error},
  {command_ending::exited, 128, content, check_failed},
  {command_ending::exited, 255, content, check_failed},
  {command_ending::exited, -1, transient, check_error}, // its status was lost
  {command_ending::signalled, 9, crash, check_error},
  {command_ending::signalled, 11, crash, check_error},
  {command_ending::timed_out, 0, timeout, check_error},
  {command_ending::stopped, 0, released, check_error},
  {command_ending::not_started, ENOENT, permanent, check_error},
  {command_ending::not_started, EACCES, permanent, check_error},
  {command_ending::not_started, E2BIG, permanent, check_error},
  {command_ending::not_started, EAGAIN, transient, check_error},
  {command_ending::not_started, ENOMEM, transient, check_error},
  {command_ending::not_started, EMFILE, transient, check_error},
  {command_ending::not_started, ENFILE, transient, check_error},
  {command_ending::not_started, ENOSPC, transient, check_error},
};

command_result result_of(command_ending ending, int number) {
  command_result x;
  x.ending = ending;
  if (ending == command_ending::exited)
    x.exit_code = number;
  if (ending == command_ending::signalled)
    x.signal = number;
  if (ending == command_ending::not_started) {
    x.error_number = number;
    x.error_text = "cannot run 'make'";
  }
  x.duration = std::chrono::milliseconds{1250};
  return x;
}

} // namespace

CAF_TEST(every end has its class) {
  for (auto& x : table) {
    auto result = result_of(x.ending, x.number);
    CAF_MESSAGE(to_string(x.ending) << " " << x.number);
    CAF_CHECK_EQUAL(judge_work(argv, result).end, x.work);
    CAF_CHECK_EQUAL(judge_check(argv, result).end, x.check);
  }
}

CAF_TEST(nothing but exit code 0 passes) {
  const auto endings = {command_ending::exited, command_ending::signalled, command_ending::timed_out,
                        command_ending::stopped, command_ending::not_started, static_cast<command_ending>(99)};
  for (auto ending : endings) {
    using limits = std::numeric_limits<int>;
    for (int number : {-1, 0, 1, 126, 127, 128, 256, limits::min(), limits::max()}) {
      auto passes = ending == command_ending::exited && number == 0;
      auto result = result_of(ending, number);
      CAF_CHECK_EQUAL(judge_work(argv, result).end == completed, passes);
      CAF_CHECK_EQUAL(judge_check(argv, result).end == completed, passes);
    }
  }
}

CAF_TEST(evidence is a sentence that names what happened) {
  auto work = [](command_ending x, int number) { return judge_work(argv, result_of(x, number)).evidence; };
  auto check = [](command_ending x, int number) { return judge_check(argv, result_of(x, number)).evidence; };
  CAF_CHECK_EQUAL(work(command_ending::exited, 0), "'make all' exited with 0 after 1.2 s");
  CAF_CHECK_EQUAL(work(command_ending::exited, 3), "'make all' exited with 3 after 1.2 s (row process/exit)");
  CAF_CHECK_EQUAL(work(command_ending::signalled, 11), "'make all' was ended by signal 11 after 1.2 s (row process/signal)");
  CAF_CHECK_EQUAL(work(command_ending::timed_out, 0), "'make all' was stopped by the attempt's timeout after 1.2 s (row own/attempt)");
  CAF_CHECK_EQUAL(work(command_ending::not_started, ENOENT), "cannot run 'make' (row process/not_started)");
  CAF_CHECK_EQUAL(check(command_ending::exited, 0), "check 'make all' passed");
  CAF_CHECK_EQUAL(check(command_ending::exited, 3), "check 'make all' failed: exit code 3");
  CAF_CHECK_EQUAL(check(command_ending::exited, 127), "check 'make all' couldn't run: exit code 127");
  CAF_CHECK_EQUAL(check(command_ending::signalled, 9), "check 'make all' gave no verdict: ended by signal 9");
  CAF_CHECK_EQUAL(check(command_ending::not_started, ENOENT), "the check couldn't run: cannot run 'make'");
}

CAF_TEST(exit codes that the ticket expects are success and no others) {
  for (auto [code, end] : {std::pair{0, content}, {3, completed}, {7, completed}, {4, content}})
    CAF_CHECK_EQUAL(judge_work(argv, result_of(command_ending::exited, code), {3, 7}).end, end);
}

CAF_TEST(a shortage of the machine is waited for and nothing else) {
  CAF_CHECK(judge_work(argv, result_of(command_ending::not_started, EAGAIN)).wait == std::chrono::seconds{15});
  CAF_CHECK(judge_work(argv, result_of(command_ending::exited, 1)).wait.count() == 0);
}

CAF_TEST(who was left behind is told with the end) {
  auto x = result_of(command_ending::exited, 0);
  x.error_text = "process 17 (sleep) left its session";
  CAF_CHECK_EQUAL(judge_work(argv, x).evidence, "'make all' exited with 0 after 1.2 s; process 17 (sleep) left its session");
  CAF_CHECK_EQUAL(judge_check(argv, x).evidence, "check 'make all' passed; process 17 (sleep) left its session");
  x = result_of(command_ending::exited, -1);
  x.error_text = "its status was lost";
  CAF_CHECK_EQUAL(judge_work(argv, x).evidence, "'make all' ended, and its status was lost (row unknown)");
  CAF_CHECK_EQUAL(judge_check(argv, x).evidence, "check 'make all' gave no verdict: its status was lost");
}

CAF_TEST(a long command line is cut) {
  std::vector<std::string> endless(1000, "word");
  CAF_CHECK(judge_work(endless, {}).evidence.size() < 300);
}
