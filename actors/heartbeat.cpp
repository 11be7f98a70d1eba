#include "actors/heartbeat.hpp"

#include "actors/actor_shell.hpp"

#include <algorithm>

namespace swarm {

std::string describe(const heartbeat_config& x) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(x.interval).count();
  return "interval=" + std::to_string(ms) + "ms, stale=" + duration_text(x.stale_after);
}

heartbeat::heartbeat(interface::pointer self, heartbeat_config config, store_actor store, ticket_workers_actor workers,
                     completer_actor completer)
  : self_(self),
    config_(config),
    store_(std::move(store)),
    workers_(std::move(workers)),
    completer_(std::move(completer)),
    last_success_(self->clock().now()),
    outage_(name) {}

heartbeat::interface::behavior_type heartbeat::make_behavior() {
  logger_for(name)->info("Heartbeat started ({})", describe(config_));
  self_->send(self_, atom::tick_v);
  watch();
  return {
    [this](atom::wake) { beat(); },
    [this](atom::tick) {
      // Reschedule first, so that nothing below can end the loop.
      self_->delayed_send(self_, config_.interval, atom::tick_v);
      beat();
    },
    [this](atom::overdue) { watch(); },
  };
}

std::vector<actor_fact> heartbeat::facts() const {
  auto age = std::chrono::duration_cast<std::chrono::milliseconds>(self_->clock().now() - last_success_);
  return {{"leases", std::to_string(leases_)}, {"last_beat_ms_ago", std::to_string(age.count())}};
}

void heartbeat::beat() {
  if (std::exchange(beating_, true)) {
    again_ = true;
    return;
  }
  self_->request(workers_, caf::infinite, atom::held_v)
    .then([this](const std::vector<claim_ref>& claims) { beat_for(claims); },
          [this](const caf::error&) { beat_for({}); }); // no ticket workers now: the node still lives
}

void heartbeat::beat_for(const std::vector<claim_ref>& claims) {
  auto sent = self_->clock().now();
  self_->request(store_, config_.store_patience, atom::beat_v, beat_request{config_.node, claims, config_.interval})
    .then([this, claims, sent](const std::vector<held_lease>& held) { on_answer(claims, held, sent); },
          [this](const caf::error& x) { on_failure(x); });
}

void heartbeat::on_answer(const std::vector<claim_ref>& claims, const std::vector<held_lease>& held,
                          time_point sent) {
  last_success_ = sent;
  leases_ = claims.size();
  outage_.is_over("heartbeat gets through again");
  std::vector<claim_ref> alive;
  for (auto& x : held) {
    if (x.orphan) {
      hand_back(x.claim);
      continue;
    }
    alive.push_back(x.claim);
    if (x.cancel_requested)
      self_->send(workers_, atom::stop_v, x.claim, stop_cause::cancelled);
  }
  std::sort(alive.begin(), alive.end());
  // A ticket that was settled since we asked is missing too; its worker knows better and ignores us.
  for (auto& x : claims)
    if (!std::binary_search(alive.begin(), alive.end(), x))
      self_->send(workers_, atom::stop_v, x, stop_cause::lost);
  finish();
}

/// The claim was answered to a dispatcher that is no more, or the worker went down with the ticket workers.
void heartbeat::hand_back(const claim_ref& orphan) {
  logger_for(name)->warn("a lease without a worker is handed back: ticket={}", to_string(orphan.ticket));
  settlement x{orphan, {}};
  x.outcome.end = outcome_class::released;
  x.outcome.evidence = "handed back, because the node that held it had no worker for it";
  self_->request(completer_, caf::infinite, atom::settle_v, std::move(x))
    .then([](const settled_ticket&) {}, [](const caf::error&) {}); // the next beat finds it again
}

void heartbeat::on_failure(const caf::error& cause) {
  outage_.begins("heartbeat doesn't get through", cause);
  finish();
}

void heartbeat::finish() {
  beating_ = false;
  if (std::exchange(again_, false))
    beat();
}

/// A clock of its own, because the beat that would tell may be the one that hangs.
void heartbeat::watch() {
  // One interval before others may take them, so that the work is dead by then.
  auto limit = last_success_ + config_.stale_after - config_.interval;
  if (self_->clock().now() < limit) {
    self_->scheduled_send(self_, limit, atom::overdue_v);
    return;
  }
  self_->delayed_send(self_, config_.interval, atom::overdue_v);
  fence();
}

void heartbeat::fence() {
  self_->request(workers_, caf::infinite, atom::held_v)
    .then(
      [this](const std::vector<claim_ref>& claims) {
        if (claims.empty())
          return;
        logger_for(name)->error("this node couldn't beat for too long and stops its work: tickets={}", claims.size());
        for (auto& x : claims)
          self_->send(workers_, atom::stop_v, x, stop_cause::lost);
      },
      [](const caf::error&) {}); // no ticket workers, no work
}

} // namespace swarm
