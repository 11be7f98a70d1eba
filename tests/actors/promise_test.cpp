#define CAF_SUITE actors_promise

#include "actors/promise.hpp"

#include "tests/fixtures/virtual_time.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// Any protocol will do.
using sweep_actor = caf::typed_actor<caf::replies_to<atom::sweep>::with<std::int32_t>>;

enum class conduct { drop, keep, answer, answer_twice, copy_and_drop_one, fail };

/// Owes an answer and deals with it as told; `wake` drops what is kept.
class debtor {
public:
  using interface = sweep_actor::extend<caf::reacts_to<atom::wake>, caf::reacts_to<atom::lost>>;
  static constexpr const char* name = "debtor";

  debtor(interface::pointer self, conduct how) : self_(self), how_(how) {}

  interface::behavior_type make_behavior() {
    return {
      [this](atom::sweep) -> caf::result<std::int32_t> {
        promise<std::int32_t> answer{self_};
        if (how_ == conduct::keep || how_ == conduct::copy_and_drop_one)
          kept_.push_back(answer);
        if (how_ == conduct::copy_and_drop_one)
          kept_.push_back(answer);
        if (how_ == conduct::answer || how_ == conduct::answer_twice)
          answer.deliver(1);
        if (how_ == conduct::answer_twice)
          answer.deliver(2);
        if (how_ == conduct::fail)
          answer.deliver(make_error(errc::not_found, "no such thing"));
        return answer;
      },
      [this](atom::wake) { kept_.pop_back(); },
      [](atom::lost) { throw std::runtime_error("boom"); },
    };
  }

private:
  interface::pointer self_;
  conduct how_;
  std::vector<promise<std::int32_t>> kept_;
};

constexpr auto broken = "the actor that owed the answer ended";

struct fixture : virtual_time {
  asked<std::int32_t> ask_debtor(conduct how) {
    it = start<debtor>(how);
    return ask<std::int32_t>(it, atom::sweep_v);
  }

  debtor::interface it;
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(promise_tests, fixture)

CAF_TEST(an answer is delivered) {
  CAF_CHECK_EQUAL(ask_debtor(conduct::answer).value(), 1);
}

CAF_TEST(only the first answer counts) {
  CAF_CHECK_EQUAL(ask_debtor(conduct::answer_twice).value(), 1);
}

CAF_TEST(an error is an answer) {
  CAF_CHECK_EQUAL(ask_debtor(conduct::fail).error(), "no such thing");
}

CAF_TEST(a dropped promise answers with an error) {
  CAF_CHECK_EQUAL(ask_debtor(conduct::drop).error(), broken);
}

CAF_TEST(a promise is open until its last copy is gone) {
  auto answer = ask_debtor(conduct::copy_and_drop_one);
  tell(it, atom::wake_v);
  CAF_CHECK(!answer.is_answered());
  tell(it, atom::wake_v);
  CAF_CHECK_EQUAL(answer.error(), broken);
}

CAF_TEST(an actor that ends answers what it owes) {
  for (auto reason : {caf::exit_reason::user_shutdown, caf::exit_reason::kill}) {
    auto answer = ask_debtor(conduct::keep);
    CAF_CHECK(!answer.is_answered());
    end(it, reason);
    CAF_CHECK_EQUAL(answer.error(), broken);
  }
}

CAF_TEST(an actor that crashes answers what it owes) {
  auto answer = ask_debtor(conduct::keep);
  tell(it, atom::lost_v);
  CAF_CHECK(has_ended(it));
  CAF_CHECK_EQUAL(answer.error(), broken);
}

CAF_TEST_FIXTURE_SCOPE_END()
