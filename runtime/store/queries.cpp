#include "runtime/store/queries.hpp"

#include <limits>

namespace swarm::store {

namespace {

/// Reads the columns of one row from left to right, so that the code below is the statement's list of columns.
class columns {
public:
  columns(const rows& all, int row) : all_(all), row_(row) {}

  std::string text() { return all_.text(row_, at_++); }
  std::int64_t number() { return maybe_number().value_or(0); }
  std::optional<std::int64_t> maybe_number() { return all_.maybe_number(row_, at_++); }
  bool truth() { return all_.truth(row_, at_++); }

private:
  const rows& all_;
  int row_;
  int at_ = 0;
};

/// Runs a statement and reads each row.
template <class Row>
caf::expected<std::vector<Row>> read_all(connection& db, statement_name statement, const params& arguments,
                                         Row (*read)(columns)) {
  auto found = db.run(statement, arguments);
  if (!found)
    return std::move(found.error());
  std::vector<Row> result;
  for (int i = 0; i < found->size(); ++i)
    result.push_back(read(columns{*found, i}));
  return result;
}

std::optional<graph_id> as_graph(std::optional<std::int64_t> x) {
  return x ? std::optional{graph_id{*x}} : std::nullopt;
}

ticket_row read_ticket(columns x) {
  ticket_row r;
  r.id.value = x.number();
  r.graph = as_graph(x.maybe_number());
  r.key = x.text();
  r.queue = x.text();
  r.kind = x.text();
  r.state = x.text();
  r.attempts = x.number();
  r.attempts_max = x.number();
  r.claimed_by = x.text();
  r.created_at = x.text();
  r.finished_at = x.text();
  r.run_at = x.text();
  r.remaining = x.number();
  r.review_expires_at = x.text();
  r.end_reason = x.text();
  return r;
}

ticket_details read_details(columns x) {
  ticket_details r;
  r.id.value = x.number();
  r.graph = as_graph(x.maybe_number());
  r.key = x.text();
  r.queue = x.text();
  r.kind = x.text();
  r.state = x.text();
  r.priority = x.number();
  r.attempts = x.number();
  r.attempts_max = x.number();
  r.infra_retries = x.number();
  r.check_retries = x.number();
  r.reclaims = x.number();
  r.timeout_ms = x.number();
  r.payload = x.text();
  r.created_at = x.text();
  r.finished_at = x.text();
  r.run_at = x.text();
  r.remaining = x.number();
  r.fence = x.maybe_number();
  r.claimed_by = x.text();
  r.claimed_at = x.text();
  r.last_heartbeat = x.text();
  r.heartbeat_count = x.number();
  r.deadline_at = x.text();
  r.cancel_requested_at = x.text();
  r.review_reason = x.text();
  r.review_asked_at = x.text();
  r.review_expires_at = x.text();
  r.end_reason = x.text();
  r.profile = x.number();
  r.waiting_since = x.text();
  r.waiting_for = x.text();
  r.waiting_looks = x.number();
  r.waiting_ends_at = x.text();
  return r;
}

attempt_row read_attempt(columns x) {
  attempt_row r;
  r.attempt = x.number();
  r.fence = x.number();
  r.node = x.text();
  r.end = x.text();
  r.evidence = x.text();
  r.exit_code = x.maybe_number();
  r.output = x.text();
  r.output_bytes = x.number();
  r.started_at = x.text();
  r.ended_at = x.text();
  r.details = x.text();
  r.signature = x.text();
  return r;
}

breaker_row read_breaker(columns x) {
  breaker_row r;
  r.route = x.text();
  r.credential = x.text();
  r.state = x.text();
  r.failures = x.number();
  r.opened_at = x.text();
  r.until = x.text();
  r.reason = x.text();
  r.probe = x.maybe_number();
  r.waiting = x.number();
  return r;
}

limit_row read_limit(columns x) {
  limit_row r;
  r.route = x.text();
  r.credential = x.text();
  r.requests = x.maybe_number();
  r.requests_left = x.maybe_number();
  r.input_tokens = x.maybe_number();
  r.input_left = x.maybe_number();
  r.output_tokens = x.maybe_number();
  r.output_left = x.maybe_number();
  r.concurrent = x.maybe_number();
  r.running = x.number();
  r.next_at = x.text();
  r.is_throttled = x.truth();
  r.waiting = x.number();
  return r;
}

parent_row read_parent(columns x) {
  parent_row r;
  r.id.value = x.number();
  r.key = x.text();
  r.state = x.text();
  return r;
}

event_row read_event(columns x) {
  event_row r;
  r.id = x.number();
  r.ticket.value = x.number();
  r.at = x.text();
  r.kind = x.text();
  r.attempt = x.maybe_number();
  r.fence = x.maybe_number();
  r.node = x.text();
  r.data = x.text();
  return r;
}

graph_ticket read_graph_ticket(columns x) {
  graph_ticket r;
  r.id.value = x.number();
  r.key = x.text();
  r.state = x.text();
  r.attempts = x.number();
  r.attempts_max = x.number();
  r.claimed_by = x.text();
  r.evidence = x.text();
  r.ended = x.number();
  return r;
}

} // namespace

caf::expected<std::vector<ticket_row>> list_tickets(connection& db, const list_filter& filter) {
  auto graph = filter.graph ? std::optional{filter.graph->value} : std::nullopt;
  auto before = filter.before ? filter.before->value : std::numeric_limits<std::int64_t>::max();
  return read_all(db, sql::list_tickets, params::of(graph, filter.state, before, filter.limit), read_ticket);
}

caf::expected<ticket_details> show_ticket(connection& db, ticket_id id) {
  auto found = read_all(db, sql::show_ticket, params::of(id.value), read_details);
  if (!found)
    return std::move(found.error());
  if (found->empty())
    return make_error(errc::not_found, "there is no ticket " + to_string(id));
  return std::move(found->front());
}

caf::expected<std::vector<attempt_row>> list_attempts(connection& db, ticket_id id) {
  return read_all(db, sql::list_attempts, params::of(id.value), read_attempt);
}

caf::expected<std::vector<std::string>> why(connection& db, ticket_id id, caf::timespan node_silence) {
  auto silence_ms = std::chrono::duration_cast<std::chrono::milliseconds>(node_silence).count();
  auto found = read_all<std::string>(db, sql::why, params::of(id.value, std::int64_t{silence_ms}),
                                     [](columns x) { return x.text(); });
  if (found && found->empty())
    return make_error(errc::not_found, "there is no ticket " + to_string(id));
  return found;
}

caf::expected<std::vector<touched_row>> touched_by(connection& db, ticket_id id) {
  return read_all<touched_row>(db, sql::touched_by, params::of(id.value), [](columns x) {
    // Braces are read from left to right.
    return touched_row{ticket_id{x.number()}, x.text(), x.text(), x.text()};
  });
}

caf::expected<std::vector<chain_break>> verify_chain(connection& db) {
  return read_all<chain_break>(db, sql::audit_verify, {},
                               [](columns x) { return chain_break{x.number(), x.number(), x.text()}; });
}

caf::expected<chain_head> read_chain_head(connection& db) {
  auto found = read_all<chain_head>(db, sql::audit_head, {}, [](columns x) {
    return chain_head{x.number(), x.text(), x.text(), x.number()};
  });
  if (!found)
    return std::move(found.error());
  return found->front();
}

caf::expected<bool> has_chain_head(connection& db, const std::string& hash) {
  auto found = db.run(sql::audit_has_head, params::of(hash));
  if (!found)
    return std::move(found.error());
  return found->truth(0, 0);
}

caf::expected<std::vector<replay_difference>> replay(connection& db) {
  return read_all<replay_difference>(db, sql::audit_replay, {}, [](columns x) {
    return replay_difference{ticket_id{x.number()}, x.text(), x.text()};
  });
}

caf::expected<std::int64_t> rebuild(connection& db, const std::string& schema) {
  auto found = db.run(sql::audit_rebuild, params::of(schema));
  if (!found)
    return std::move(found.error());
  return found->number(0, 0);
}

caf::expected<std::vector<queue_row>> list_queues(connection& db) {
  return read_all<queue_row>(db, sql::list_queues, {}, [](columns x) {
    return queue_row{x.text(),         x.number(), x.number(), x.maybe_number(), x.maybe_number(), x.maybe_number(),
                     x.maybe_number(), x.truth(),  x.text(),   x.text(),         x.text(),         x.text()};
  });
}

caf::expected<std::vector<schedule_row>> list_schedules(connection& db) {
  return read_all<schedule_row>(db, sql::list_schedules, {}, [](columns x) {
    return schedule_row{x.text(), x.text(), x.text(), x.text(), x.text(), x.maybe_number(),
                        x.text(), x.text(), x.text(), x.text(), x.text()};
  });
}

caf::expected<std::vector<breaker_row>> list_breakers(connection& db) {
  return read_all(db, sql::list_breakers, {}, read_breaker);
}

caf::expected<std::vector<limit_row>> list_limits(connection& db) {
  return read_all(db, sql::list_limits, {}, read_limit);
}

caf::expected<std::vector<parent_row>> list_parents(connection& db, ticket_id id) {
  return read_all(db, sql::list_parents, params::of(id.value), read_parent);
}

caf::expected<std::map<ticket_id, bool>> find_ends(connection& db, const std::vector<ticket_id>& tickets) {
  std::vector<std::int64_t> numbers;
  for (auto x : tickets)
    numbers.push_back(x.value);
  auto found = db.run(sql::find_ends, params::of(numbers));
  if (!found)
    return std::move(found.error());
  std::map<ticket_id, bool> result;
  for (int i = 0; i < found->size(); ++i)
    result.emplace(ticket_id{found->number(i, 0)}, found->truth(i, 1));
  return result;
}

caf::expected<std::vector<event_row>> list_events(connection& db, ticket_id id) {
  return read_all(db, sql::list_events, params::of(id.value), read_event);
}

caf::expected<std::vector<graph_ticket>> graph_tickets(connection& db, graph_id id) {
  return read_all(db, sql::graph_tickets, params::of(id.value), read_graph_ticket);
}

caf::expected<measure_point> measure(connection& db) {
  auto found = db.run(sql::measure);
  if (!found)
    return std::move(found.error());
  return measure_point{found->number(0, 0), found->number(0, 1)};
}

caf::expected<std::int64_t> count_unfinished(connection& db) {
  auto found = db.run(sql::count_unfinished);
  if (!found)
    return std::move(found.error());
  return found->number(0, 0);
}

caf::expected<bool> any_unfinished(connection& db) {
  auto found = db.run(sql::any_unfinished);
  if (!found)
    return std::move(found.error());
  return found->truth(0, 0);
}

caf::expected<completion_audit> audit_completions(connection& db) {
  auto found = db.run(sql::audit_completions);
  if (!found)
    return std::move(found.error());
  return completion_audit{found->number(0, 0), found->number(0, 1), found->number(0, 2), found->number(0, 3)};
}

caf::expected<void> checkpoint(connection& db) {
  auto done = db.run(sql::checkpoint);
  if (!done)
    return std::move(done.error());
  return caf::unit;
}

} // namespace swarm::store
