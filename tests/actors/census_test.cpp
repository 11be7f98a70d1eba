#define CAF_SUITE actors_census

#include "runtime/introspection.hpp"

#include "tests/fixtures/scripted_children.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture : supervisor_fixture {
  /// The paths of the tree, with a number where children were left out.
  std::vector<std::string> paths(std::size_t children_max = 1000) {
    std::vector<std::string> result;
    for (auto& x : actors->tree(children_max))
      result.push_back(x.place->path() + (x.omitted > 0 ? " +" + std::to_string(x.omitted) : ""));
    return result;
  }

  actor_report status(const std::string& id) {
    return ask<actor_report>(caf::actor_cast<status_actor>(life(id)), atom::status_v).value();
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(census_tests, fixture)

CAF_TEST(the tree is listed from the root down in start order) {
  supervise(config(), {child("a"), subtree("sub", {}, {child("x"), child("y/1")}), child("b")});
  CAF_CHECK_EQUAL(paths(), (std::vector<std::string>{"top", "top/a", "top/sub", "top/sub/x", "top/sub/y/1", "top/b"}));
}

CAF_TEST(the order stays after a branch was restarted) {
  supervise(config(), {child("a"), subtree("sub", {}, {child("x")}), child("b")});
  auto sub = reports().at(1).life;
  end(caf::actor_cast<caf::actor>(sub), caf::exit_reason::kill);
  pass(1s);
  CAF_CHECK_EQUAL(paths(), (std::vector<std::string>{"top", "top/a", "top/sub", "top/sub/x", "top/b"}));
}

CAF_TEST(only so many children of one supervisor are listed and the rest is counted) {
  supervise(config(), {child("a"), child("b"), child("c"), child("d")});
  CAF_CHECK_EQUAL(paths(2), (std::vector<std::string>{"top", "top/a", "top/b +2"}));
}

CAF_TEST(places go with their supervisor) {
  supervise(config(), {child("a"), subtree("sub", {}, {child("x")})});
  end(top);
  CAF_CHECK_EQUAL(actors->size(), 0u);
}

CAF_TEST(every actor answers status with its place in the tree) {
  supervise(config(), {child("a")});
  crash("a");
  finish("a");
  pass(100ms);
  auto x = status("a");
  CAF_CHECK_EQUAL(x.path, "top/a");
  CAF_CHECK_EQUAL(x.parent, "top");
  CAF_CHECK_EQUAL(x.name, "probe");
  CAF_CHECK_EQUAL(x.kind, child_kind::worker);
  CAF_CHECK_EQUAL(x.state, child_state::running);
  CAF_CHECK_EQUAL(x.incarnation, 3u);
  CAF_CHECK_EQUAL(x.restarts, 2u);
  CAF_CHECK_EQUAL(x.actor, life("a").id());
  CAF_CHECK_EQUAL(x.last_exit.cause, "normal");
  CAF_CHECK_EQUAL(x.last_exit.incarnation, 2u);
  CAF_CHECK_EQUAL(x.handling, "status");
  CAF_CHECK_EQUAL(x.handled, 2u); // its supervisor's question at the start, and ours
}

CAF_TEST(an actor outside a tree answers too) {
  auto it = start<probe>(std::string{"z"}, false, home);
  auto x = ask<actor_report>(caf::actor_cast<status_actor>(it), atom::status_v).value();
  CAF_CHECK_EQUAL(x.path, "");
  CAF_CHECK_EQUAL(x.name, "probe");
  CAF_CHECK_EQUAL(x.state, child_state::running);
}

CAF_TEST(a supervisor tells of itself) {
  supervise(config(strategy::rest_for_one), {child("a"), child("b")});
  auto x = ask<actor_report>(caf::actor_cast<status_actor>(top), atom::status_v).value();
  CAF_REQUIRE_EQUAL(x.facts.size(), 2u);
  CAF_CHECK_EQUAL(x.facts[0].value, "rest_for_one");
  CAF_CHECK_EQUAL(x.facts[1].value, "2");
}

CAF_TEST(waiting messages are counted without asking the actor) {
  supervise(config(), {child("a")});
  for (int i = 0; i < 3; ++i)
    caf::anon_send(life("a"), atom::tick_v);
  auto x = actors->tree().at(1).place->report();
  CAF_CHECK_EQUAL(x.mailbox, 3u);
  CAF_CHECK_EQUAL(x.handled, 1u);
  sched.run();
  x = actors->tree().at(1).place->report();
  CAF_CHECK_EQUAL(x.mailbox, 0u);
  CAF_CHECK_EQUAL(x.handled, 4u);
}

CAF_TEST(reports survive their way through JSON) {
  supervise(config(), {child("a"), child("b", restart_rule::transient)});
  crash("a");
  crash("a");
  finish("b");
  std::vector<actor_report> all;
  for (auto& x : actors->tree())
    all.push_back(x.place->report());
  all[0].facts = {{"strategy", "one_for_one"}};
  all[1].restart_in = 70ms;
  auto back = runtime::parse_reports(runtime::to_json(all));
  CAF_REQUIRE(back);
  CAF_REQUIRE_EQUAL(back->size(), 3u);
  CAF_CHECK_EQUAL((*back)[0].facts.at(0).value, "one_for_one");
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAF_CHECK_EQUAL((*back)[i].path, all[i].path);
    CAF_CHECK_EQUAL((*back)[i].parent, all[i].parent);
    CAF_CHECK_EQUAL((*back)[i].state, all[i].state);
    CAF_CHECK_EQUAL((*back)[i].incarnation, all[i].incarnation);
    CAF_CHECK_EQUAL((*back)[i].last_exit.cause, all[i].last_exit.cause);
    CAF_CHECK_EQUAL((*back)[i].last_exit.handling, all[i].last_exit.handling);
    CAF_CHECK(runtime::to_json({all[i]}) == runtime::to_json({(*back)[i]}) || all[i].last_exit.incarnation > 0);
  }
  CAF_CHECK_EQUAL(runtime::parse_reports("{}").error() ? code_of(runtime::parse_reports("{}").error()) : errc::none,
                  errc::io_failed);
}

CAF_TEST_FIXTURE_SCOPE_END()
