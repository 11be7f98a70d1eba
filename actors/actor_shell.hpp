#pragma once

#include "actors/logging.hpp"
#include "messages/error.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>

namespace swarm {

/// Runs a plain class as a typed, event-based actor. The class has an `interface`, a `name`, a constructor that takes
/// `interface::pointer` and its neighbours, and `make_behavior()`.
///
/// It is the one place where an actor meets what all actors need: its exceptions keep their text and end up with the
/// supervisor, and messages that nobody expects are logged instead of printed. The class is built in the actor's own
/// context, so an exception in a constructor is an ordinary exit, and it is destroyed when the actor ends, also when it
/// is killed.
template <class Impl>
class actor_shell final : public Impl::interface::base {
public:
  using super = typename Impl::interface::base;
  using behavior_type = typename super::behavior_type;

  template <class... Args>
  explicit actor_shell(caf::actor_config& cfg, Args&&... args) : super(cfg) {
    // Shared, because std::function demands copies and arguments may be move-only.
    auto pack = std::make_shared<std::tuple<std::decay_t<Args>...>>(std::forward<Args>(args)...);
    start_ = [this, pack] { std::apply([this](auto&... xs) { impl_.emplace(this, std::move(xs)...); }, *pack); };
    this->set_exception_handler([](std::exception_ptr& x) { return describe_exception(Impl::name, x); });
    this->set_default_handler([](caf::scheduled_actor*, caf::message_view& x) -> caf::result<caf::message> {
      logger_for(Impl::name)->warn("{} dropped a message that it doesn't know: content={}", Impl::name,
                                   fact(caf::to_string(x.content())));
      return caf::sec::unexpected_message;
    });
    this->set_down_handler([](caf::down_msg&) {});
  }

  const char* name() const override { return Impl::name; }

  void on_exit() override { impl_.reset(); }

protected:
  behavior_type make_behavior() override {
    std::exchange(start_, nullptr)();
    return impl_->make_behavior();
  }

private:
  std::function<void()> start_;
  std::optional<Impl> impl_;
};

/// The handle's actor as an untyped pointer, as supervisors and monitors want it.
template <class Handle>
caf::strong_actor_ptr untyped(const Handle& x) {
  return caf::actor_cast<caf::strong_actor_ptr>(x);
}

} // namespace swarm
