#define CAF_SUITE actors_detached

#include "actors/actor_shell.hpp"
#include "actors/supervisor.hpp"
#include "actors/watchdog.hpp"
#include "messages/add_messages.hpp"
#include "tests/fixtures/captured_log.hpp"

#include <condition_variable>
#include <mutex>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace std::chrono_literals;

/// What only real threads show: handlers that block.
namespace {

/// Something that a handler waits for, and that the test opens at its end.
struct gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int lives = 0;

  void pass() {
    std::unique_lock guard{mutex};
    changed.wait(guard, [this] { return open; });
  }
  void let_go() {
    std::lock_guard guard{mutex};
    open = true;
    changed.notify_all();
  }
  void count_life() {
    std::lock_guard guard{mutex};
    ++lives;
    changed.notify_all();
  }
  bool await_lives(int n) {
    std::unique_lock guard{mutex};
    return changed.wait_for(guard, 30s, [&] { return lives >= n; });
  }
};

class blocker {
public:
  using interface = caf::typed_actor<caf::reacts_to<atom::wake>, caf::reacts_to<atom::lost>>;
  static constexpr const char* name = "blocker";

  blocker(interface::pointer, std::shared_ptr<gate> g) : gate_(std::move(g)) { gate_->count_life(); }

  interface::behavior_type make_behavior() {
    return {[g = gate_](atom::wake) { g->pass(); },
            [](atom::lost) { throw std::runtime_error("lost on a thread of its own"); }};
  }

private:
  std::shared_ptr<gate> gate_;
};

struct system_config : caf::actor_system_config {
  system_config() {
    add_messages(*this);
    set("scheduler.policy", caf::atom("sharing"));
    set("scheduler.max-threads", std::size_t{2});
  }
};

struct fixture {
  template <caf::spawn_options Options>
  child_spec blocking_child(stuck_rule when_stuck) {
    auto start = [this](const birth& x) {
      auto life = x.parent.spawn<actor_shell<blocker>, Options>(door);
      std::lock_guard guard{door->mutex};
      newest = caf::actor_cast<caf::actor>(life);
      door->changed.notify_all();
      return untyped(life);
    };
    child_spec result{"blocker", start};
    result.when_stuck = when_stuck;
    return result;
  }

  void supervise(child_spec blocking) {
    watchdog_config watching;
    watching.stuck_after = 200ms;
    watching.actors = actors;
    auto start = [this, watching](const birth& x) {
      return untyped(x.parent.spawn<actor_shell<watchdog>, caf::detached>(watching, caf::actor_cast<status_actor>(top)));
    };
    supervisor_config settings;
    settings.place = actors->root();
    auto place = settings.place;
    auto life = system.spawn<actor_shell<supervisor>>(settings, std::vector<child_spec>{blocking, {"watchdog", start}});
    place->starts(untyped(life));
    top = caf::actor_cast<supervisor_actor>(life);
    place->becomes(child_state::running);
    CAF_REQUIRE(door->await_lives(1));
  }

  caf::actor life() {
    // The actor counts its life on a thread of its own, perhaps before its parent has its handle.
    std::unique_lock guard{door->mutex};
    CAF_REQUIRE(door->changed.wait_for(guard, 30s, [this] { return newest != nullptr; }));
    return newest;
  }

  caf::error end_of_top() {
    caf::error result;
    caf::scoped_actor self{system};
    self->monitor(top);
    self->receive([&](const caf::down_msg& x) { result = x.reason; },
                  caf::after(30s) >> [] { CAF_FAIL("it doesn't end"); });
    return result;
  }

  child_report child() {
    child_report result;
    caf::scoped_actor self{system};
    self->request(top, 30s, atom::which_children_v)
      .receive([&](const std::vector<child_report>& x) { result = x.at(0); }, [](const caf::error&) {});
    return result;
  }

  ~fixture() {
    door->let_go();
    caf::anon_send_exit(top, caf::exit_reason::kill);
    newest = nullptr;
    top = nullptr;
  }

  test::captured_log log;
  system_config config;
  caf::actor_system system{config};
  std::shared_ptr<census> actors = std::make_shared<census>();
  std::shared_ptr<gate> door = std::make_shared<gate>();
  caf::actor newest;
  supervisor_actor top;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(detached_tests, fixture)

CAF_TEST(a detached actor that blocks is replaced while its thread still hangs) {
  supervise(blocking_child<caf::detached>(stuck_rule::restart));
  caf::anon_send(life(), atom::wake_v);
  CAF_REQUIRE(door->await_lives(2));
  auto x = child().report;
  CAF_CHECK_EQUAL(x.incarnation, 2u);
  CAF_CHECK(x.last_exit.cause.starts_with("root/blocker is stuck handling 'wake' for "));
}

CAF_TEST(a scheduled actor that blocks ends the tree) {
  supervise(blocking_child<caf::no_spawn_options>(stuck_rule::escalate));
  caf::anon_send(life(), atom::wake_v);
  auto cause = end_of_top();
  CAF_CHECK_EQUAL(code_of(cause), errc::actor_stuck);
  CAF_CHECK(render(cause).starts_with("root/blocker is stuck handling 'wake' for "));
}

CAF_TEST(an exception on a thread of its own keeps its text) {
  supervise(blocking_child<caf::detached>(stuck_rule::restart));
  caf::anon_send(life(), atom::lost_v);
  CAF_REQUIRE(door->await_lives(2));
  auto x = child().report.last_exit;
  CAF_CHECK_EQUAL(x.cause, "blocker ended with an exception while handling 'lost': lost on a thread of its own");
  CAF_CHECK_EQUAL(x.handling, "lost");
  CAF_CHECK_EQUAL(x.incarnation, 1u);
}

CAF_TEST_FIXTURE_SCOPE_END()
