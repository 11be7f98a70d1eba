#define CAF_SUITE actors_watchdog

#include "actors/watchdog.hpp"

#include "tests/fixtures/scripted_children.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// A tree with a child that looks as if it were in a handler: on one thread nothing can really hang.
struct fixture : supervisor_fixture {
  fixture() {
    auto a = child("a");
    a.when_stuck = stuck_rule::restart;
    supervise(config(), {a, child("b"), subtree("sub", {}, {child("x")})});
    watchdog_config settings;
    settings.stuck_after = 40s;
    settings.actors = actors;
    settings.alive = [this] { ++echoes; };
    settings.give_up = [this](const caf::error& x) { last_words = render(x); };
    dog = caf::actor_cast<watchdog_actor>(start<watchdog>(settings, caf::actor_cast<status_actor>(top)));
    journal();
  }

  std::shared_ptr<vitals> signs(const std::string& id) { return vitals_of(untyped(life(id))); }

  void hang(const std::string& id) {
    auto x = signs(id);
    x->busy_since = 1;
    x->handling = static_cast<std::uint64_t>(caf::atom("ended"));
  }

  watchdog_actor dog;
  int echoes = 0;
  std::string last_words;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(watchdog_tests, fixture)

CAF_TEST(an actor that can be replaced is replaced and the log says what it was doing) {
  auto old = life("a");
  hang("a");
  pass(40s - 1ms);
  CAF_CHECK_EQUAL(journal(), "");
  pass(11s);
  CAF_CHECK(life("a") != old);
  CAF_CHECK_EQUAL(family(), "a b sub");
  auto x = reports().at(0).report;
  CAF_CHECK_EQUAL(x.incarnation, 2u);
  CAF_CHECK_EQUAL(x.last_exit.cause, "top/a is stuck handling 'ended' for 40s");
  CAF_CHECK_EQUAL(log.count("error watchdog: an actor is stuck: path=top/a handling=ended"), 1u);
  CAF_CHECK_EQUAL(log.count("error supervisor: top goes on without it: cause=\"top/a is stuck handling 'ended'"), 1u);
  CAF_CHECK_EQUAL(last_words, "");
}

CAF_TEST(an actor that blocks a shared thread ends the tree with the cause) {
  hang("b");
  pass(51s);
  CAF_CHECK(has_ended(top));
  CAF_CHECK_EQUAL(code_of(end_of(top)), errc::actor_stuck);
  CAF_CHECK_EQUAL(render(end_of(top)), "top/b is stuck handling 'ended' for 40s");
}

CAF_TEST(a branch that ends over a stuck actor is not restarted by its parent) {
  hang("x");
  pass(51s);
  CAF_CHECK(has_ended(top));
  CAF_CHECK_EQUAL(render(end_of(top)), "top/sub/x is stuck handling 'ended' for 40s");
}

CAF_TEST(an actor that handles one message after the other is busy and not stuck) {
  hang("a");
  for (int i = 0; i < 20; ++i) {
    pass(9s);
    ++signs("a")->handled;
  }
  CAF_CHECK_EQUAL(log.count("is stuck"), 0u);
}

CAF_TEST(an actor that comes back in time is forgiven) {
  hang("a");
  pass(39s);
  signs("a")->busy_since = 0;
  pass(11s);
  hang("a");
  pass(39s);
  CAF_CHECK_EQUAL(log.count("is stuck"), 0u);
}

CAF_TEST(without a supervisor that acts it gives up) {
  // A supervisor that is stuck itself takes no messages.
  auto deaf = actors->root("deaf");
  auto place = deaf->add("z", child_kind::worker);
  place->starts(untyped(start<probe>(std::string{"z"}, false, home)));
  hang("z");
  pass(51s);
  CAF_CHECK_EQUAL(last_words, "deaf/z is stuck handling 'ended' for 40s, and its supervisor did nothing about it");
}

CAF_TEST(it hears the scheduler as long as that works) {
  auto before = echoes;
  pass(10s);
  CAF_CHECK_EQUAL(echoes, before + 1);
}

CAF_TEST_FIXTURE_SCOPE_END()
