#define CAF_SUITE actors_supervisor_stop

#include "actors/relay.hpp"

#include "tests/fixtures/scripted_children.hpp"

using namespace swarm;
using namespace swarm::test;

CAF_TEST_FIXTURE_SCOPE(supervisor_stop_tests, supervisor_fixture)

CAF_TEST(a child that does not stop in time is killed and the stop goes on) {
  supervise(config(), {child("a"), child("b", restart_rule::permanent, true)});
  journal();
  end(top);
  pass(5s - 1ms);
  CAF_CHECK_EQUAL(journal(), "");
  pass(1ms);
  CAF_CHECK_EQUAL(journal(), "-b -a");
  CAF_CHECK(has_ended(top));
  CAF_CHECK_EQUAL(log.count("warning supervisor: top kills 'b', which didn't stop in time"), 1u);
  CAF_CHECK_EQUAL(log.count("abandons"), 0u);
}

CAF_TEST(a child that cannot be killed is abandoned) {
  // An address without an actor behind it swallows every exit message, like a thread inside a system call.
  stable_address<dispatcher_actor> stuck{sys};
  auto start = [stuck](const birth&) { return untyped(stuck.handle()); };
  supervise(config(), {child("a"), {"stuck", start}});
  journal();
  end(top);
  pass(6s - 1ms);
  CAF_CHECK_EQUAL(journal(), "");
  CAF_CHECK(!has_ended(top));
  pass(1ms);
  CAF_CHECK_EQUAL(journal(), "-a");
  CAF_CHECK(has_ended(top));
  CAF_CHECK_EQUAL(log.count("error supervisor: top abandons 'stuck', which can't be killed"), 1u);
}

CAF_TEST(a stubborn sibling is killed before everybody is restarted) {
  supervise(config(strategy::one_for_all), {child("a"), child("b", restart_rule::permanent, true)});
  journal();
  crash("a");
  CAF_CHECK_EQUAL(journal(), "-a");
  pass(1s - 1ms);
  CAF_CHECK_EQUAL(journal(), "");
  pass(1ms); // nobody has five seconds for it now
  CAF_CHECK_EQUAL(journal(), "-b +a +b");
}

CAF_TEST(the deadline of a former life does not kill the next) {
  supervise(config(strategy::one_for_all), {child("a"), child("b")});
  crash("a"); // stops b, whose deadline is in five seconds
  journal();
  pass(10s);
  CAF_CHECK_EQUAL(journal(), "");
}

CAF_TEST(a stop while a restart waits starts nobody) {
  supervise(config(), {child("a"), child("b"), child("c")});
  crash("b");
  crash("b");
  journal();
  end(top);
  CAF_CHECK_EQUAL(journal(), "-c -a");
  CAF_CHECK(has_ended(top));
  pass(1min);
  CAF_CHECK_EQUAL(journal(), "");
}

CAF_TEST(a crash during the stop restarts nobody) {
  supervise(config(), {child("a"), child("b", restart_rule::permanent, true)});
  journal();
  end(top);
  crash("a");
  CAF_CHECK_EQUAL(journal(), "-a");
  pass(5s);
  CAF_CHECK_EQUAL(journal(), "-b");
  CAF_CHECK(has_ended(top));
  CAF_CHECK_EQUAL(log.count("restarts"), 0u);
}

CAF_TEST(a tree starts from the top down and stops from the bottom up) {
  supervise(config(), {child("a"), subtree("sub", {}, {child("x"), child("y")}), child("b")});
  CAF_CHECK_EQUAL(journal(), "+a +x +y +b");
  end(top);
  CAF_CHECK_EQUAL(journal(), "-b -y -x -a");
}

CAF_TEST(a stop while a branch is starting starts nobody after it) {
  // It never comes to the end of its start, because it doesn't even begin.
  stable_address<dispatcher_actor> nobody{sys};
  child_spec slow{"slow", [nobody](const birth&) { return untyped(nobody.handle()); }};
  supervise(config(), {child("a"), subtree("sub", {}, {child("x"), slow, child("y")}), child("b")});
  CAF_CHECK_EQUAL(journal(), "+a +x");
  end(top);
  pass(6s);
  CAF_CHECK_EQUAL(journal(), "-x -a");
  CAF_CHECK(has_ended(top));
}

CAF_TEST(a branch that is restarted is awaited as well) {
  supervise(config(strategy::one_for_all), {child("a"), subtree("sub", {}, {child("x")}), child("b")});
  journal();
  crash("a");
  CAF_CHECK_EQUAL(journal(), "-a -b -x +a +x +b");
}

CAF_TEST(a subtree that gives up is restarted by its parent) {
  supervisor_config settings;
  settings.limits.restarts_max = 1;
  supervise(config(), {child("a"), subtree("sub", settings, {child("x"), child("y")})});
  journal();
  crash("x");
  CAF_CHECK_EQUAL(journal(), "-x +x");
  crash("x");
  CAF_CHECK_EQUAL(journal(), "-x -y +x +y");
  auto x = reports();
  CAF_CHECK_EQUAL(x[1].report.incarnation, 2u);
  CAF_CHECK_EQUAL(x[1].report.last_exit.cause, "top/sub gave up: more than 1 restarts within 30s, the last of 'x': probe "
                                               "ended with an exception while handling 'ended': boom");
}

CAF_TEST(a killed supervisor takes its children along) {
  supervise(config(), {child("a", restart_rule::permanent, true), subtree("sub", {}, {child("x")})});
  journal();
  end(top, caf::exit_reason::kill);
  auto dead = journal();
  CAF_CHECK(dead == "-x -a" || dead == "-a -x");
}

CAF_TEST_FIXTURE_SCOPE_END()
