#define CAF_SUITE actors_command_executor

#include "actors/command_executor.hpp"

#include "actors/actor_shell.hpp"
#include "messages/add_messages.hpp"
#include "tests/runtime/command_fixture.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;

namespace {

struct system_config : caf::actor_system_config {
  system_config() {
    add_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
  }
};

/// A real system: the runner has a thread of its own.
struct fixture {
  ~fixture() { caf::anon_send_exit(it, caf::exit_reason::user_shutdown); }

  /// Asks for it as an actor of its own, which can be ended.
  std::future<caf::expected<command_result>> run(std::uint64_t id, command_spec spec, caf::actor* asker = nullptr) {
    auto promise = std::make_shared<std::promise<caf::expected<command_result>>>();
    auto result = promise->get_future();
    auto started = system.spawn([=, to = it](caf::event_based_actor* me) {
      me->request(to, caf::infinite, atom::execute_v, id, spec)
        .then([=](const command_result& x) { promise->set_value(x); },
              [=](const caf::error& x) { promise->set_value(x); });
    });
    if (asker)
      *asker = started;
    return result;
  }

  caf::expected<command_result> outcome(std::future<caf::expected<command_result>>& x) {
    if (x.wait_for(deadline) != std::future_status::ready)
      throw std::runtime_error("the executor did not answer");
    return x.get();
  }

  /// Says its process id at the signpost and stays.
  command_spec sleeper() { return shell("echo $$ > " + post.path + "; exec sleep 1000"); }
  pid_t pid_of_sleeper() { return std::stoi(post.read_line()); }

  signpost post;
  system_config config;
  caf::actor_system system{config};
  command_executor_actor it = caf::actor_cast<command_executor_actor>(
    system.spawn<actor_shell<command_executor>>(stop_ladder{.after_interrupt = 50ms, .after_terminate = 50ms}));
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(command_executor_tests, fixture)

CAF_TEST(the end of a program is the answer) {
  auto good = run(1, shell("echo hello"));
  auto bad = run(2, shell("exit 3"));
  auto result = outcome(good);
  CAF_REQUIRE(result);
  CAF_CHECK_EQUAL(result->output, "hello\n");
  result = outcome(bad);
  CAF_REQUIRE(result);
  CAF_CHECK_EQUAL(result->exit_code, 3);
}

CAF_TEST(a program is stopped by its number) {
  auto end = run(1, sleeper());
  auto pid = pid_of_sleeper();
  caf::anon_send(it, atom::stop_v, std::uint64_t{1});
  auto result = outcome(end);
  CAF_REQUIRE(result);
  CAF_CHECK_EQUAL(result->ending, command_ending::stopped);
  CAF_CHECK(is_dead_before_deadline(pid));
}

CAF_TEST(a number that is in use is a conflict) {
  auto first = run(1, sleeper());
  pid_of_sleeper();
  auto second = run(1, shell("true"));
  auto result = outcome(second);
  CAF_REQUIRE(!result);
  CAF_CHECK_EQUAL(code_of(result.error()), errc::conflict);
  caf::anon_send(it, atom::stop_v, std::uint64_t{1});
  CAF_CHECK(outcome(first));
}

CAF_TEST(the death of the asker stops its program and no other) {
  caf::actor asker;
  auto doomed = run(1, sleeper(), &asker);
  auto pid = pid_of_sleeper();
  auto other = run(2, sleeper());
  pid_of_sleeper();
  caf::anon_send_exit(asker, caf::exit_reason::kill);
  CAF_CHECK(is_dead_before_deadline(pid));
  CAF_CHECK(other.wait_for(0s) != std::future_status::ready);
  caf::anon_send(it, atom::stop_v, std::uint64_t{2});
  CAF_CHECK(outcome(other));
}

CAF_TEST(an asker whose first program has ended still holds the second) {
  std::promise<void> short_one_ended;
  auto asker = system.spawn([&, to = it](caf::event_based_actor* me) {
    me->request(to, caf::infinite, atom::execute_v, std::uint64_t{1}, sleeper())
      .then([](const command_result&) {}, [](const caf::error&) {});
    me->request(to, caf::infinite, atom::execute_v, std::uint64_t{2}, shell("true"))
      .then([&](const command_result&) { short_one_ended.set_value(); }, [](const caf::error&) {});
  });
  auto pid = pid_of_sleeper();
  CAF_REQUIRE(short_one_ended.get_future().wait_for(deadline) == std::future_status::ready);
  caf::anon_send_exit(asker, caf::exit_reason::kill);
  CAF_CHECK(is_dead_before_deadline(pid));
}

CAF_TEST(a killed executor answers what it owes and takes its programs along) {
  auto end = run(1, sleeper());
  auto pid = pid_of_sleeper();
  caf::anon_send_exit(it, caf::exit_reason::kill);
  CAF_CHECK(!outcome(end));
  CAF_CHECK(is_dead_before_deadline(pid));
}

CAF_TEST_FIXTURE_SCOPE_END()
