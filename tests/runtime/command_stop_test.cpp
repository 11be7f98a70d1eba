#define CAF_SUITE command_stop

#include "tests/runtime/command_fixture.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;

namespace {

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

} // namespace

CAF_TEST_FIXTURE_SCOPE(command_stop_tests, command_fixture)

CAF_TEST(a stop is an interrupt first and a terminate next however often it is asked for) {
  // A busy machine may take long to let the program answer.
  command_runner patient{{.after_interrupt = 50ms, .after_terminate = 1h}};
  signpost post;
  auto ended = start(patient, 1,
                     shell("exec 2>&-; trap 'echo INT' INT; trap 'echo TERM; exit 4' TERM; echo >" + post.path
                           + "; while :; do sleep 600; done"));
  post.read_line();
  for (int i = 0; i < 4; ++i)
    patient.stop(1);
  const auto result = wait_for(ended);
  CAF_CHECK_EQUAL(to_string(result.ending), "stopped");
  CAF_CHECK_EQUAL(result.exit_code, 4);
  CAF_CHECK_EQUAL(result.output, "INT\nTERM\n");
}

CAF_TEST(a kill asks nobody and may follow a stop) {
  for (bool stop_first : {false, true}) {
    signpost post;
    auto ended = start(runner, 1, shell("trap '' INT TERM; echo >" + post.path + "; while :; do sleep 600; done"));
    post.read_line();
    if (stop_first)
      runner.stop(1);
    runner.kill(1);
    const auto result = wait_for(ended);
    CAF_CHECK_EQUAL(to_string(result.ending), "stopped");
    CAF_CHECK_EQUAL(result.signal, SIGKILL);
  }
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
