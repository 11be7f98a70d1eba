#pragma once

#include "messages/error.hpp"

#include <caf/all.hpp>

#include <memory>
#include <string>
#include <utility>

namespace swarm {

/// A response that can't be forgotten: when its last copy is gone without an answer, the asker gets an error. CAF alone
/// would let the asker wait for ever, also when the actor that owes the answer dies.
///
/// Deliver only in the context of the actor that made it; CAF races otherwise.
template <class T>
class promise {
public:
  template <class Self>
  explicit promise(Self* self) : state_(std::make_shared<state>(self->template make_response_promise<T>())) {}

  template <class X>
  void deliver(X&& x) {
    if (std::exchange(state_->open, false))
      state_->response.deliver(std::forward<X>(x));
  }

  operator caf::result<T>() const { return state_->response; }

private:
  struct state {
    explicit state(caf::typed_response_promise<T> x) : response(std::move(x)) {}
    ~state() {
      if (open && response.pending())
        response.deliver(make_error(errc::actor_failed, "the actor that owed the answer ended"));
    }
    caf::typed_response_promise<T> response;
    bool open = true;
  };
  std::shared_ptr<state> state_;
};

} // namespace swarm
