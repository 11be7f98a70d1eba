#define CAF_SUITE actors_supervisor

#include "tests/fixtures/scripted_children.hpp"

using namespace swarm;
using namespace swarm::test;

CAF_TEST_FIXTURE_SCOPE(supervisor_tests, supervisor_fixture)

CAF_TEST(children start in order and stop in reverse) {
  supervise(config(), {child("a"), child("b"), child("c")});
  CAF_CHECK_EQUAL(journal(), "+a +b +c");
  end(top);
  CAF_CHECK_EQUAL(journal(), "-c -b -a");
  CAF_CHECK(has_ended(top));
}

CAF_TEST(one for one restarts the crashed child alone) {
  supervise(config(), {child("a"), child("b"), child("c")});
  journal();
  crash("b");
  CAF_CHECK_EQUAL(journal(), "-b +b");
  finish("b"); // a permanent child has no business ending
  pass(100ms);
  CAF_CHECK_EQUAL(journal(), "-b +b");
  CAF_CHECK_EQUAL(log.count("warning supervisor: top restarts 'b': cause=\"probe ended with an exception while handling 'ended': boom\""), 1u);
}

CAF_TEST(the wait before a restart doubles up to its limit) {
  auto settings = config();
  settings.limits.restarts_max = 100;
  settings.limits.backoff = {100ms, 1s};
  supervise(settings, {child("a")});
  journal();
  crash("a");
  CAF_CHECK_EQUAL(journal(), "-a +a"); // the first at once
  for (auto bound : {100ms, 200ms, 400ms, 800ms, 1000ms, 1000ms}) {
    crash("a");
    pass(bound / 2 - 1ms);
    CAF_CHECK_EQUAL(journal(), "-a");
    pass(bound / 2 + 1ms);
    CAF_CHECK_EQUAL(journal(), "+a");
  }
}

CAF_TEST(a long quiet life makes failures forgotten) {
  auto settings = config();
  settings.limits.restarts_max = 100;
  supervise(settings, {child("a")});
  crash("a");
  crash("a");
  pass(100ms);
  journal();
  pass(settings.limits.quiet_after);
  crash("a");
  CAF_CHECK_EQUAL(journal(), "-a +a");
}

CAF_TEST(one for all restarts everybody in order) {
  supervise(config(strategy::one_for_all), {child("a"), child("b"), child("c")});
  journal();
  crash("b");
  CAF_CHECK_EQUAL(journal(), "-b -c -a +a +b +c");
}

CAF_TEST(rest for one restarts those that were started later) {
  supervise(config(strategy::rest_for_one), {child("a"), child("b"), child("c")});
  journal();
  crash("b");
  CAF_CHECK_EQUAL(journal(), "-b -c +b +c");
  crash("b");
  pass(49ms);
  CAF_CHECK_EQUAL(journal(), "-b -c"); // later ones wait for the earlier one
  pass(51ms);
  CAF_CHECK_EQUAL(journal(), "+b +c");
  crash("c");
  CAF_CHECK_EQUAL(journal(), "-c +c");
}

CAF_TEST(a crash while others are being restarted loses nobody) {
  supervise(config(strategy::one_for_all), {child("a"), child("b"), child("c")});
  journal();
  caf::anon_send(life("a"), atom::ended_v, static_cast<int>(exit_way::error));
  caf::anon_send(life("c"), atom::ended_v, static_cast<int>(exit_way::error));
  sched.run();
  pass(1s);
  CAF_CHECK_EQUAL(family(), "a b c");
}

CAF_TEST(too many restarts end it with a cause that names child and reason) {
  auto settings = config();
  settings.limits.restarts_max = 2;
  settings.limits.period = 10s;
  supervise(settings, {child("a"), child("b")});
  journal();
  crash("b");
  crash("b");
  pass(100ms);
  CAF_CHECK_EQUAL(journal(), "-b +b -b +b");
  crash("b");
  CAF_CHECK_EQUAL(journal(), "-b -a");
  CAF_CHECK(has_ended(top));
  auto cause = end_of(top);
  CAF_CHECK_EQUAL(code_of(cause), errc::actor_failed);
  CAF_CHECK_EQUAL(render(cause), "top gave up: more than 2 restarts within 10s, the last of 'b': probe ended with an "
                                 "exception while handling 'ended': boom");
  CAF_CHECK_EQUAL(log.count("error supervisor: top gave up"), 1u);
}

CAF_TEST(restarts that lie further apart than the window are no reason to give up) {
  auto settings = config();
  settings.limits.restarts_max = 2;
  settings.limits.period = 10s;
  settings.limits.backoff = {1ms, 1ms};
  supervise(settings, {child("a")});
  for (int i = 0; i < 20; ++i) {
    crash("a");
    pass(5s + 1ms);
  }
  CAF_CHECK(!has_ended(top));
}

CAF_TEST(a transient child is restarted after a crash only) {
  supervise(config(), {child("a", restart_rule::transient)});
  journal();
  crash("a");
  CAF_CHECK_EQUAL(journal(), "-a +a");
  finish("a");
  pass(1min);
  CAF_CHECK_EQUAL(journal(), "-a");
}

CAF_TEST(a temporary child is never restarted and disturbs nobody) {
  supervise(config(strategy::one_for_all), {child("a"), child("b", restart_rule::temporary)});
  journal();
  crash("b");
  pass(1min);
  CAF_CHECK_EQUAL(journal(), "-b");
}

CAF_TEST(reports tell of every life) {
  supervise(config(), {child("a"), child("b", restart_rule::transient)});
  crash("a");
  finish("b");
  auto x = reports();
  CAF_REQUIRE_EQUAL(x.size(), 2u);
  CAF_CHECK_EQUAL(x[0].id, "a");
  CAF_CHECK(x[0].life != nullptr);
  CAF_CHECK_EQUAL(x[0].report.path, "top/a");
  CAF_CHECK_EQUAL(x[0].report.state, child_state::running);
  CAF_CHECK_EQUAL(x[0].report.incarnation, 2u);
  CAF_CHECK_EQUAL(x[0].report.restarts, 1u);
  CAF_CHECK_EQUAL(x[0].report.last_exit.cause, "probe ended with an exception while handling 'ended': boom");
  CAF_CHECK_EQUAL(x[0].report.last_exit.handling, "ended");
  CAF_CHECK_EQUAL(x[0].report.last_exit.incarnation, 1u);
  CAF_CHECK(x[0].report.last_exit.at != caf::timestamp{});
  CAF_CHECK_EQUAL(x[1].id, "b");
  CAF_CHECK(x[1].life == nullptr);
  CAF_CHECK_EQUAL(x[1].report.state, child_state::down);
  CAF_CHECK_EQUAL(x[1].report.incarnation, 1u);
  CAF_CHECK_EQUAL(x[1].report.last_exit.cause, "normal");
}

CAF_TEST(a child that waits for its restart is reported as down) {
  supervise(config(), {child("a")});
  crash("a");
  crash("a");
  auto waiting = reports().at(0);
  CAF_CHECK(waiting.life == nullptr);
  CAF_CHECK_EQUAL(waiting.report.state, child_state::waiting);
  CAF_CHECK(waiting.report.restart_in > 0ms);
  CAF_CHECK_EQUAL(waiting.report.incarnation, 2u);
  pass(100ms);
  auto back = reports().at(0);
  CAF_CHECK(back.life != nullptr);
  CAF_CHECK_EQUAL(back.report.incarnation, 3u);
}

CAF_TEST_FIXTURE_SCOPE_END()
