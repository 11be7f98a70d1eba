#pragma once

#include "actors/census.hpp"
#include "actors/logging.hpp"
#include "messages/error.hpp"
#include "messages/interfaces.hpp"

#include <caf/all.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace swarm {

/// Runs a plain class as a typed, event-based actor. The class has an `interface`, a `name`, a constructor that takes
/// `interface::pointer` and its neighbours, and `make_behavior()`; and `facts()`, if it has something to say about itself.
///
/// It is the one place where an actor meets what all actors need: its exceptions keep their text and end up with the
/// supervisor, its vitals can be read while it is stuck, every actor answers `started` and `status`, and messages that nobody expects
/// are logged instead of printed. The class is built in the actor's own context, so an exception in a constructor is an
/// ordinary exit, and it is destroyed when the actor ends, also when it is killed.
template <class Impl>
class actor_shell final : public Impl::interface::base, public observed {
public:
  using super = typename Impl::interface::base;
  using behavior_type = typename super::behavior_type;

  template <class... Args>
  explicit actor_shell(caf::actor_config& cfg, Args&&... args)
    : super(cfg), vitals_(std::make_shared<vitals>(Impl::name)) {
    // Shared, because std::function demands copies and arguments may be move-only.
    auto pack = std::make_shared<std::tuple<std::decay_t<Args>...>>(std::forward<Args>(args)...);
    start_ = [this, pack] { std::apply([this](auto&... xs) { impl_.emplace(this, std::move(xs)...); }, *pack); };
    this->set_exception_handler(
      [this](std::exception_ptr& x) { return describe_exception(Impl::name, vitals_->verb(), x); });
    // Errors that come back from a request which has no handler for them.
    this->set_error_handler([this](caf::scheduled_actor*, caf::error& x) {
      this->quit(make_error(errc::actor_failed,
                            std::string{Impl::name} + " got an error that it has no handler for: " + render(x),
                            vitals_->verb()));
    });
    this->set_default_handler([](caf::scheduled_actor*, caf::message_view& x) -> caf::result<caf::message> {
      logger_for(Impl::name)->warn("{} dropped a message that it doesn't know: content={}", Impl::name,
                                   fact(caf::to_string(x.content())));
      return caf::sec::unexpected_message;
    });
    this->set_down_handler([](caf::down_msg&) {});
  }

  const char* name() const override { return Impl::name; }
  const std::shared_ptr<vitals>& life_signs() const override { return vitals_; }

  void on_exit() override { impl_.reset(); }

  using super::enqueue;
  void enqueue(caf::mailbox_element_ptr x, caf::execution_unit* host) override {
    vitals_->received.fetch_add(1, std::memory_order_relaxed);
    super::enqueue(std::move(x), host);
  }

  caf::resumable::resume_result resume(caf::execution_unit* host, std::size_t max_throughput) override {
    // An actor that ends may be destroyed in here, and its vitals with it.
    auto signs = vitals_;
    signs->busy_since.store(std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1},
                            std::memory_order_relaxed);
    auto result = super::resume(host, max_throughput);
    signs->busy_since.store(0, std::memory_order_relaxed);
    return result;
  }

  caf::invoke_message_result consume(caf::mailbox_element& x) override {
    auto verb = verb_of(x);
    vitals_->handling.store(static_cast<std::uint64_t>(verb), std::memory_order_relaxed);
    // This actor alone writes it.
    vitals_->handled.store(vitals_->handled.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    this->current_element_ = &x; // CAF answers it when this throws
    if (static_cast<std::uint64_t>(verb) == vitals_->crash_on.load(std::memory_order_relaxed))
      throw std::runtime_error("a crash that was asked for");
    if (x.mid.is_response() || (verb != atom::started::value && verb != atom::status::value))
      return super::consume(x);
    auto answer = this->make_response_promise();
    if (verb == atom::started::value)
      answer.deliver(caf::unit);
    else
      answer.deliver(status());
    return caf::invoke_message_result::consumed;
  }

protected:
  behavior_type make_behavior() override {
    std::exchange(start_, nullptr)();
    return impl_->make_behavior();
  }

private:
  static caf::atom_value verb_of(caf::mailbox_element& x) {
    if (x.mid.is_response())
      return caf::atom("response");
    auto& content = x.content();
    if (content.size() == 0)
      return caf::atom("nothing");
    if (content.match_element<caf::atom_value>(0))
      return content.get_as<caf::atom_value>(0);
    return content.match_element<caf::exit_msg>(0)   ? caf::atom("exit")
           : content.match_element<caf::down_msg>(0) ? caf::atom("down")
                                                     : caf::atom("unknown");
  }

  actor_report status() {
    actor_report result;
    if (auto place = vitals_->place())
      result = place->report();
    result.name = Impl::name;
    result.actor = this->id();
    result.state = result.state == child_state::down ? child_state::running : result.state;
    if constexpr (requires(const Impl& x) { x.facts(); })
      result.facts = std::as_const(*impl_).facts();
    return result;
  }

  std::function<void()> start_;
  std::optional<Impl> impl_;
  const std::shared_ptr<vitals> vitals_;
};

/// The handle's actor as an untyped pointer, as supervisors and monitors want it.
template <class Handle>
caf::strong_actor_ptr untyped(const Handle& x) {
  return caf::actor_cast<caf::strong_actor_ptr>(x);
}

} // namespace swarm
