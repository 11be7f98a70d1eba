#include "actors/ticket_workers.hpp"

#include "actors/actor_shell.hpp"

#include <algorithm>

namespace swarm {

ticket_workers::ticket_workers(interface::pointer self, ticket_workers_config config,
                               std::shared_ptr<const worker_context> context,
                               std::map<std::string, dispatcher_actor> dispatchers)
  : self_(self),
    config_(std::move(config)),
    context_(std::move(context)),
    dispatchers_(std::move(dispatchers)),
    workers_(self, config_.place ? config_.place : std::make_shared<census>()->root()) {}

ticket_workers::interface::behavior_type ticket_workers::make_behavior() {
  self_->set_down_handler([this](caf::down_msg& x) { on_down(x); });
  self_->set_exit_handler([this](caf::exit_msg& x) {
    drain();
    // Somebody is in a hurry, or this is no order of people, who have time: a restart, or a tree that gives up.
    if (is_hurried_ || x.reason != caf::exit_reason::user_shutdown)
      hand_back();
  });
  return {
    [this](atom::start, std::vector<claimed_ticket>& tickets) {
      for (auto& x : tickets)
        start(x);
    },
    [this](atom::count, const std::string& queue) {
      auto i = counts_.find(queue);
      return i == counts_.end() ? 0 : i->second;
    },
    [this](atom::held) {
      held_claims result;
      for (auto& [id, x] : workers_) {
        if (x.note.lost)
          continue;
        result.claims.push_back(x.note.claim);
        result.progress.push_back(x.note.progress);
      }
      return result;
    },
    [this](atom::progress, const claim_ref& claim, std::int64_t progress) {
      for (auto& [id, x] : workers_)
        if (x.note.claim == claim)
          x.note.progress = progress;
    },
    [this](atom::held, const std::vector<claim_ref>& claims) {
      std::vector<claim_ref> result;
      for (auto& [id, x] : workers_)
        if (std::find(claims.begin(), claims.end(), x.note.claim) != claims.end())
          result.push_back(x.note.claim);
      return result;
    },
    [this](atom::stop, const claim_ref& claim, stop_cause cause) { stop(claim, cause); },
    [this](atom::hand_back) {
      is_hurried_ = true;
      // Before the order to end the dispatchers still claim: what is handed back now would come again.
      if (draining_)
        hand_back();
    },
    [this](atom::tick) { hand_back(); },
    [this](atom::stuck, std::uint64_t, const std::string& sentence) {
      // It blocks a thread that all others need, and nobody can stop it.
      self_->quit(make_error(errc::actor_stuck, sentence));
    },
  };
}

void ticket_workers::start(claimed_ticket& ticket) {
  if (draining_)
    return settle_for(ticket.claim, outcome_class::released, "");
  running note{ticket.claim, ticket.queue};
  auto place = workers_.place_for(to_string(ticket.claim.ticket));
  auto worker = self_->spawn<actor_shell<ticket_worker>>(std::move(ticket), context_);
  ++counts_[note.queue];
  workers_.add(std::move(place), untyped(worker), std::move(note)).place->becomes(child_state::running);
}

std::vector<actor_fact> ticket_workers::facts() const {
  std::vector<actor_fact> result{{"running", std::to_string(workers_.size())}, {"lost", std::to_string(lost_)}};
  for (auto& [queue, count] : counts_)
    result.push_back({"running/" + queue, std::to_string(count)});
  if (draining_)
    result.push_back({"draining", "yes"});
  return result;
}

void ticket_workers::stop(const claim_ref& claim, stop_cause cause) {
  for (auto& [id, x] : workers_) {
    if (x.note.claim != claim)
      continue;
    if (cause == stop_cause::lost && !std::exchange(x.note.lost, true))
      ++lost_;
    self_->send(caf::actor_cast<ticket_worker_actor>(x.life), atom::stop_v, cause);
  }
}

void ticket_workers::on_down(const caf::down_msg& down) {
  if (workers_.find(down.source.id()) == nullptr)
    return;
  auto ended = workers_.take(down.source.id()).note;
  --counts_[ended.queue];
  if (down.reason) {
    logger_for(name)->error("a ticket worker crashed: ticket={} cause={}", to_string(ended.claim.ticket),
                            fact(render(down.reason)));
    if (!ended.lost)
      settle_for(ended.claim, outcome_class::transient, render(down.reason));
  }
  if (auto dispatcher = dispatchers_.find(ended.queue); dispatcher != dispatchers_.end())
    self_->send(dispatcher->second, atom::wake_v);
  if (draining_ && workers_.empty())
    self_->quit();
}

void ticket_workers::drain() {
  if (std::exchange(draining_, true))
    return;
  if (workers_.empty())
    return self_->quit();
  logger_for(name)->info("waiting for running tickets: count={} at_most={}", workers_.size(),
                         duration_text(config_.drain_timeout));
  self_->delayed_send(self_, config_.drain_timeout, atom::tick_v);
}

void ticket_workers::hand_back() {
  if (!workers_.empty())
    logger_for(name)->info("handing back running tickets: count={}", workers_.size());
  for (auto& [id, x] : workers_)
    self_->send(caf::actor_cast<ticket_worker_actor>(x.life), atom::stop_v, stop_cause::drain);
}

/// For tickets that have no worker to speak for them. Nobody waits for the answer: when it fails, the lease runs out.
void ticket_workers::settle_for(const claim_ref& claim, outcome_class end, std::string evidence) {
  settlement x{claim, {}};
  x.outcome.end = end;
  x.outcome.evidence = std::move(evidence);
  self_->request(context_->completer, caf::infinite, atom::settle_v, std::move(x))
    .then([](const settled_ticket&) {}, [](const caf::error&) {});
}

} // namespace swarm
