#include "actors/completer.hpp"

#include "actors/actor_shell.hpp"

#include <algorithm>
#include <iterator>

namespace swarm {

completer::completer(interface::pointer self, completer_config config, store_actor store,
                     std::vector<dispatcher_actor> dispatchers, cascade_actor cascade,
                     scheduler_actor scheduler)
  : self_(self),
    config_(config),
    store_(std::move(store)),
    dispatchers_(std::move(dispatchers)),
    cascade_(std::move(cascade)),
    scheduler_(std::move(scheduler)),
    outage_(name),
    random_(static_cast<unsigned>(self->id())) {}

completer::interface::behavior_type completer::make_behavior() {
  self_->set_exit_handler([this](caf::exit_msg& x) {
    if (x.reason == caf::exit_reason::kill)
      return self_->quit(x.reason);
    closing_ = true;
    quit_when_drained();
  });
  return {
    [this](atom::settle, settlement& x) -> caf::result<settled_ticket> {
      promise<settled_ticket> answer{self_};
      waiting_.push_back({std::move(x), answer});
      // Through the mailbox, so that settlements which are queued there already join the batch.
      if (in_flight_.empty() && !std::exchange(flush_is_due_, true))
        self_->send(self_, atom::flush_v);
      return answer;
    },
    [this](atom::flush) { flush(); },
    [this](atom::tick) { retry_held_up(); },
  };
}

std::vector<actor_fact> completer::facts() const {
  return {{"waiting", std::to_string(waiting_.size() + held_up_.size())},
          {"in_flight", std::to_string(in_flight_.size())},
          {"written", std::to_string(written_)},
          {"lost", std::to_string(lost_)}};
}

/// Sends the next batch, or the present one again.
void completer::flush() {
  flush_is_due_ = false;
  auto batch = suspects_ > 0 ? 1 : config_.batch;
  while (in_flight_.size() < batch && !waiting_.empty() && failures_ == 0) {
    in_flight_.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  if (in_flight_.empty())
    return quit_when_drained();
  settle_request request{{}, config_.rules};
  for (auto& x : in_flight_)
    request.settlements.push_back(x.settlement);
  self_->request(store_, config_.store_patience, atom::settle_v, std::move(request))
    .then([this](const settle_report& x) { on_report(x); }, [this](const caf::error& x) { on_failure(x); });
}

void completer::on_report(const settle_report& report) {
  failures_ = 0;
  if (held_up_.empty())
    contentions_ = 0;
  written_ += in_flight_.size();
  suspects_ -= std::min(suspects_, in_flight_.size());
  outage_.is_over("completer writes outcomes again");
  auto is_delayed = false;
  for (std::size_t i = 0; i < in_flight_.size() && i < report.tickets.size(); ++i) {
    is_delayed = is_delayed || report.tickets[i].delay.count() > 0;
    lost_ += std::uint64_t{report.tickets[i].answer == settle_answer::lost};
    in_flight_[i].answer.deliver(report.tickets[i]);
  }
  in_flight_.clear();
  if (report.unblocked > 0)
    for (auto& x : dispatchers_)
      self_->send(x, atom::wake_v);
  if (report.handed_over > 0)
    self_->send(cascade_, atom::wake_v);
  if (is_delayed)
    self_->send(scheduler_, atom::wake_v);
  if (!waiting_.empty())
    flush();
  else
    quit_when_drained();
}

void completer::on_failure(const caf::error& cause) {
  if (code_of(cause) == errc::database_error || code_of(cause) == errc::constraint_violated)
    return on_refusal(cause);
  if (code_of(cause) == errc::database_contended)
    return on_contention(cause);
  // Outage, contention, full disk: the fate is unknown or will change, and the same call with the same fences is safe.
  outage_.begins("completer can't write outcomes and repeats them", cause);
  self_->delayed_send(self_, config_.repeat.delay(++failures_, random_), atom::flush_v);
  flush_is_due_ = true;
}

/// The database will never accept one of these. It must not hold up the others: they are written one by one until it is
/// found, and its worker gets the refusal.
void completer::on_refusal(const caf::error& cause) {
  failures_ = 0; // a refusal is an answer: the database is back
  outage_.is_over("completer writes outcomes again");
  if (in_flight_.size() == 1) {
    logger_for(name)->error("an outcome was refused: ticket={} cause={}",
                            to_string(in_flight_.front().settlement.claim.ticket), fact(render(cause)));
    in_flight_.front().answer.deliver(cause);
    suspects_ -= std::min<std::size_t>(suspects_, 1);
    in_flight_.clear();
  } else {
    write_one_by_one();
  }
  flush();
}

/// Somebody's transaction has one of these tickets in hand. It must not hold up the others: they are written one by one
/// until it is found, and then it is asked for alone, beside the rest, until the other side is done.
void completer::on_contention(const caf::error& cause) {
  failures_ = 0;
  if (in_flight_.size() == 1) {
    logger_for(name)->warn("somebody's transaction holds up an outcome: ticket={} cause={}",
                           to_string(in_flight_.front().settlement.claim.ticket), fact(render(cause)));
    suspects_ -= std::min<std::size_t>(suspects_, 1);
    held_up_.push_back(std::move(in_flight_.front()));
    in_flight_.clear();
    if (held_up_.size() == 1)
      self_->delayed_send(self_, config_.repeat.delay(++contentions_, random_), atom::tick_v);
  } else {
    write_one_by_one();
  }
  flush();
}

/// Asks for one that was held up, alone.
void completer::retry_held_up() {
  waiting_.push_front(std::move(held_up_.front()));
  held_up_.pop_front();
  ++suspects_;
  if (!held_up_.empty())
    self_->delayed_send(self_, config_.repeat.delay(++contentions_, random_), atom::tick_v);
  if (in_flight_.empty() && !flush_is_due_)
    flush();
}

void completer::write_one_by_one() {
  suspects_ = in_flight_.size();
  waiting_.insert(waiting_.begin(), std::make_move_iterator(in_flight_.begin()),
                  std::make_move_iterator(in_flight_.end()));
  in_flight_.clear();
}

void completer::quit_when_drained() {
  if (closing_ && waiting_.empty() && in_flight_.empty() && held_up_.empty())
    self_->quit();
}

} // namespace swarm
