#pragma once

#include "actors/logging.hpp"
#include "actors/promise.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <optional>
#include <tuple>
#include <vector>

namespace swarm {

/// What to do after a sweep.
struct sweep_verdict {
  bool wake_dispatchers = false; ///< Something became ready.
  bool sweep_again = false;      ///< The batch was full: there may be more.
  std::optional<caf::timespan> look_in = {}; ///< Something is due sooner than the interval would tell.
};

/// The loop that reaper, scheduler, sealer and pruner share: ask the store the same question at an interval, or when told to,
/// and read the answer. An outage makes a sweep fail, never the actor.
///
/// A Policy has `actor` (its public interface), `report` (the store's answer), `name`, `task` (for the log), `interval`,
/// `question()` (the message for the store, as a tuple) and `read(report)`.
template <class Policy>
class sweeper {
public:
  using interface = typename Policy::actor::template extend<caf::reacts_to<atom::tick>>;
  using report = typename Policy::report;
  static constexpr const char* name = Policy::name;

  /// @param store_patience for an answer that a stuck store will never give.
  sweeper(typename interface::pointer self, Policy policy, store_actor store, std::vector<dispatcher_actor> dispatchers,
          caf::timespan store_patience = std::chrono::seconds{90})
    : self_(self),
      policy_(std::move(policy)),
      store_(std::move(store)),
      store_patience_(store_patience),
      dispatchers_(std::move(dispatchers)),
      outage_(name) {}

  typename interface::behavior_type make_behavior() {
    self_->send(self_, atom::tick_v);
    return {
      [this](atom::wake) { look(); },
      [this](atom::tick) {
        // Reschedule first, so that nothing below can end the loop.
        self_->delayed_send(self_, policy_.interval, atom::tick_v);
        look();
      },
      [this](atom::sweep) -> caf::result<report> {
        promise<report> answer{self_};
        sweep([answer](const caf::expected<report>& x) mutable {
          if (x)
            answer.deliver(*x);
          else
            answer.deliver(x.error());
        });
        return answer;
      },
    };
  }

  std::vector<actor_fact> facts() const { return {{"sweeps", std::to_string(sweeps_)}}; }

private:
  using on_report = std::function<void(const caf::expected<report>&)>;

  /// One appointment at a time, or each tick would begin another chain of them.
  void look_in(caf::timespan span) {
    auto now = self_->clock().now();
    if (looks_at_ && *looks_at_ > now && *looks_at_ <= now + span)
      return;
    looks_at_ = now + span;
    self_->delayed_send(self_, span, atom::wake_v);
  }

  void look() {
    // A slow store must not find a queue of the same question.
    if (in_flight_ == 0)
      sweep([](const caf::expected<report>&) {});
  }

  void sweep(on_report done) {
    ++in_flight_;
    ++sweeps_;
    auto question = policy_.question();
    auto ask = [this](auto&... parts) { return self_->request(store_, store_patience_, parts...); };
    std::apply(ask, question)
      .then(
        [this, done](const report& x) {
          --in_flight_;
          outage_.is_over(std::string{name} + " can " + Policy::task + " again");
          auto verdict = policy_.read(x);
          done(x);
          if (verdict.wake_dispatchers)
            for (auto& dispatcher : dispatchers_)
              self_->send(dispatcher, atom::wake_v);
          if (verdict.sweep_again)
            sweep([](const caf::expected<report>&) {});
          else if (verdict.look_in)
            look_in(*verdict.look_in);
        },
        [this, done](const caf::error& x) {
          --in_flight_;
          outage_.begins(std::string{name} + " can't " + Policy::task, x);
          done(x);
        });
  }

  typename interface::pointer self_;
  Policy policy_;
  store_actor store_;
  caf::timespan store_patience_;
  std::vector<dispatcher_actor> dispatchers_;
  std::optional<caf::actor_clock::time_point> looks_at_; ///< The next appointment, or the last one.
  unsigned in_flight_ = 0; ///< Sweeps without an answer yet.
  std::uint64_t sweeps_ = 0;
  outage_log outage_;
};

} // namespace swarm
