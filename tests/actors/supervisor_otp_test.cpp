#define CAF_SUITE actors_supervisor_otp

#include "tests/actors/otp_cases.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

struct fixture : supervisor_fixture {
  /// Lets backoffs pass, but not so much time that failures are forgotten.
  void settle() { pass(2s); }

  supervisor_config with_intensity(strategy rule, unsigned restarts_max) {
    auto result = config(rule);
    result.limits.restarts_max = restarts_max;
    result.limits.period = 10s;
    result.limits.backoff = {1ms, 1ms};
    return result;
  }
};

std::string describe(const otp_case& x) {
  return "case " + std::to_string(&x - otp_cases) + ": " + x.who + " ends, way " + std::to_string(static_cast<int>(x.how))
         + ", strategy " + std::to_string(static_cast<int>(x.rule)) + ", restart "
         + std::to_string(static_cast<int>(x.restart));
}

/// What becomes of a sibling of `b` when b crashes.
struct sibling_case {
  strategy rule;
  const char* who;
  restart_rule restart;
  const char* before; ///< "up", "finished" or "terminated"
  const char* journal;
  const char* afterwards;
};

constexpr sibling_case sibling_cases[] = {
  {strategy::one_for_all,  "c", restart_rule::temporary, "up",         "-b -c -a +a +b",    "a b"},
  {strategy::one_for_all,  "c", restart_rule::transient, "up",         "-b -c -a +a +b +c", "a b c"},
  {strategy::one_for_all,  "c", restart_rule::transient, "finished",   "-b -a +a +b +c",    "a b c"},
  {strategy::one_for_all,  "c", restart_rule::permanent, "terminated", "-b -a +a +b +c",    "a b c"},
  {strategy::one_for_all,  "a", restart_rule::temporary, "up",         "-b -c -a +b +c",    "b c"},
  {strategy::one_for_all,  "a", restart_rule::transient, "finished",   "-b -c +a +b +c",    "a b c"},
  {strategy::rest_for_one, "c", restart_rule::temporary, "up",         "-b -c +b",          "a b"},
  {strategy::rest_for_one, "c", restart_rule::transient, "up",         "-b -c +b +c",       "a b c"},
  {strategy::rest_for_one, "c", restart_rule::transient, "finished",   "-b +b +c",          "a b c"},
  {strategy::rest_for_one, "c", restart_rule::permanent, "terminated", "-b +b +c",          "a b c"},
  {strategy::rest_for_one, "a", restart_rule::temporary, "up",         "-b -c +b +c",       "a b c"},
  {strategy::rest_for_one, "a", restart_rule::transient, "finished",   "-b -c +b +c",       "(a) b c"},
};

/// b crashes, and its next two starts fail.
struct failing_case {
  strategy rule;
  unsigned restarts_max;
  const char* journal;
  bool survives;
};

constexpr failing_case failing_cases[] = {
  {strategy::one_for_one,  0, "-b -c -a", false},
  {strategy::one_for_one,  2, "-b -c -a", false},
  {strategy::one_for_one,  3, "-b +b", true},
  {strategy::one_for_all,  0, "-b -c -a", false},
  {strategy::one_for_all,  1, "-b -c -a +a -a", false},
  {strategy::one_for_all,  2, "-b -c -a +a -a +a -a", false},
  {strategy::one_for_all,  3, "-b -c -a +a -a +a -a +a +b +c", true},
  {strategy::rest_for_one, 2, "-b -c -a", false},
  {strategy::rest_for_one, 3, "-b -c +b +c", true},
};

/// A significant child ends, in a family of a (permanent), b and c (transient; significant where `both` says so).
struct significant_case {
  auto_shutdown ends;
  restart_rule restart; ///< Of b.
  exit_way how;
  bool both;
  const char* journal;
  bool survives;
};

constexpr significant_case significant_cases[] = {
  {auto_shutdown::any_significant, restart_rule::transient, exit_way::normal,   false, "-b -c -a", false},
  {auto_shutdown::any_significant, restart_rule::transient, exit_way::shutdown, false, "-b -c -a", false},
  {auto_shutdown::any_significant, restart_rule::transient, exit_way::error,    false, "-b +b",    true},
  {auto_shutdown::any_significant, restart_rule::transient, exit_way::killed,   false, "-b +b",    true},
  {auto_shutdown::any_significant, restart_rule::temporary, exit_way::normal,   false, "-b -c -a", false},
  {auto_shutdown::any_significant, restart_rule::temporary, exit_way::error,    false, "-b -c -a", false},
  {auto_shutdown::any_significant, restart_rule::temporary, exit_way::killed,   true,  "-b -c -a", false},
  {auto_shutdown::all_significant, restart_rule::transient, exit_way::normal,   false, "-b -c -a", false},
  {auto_shutdown::all_significant, restart_rule::transient, exit_way::error,    false, "-b +b",    true},
  {auto_shutdown::all_significant, restart_rule::transient, exit_way::normal,   true,  "-b",       true},
  {auto_shutdown::all_significant, restart_rule::temporary, exit_way::error,    true,  "-b",       true},
  {auto_shutdown::all_significant, restart_rule::temporary, exit_way::shutdown, false, "-b -c -a", false},
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(supervisor_otp_tests, fixture)

CAF_TEST(every exit of a child has the consequences that it has in OTP) {
  for (auto& x : otp_cases) {
    CAF_MESSAGE(describe(x));
    auto restart_of = [&](const char* id) { return std::string{id} == x.who ? x.restart : restart_rule::permanent; };
    supervise(config(x.rule), {child("a", restart_of("a")), child("b", restart_of("b")), child("c", restart_of("c"))});
    journal();
    end_child(x.who, x.how);
    settle();
    CAF_CHECK_EQUAL(journal(), x.journal);
    CAF_CHECK_EQUAL(family(), x.afterwards);
    end(top);
    journal();
  }
}

CAF_TEST(a crash takes siblings of every kind along as it does in OTP) {
  for (auto& x : sibling_cases) {
    CAF_MESSAGE("case " << (&x - sibling_cases));
    auto restart_of = [&](const char* id) { return std::string{id} == x.who ? x.restart : restart_rule::permanent; };
    supervise(config(x.rule), {child("a", restart_of("a")), child("b"), child("c", restart_of("c"))});
    if (std::string{x.before} == "finished")
      finish(x.who);
    else if (std::string{x.before} == "terminated")
      ask<child_report>(top, atom::terminate_child_v, std::string{x.who});
    journal();
    crash("b");
    settle();
    CAF_CHECK_EQUAL(journal(), x.journal);
    CAF_CHECK_EQUAL(family(), x.afterwards);
    end(top);
    journal();
  }
}

CAF_TEST(a start that fails in a restart counts as a restart) {
  for (auto& x : failing_cases) {
    CAF_MESSAGE("case " << (&x - failing_cases));
    supervise(with_intensity(x.rule, x.restarts_max), {child("a"), child("b"), child("c")});
    journal();
    home->failing_starts["b"] = 2;
    crash("b");
    settle();
    CAF_CHECK_EQUAL(journal(), x.journal);
    CAF_CHECK_EQUAL(!has_ended(top), x.survives);
    home->failing_starts.clear();
    end(top);
    journal();
  }
}

CAF_TEST(the end of significant children ends their supervisor as it does in OTP) {
  for (auto& x : significant_cases) {
    CAF_MESSAGE("case " << (&x - significant_cases));
    auto settings = config();
    settings.ends = x.ends;
    auto b = child("b", x.restart), c = child("c", restart_rule::transient);
    b.significant = true;
    c.significant = x.both;
    supervise(settings, {child("a"), b, c});
    journal();
    end_child("b", x.how);
    settle();
    CAF_CHECK_EQUAL(journal(), x.journal);
    CAF_CHECK_EQUAL(!has_ended(top), x.survives);
    if (!x.survives)
      CAF_CHECK_EQUAL(end_of(top), caf::error{caf::exit_reason::user_shutdown});
    end(top);
    journal();
  }
}

CAF_TEST(the last significant child takes the supervisor along) {
  auto settings = config();
  settings.ends = auto_shutdown::all_significant;
  auto b = child("b", restart_rule::transient), c = child("c", restart_rule::transient);
  b.significant = c.significant = true;
  supervise(settings, {child("a"), b, c});
  finish("c");
  crash("b"); // comes back
  CAF_CHECK(!has_ended(top));
  journal();
  finish("b");
  CAF_CHECK_EQUAL(journal(), "-b -a");
  CAF_CHECK(has_ended(top));
}

CAF_TEST(a specification that contradicts itself is refused) {
  auto permanent = child("b");
  permanent.significant = true;
  auto settings = config();
  settings.ends = auto_shutdown::any_significant;
  supervise(settings, {child("a"), permanent});
  CAF_CHECK_EQUAL(render(end_of(top)), "supervisor ended with an exception while starting: a broken invariant: top/b is "
                                       "significant and permanent; a permanent child never ends for good");
  auto temporary = child("b", restart_rule::temporary);
  temporary.significant = true;
  supervise(config(), {child("a"), temporary});
  CAF_CHECK_EQUAL(render(end_of(top)), "supervisor ended with an exception while starting: a broken invariant: top/b is "
                                       "significant, but its supervisor never shuts down by itself");
  supervise(config(), {child("a"), child("a")});
  CAF_CHECK_EQUAL(render(end_of(top)), "supervisor ended with an exception while starting: a broken invariant: top/a "
                                       "exists already");
  CAF_CHECK_EQUAL(journal(), ""); // nobody was started
}

CAF_TEST(a failed start rolls back and names child and cause) {
  home->failing_starts["b"] = 1;
  supervise(config(), {child("a"), child("b"), child("c")});
  CAF_CHECK_EQUAL(journal(), "+a -a");
  CAF_CHECK(has_ended(top));
  CAF_CHECK_EQUAL(render(end_of(top)), "top could not start 'b': probe ended with an exception while starting: no start "
                                       "today");
}

CAF_TEST(a child that ends while it starts has failed to start in whatever way it ends) {
  for (auto how : {exit_way::normal, exit_way::shutdown, exit_way::error, exit_way::killed}) {
    home->starts_that_end["b"] = how;
    supervise(config(), {child("a"), child("b", restart_rule::temporary), child("c")});
    pass(1s);
    CAF_CHECK(has_ended(top));
    auto lives = journal();
    CAF_CHECK(!lives.ends_with("+c") && lives.ends_with("-a"));
  }
}

CAF_TEST(a failed start inside a branch fails the tree with the chain of causes) {
  home->failing_starts["x"] = 1;
  supervise(config(), {child("a"), subtree("sub", {}, {child("x")}), child("b")});
  CAF_CHECK_EQUAL(journal(), "+a -a");
  CAF_CHECK_EQUAL(render(end_of(top)), "top could not start 'sub': top/sub could not start 'x': probe ended with an "
                                       "exception while starting: no start today");
}

CAF_TEST(a factory that throws is a failed start) {
  child_spec broken{"broken", [](const birth&) -> caf::strong_actor_ptr { throw std::runtime_error("no thread"); }};
  supervise(config(), {child("a"), broken});
  CAF_CHECK_EQUAL(journal(), "+a -a");
  CAF_CHECK_EQUAL(render(end_of(top)), "top could not start 'broken': broken ended with an exception while starting: no "
                                       "thread");
}

CAF_TEST_FIXTURE_SCOPE_END()
