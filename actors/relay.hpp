#pragma once

#include <caf/all.hpp>

#include <mutex>
#include <set>
#include <string>
#include <utility>

namespace swarm {

/// A stable address in front of an actor that may be restarted: forwards every message, with sender and request number
/// untouched, to whoever serves it now. While nobody does, requests are answered with `request_receiver_down` at once
/// and other messages are dropped. Costs no mailbox and no hop.
///
/// Without it, whoever holds a handle holds one life of an actor, and talks to the dead after a restart.
class relay final : public caf::monitorable_actor {
public:
  relay(caf::actor_config& cfg, std::set<std::string> types)
    : caf::monitorable_actor(cfg), types_(std::move(types)) {}

  const char* name() const override { return "relay"; }
  std::set<std::string> message_types() const override { return types_; }

  void target(caf::strong_actor_ptr next) {
    std::lock_guard guard{mutex_};
    target_ = std::move(next);
  }

  void enqueue(caf::mailbox_element_ptr what, caf::execution_unit* host) override {
    caf::strong_actor_ptr receiver;
    {
      std::lock_guard guard{mutex_};
      receiver = target_;
    }
    if (receiver)
      receiver->enqueue(std::move(what), host);
    else if (what->sender && what->mid.is_request())
      what->sender->enqueue(nullptr, what->mid.response_id(),
                            caf::make_message(caf::make_error(caf::sec::request_receiver_down)), host);
  }

private:
  std::mutex mutex_;
  caf::strong_actor_ptr target_;
  std::set<std::string> types_;
};

/// A relay with the type of the actor behind it. Copies are the same address.
template <class Handle>
class stable_address {
public:
  explicit stable_address(caf::actor_system& system) {
    caf::actor_config cfg;
    auto types = system.message_types(caf::detail::type_list<Handle>{});
    handle_ = caf::make_actor<relay, Handle>(system.next_actor_id(), system.node(), &system, cfg, std::move(types));
  }

  /// What clients get and keep.
  const Handle& handle() const { return handle_; }

  /// From now on `next` serves; anything else that served is forgotten.
  void bind(const Handle& next) { target(caf::actor_cast<caf::strong_actor_ptr>(next)); }

  /// From now on nobody serves. Breaks the cycle of handles at shutdown.
  void unbind() { target(nullptr); }

private:
  void target(caf::strong_actor_ptr next) {
    static_cast<relay*>(caf::actor_cast<caf::abstract_actor*>(handle_))->target(std::move(next));
  }

  Handle handle_;
};

} // namespace swarm
