#include "actors/store_service.hpp"

#include "actors/actor_shell.hpp"

namespace swarm {

store_service::store_service(interface::pointer self, store_config config)
  : self_(self), config_(std::move(config)), outage_(name), random_(static_cast<unsigned>(self->id())) {}

store_service::interface::behavior_type store_service::make_behavior() {
  self_->send(self_, atom::connect_v); // not here: a start must not wait for a database
  return {
    [this](atom::claim, const claim_request& x) { return run(store::claim, x); },
    [this](atom::settle, const settle_request& x) { return run(store::settle, x); },
    [this](atom::throttle, const throttle_request& x) { return run(store::throttle, x); },
    [this](atom::beat, const beat_request& x) { return run(store::heartbeat, x); },
    [this](atom::reclaim, const reclaim_request& x) { return run(store::sweep, x); },
    [this](atom::promote, std::int32_t limit) { return run(store::promote, limit); },
    [this](atom::cascade, const cascade_request& x) { return run(store::cascade, x); },
    [this](atom::propagate, std::int32_t limit) { return run(store::propagate, limit); },
    [this](atom::seal, std::int32_t limit) { return run(store::seal, limit); },
    [this](atom::prune, const prune_request& x) { return run(store::prune, x); },
    [this](atom::connect) { connect(); },
  };
}

std::vector<actor_fact> store_service::facts() const {
  return {{"connected", db_ ? "yes" : "no"}, {"statements", std::to_string(statements_)}};
}

void store_service::connect() {
  if (db_)
    return;
  auto opened = store::connection::open(config_.connection);
  if (!opened) {
    drop(opened.error());
    return;
  }
  db_ = std::move(*opened);
  failures_ = 0;
  outage_.is_over("store has the database back: connection=" + fact(config_.connection.application));
}

void store_service::drop(const caf::error& cause) {
  outage_.begins("store lost the database", cause);
  db_.reset();
  last_failure_ = cause;
  self_->delayed_send(self_, config_.reconnect.delay(++failures_, random_), atom::connect_v);
}

template <class Statement, class Request>
auto store_service::run(Statement statement, const Request& request)
  -> caf::result<typename decltype(statement(std::declval<store::connection&>(), request))::value_type> {
  if (!db_ && failures_ == 0)
    connect(); // this question was faster than our own message
  if (!db_)
    return make_error(errc::database_unavailable, "there is no connection to the database: " + render(last_failure_));
  ++statements_;
  auto answer = statement(*db_, request);
  if (answer)
    return std::move(*answer);
  if (code_of(answer.error()) == errc::database_unavailable || !db_->is_usable())
    drop(answer.error());
  return std::move(answer.error());
}

} // namespace swarm
