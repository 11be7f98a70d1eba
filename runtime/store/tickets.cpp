#include "runtime/store/tickets.hpp"

#include "runtime/store/clean_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace swarm::store {

namespace {

std::int64_t ms(caf::timespan x) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(x).count();
}

caf::timespan from_ms(std::int64_t x) {
  return std::chrono::milliseconds{x};
}

claim_ref read_claim(const rows& x, int row) {
  return {ticket_id{x.number(row, 0)}, fence{x.number(row, 1)}};
}

struct claim_columns {
  std::vector<std::int64_t> tickets;
  std::vector<std::int64_t> fences;

  void add(const claim_ref& x) {
    tickets.push_back(x.ticket.value);
    fences.push_back(x.fence.value);
  }
};

/// What follows an attempt that didn't succeed, a row per class. For those that use an attempt the ticket has the limit.
struct rule_columns {
  std::vector<std::string> classes;
  std::vector<std::int64_t> first, longest;
  std::vector<std::int32_t> limits;

  explicit rule_columns(const retry_rules& x) {
    for (auto end : {outcome_class::content, outcome_class::crash, outcome_class::timeout, outcome_class::check_failed})
      add(end, x.backoff_first, x.backoff_max, 0);
    add(outcome_class::transient, x.backoff_first, x.backoff_max, x.infra_retries_max);
    add(outcome_class::throttled, x.deferral_first, x.deferral_max, x.throttled_max);
    add(outcome_class::auth, x.deferral_first, x.deferral_max, x.auth_max);
    add(outcome_class::budget, x.deferral_first, x.deferral_max, x.budget_max);
    add("breaker", x.breaker_first, x.breaker_max, x.breaker_failures);
  }

  void add_to(params& arguments) const {
    arguments.add(classes);
    arguments.add(first);
    arguments.add(longest);
    arguments.add(limits);
  }

private:
  void add(outcome_class end, caf::timespan shortest, caf::timespan most, std::int32_t limit) {
    add(to_string(end), shortest, most, limit);
  }

  void add(std::string name, caf::timespan shortest, caf::timespan most, std::int32_t limit) {
    classes.push_back(std::move(name));
    first.push_back(ms(shortest));
    longest.push_back(ms(most));
    limits.push_back(limit);
  }
};

/// Most tickets have none of them, and cost the database nothing then.
std::optional<std::string> extras(const new_ticket& x) {
  nlohmann::json result;
  if (!x.group_key.empty())
    result["group_key"] = x.group_key;
  if (!x.unique_key.empty())
    result["unique_key"] = x.unique_key;
  for (auto& [name, value] : {std::pair{"queue_timeout_ms", x.queue_timeout}, {"start_timeout_ms", x.start_timeout},
                              {"progress_timeout_ms", x.progress_timeout}, {"deadline_ms", x.deadline}})
    if (value.count() > 0)
      result[name] = ms(value);
  return result.is_null() ? std::nullopt : std::optional{result.dump()};
}

/// What an attempt says about a route, as hear.sql reads it; an empty object when it says nothing.
nlohmann::json news(const route_report& x) {
  auto result = nlohmann::json::object();
  if (x.news != route_news::none)
    result["news"] = to_string(x.news);
  if (x.requests != 1)
    result["requests"] = x.requests;
  for (auto& [name, used] : {std::pair{"input_tokens", x.input_tokens}, {"output_tokens", x.output_tokens}})
    if (used > 0)
      result[name] = used;
  for (auto& [name, left] : {std::pair{"requests_left", x.requests_left}, {"input_left", x.input_tokens_left},
                             {"output_left", x.output_tokens_left}})
    if (left >= 0)
      result[name] = left;
  if (result.empty())
    return result;
  if (!x.route.empty())
    result["route"] = x.route;
  if (x.whole_kind)
    result["whole_kind"] = true;
  if (x.this_node)
    result["this_node"] = true;
  if (!x.credential.empty())
    result["credential"] = x.credential;
  if (x.wait.count() > 0)
    result["wait_ms"] = ms(x.wait);
  return result;
}

std::optional<std::string> news(const outcome& x) {
  auto result = news(x.route);
  if (auto review = news(x.review); !review.empty())
    result["review"] = std::move(review);
  return result.empty() ? std::nullopt : std::optional{result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)};
}

settle_answer parse_answer(std::string_view text) {
  return text == "ok" ? settle_answer::ok : text == "again" ? settle_answer::again : settle_answer::lost;
}

} // namespace

params claim_arguments(const claim_request& request) {
  std::vector<std::int64_t> ranks, seqs;
  for (auto& x : request.after) {
    ranks.push_back(x.rank);
    seqs.push_back(x.seq);
  }
  return params::of(request.queue, request.limit, request.node.value, ranks, seqs, request.credentials);
}

caf::expected<std::vector<claimed_ticket>> claim(connection& db, const claim_request& request) {
  auto found = db.run(sql::claim, claim_arguments(request));
  if (!found)
    return std::move(found.error());
  std::vector<claimed_ticket> result;
  for (int i = 0; i < found->size(); ++i) {
    claimed_ticket x;
    x.claim = read_claim(*found, i);
    x.attempt = static_cast<std::int16_t>(found->number(i, 2));
    x.attempts_max = static_cast<std::int16_t>(found->number(i, 3));
    x.queue = request.queue;
    x.key = found->text(i, 5);
    x.kind = found->text(i, 6);
    x.payload = found->text(i, 7);
    x.timeout = from_ms(found->number(i, 8));
    x.deadline_clock = found->text(i, 9);
    x.start_timeout = from_ms(found->number(i, 10));
    x.progress_timeout = from_ms(found->number(i, 11));
    x.place = {found->number(i, 12), found->number(i, 13)};
    x.last_failure = found->text(i, 14);
    x.results = found->text(i, 15);
    x.checks_changed = found->truth(i, 16);
    x.profile = static_cast<std::int16_t>(found->number(i, 17));
    x.last_prompt = found->text(i, 18);
    x.continuation = found->text(i, 19);
    x.timeouts_in_row = static_cast<std::int32_t>(found->number(i, 20));
    x.overtakes = found->truth(i, 21);
    result.push_back(std::move(x));
  }
  return result;
}

params settle_arguments(const settle_request& request) {
  claim_columns claims;
  std::vector<std::string> classes, clocks, evidence, outputs;
  std::vector<std::optional<std::int32_t>> exit_codes;
  std::vector<std::optional<std::string>> details, routes, signatures;
  std::vector<std::int64_t> retry_after, output_bytes;
  for (auto& [claim, outcome] : request.settlements) {
    claims.add(claim);
    classes.push_back(to_string(outcome.end));
    clocks.push_back(outcome.clock);
    retry_after.push_back(ms(outcome.retry_after));
    evidence.push_back(clean_text(outcome.evidence));
    outputs.push_back(outcome.output);
    exit_codes.push_back(outcome.has_exit_code ? std::optional{outcome.exit_code} : std::nullopt);
    output_bytes.push_back(static_cast<std::int64_t>(outcome.output_bytes));
    details.push_back(outcome.details.empty() ? std::nullopt : std::optional{outcome.details});
    routes.push_back(news(outcome));
    signatures.push_back(outcome.signature.empty() ? std::nullopt : std::optional{outcome.signature});
  }
  params arguments;
  arguments.add(claims.tickets);
  arguments.add(claims.fences);
  arguments.add(classes);
  arguments.add(clocks);
  arguments.add(retry_after);
  arguments.add(evidence);
  arguments.add(exit_codes);
  arguments.add_bytes(outputs);
  arguments.add(output_bytes);
  rule_columns{request.rules}.add_to(arguments);
  arguments.add(details);
  arguments.add(ms(request.rules.infra_deadline));
  for (auto* column : {&routes, &signatures}) // most calls have none
    if (std::any_of(column->begin(), column->end(), [](auto& x) { return x.has_value(); }))
      arguments.add(*column);
    else
      arguments.add(nullptr);
  return arguments;
}

caf::expected<settle_report> settle(connection& db, const settle_request& request) {
  auto found = db.run(sql::settle, settle_arguments(request));
  if (!found)
    return std::move(found.error());
  settle_report report;
  for (int i = 0; i < found->size(); ++i) {
    report.tickets.push_back({read_claim(*found, i), parse_answer(found->text(i, 2)), found->text(i, 3),
                              from_ms(found->number(i, 4))});
    report.unblocked = static_cast<std::int32_t>(found->number(i, 5));
    report.handed_over = static_cast<std::int32_t>(found->number(i, 6));
  }
  return report;
}

caf::expected<bool> throttle(connection& db, const throttle_request& request) {
  auto found = db.run(sql::throttle, params::of(request.claim.ticket.value, request.claim.fence.value,
                                                news(request.report).dump()));
  if (!found)
    return std::move(found.error());
  return found->truth(0, 0);
}

caf::expected<std::vector<held_lease>> heartbeat(connection& db, const beat_request& request) {
  claim_columns claims;
  for (auto& x : request.held.claims)
    claims.add(x);
  auto progress = request.held.progress;
  progress.resize(claims.tickets.size());
  auto found = db.run(sql::heartbeat, params::of(request.node.value, claims.tickets, claims.fences, progress,
                                                 ms(request.orphan_after)));
  if (!found)
    return std::move(found.error());
  std::vector<held_lease> result;
  for (int i = 0; i < found->size(); ++i)
    result.push_back({read_claim(*found, i), found->truth(i, 2), found->truth(i, 3)});
  return result;
}

caf::expected<reclaim_report> reclaim(connection& db, const reclaim_request& request) {
  auto found = db.run(sql::reclaim, params::of(ms(request.stale_after), request.dead_nodes, request.limit,
                                               request.reclaims_max));
  if (!found)
    return std::move(found.error());
  reclaim_report report;
  for (int i = 0; i < found->size(); ++i) {
    auto event = found->text(i, 2);
    ++(event == "reclaimed" ? report.reclaimed : event == "failed" ? report.poisoned : report.cancelled);
  }
  return report;
}

caf::expected<void> note_sweep(connection& db, caf::timespan gap_after) {
  auto done = db.run(sql::note_sweep, params::of(ms(gap_after)));
  if (!done)
    return std::move(done.error());
  return caf::unit;
}

caf::expected<reclaim_report> expire(connection& db, const reclaim_request& request) {
  reclaim_report report;
  auto arguments = params::of(ms(request.grace), request.limit);
  rule_columns{request.rules}.add_to(arguments);
  auto late = db.run(sql::expire_attempts, arguments);
  if (!late)
    return std::move(late.error());
  report.timed_out = late->size();
  for (auto clock : {"queue", "review", "deadline"}) {
    auto waited = db.run(sql::expire_waiting, params::of(clock, request.limit));
    if (!waited)
      return std::move(waited.error());
    report.expired += static_cast<std::int32_t>(waited->number(0, 0));
  }
  return report;
}

caf::expected<reclaim_report> sweep(connection& db, const reclaim_request& request) {
  auto begun = std::chrono::steady_clock::now();
  if (auto noted = note_sweep(db, request.gap_after); !noted)
    return std::move(noted.error());
  // A slow database judges nobody: those who hold tickets may be unable to prove that they live.
  if (std::chrono::steady_clock::now() - begun > request.slow_after) {
    // Nor may it seem afterwards as if somebody had looked all the time: as after a gap, leases count as renewed.
    if (auto extended = note_sweep(db, caf::timespan{0}); !extended)
      return std::move(extended.error());
    reclaim_report paused;
    paused.paused = true;
    return paused;
  }
  auto reclaimed = reclaim(db, request);
  if (!reclaimed)
    return reclaimed;
  auto expired = expire(db, request);
  if (!expired)
    return expired;
  reclaimed->timed_out = expired->timed_out;
  reclaimed->expired = expired->expired;
  return reclaimed;
}

caf::expected<promote_report> promote(connection& db, std::int32_t limit) {
  auto found = db.run(sql::promote, params::of(limit));
  if (!found)
    return std::move(found.error());
  promote_report report;
  report.promoted = static_cast<std::int32_t>(found->number(0, 0));
  report.fired = static_cast<std::int32_t>(found->number(0, 1));
  if (auto next = found->maybe_number(0, 2))
    report.next_due = from_ms(*next);
  return report;
}

caf::expected<cascade_report> cascade(connection& db, const cascade_request& request) {
  auto found = db.run(sql::cascade, params::of(request.after.value, request.limit));
  if (!found)
    return std::move(found.error());
  return cascade_report{static_cast<std::int32_t>(found->number(0, 0)), static_cast<std::int32_t>(found->number(0, 1)),
                        static_cast<std::int32_t>(found->number(0, 2)), ticket_id{found->number(0, 3)}};
}

caf::expected<propagate_report> propagate(connection& db, std::int32_t limit) {
  auto found = db.run(sql::propagate, params::of(limit));
  if (!found)
    return std::move(found.error());
  auto number = [&](int column) { return static_cast<std::int32_t>(found->number(0, column)); };
  return propagate_report{number(0), number(1), number(2), number(3)};
}

caf::expected<seal_report> seal(connection& db, std::int32_t limit) {
  auto found = db.run(sql::seal, params::of(limit));
  if (!found)
    return std::move(found.error());
  return seal_report{static_cast<std::int32_t>(found->number(0, 0)), found->number(0, 1)};
}

caf::expected<prune_report> prune(connection& db, const prune_request& request) {
  auto found = db.run(sql::prune, params::of(ms(request.keep), request.limit));
  if (!found)
    return std::move(found.error());
  return prune_report{static_cast<std::int32_t>(found->number(0, 0)), static_cast<std::int32_t>(found->number(0, 1))};
}

params submit_arguments(const new_graph& graph) {
  std::vector<std::optional<std::string>> keys;
  std::vector<std::string> queues, kinds, payloads;
  std::vector<std::int16_t> priorities, attempts;
  std::vector<std::int64_t> timeouts;
  std::vector<std::optional<std::string>> more;
  std::vector<std::string> policies;
  std::vector<std::int64_t> parents;
  std::vector<std::int32_t> children;
  for (auto& x : graph.tickets) {
    auto position = static_cast<std::int32_t>(keys.size() + 1);
    keys.push_back(x.key.empty() ? std::nullopt : std::optional{x.key});
    queues.push_back(x.queue);
    kinds.push_back(x.kind);
    priorities.push_back(x.priority);
    attempts.push_back(x.attempts_max);
    timeouts.push_back(ms(x.timeout));
    payloads.push_back(x.payload);
    more.push_back(extras(x));
    for (auto parent : x.needs) {
      parents.push_back(std::int64_t{parent} + 1);
      children.push_back(position);
      policies.push_back(to_string(x.on_failure));
    }
  }
  params result;
  if (graph.name.empty())
    result.add(nullptr);
  else
    result.add(graph.name);
  result.add(keys);
  result.add(queues);
  result.add(kinds);
  result.add(priorities);
  result.add(attempts);
  result.add(timeouts);
  result.add(payloads);
  result.add(more);
  result.add(parents);
  result.add(children);
  result.add(policies);
  return result;
}

caf::expected<submitted> submit(connection& db, const new_graph& graph) {
  auto found = db.run(sql::submit, submit_arguments(graph));
  if (!found)
    return std::move(found.error());
  submitted result;
  result.graph = graph_id{found->maybe_number(0, 0).value_or(0)};
  for (auto id : found->numbers(0, 1))
    result.tickets.push_back(ticket_id{id});
  return result;
}

caf::expected<std::string> retry(connection& db, ticket_id id, const std::string& only_reason) {
  auto found = db.run(sql::retry, params::of(id.value, only_reason.empty() ? std::nullopt : std::optional{only_reason}));
  if (!found)
    return std::move(found.error());
  auto answer = found->text(0, 0);
  // "ready" and "blocked" are also what a live ticket says of itself; only a final one is revived.
  if (answer == "revived_ready" || answer == "revived_blocked")
    return answer.substr(std::string_view{"revived_"}.size());
  if (answer == "not_found")
    return make_error(errc::not_found, "there is no ticket " + to_string(id));
  return make_error(errc::conflict, "ticket " + to_string(id) + " is " + answer
                                      + "; only failed and cancelled tickets can be retried");
}

caf::expected<revival_report> retry_exhausted(connection& db) {
  constexpr std::int32_t page = 1'000;
  revival_report report;
  for (std::int64_t after = 0;;) {
    auto found = db.run(sql::list_exhausted, params::of(after, page));
    if (!found)
      return std::move(found.error());
    for (int i = 0; i < found->size(); ++i) {
      after = found->number(i, 0);
      auto state = retry(db, ticket_id{after}, "infra_exhausted");
      if (state)
        ++report.revived;
      else if (code_of(state.error()) == errc::constraint_violated || code_of(state.error()) == errc::database_contended)
        report.refusals.push_back("ticket " + std::to_string(after) + ": " + render(state.error()));
      else if (code_of(state.error()) != errc::conflict && code_of(state.error()) != errc::not_found) // somebody was faster
        return std::move(state.error());
    }
    if (found->size() < page)
      return report;
  }
}

caf::expected<std::string> cancel(connection& db, ticket_id id) {
  auto found = db.run(sql::cancel, params::of(id.value));
  if (!found)
    return std::move(found.error());
  auto answer = found->text(0, 0);
  if (answer == "done")
    return std::string{"cancelled"};
  if (answer == "requested")
    return answer;
  if (answer == "not_found")
    return make_error(errc::not_found, "there is no ticket " + to_string(id));
  return make_error(errc::conflict, "ticket " + to_string(id) + " is " + answer + " already");
}

caf::expected<std::string> release(connection& db, ticket_id id) {
  auto found = db.run(sql::release, params::of(id.value));
  if (!found)
    return std::move(found.error());
  auto answer = found->text(0, 0);
  if (answer == "released")
    return std::string{"ready"};
  if (answer == "cancelled")
    return answer;
  if (answer == "not_found")
    return make_error(errc::not_found, "there is no ticket " + to_string(id));
  return make_error(errc::conflict, "ticket " + to_string(id) + " is " + answer + "; only a running ticket can be "
                                      "taken away from its worker");
}

namespace {

/// What became of a ticket by a person's verdict, or why there is nothing to be judged.
caf::expected<std::string> read_verdict(caf::expected<rows> found, ticket_id id) {
  if (!found)
    return std::move(found.error());
  auto answer = found->text(0, 0);
  if (answer == "not_found")
    return make_error(errc::not_found, "there is no ticket " + to_string(id));
  if (answer == "has no result")
    return make_error(errc::conflict, "ticket " + to_string(id) + " has no result that could be approved: nothing was done, or "
                                        "it failed before it was. swarm reject " + to_string(id) + " --why TEXT lets the next "
                                        "attempt begin with your words; swarm approve " + to_string(id)
                                        + " --without-result completes it all the same, and who needs its result won't find it");
  if (answer.starts_with("is "))
    return make_error(errc::conflict, "ticket " + to_string(id) + " " + answer + "; only one in review can be judged");
  return answer;
}

/// Whether it was found, as a function's answer of true or false says.
caf::expected<void> read_found(caf::expected<rows> found, std::string_view what, const std::string& name) {
  if (!found)
    return std::move(found.error());
  if (!found->truth(0, 0))
    return make_error(errc::not_found, "there is no " + std::string{what} + " '" + name + "'");
  return caf::unit;
}

std::optional<std::string> if_any(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional{text};
}

} // namespace

caf::expected<std::string> approve(connection& db, ticket_id id, const std::string& by, const std::string& note,
                                   bool without_result) {
  return read_verdict(db.run(sql::approve, params::of(id.value, by, if_any(note), without_result ? "true" : "false")), id);
}

caf::expected<std::string> reject(connection& db, ticket_id id, const std::string& by, const std::string& why) {
  return read_verdict(db.run(sql::reject, params::of(id.value, by, why)), id);
}

caf::expected<void> pause_queue(connection& db, const std::string& queue, const std::string& reason,
                                const std::string& by) {
  return read_found(db.run(sql::pause_queue, params::of(queue, if_any(reason), by)), "queue", queue);
}

caf::expected<void> resume_queue(connection& db, const std::string& queue) {
  return read_found(db.run(sql::resume_queue, params::of(queue)), "queue", queue);
}

caf::expected<void> configure_queue(connection& db, const queue_settings& x) {
  auto done = db.run(sql::configure_queue, params::of(x.queue, x.slots, x.slots_per_node, x.slots_per_key, ms(x.ageing),
                                                      x.is_fair, if_any(x.command_limits)));
  if (!done)
    return std::move(done.error());
  return caf::unit;
}

caf::expected<std::int64_t> close_breaker(connection& db, const std::string& route, const std::string& credential) {
  auto found = db.run(sql::close_breaker, params::of(route, if_any(credential)));
  if (!found)
    return std::move(found.error());
  if (found->number(0, 0) == 0)
    return make_error(errc::not_found, "there is no breaker of '" + route + "'; swarm breakers lists them");
  return found->number(0, 0);
}

caf::expected<bool> set_limit(connection& db, const limit_settings& x) {
  auto found = db.run(sql::set_limit, params::of(x.route, x.credential, x.requests, x.input_tokens, x.output_tokens,
                                                 x.concurrent));
  if (!found)
    return std::move(found.error());
  return found->truth(0, 0);
}

caf::expected<std::string> schedule(connection& db, const schedule_settings& x) {
  auto found = db.run(sql::schedule, params::of(x.name, x.cron, x.ticket, x.time_zone));
  if (!found)
    return std::move(found.error());
  return found->text(0, 0);
}

caf::expected<void> unschedule(connection& db, const std::string& name) {
  return read_found(db.run(sql::unschedule, params::of(name)), "schedule", name);
}

caf::expected<void> pause_schedule(connection& db, const std::string& name, const std::string& reason,
                                   const std::string& by) {
  return read_found(db.run(sql::pause_schedule, params::of(name, if_any(reason), by)), "schedule", name);
}

caf::expected<void> resume_schedule(connection& db, const std::string& name) {
  return read_found(db.run(sql::resume_schedule, params::of(name)), "schedule", name);
}

caf::expected<void> notify(connection& db, std::string_view word) {
  auto done = db.run(sql::notify, params::of(word));
  if (!done)
    return std::move(done.error());
  return caf::unit;
}

caf::expected<registered_node> register_node(connection& db, const node_description& node) {
  auto found = db.run(sql::register_node,
                      params::of(node.home_id, node.name, node.host, node.pid, node.version, node.queues));
  if (!found)
    return std::move(found.error());
  return registered_node{node_id{found->number(0, 0)}, found->numbers(0, 1)};
}

caf::expected<void> stop_node(connection& db, node_id id) {
  auto done = db.run(sql::stop_node, params::of(id.value));
  if (!done)
    return std::move(done.error());
  return caf::unit;
}

caf::expected<server_facts> check_server(connection& db) {
  auto found = db.run(sql::check_server);
  if (!found)
    return std::move(found.error());
  server_facts facts{found->number(0, 0), found->text(0, 1), found->text(0, 5)};
  if (facts.version < 150000)
    return make_error(errc::database_unsuitable,
                      "the database server is PostgreSQL " + facts.version_text + "; swarm needs 15 or newer");
  if (found->truth(0, 4))
    return make_error(errc::database_unsuitable, "the database server is a standby; swarm needs the primary");
  for (auto [column, name] : {std::pair{2, "fsync"}, std::pair{3, "full_page_writes"}})
    if (!found->truth(0, column))
      return make_error(errc::database_unsuitable, std::string{"the database server runs with "} + name
                                                     + " = off and may lose what it has acknowledged; switch it on");
  return facts;
}

} // namespace swarm::store
