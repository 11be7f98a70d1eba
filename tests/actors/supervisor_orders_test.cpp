#define CAF_SUITE actors_supervisor_orders

#include "tests/fixtures/scripted_children.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture : supervisor_fixture {
  asked<caf::strong_actor_ptr> start_child(child_spec x) {
    return ask<caf::strong_actor_ptr>(top, atom::start_child_v, std::move(x));
  }
  asked<child_report> terminate(const std::string& id) { return ask<child_report>(top, atom::terminate_child_v, id); }
  asked<child_report> forget(const std::string& id) { return ask<child_report>(top, atom::delete_child_v, id); }
  asked<caf::strong_actor_ptr> restart(const std::string& id) {
    return ask<caf::strong_actor_ptr>(top, atom::restart_child_v, id);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_orders_tests, fixture)

CAF_TEST(a child that is started later stops first) {
  supervise(config(), {child("a")});
  CAF_CHECK_EQUAL(start_child(child("d")).value(), untyped(life("d")));
  CAF_CHECK_EQUAL(family(), "a d");
  end(top);
  CAF_CHECK_EQUAL(journal(), "+a +d -d -a");
}

CAF_TEST(an identity is given once) {
  supervise(config(), {child("a"), child("b", restart_rule::transient)});
  finish("b");
  CAF_CHECK_EQUAL(start_child(child("a")).error(), "top/a exists already");
  CAF_CHECK_EQUAL(start_child(child("b")).error(), "top/b exists already");
  CAF_CHECK_EQUAL(family(), "a (b)");
}

CAF_TEST(a child that fails to start on request is forgotten and hurts nobody) {
  supervise(config(strategy::one_for_all), {child("a")});
  home->failing_starts["d"] = 1;
  CAF_CHECK_EQUAL(start_child(child("d")).error(),
                  "top could not start 'd': probe ended with an exception while starting: no start today");
  CAF_CHECK_EQUAL(family(), "a");
  CAF_CHECK_EQUAL(journal(), "+a");
  CAF_CHECK(!start_child(child("d")).has_failed());
}

CAF_TEST(an order to start is answered also when its child is terminated before it has begun) {
  supervise(config(strategy::rest_for_one), {child("a")});
  crash("a");
  crash("a"); // what comes after it waits for its second restart, which backs off
  auto order = start_child(child("d"));
  CAF_CHECK(!order.is_answered());
  CAF_CHECK(!terminate("d").has_failed());
  CAF_CHECK_EQUAL(order.error(), "top/d was terminated before it had started");
  CAF_CHECK_EQUAL(forget("d").error(), "top has no child 'd'");
  pass(1min);
  CAF_CHECK_EQUAL(family(), "a");
}

CAF_TEST(a terminated child stays known and can be restarted or deleted) {
  supervise(config(), {child("a"), child("b")});
  journal();
  auto last = terminate("b").value();
  CAF_CHECK_EQUAL(journal(), "-b");
  CAF_CHECK_EQUAL(last.report.state, child_state::down);
  CAF_CHECK_EQUAL(family(), "a (b)");
  pass(1min);
  CAF_CHECK_EQUAL(journal(), ""); // nobody restarts it
  CAF_CHECK(!terminate("b").has_failed()); // again is fine
  CAF_CHECK_EQUAL(restart("b").value(), untyped(life("b")));
  CAF_CHECK_EQUAL(journal(), "+b");
  terminate("b");
  CAF_CHECK(!forget("b").has_failed());
  CAF_CHECK_EQUAL(family(), "a");
}

CAF_TEST(a temporary child is forgotten when it is terminated) {
  supervise(config(), {child("a"), child("b", restart_rule::temporary)});
  terminate("b");
  CAF_CHECK_EQUAL(family(), "a");
  CAF_CHECK_EQUAL(restart("b").error(), "top has no child 'b'");
}

CAF_TEST(orders that do not fit the state are refused with it) {
  supervise(config(), {child("a")});
  CAF_CHECK_EQUAL(restart("a").error(), "'a' is running already");
  CAF_CHECK_EQUAL(forget("a").error(), "'a' is running; terminate it first");
  crash("a");
  crash("a"); // the second restart waits
  CAF_CHECK_EQUAL(restart("a").error(), "'a' is waiting already");
  CAF_CHECK_EQUAL(forget("a").error(), "'a' is waiting; terminate it first");
  for (auto& x : {terminate("z"), forget("z")})
    CAF_CHECK_EQUAL(x.error(), "top has no child 'z'");
  CAF_CHECK_EQUAL(restart("z").error(), "top has no child 'z'");
}

CAF_TEST(terminating a child that waits for its restart cancels the restart) {
  supervise(config(), {child("a"), child("b")});
  crash("b");
  crash("b");
  journal();
  CAF_CHECK_EQUAL(terminate("b").value().report.state, child_state::down);
  pass(1min);
  CAF_CHECK_EQUAL(journal(), "");
  CAF_CHECK_EQUAL(family(), "a (b)");
}

CAF_TEST(a restart on request that fails leaves the child down) {
  supervise(config(), {child("a")});
  terminate("a");
  home->failing_starts["a"] = 1;
  CAF_CHECK(restart("a").has_failed());
  pass(1min);
  CAF_CHECK_EQUAL(family(), "(a)");
  CAF_CHECK(!restart("a").has_failed());
}

CAF_TEST(a termination is answered when the child is gone) {
  supervise(config(), {child("a", restart_rule::permanent, true), child("b")});
  auto answer = terminate("a");
  CAF_CHECK(!answer.is_answered());
  pass(5s);
  CAF_CHECK(answer.is_answered());
  CAF_CHECK_EQUAL(answer.value().report.last_exit.cause, "killed");
  CAF_CHECK_EQUAL(family(), "(a) b");
}

CAF_TEST(one child that takes its time to stop keeps no other from its restart) {
  supervise(config(), {child("a", restart_rule::permanent, true), child("b")});
  terminate("a");
  journal();
  crash("b");
  CAF_CHECK_EQUAL(journal(), "-b +b");
}

CAF_TEST(a backoff of one child keeps no other from its restart) {
  supervise(config(), {child("a"), child("b")});
  crash("a");
  crash("a"); // waits now
  journal();
  crash("b");
  CAF_CHECK_EQUAL(journal(), "-b +b");
}

CAF_TEST(children are counted) {
  supervise(config(), {child("a"), child("b"), child("c", restart_rule::temporary), child("d", restart_rule::transient),
                       subtree("e", {}, {child("x")})});
  terminate("b");
  finish("d");
  auto x = ask<child_counts>(top, atom::count_children_v).value();
  CAF_CHECK_EQUAL(x.specs, 5u);
  CAF_CHECK_EQUAL(x.active, 3u);
  CAF_CHECK_EQUAL(x.supervisors, 1u);
  CAF_CHECK_EQUAL(x.workers, 4u);
}

CAF_TEST(a supervisor that stops refuses new children and answers who waits) {
  auto slow = child("a", restart_rule::permanent, true);
  supervise(config(), {slow, child("b")});
  end(top); // waits for a
  CAF_CHECK_EQUAL(start_child(child("d")).error(), "top is stopping");
  CAF_CHECK_EQUAL(restart("b").error(), "top is stopping");
  pass(5s);
  CAF_CHECK(has_ended(top));
}

CAF_TEST(brutal children are killed at once and patient supervisors wait as long as it takes) {
  auto brutal = child("a", restart_rule::permanent, true), patient = child("b", restart_rule::permanent, true);
  brutal.shutdown = brutal_kill{};
  patient.shutdown = infinity{};
  supervise(config(), {brutal, patient});
  journal();
  terminate("a");
  CAF_CHECK_EQUAL(journal(), "-a");
  end(top);
  pass(1h);
  CAF_CHECK_EQUAL(journal(), "");
  CAF_CHECK(!has_ended(top));
  finish("b");
  CAF_CHECK(has_ended(top));
}

CAF_TEST(a supervisor told to stop while it restarts everybody stops those that are left) {
  supervise(config(strategy::one_for_all), {child("a"), child("b", restart_rule::permanent, true), child("c")});
  crash("a"); // stops c, then waits for b
  journal();
  end(top);
  CAF_CHECK_EQUAL(journal(), "");
  pass(5s);
  CAF_CHECK_EQUAL(journal(), "-b");
  CAF_CHECK(has_ended(top));
}

CAF_TEST(a child that crashes while its siblings are being stopped counts once) {
  auto settings = config(strategy::one_for_all);
  settings.limits.restarts_max = 1;
  supervise(settings, {child("a"), child("b"), child("c", restart_rule::permanent, true)});
  crash("a"); // waits for c
  crash("b"); // about to be stopped anyway
  pass(5s);
  CAF_CHECK(!has_ended(top));
  CAF_CHECK_EQUAL(family(), "a b c");
}

CAF_TEST_FIXTURE_SCOPE_END()
