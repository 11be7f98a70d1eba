#include "actors/cascade.hpp"

#include "actors/actor_shell.hpp"

namespace swarm {

cascade::cascade(interface::pointer self, cascade_config config, store_actor store,
                 std::vector<dispatcher_actor> dispatchers)
  : self_(self),
    config_(config),
    store_(std::move(store)),
    dispatchers_(std::move(dispatchers)),
    outage_(name) {}

cascade::interface::behavior_type cascade::make_behavior() {
  self_->send(self_, atom::tick_v);
  self_->send(self_, atom::flush_v);
  return {
    [this](atom::wake) { propagate(); },
    [this](atom::sweep) -> caf::result<cascade_report> {
      promise<cascade_report> answer{self_};
      check([answer](const caf::expected<cascade_report>& x) mutable {
        if (x)
          answer.deliver(*x);
        else
          answer.deliver(x.error());
      });
      return answer;
    },
    [this](atom::tick) {
      // Reschedule first, so that nothing below can end the loop.
      self_->delayed_send(self_, config_.interval, atom::tick_v);
      check([](const caf::expected<cascade_report>&) {});
    },
    [this](atom::flush) {
      self_->delayed_send(self_, config_.work_interval, atom::flush_v);
      propagate();
    },
  };
}

std::vector<actor_fact> cascade::facts() const {
  return {{"dependents", std::to_string(dependents_)}, {"repaired", std::to_string(repaired_)}};
}

void cascade::propagate() {
  if (std::exchange(propagating_, true)) {
    woken_ = true;
    return;
  }
  self_->request(store_, config_.store_patience, atom::propagate_v, config_.batch)
    .then([this](const propagate_report& x) { on_propagated(x); },
          [this](const caf::error& x) {
            propagating_ = woken_ = false;
            outage_.begins("cascade can't work", x);
          });
}

void cascade::on_propagated(const propagate_report& x) {
  outage_.is_over("cascade works again");
  propagating_ = false;
  dependents_ += static_cast<std::uint64_t>(x.dependents);
  wake_dispatchers(x.unblocked);
  if (x.pieces > 0 || std::exchange(woken_, false))
    propagate();
}

void cascade::check(const std::function<void(const caf::expected<cascade_report>&)>& done) {
  self_->request(store_, config_.store_patience, atom::cascade_v, cascade_request{after_, config_.batch})
    .then(
      [this, done](const cascade_report& x) {
        outage_.is_over("cascade works again");
        on_checked(x);
        done(x);
      },
      [this, done](const caf::error& x) {
        outage_.begins("cascade can't work", x);
        done(x);
      });
}

void cascade::on_checked(const cascade_report& x) {
  // One slice per interval: a million blocked tickets must not turn the check into a load. The last slice is short.
  after_ = x.checked == config_.batch ? x.last : ticket_id{};
  repaired_ += static_cast<std::uint64_t>(x.repaired);
  if (x.repaired > 0)
    logger_for(name)->error("cascade repaired blocked tickets, which is a bug in their release: repaired={} "
                            "unblocked={}",
                            x.repaired, x.unblocked);
  wake_dispatchers(x.unblocked);
}

void cascade::wake_dispatchers(std::int32_t unblocked) {
  if (unblocked > 0)
    for (auto& x : dispatchers_)
      self_->send(x, atom::wake_v);
}

} // namespace swarm
