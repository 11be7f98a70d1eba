#include "actors/heartbeat.hpp"

#include "actors/actor_shell.hpp"

#include <algorithm>

namespace swarm {

std::string describe(const heartbeat_config& x) {
  auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(x.interval).count();
  return "interval=" + std::to_string(ms) + "ms, stale=" + duration_text(x.stale_after);
}

heartbeat::heartbeat(interface::pointer self, heartbeat_config config, store_actor store, ticket_workers_actor workers,
                     completer_actor completer, std::vector<dispatcher_actor> dispatchers)
  : self_(self),
    config_(config),
    store_(std::move(store)),
    workers_(std::move(workers)),
    completer_(std::move(completer)),
    dispatchers_(std::move(dispatchers)),
    outage_(name) {
  if (!*config_.last_success)
    *config_.last_success = self->clock().now();
}

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
  auto age = std::chrono::duration_cast<std::chrono::milliseconds>(self_->clock().now() - **config_.last_success);
  return {{"leases", std::to_string(leases_)}, {"last_beat_ms_ago", std::to_string(age.count())}};
}

void heartbeat::beat() {
  if (std::exchange(beating_, true)) {
    again_ = true;
    return;
  }
  self_->request(workers_, caf::infinite, atom::held_v)
    .then([this](const held_claims& held) { beat_for(held); },
          [this](const caf::error&) { beat_for({}); }); // no ticket workers now: the node still lives
}

void heartbeat::beat_for(const held_claims& mine) {
  auto sent = self_->clock().now();
  // For so long the answer to a claim may be on its way, and its worker yet to come.
  auto orphan_after = std::max(config_.interval, config_.store_patience);
  self_->request(store_, config_.store_patience, atom::beat_v, beat_request{config_.node, mine, orphan_after})
    .then([this, claims = mine.claims, sent](const std::vector<held_lease>& held) { on_answer(claims, held, sent); },
          [this](const caf::error& x) { on_failure(x); });
}

void heartbeat::on_answer(const std::vector<claim_ref>& claims, const std::vector<held_lease>& held,
                          time_point sent) {
  *config_.last_success = sent;
  leases_ = claims.size();
  if (std::exchange(holding_, false))
    hold(false);
  outage_.is_over("heartbeat gets through again");
  std::vector<claim_ref> alive, orphans;
  for (auto& x : held) {
    if (x.orphan) {
      orphans.push_back(x.claim);
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
  if (!orphans.empty())
    look_after(std::move(orphans));
  finish();
}

/// A claim that was answered since we asked whom to beat for has its worker by now; and a worker that was stopped
/// because we couldn't beat may take a while to end its program.
void heartbeat::look_after(std::vector<claim_ref> orphans) {
  self_->request(workers_, caf::infinite, atom::held_v, orphans)
    .then(
      [this, orphans](const std::vector<claim_ref>& held) {
        for (auto& x : orphans)
          if (std::find(held.begin(), held.end(), x) == held.end())
            hand_back(x); // else it is found again by the next beat
      },
      [](const caf::error&) {}); // no ticket workers now: the next beat finds them again
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
  auto last_success = **config_.last_success;
  auto fence_at = last_success + config_.stale_after - config_.interval;
  auto hold_at = std::min(fence_at, last_success + config_.stale_after / 2);
  auto now = self_->clock().now();
  if (now < hold_at) {
    self_->scheduled_send(self_, hold_at, atom::overdue_v);
    return;
  }
  if (!std::exchange(holding_, true))
    logger_for(name)->error("this node can't beat and takes no more work: for={}", duration_text(now - last_success));
  hold(true); // each time again: a dispatcher may have been restarted
  auto next = now + config_.interval;
  self_->scheduled_send(self_, now < fence_at ? std::min(next, fence_at) : next, atom::overdue_v);
  if (now >= fence_at)
    fence();
}

void heartbeat::hold(bool on) {
  for (auto& x : dispatchers_)
    self_->send(x, atom::hold_v, on);
}

void heartbeat::fence() {
  self_->request(workers_, caf::infinite, atom::held_v)
    .then(
      [this](const held_claims& held) {
        auto& claims = held.claims;
        if (claims.empty())
          return;
        logger_for(name)->error("this node couldn't beat for too long and stops its work: tickets={}", claims.size());
        for (auto& x : claims)
          self_->send(workers_, atom::stop_v, x, stop_cause::lost);
      },
      [](const caf::error&) {}); // no ticket workers, no work
}

} // namespace swarm
