#define CAF_SUITE actors_relay

#include "actors/relay.hpp"

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// Any protocol will do.
using sweep_actor = caf::typed_actor<caf::replies_to<atom::sweep>::with<std::int32_t>>;

/// Notes who asks and answers with a number.
class mirror {
public:
  using interface = sweep_actor;
  static constexpr const char* name = "mirror";

  mirror(interface::pointer self, std::int32_t number, caf::actor_addr* asker)
    : self_(self), number_(number), asker_(asker) {}

  interface::behavior_type make_behavior() {
    return {[this](atom::sweep) {
      *asker_ = self_->current_sender()->address();
      return number_;
    }};
  }

private:
  interface::pointer self_;
  std::int32_t number_;
  caf::actor_addr* asker_;
};

struct fixture : virtual_time {
  asked<std::int32_t> sweep() { return ask<std::int32_t>(address.handle(), atom::sweep_v); }

  stable_address<sweep_actor> address{sys};
  caf::actor_addr asker;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(relay_tests, fixture)

CAF_TEST(a request reaches who serves and its answer comes back to the asker) {
  address.bind(start<mirror>(1, &asker));
  auto it = sweep();
  CAF_CHECK_EQUAL(it.value(), 1);
  CAF_CHECK_EQUAL(asker, it.asker->address());
}

CAF_TEST(a request is answered at once while nobody serves) {
  auto it = sweep();
  CAF_CHECK(it.has_failed());
  CAF_CHECK_EQUAL(code_of((*it.box)->error()), errc::actor_failed);
}

CAF_TEST(messages are dropped while nobody serves) {
  stable_address<dispatcher_actor> nobody{sys};
  tell(nobody.handle(), atom::wake_v);
  auto later = fake<fake_dispatcher>();
  nobody.bind(later.handle);
  sched.run();
  CAF_CHECK_EQUAL(later->wakes, 0);
  tell(nobody.handle(), atom::wake_v);
  CAF_CHECK_EQUAL(later->wakes, 1);
}

CAF_TEST(after a restart the same address leads to the new life) {
  auto first = start<mirror>(1, &asker);
  address.bind(first);
  auto kept = address.handle();
  end(first);
  CAF_CHECK(sweep().has_failed());
  address.bind(start<mirror>(2, &asker));
  CAF_CHECK_EQUAL(ask<std::int32_t>(kept, atom::sweep_v).value(), 2);
}

CAF_TEST(copies are the same address) {
  auto copy = address;
  copy.bind(start<mirror>(3, &asker));
  CAF_CHECK_EQUAL(sweep().value(), 3);
}

CAF_TEST(an address that was unbound keeps nobody alive) {
  caf::weak_actor_ptr gone;
  {
    auto first = sys.spawn<actor_shell<mirror>>(1, &asker);
    gone = caf::actor_cast<caf::weak_actor_ptr>(untyped(first));
    address.bind(first);
    end(first);
  }
  CAF_CHECK(gone.lock() != nullptr);
  address.unbind();
  CAF_CHECK(gone.lock() == nullptr);
  CAF_CHECK(sweep().has_failed());
}

CAF_TEST_FIXTURE_SCOPE_END()
