#define CAF_SUITE actors_shell

#include "actors/actor_shell.hpp"
#include "actors/invariant.hpp"

#include <stdexcept>

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

enum class fault { none, constructor, behavior, handler, odd, memory, invariant, unheard_error };

/// Fails where it is told to; counts how many of it live.
class clumsy {
public:
  using interface = caf::typed_actor<caf::reacts_to<atom::wake>>;
  static constexpr const char* name = "clumsy";

  clumsy(interface::pointer self, fault where, std::unique_ptr<int>, int* living)
    : self_(self), where_(where), living_(living) {
    if (where_ == fault::constructor)
      throw std::runtime_error("in the constructor");
    ++*living_;
  }
  ~clumsy() { --*living_; }

  interface::behavior_type make_behavior() {
    if (where_ == fault::behavior)
      throw std::runtime_error("in make_behavior");
    return {[this](atom::wake) {
      if (where_ == fault::handler)
        throw std::runtime_error("in a handler");
      if (where_ == fault::odd)
        throw 5;
      if (where_ == fault::memory)
        throw std::bad_alloc{};
      if (where_ == fault::invariant)
        invariant(1 > 2, "one is more than two");
      if (where_ == fault::unheard_error)
        self_->request(caf::actor_cast<scheduler_actor>(self_), caf::infinite, atom::sweep_v)
          .then([](const promote_report&) {});
    }};
  }

private:
  interface::pointer self_;
  fault where_;
  int* living_;
};

struct fixture : virtual_time {
  /// Starts one, wakes it, and answers why it ended.
  std::string end_of(fault where) {
    auto it = start<clumsy>(where, std::make_unique<int>(1), &living);
    tell(it, atom::wake_v);
    std::string result = "it lives";
    auto watcher = sys.spawn([&result, it](caf::event_based_actor* me) -> caf::behavior {
      me->set_down_handler([&result](caf::down_msg& x) { result = render(x.reason); });
      me->monitor(it);
      return {[](atom::wake) {}};
    });
    sched.run();
    end(watcher);
    return result;
  }

  int living = 0;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(shell_tests, fixture)

CAF_TEST(an exception keeps its text wherever it is thrown) {
  CAF_CHECK_EQUAL(end_of(fault::none), "it lives");
  CAF_CHECK_EQUAL(end_of(fault::constructor), "clumsy ended with an exception while starting: in the constructor");
  CAF_CHECK_EQUAL(end_of(fault::behavior), "clumsy ended with an exception while starting: in make_behavior");
  CAF_CHECK_EQUAL(end_of(fault::handler), "clumsy ended with an exception while handling 'wake': in a handler");
  CAF_CHECK_EQUAL(end_of(fault::memory), "clumsy ended with an exception while handling 'wake': std::bad_alloc");
  CAF_CHECK_EQUAL(end_of(fault::invariant), "clumsy ended with an exception while handling 'wake': a broken invariant: one "
                                            "is more than two");
  CAF_CHECK_EQUAL(end_of(fault::unheard_error), "clumsy got an error that it has no handler for: "
                                                "system_error(unexpected_message)");
  CAF_CHECK_EQUAL(end_of(fault::odd), "clumsy ended with an exception while handling 'wake': something that is no std::exception");
}

CAF_TEST(a crash at a named point ends the actor there) {
  auto it = start<clumsy>(fault::none, nullptr, &living);
  crash_on(it, atom::wake_v);
  tell(it, atom::wake_v);
  CAF_CHECK(has_ended(it));
}

CAF_TEST(a crash at a named point is an answer to whoever asked) {
  auto it = start<clumsy>(fault::none, nullptr, &living);
  crash_on(it, atom::status_v);
  auto asked = ask<actor_report>(caf::actor_cast<status_actor>(it), atom::status_v);
  CAF_CHECK(asked.has_failed());
  CAF_CHECK(has_ended(it));
}

CAF_TEST(the object goes with its actor however that ends) {
  for (auto reason : {caf::exit_reason::user_shutdown, caf::exit_reason::kill}) {
    auto it = start<clumsy>(fault::none, nullptr, &living);
    CAF_CHECK_EQUAL(living, 1);
    end(it, reason);
    CAF_CHECK_EQUAL(living, 0);
  }
  end_of(fault::handler);
  CAF_CHECK_EQUAL(living, 0);
}

CAF_TEST(a message that nobody expects is told in the log and hurts nobody) {
  auto it = start<clumsy>(fault::none, nullptr, &living);
  tell(caf::actor_cast<caf::actor>(it), std::string{"what?"});
  CAF_CHECK_EQUAL(log.count("warning clumsy: clumsy dropped a message that it doesn't know: content="), 1u);
  CAF_CHECK_EQUAL(log.count("what?"), 1u);
  CAF_CHECK(!has_ended(it));
}

CAF_TEST_FIXTURE_SCOPE_END()
