#define CAF_SUITE actors_dynamic_supervisor

#include "actors/dynamic_supervisor.hpp"

#include "tests/fixtures/scripted_children.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture : supervisor_fixture {
  void supervise(restart_rule restart = restart_rule::temporary, unsigned restarts_max = 5) {
    dynamic_supervisor_config settings;
    settings.start = [home = home](const birth& x, caf::message& arguments) {
      return untyped(x.parent.spawn<actor_shell<probe>>(arguments.get_as<std::string>(0), arguments.get_as<bool>(1), home));
    };
    settings.restart = restart;
    settings.limits.restarts_max = restarts_max;
    settings.place = actors->root("pool");
    pool = caf::actor_cast<dynamic_supervisor_actor>(start<dynamic_supervisor>(std::move(settings)));
  }

  asked<caf::strong_actor_ptr> add(const std::string& id, bool stubborn = false) {
    return ask<caf::strong_actor_ptr>(pool, atom::start_child_v, id, caf::make_message(id, stubborn));
  }

  asked<child_report> terminate(const caf::strong_actor_ptr& x) {
    return ask<child_report>(pool, atom::terminate_child_v, std::uint64_t{x->id()});
  }

  std::uint64_t active() { return ask<child_counts>(pool, atom::count_children_v).value().active; }

  dynamic_supervisor_actor pool;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(dynamic_supervisor_tests, fixture)

CAF_TEST(children start on request with their arguments and may have the same name) {
  supervise();
  auto first = add("x").value(), second = add("x").value();
  CAF_CHECK(first != second);
  CAF_CHECK_EQUAL(second, untyped(life("x")));
  CAF_CHECK_EQUAL(active(), 2u);
  CAF_CHECK_EQUAL(journal(), "+x +x");
}

CAF_TEST(a start that fails is answered with its cause and leaves nothing) {
  supervise(restart_rule::permanent);
  home->failing_starts["x"] = 1;
  CAF_CHECK_EQUAL(add("x").error(),
                  "pool could not start 'x': probe ended with an exception while starting: no start today");
  pass(1min);
  CAF_CHECK_EQUAL(journal(), "");
  CAF_CHECK_EQUAL(actors->size(), 1u); // its own place
}

CAF_TEST(a temporary child that ends is forgotten) {
  supervise();
  add("x");
  crash("x");
  pass(1min);
  CAF_CHECK_EQUAL(journal(), "+x -x");
  CAF_CHECK_EQUAL(actors->size(), 1u);
}

CAF_TEST(a permanent child is restarted with the same arguments and alone) {
  supervise(restart_rule::permanent);
  add("x");
  add("y");
  journal();
  crash("x");
  CAF_CHECK_EQUAL(journal(), "-x +x");
  crash("x"); // now with a pause
  auto all = ask<std::vector<child_report>>(pool, atom::which_children_v).value();
  CAF_CHECK_EQUAL(all.size(), 2u);
  CAF_CHECK_EQUAL(std::count_if(all.begin(), all.end(),
                                [](const auto& x) { return x.id == "x" && x.report.state == child_state::waiting; }),
                  1);
  pass(100ms);
  CAF_CHECK_EQUAL(journal(), "-x +x");
}

CAF_TEST(a transient child is restarted after a crash only) {
  supervise(restart_rule::transient);
  add("x");
  journal();
  finish("x");
  pass(1min);
  CAF_CHECK_EQUAL(journal(), "-x");
  add("x");
  crash("x");
  CAF_CHECK_EQUAL(journal(), "+x -x +x");
}

CAF_TEST(too many restarts end it and all its children) {
  supervise(restart_rule::permanent, 1);
  add("x");
  add("y");
  crash("x");
  crash("y");
  CAF_CHECK(has_ended(pool));
  CAF_CHECK_EQUAL(render(end_of(pool)), "pool gave up: more than 1 restarts within 30s, the last of 'y': probe ended with "
                                        "an exception while handling 'ended': boom");
  CAF_CHECK_EQUAL(journal(), "+x +y -x +x -y -x");
}

CAF_TEST(a child is terminated by its number and not restarted) {
  supervise(restart_rule::permanent);
  auto x = add("x").value();
  journal();
  CAF_CHECK_EQUAL(terminate(x).value().id, "x");
  pass(1min);
  CAF_CHECK_EQUAL(journal(), "-x");
  CAF_CHECK_EQUAL(terminate(x).error(), "pool has no child with the number " + std::to_string(x->id()));
}

CAF_TEST(a child that does not stop in time is killed) {
  supervise();
  auto x = add("x", true).value();
  journal();
  auto answer = terminate(x);
  pass(5s - 1ms);
  CAF_CHECK(!answer.is_answered());
  pass(1ms);
  CAF_CHECK_EQUAL(journal(), "-x");
  CAF_CHECK_EQUAL(answer.value().report.last_exit.cause, "killed");
}

CAF_TEST(a stop stops all at once and kills those that do not want to) {
  supervise();
  for (auto id : {"x", "y", "z"})
    add(id, id == std::string{"y"});
  journal();
  end(pool);
  auto quick = journal();
  CAF_CHECK(quick == "-x -z" || quick == "-z -x");
  CAF_CHECK(!has_ended(pool));
  CAF_CHECK_EQUAL(add("late").error(), "pool is stopping");
  pass(5s);
  CAF_CHECK_EQUAL(journal(), "-y");
  CAF_CHECK(has_ended(pool));
}

CAF_TEST(killed it takes its children along) {
  supervise();
  add("x", true);
  add("y");
  journal();
  end(pool, caf::exit_reason::kill);
  auto dead = journal();
  CAF_CHECK(dead == "-x -y" || dead == "-y -x");
}

CAF_TEST_FIXTURE_SCOPE_END()
