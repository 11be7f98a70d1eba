#define CAF_SUITE store_differential

#include "tests/fixtures/desk.hpp"
#include "tests/fixtures/model_store.hpp"
#include "tests/fixtures/seed.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <random>
#include <set>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

using namespace std::chrono_literals;

/// All that the protocol knows of the tickets after $base, as model_tables::row tells it.
const std::string rows_sql =
  "SELECT string_agg(concat(v.id, ': ', v.state, ' attempts=', v.attempts, ' infra=', v.infra_retries, ' checks=', "
  "v.check_retries, ' throttles=', v.throttles, ' auth=', v.auth_denials, ' budget=', v.budget_denials, ' reclaims=', v.reclaims, ' profile=', v.profile, ' reason=' || v.end_reason, ' remaining=' || v.remaining, ' node=' || "
  "l.node_id, ' attempt=' || l.attempt, ' beats=' || v.heartbeat_count, CASE WHEN v.cancel_requested_at IS NOT NULL "
  "THEN ' cancel' END), E'\\n' ORDER BY v.id) FROM swarm.tickets_view v LEFT JOIN swarm.leases l ON l.ticket_id = "
  "v.id WHERE v.id > ";

/// Their events after $last.
const std::string events_sql =
  "SELECT string_agg(concat_ws(' ', ticket_id, kind, data ->> 'class', 'fence=' || fence, 'node=' || node_id), E'\\n' "
  "ORDER BY ticket_id, id) FROM swarm.ticket_events WHERE ticket_id > ";

/// The cascade's list.
const std::string work_sql =
  "SELECT string_agg(concat(parent_id, ' ', ending, ' after ', after_child), E'\\n' ORDER BY id) "
  "FROM swarm.cascade_work";

const std::string breakers_sql =
  "SELECT string_agg(concat_ws(' ', route || ' ' || credential, ticket_id, state, failures, trips, until <= clock_timestamp(), "
  "probe_ticket), E'\\n' ORDER BY id) FROM swarm.breakers";

/// One claim, as each side knows it.
struct twin {
  claim_ref real, model;
};

/// Where a ticket stood in its queue, likewise.
struct twin_place {
  watermark real, model;
};

/// The database and the model, side by side: every word is said to both, and must be answered the same.
class pair_of_stores {
public:
  pair_of_stores() {
    model_.register_node("00000000-0000-0000-0000-000000000001"); // the desk's own
    for (int i = 0; i < 3; ++i) {
      sessions_.push_back(d_.open());
      register_node();
    }
  }

  /// A sequence of random steps, which begins and ends with no live ticket.
  void play(std::uint64_t seed, int steps) {
    random_.seed(seed);
    base_ = model_.tables().tickets.size();
    claims_.clear();
    places_.clear();
    submit();
    for (int i = 0; i < steps; ++i) {
      step();
      compare();
    }
    clean_up();
    compare();
  }

  /// The same, beginning with a ticket that has more dependents than its own transaction releases.
  void play_fan_out(std::uint64_t seed, int steps) {
    random_.seed(seed);
    base_ = model_.tables().tickets.size();
    claims_.clear();
    places_.clear();
    submit_fan_out();
    claim("default", 1);
    settle_request real{{}, rules()}, model = real;
    real.settlements.push_back({claims_.at(0).real, {}});
    model.settlements.push_back({claims_.at(0).model, {}});
    settle(real, model);
    compare();
    for (int i = 0; i < steps; ++i) {
      if (below(3) == 0)
        propagate();
      else
        step();
      compare();
    }
    clean_up();
    compare();
  }

  /// The same with tickets that all need one of two services, which are away now and then.
  void play_services(std::uint64_t seed, int steps) {
    random_.seed(seed);
    base_ = model_.tables().tickets.size();
    claims_.clear();
    places_.clear();
    new_graph graph{"graph", std::vector<new_ticket>(8)};
    for (auto& x : graph.tickets) {
      x.key = "t" + std::to_string(&x - graph.tickets.data());
      x.kind = "noop";
      x.payload = payload_with_route();
      x.attempts_max = 20;
    }
    submit(graph);
    for (int i = 0; i < steps; ++i) {
      switch (below(8)) {
        case 0: step(); break;
        case 1: case 2: claim("default", static_cast<std::int32_t>(1 + below(3))); break;
        case 3: case 4: age_breaker(); break;
        case 5: promote(); break;
        default: settle();
      }
      compare();
    }
    clean_up();
    compare();
  }

  std::string violations() { return d_.violations(); }

  /// Whether an answer came that begins so.
  bool was_seen(const std::string& answer) const {
    auto i = seen_.lower_bound(answer);
    return i != seen_.end() && i->starts_with(answer);
  }

  int long_waits = 0, waits = 0;   ///< Of the database; a long one is beyond half its bound.

  /// Wrong counters, which only a bug can make, for the cascade to find.
  void corrupt_and_repair(std::uint64_t seed) {
    corrupted_ = true;
    random_.seed(seed);
    base_ = model_.tables().tickets.size();
    claims_.clear();
    places_.clear();
    submit();
    for (auto& [ticket, remaining] : model_.tables_for_surgery().blocked)
      if (below(2) == 0) {
        remaining = static_cast<std::int32_t>(1 + below(4)); // too few or too many; the database refuses none at all
        db().ask("UPDATE swarm.blocked SET remaining = " + std::to_string(remaining) + " WHERE ticket_id = "
                 + to_string(ticket));
      }
    for (int i = 0; i < 6; ++i) {
      claim();
      settle();
      compare();
    }
    for (int i = 0; i < 3; ++i) {
      cascade();
      compare();
    }
    clean_up();
    compare();
  }

private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  session& db() { return sessions_[below(sessions_.size())]; }

  void same(const std::string& what, const std::string& real, const std::string& model) {
    seen_.insert(what + " " + real.substr(0, real.find('\n')));
    if (real != model)
      throw std::runtime_error(what + ": the database says\n" + real + "\nand the model\n" + model);
  }

  void step() {
    switch (below(24)) {
      case 0: return submit();
      case 1: return reclaim();
      case 2: case 3: return age();
      case 4: case 5: return promote();
      case 6: return cascade();
      case 7: return cancel();
      case 8: return retry();
      case 9: case 10: case 11: return beat();
      case 12: return below(4) == 0 ? register_node() : judge();
      case 13: case 14: case 15: case 16: return claim();
      case 17: return note_sweep();
      case 18: return propagate();
      case 19: return age_trouble();
      case 20: return below(8) == 0 ? close_breaker() : age_breaker();
      default: return settle();
    }
  }

  void submit() {
    new_graph graph{"graph", std::vector<new_ticket>(1 + below(6))};
    for (std::uint32_t i = 0; i < graph.tickets.size(); ++i) {
      auto& x = graph.tickets[i];
      x.key = "t" + std::to_string(i);
      x.kind = below(2) == 0 ? "noop" : "command";
      if (below(3) == 0) { // whose failures are compared
        x.kind = "agent_cli";
        x.payload = below(2) == 0 ? R"({"profiles": [{}, {}]})" : "{}";
      } else if (below(6) == 0) { // that need a service, one of two of the same kind
        x.payload = payload_with_route();
      }
      x.queue = below(3) == 0 ? "other" : "default";
      x.priority = static_cast<std::int16_t>(below(3));
      x.attempts_max = static_cast<std::int16_t>(1 + below(4));
      x.timeout = std::chrono::milliseconds{below(3) * 1500};
      for (std::uint32_t parent = 0; parent < i; ++parent)
        if (below(3) == 0)
          x.needs.push_back(parent);
    }
    submit(graph);
  }

  void submit(const new_graph& graph) {
    auto real = must(store::submit(db().db, graph)).tickets;
    same("submit", list(real), list(model_.submit(graph)));
  }

  void submit_fan_out() {
    new_graph graph{"graph", std::vector<new_ticket>(102 + below(20))};
    for (std::uint32_t i = 0; i < graph.tickets.size(); ++i) {
      auto& x = graph.tickets[i];
      x.key = "t" + std::to_string(i);
      x.kind = "noop";
      if (i > 0)
        x.needs.push_back(0);
      if (i > 1 && below(4) == 0)
        x.needs.push_back(static_cast<std::uint32_t>(1 + below(i - 1)));
    }
    submit(graph);
  }

  void claim() { claim(below(3) == 0 ? "other" : "default", static_cast<std::int32_t>(1 + below(4))); }

  void claim(const std::string& queue, std::int32_t limit) {
    auto& s = db();
    claim_request request{queue, limit, s.node};
    auto expected = request;
    if (below(3) == 0 && !places_.empty()) { // from where a dispatcher has come
      auto& place = places_[below(places_.size())];
      request.after.push_back(place.real);
      expected.after.push_back(place.model);
    }
    auto real = must(store::claim(s.db, request));
    auto model = model_.claim(expected);
    same("claim", list(real), list(model));
    for (std::size_t i = 0; i < real.size(); ++i) {
      if (real[i].claim.fence <= newest_ && i == 0)
        throw std::runtime_error("a fence is not greater than all before it");
      newest_ = real[i].claim.fence;
      claims_.push_back({real[i].claim, model[i].claim});
      fences_[model[i].claim.fence] = real[i].claim.fence;
      places_.push_back({real[i].place, model[i].place});
    }
  }

  void settle() {
    settle_request real{{}, rules()}, model{{}, rules()};
    for (auto i = 1 + below(4); i > 0 && !claims_.empty(); --i) {
      auto claim = any_claim();
      auto end = below(3) == 0 ? outcome_class::completed : static_cast<outcome_class>(below(16));
      auto& tickets = model_.tables();
      if (tickets.exists(claim.model.ticket) && tickets.at(claim.model.ticket).kind == "agent_cli" && below(4) == 0)
        end = outcome_class::review; // which a person may find empty
      outcome ended;
      ended.end = end;
      if (end != outcome_class::completed)
        ended.evidence = "it ended";
      if (end == outcome_class::timeout)
        ended.clock = below(2) == 0 ? "deadline" : "attempt";
      if (end == outcome_class::content || end == outcome_class::check_failed)
        ended.signature = below(4) == 0 ? "b" : below(4) == 0 ? "" : "a";
      ended.route.news = static_cast<route_news>(below(4));
      ended.route.whole_kind = below(5) == 0;
      ended.route.this_node = below(3) == 0;
      if (below(3) == 0 || end == outcome_class::snoozed || end == outcome_class::waiting)
        ended.retry_after = std::chrono::milliseconds{1 + below(200)};
      real.settlements.push_back({claim.real, ended});
      model.settlements.push_back({claim.model, ended});
      if (below(8) == 0) { // another word in the same breath: the first counts
        ended.end = outcome_class::content;
        real.settlements.push_back({claim.real, ended});
        model.settlements.push_back({claim.model, ended});
      }
    }
    settle(real, model);
  }

  void settle(const settle_request& real, const settle_request& model) {
    auto report = must(store::settle(db().db, real));
    auto expected = model_.settle(model);
    same("settle", list(report), list(expected));
    for (std::size_t i = 0; i < report.tickets.size(); ++i)
      if (report.tickets[i].event == "attempt_failed" || report.tickets[i].event == "snoozed")
        check_delay(report.tickets[i], expected.tickets[i], real);
      else if (report.tickets[i].event == "waiting")
        schedule(report.tickets[i].claim.ticket);
  }

  /// A delay is random on both sides, so it is held against its bound; then both get the same one.
  void check_delay(const settled_ticket& real, const settled_ticket& model, const settle_request& request) {
    auto is_it = [&](const settlement& x) { return x.claim == real.claim; };
    auto& ended = std::find_if(request.settlements.begin(), request.settlements.end(), is_it)->outcome;
    caf::timespan bound{0};
    if (ended.end != outcome_class::snoozed) {
      auto& t = model_.tables().at(real.claim.ticket);
      auto tries = ended.end == outcome_class::transient     ? t.infra_retries
                   : ended.end == outcome_class::throttled   ? t.throttles
                   : ended.end == outcome_class::auth        ? t.auth_denials
                   : ended.end == outcome_class::budget      ? t.budget_denials
                                                             : t.attempts;
      auto& rules = request.rules;
      bound = is_deferral(ended.end) ? std::min(rules.deferral_max, rules.deferral_first * (1 << (tries - 1)))
                                     : std::min(rules.backoff_max, rules.backoff_first * (1 << (tries - 1)));
    }
    // What was asked for, and up to a fifth more.
    auto longest = std::max<caf::timespan>(bound, ended.retry_after * 6 / 5 + 1ms);
    for (auto delay : {real.delay, model.delay})
      if (delay < ended.retry_after || delay > longest)
        throw std::runtime_error("a delay is beyond its bound");
    if (ended.retry_after.count() == 0) {
      ++waits;
      long_waits += real.delay > bound / 2;
    }
    schedule(real.claim.ticket);
  }

  static bool is_deferral(outcome_class x) {
    return x == outcome_class::throttled || x == outcome_class::auth || x == outcome_class::budget;
  }

  void schedule(ticket_id ticket) {
    // Different for each, or their order would be open.
    auto seconds = (below(3) == 0 ? 3'600 : -3'600) + static_cast<std::int64_t>(ticket.value % 1'000);
    model_.tables_for_surgery().scheduled[ticket] = model_.now() + std::chrono::seconds{seconds};
    db().ask("UPDATE swarm.scheduled SET run_at = clock_timestamp() + interval '" + std::to_string(seconds)
             + " s' WHERE ticket_id = " + to_string(ticket));
  }

  void age() {
    for (auto& [ticket, lease] : model_.tables_for_surgery().leases) {
      if (below(2) == 0)
        continue;
      auto silence = below(2) == 0 ? 240s : 360s;
      lease.last_heartbeat = lease.claimed_at = model_.now() - silence;
      auto then = "clock_timestamp() - interval '" + std::to_string(silence.count()) + " s'";
      db().ask("UPDATE swarm.leases SET last_heartbeat = " + then + ", claimed_at = " + then + " WHERE ticket_id = "
               + to_string(ticket));
    }
  }

  /// Trouble that has lasted longer than it may, of a ticket that has some, mostly.
  void age_trouble() {
    auto& tickets = model_.tables().tickets;
    auto first = std::find_if(tickets.begin() + static_cast<std::ptrdiff_t>(base_), tickets.end(),
                              [](auto& x) { return x.infra_since.has_value(); });
    auto ticket = first != tickets.end() && below(4) > 0 ? first->id : any_ticket();
    if (!model_.tables().exists(ticket))
      return;
    auto& since = model_.tables_for_surgery().at(ticket).infra_since;
    if (since)
      since = *since - 48h;
    same("age_trouble", db().ask("UPDATE swarm.tickets SET infra_since = infra_since - interval '48 hours' WHERE id = "
                                 + to_string(ticket) + " RETURNING infra_since IS NOT NULL"),
         since ? "t" : "f");
  }

  std::string payload_with_route() { return R"({"route": ")" + any_route() + R"("})"; }
  std::string any_route() { return below(2) == 0 ? "api a" : "api b"; }

  /// The time of one is over, or far from it.
  void age_breaker() {
    auto& breakers = model_.tables_for_surgery().breakers;
    if (breakers.empty())
      return;
    auto first = std::find_if(breakers.begin(), breakers.end(), [](auto& b) { return b.state != "closed"; });
    auto& x = first != breakers.end() && below(2) == 0 ? *first : breakers[below(breakers.size())];
    auto hours = below(6) == 0 ? 1 : -1;
    x.until = model_.now() + std::chrono::hours{hours};
    db().ask("UPDATE swarm.breakers SET until = clock_timestamp() + interval '" + std::to_string(hours)
             + " hours' WHERE state <> 'closed' AND route = '" + x.route + "' AND credential = '" + x.credential + "'");
  }

  void close_breaker() { close_breaker(below(3) == 0 ? "api" : any_route()); }

  void close_breaker(const std::string& route) {
    same("close_breaker", db().ask("SELECT swarm.close_breaker('" + route + "')"), std::to_string(model_.close_breaker(route)));
  }

  void beat() {
    auto& s = db();
    auto orphan_after = std::chrono::minutes{below(2) == 0 ? 1 : 5};
    beat_request real, model;
    real.node = model.node = s.node;
    real.orphan_after = model.orphan_after = orphan_after;
    std::vector<ticket_id> asked;
    for (auto i = below(5); i > 0 && !claims_.empty(); --i) {
      auto claim = any_claim();
      if (std::find(asked.begin(), asked.end(), claim.real.ticket) != asked.end())
        continue; // a node holds a ticket once
      asked.push_back(claim.real.ticket);
      real.held.claims.push_back(claim.real);
      real.held.progress.push_back(static_cast<std::int64_t>(below(5)));
      model.held.claims.push_back(claim.model);
    }
    same("beat", list(must(store::heartbeat(s.db, real)), false), list(model_.heartbeat(model), true));
  }

  void reclaim() {
    reclaim_request request;
    request.stale_after = 5min;
    request.limit = static_cast<std::int32_t>(1 + below(5));
    request.reclaims_max = static_cast<std::int32_t>(1 + below(3));
    if (below(4) == 0)
      request.dead_nodes.push_back(db().node.value);
    auto text = [](const reclaim_report& x) {
      return std::to_string(x.reclaimed) + " reclaimed, " + std::to_string(x.poisoned) + " poisoned, "
             + std::to_string(x.cancelled) + " cancelled";
    };
    same("reclaim", text(must(store::reclaim(db().db, request))), text(model_.reclaim(request)));
  }

  void promote() {
    auto limit = static_cast<std::int32_t>(1 + below(3));
    auto text = [](const promote_report& x) {
      // Its clock goes on, the model's stands.
      return std::to_string(x.promoted) + " promoted" + (x.next_due.count() < 0 ? ", and nothing is left" : "");
    };
    same("promote", text(must(store::promote(db().db, limit))), text(model_.promote(limit)));
  }

  void propagate() {
    auto limit = static_cast<std::int32_t>(1 + below(60));
    same("propagate", text_of(must(store::propagate(db().db, limit))), text_of(model_.propagate(limit)));
  }

  static std::string text_of(const propagate_report& x) {
    return std::to_string(x.pieces) + " pieces with " + std::to_string(x.dependents) + " dependents, "
           + std::to_string(x.unblocked) + " unblocked";
  }

  /// With a gap before it at times; and the extension that a gap gives comes to its end at times.
  void note_sweep() {
    auto& tables = model_.tables_for_surgery();
    if (auto gap = below(3); gap > 0 && tables.last_sweep) {
      auto ago = gap == 1 ? 60s : 600s;
      tables.last_sweep = model_.now() - ago;
      db().ask("UPDATE swarm.reaping SET last_sweep_at = clock_timestamp() - interval '" + std::to_string(ago.count())
               + " s'");
    }
    must(store::note_sweep(db().db, 2min));
    auto extended = model_.note_sweep(2min);
    same("note_sweep",
         db().ask("SELECT CASE WHEN extended_at = last_sweep_at THEN 'extended' ELSE 'noted' END FROM swarm.reaping"),
         extended ? "extended" : "noted");
    if (extended && below(2) == 0)
      reclaim(); // takes nothing for its silence
    if (tables.extended) {
      tables.extended = model_.now() - 360s;
      db().ask("UPDATE swarm.reaping SET extended_at = clock_timestamp() - interval '360 s'");
    }
  }

  void cascade() {
    auto after = below(2) == 0 ? ticket_id{} : any_ticket();
    cascade_request request{after, static_cast<std::int32_t>(1 + below(10))};
    auto text = [](const cascade_report& x) {
      return std::to_string(x.repaired) + " repaired, " + std::to_string(x.unblocked) + " unblocked of "
             + std::to_string(x.checked) + " up to " + to_string(x.last);
    };
    same("cascade", text(must(store::cascade(db().db, request))), text(model_.cascade(request)));
  }

  void cancel() {
    auto ticket = any_ticket();
    same("cancel", db().ask("SELECT swarm.cancel(" + to_string(ticket) + ")"), model_.cancel(ticket));
  }

  void retry() {
    auto ticket = any_ticket();
    same("retry", db().ask("SELECT swarm.retry(" + to_string(ticket) + ")"), model_.retry(ticket));
  }

  /// Of one that waits for it, mostly.
  void judge() {
    auto& reviews = model_.tables().reviews;
    auto first = reviews.lower_bound(ticket_id{static_cast<std::int64_t>(base_)});
    auto ticket = first != reviews.end() && below(4) > 0 ? first->first : any_ticket();
    if (below(2) == 0)
      return same("approve", db().ask("SELECT swarm.approve(" + to_string(ticket) + ", 'anna')"), model_.approve(ticket));
    auto answer = model_.reject(ticket);
    same("reject", db().ask("SELECT swarm.reject(" + to_string(ticket) + ", 'anna', 'it is wrong')"), answer);
    if (answer == "attempt_failed")
      schedule(ticket);
  }

  /// One of the sessions becomes another node, of one of two homes.
  void register_node() {
    auto& s = db();
    auto home = "00000000-0000-0000-0000-00000000000" + std::to_string(1 + below(2));
    auto real = must(store::register_node(s.db, {home, "box", "host", 1, "0", {"default", "other"}}));
    auto model = model_.register_node(home);
    auto text = [](node_id id, std::vector<std::int64_t> dead) {
      std::sort(dead.begin(), dead.end());
      auto result = to_string(id);
      for (auto x : dead)
        result += " " + std::to_string(x);
      return result;
    };
    same("register_node", text(real.id, real.dead_nodes), text(model.id, model.dead_nodes));
    s.node = real.id;
  }

  void clean_up() {
    for (auto id = base_ + 1; id <= model_.tables().tickets.size(); ++id) {
      ticket_id ticket{static_cast<std::int64_t>(id)};
      same("cancel", db().ask("SELECT swarm.cancel(" + to_string(ticket) + ")"), model_.cancel(ticket));
    }
    while (!model_.tables().work.empty())
      propagate();
    settle_request real{{}, rules()}, model = real;
    for (auto& [ticket, lease] : model_.tables().leases) {
      outcome ended;
      ended.end = outcome_class::cancelled;
      ended.evidence = "it ended";
      real.settlements.push_back({{ticket, fences_.at(lease.fence)}, ended});
      model.settlements.push_back({{ticket, lease.fence}, ended});
    }
    settle(real, model);
    for (auto route : {"api", "api a", "api b"})
      close_breaker(route);
  }

  void compare() {
    std::string rows;
    for (auto id = base_ + 1; id <= model_.tables().tickets.size(); ++id)
      rows += (rows.empty() ? "" : "\n") + std::to_string(id) + ": "
              + model_.tables().row(ticket_id{static_cast<std::int64_t>(id)});
    compare_text("rows", db().ask(rows_sql + std::to_string(base_)), rows);
    std::string work;
    for (auto& x : model_.tables().work)
      work += (work.empty() ? "" : "\n") + to_string(x.parent) + " completed after " + to_string(x.after);
    compare_text("work", db().ask(work_sql), work);
    std::string breakers;
    for (auto& x : model_.tables().breakers) {
      breakers += (breakers.empty() ? "" : "\n") + x.route + " " + x.credential + " " + to_string(x.ticket) + " "
                  + std::string{x.state} + " " + std::to_string(x.failures) + " " + std::to_string(x.trips);
      if (x.state != "closed")
        breakers += x.until <= model_.now() ? " t" : " f";
      if (x.probe.ticket.value != 0)
        breakers += " " + to_string(x.probe.ticket);
      seen_.insert("breaker " + std::string{x.state} + (x.route == "api" ? " of a kind" : x.credential.empty() ? "" : " of a node"));
    }
    compare_text("breakers", db().ask(breakers_sql), breakers);

    auto& all = model_.tables().events;
    std::vector<model_event> fresh(all.begin() + static_cast<std::ptrdiff_t>(compared_), all.end());
    std::stable_sort(fresh.begin(), fresh.end(), [](auto& a, auto& b) { return a.ticket < b.ticket; });
    std::string events;
    for (auto& x : fresh) {
      events += (events.empty() ? "" : "\n") + to_string(x.ticket) + " " + std::string{x.kind};
      if (x.kind != "completed" && x.kind != "unblocked" && !x.end.empty())
        events += " " + std::string{x.end};
      if (x.fence.value != 0)
        events += " fence=" + to_string(fences_.at(x.fence));
      if (x.node.value != 0)
        events += " node=" + to_string(x.node);
    }
    compare_text("events",
                 db().ask(events_sql + std::to_string(base_) + " AND id > " + std::to_string(compared_)), events);
    compared_ = all.size();
    if (!model_.violation().empty() && !corrupted_)
      throw std::runtime_error("the model breaks its own rules: " + model_.violation());
  }

  static void compare_text(const std::string& what, const std::string& real, const std::string& model) {
    if (real != model)
      throw std::runtime_error(what + ": the database has\n" + real + "\nand the model\n" + model);
  }

  /// Mostly a fresh one; also old ones, and such as never were.
  twin any_claim() {
    auto recent = std::min<std::size_t>(claims_.size(), 6);
    auto result = below(4) == 0 ? claims_[below(claims_.size())] : claims_[claims_.size() - 1 - below(recent)];
    if (below(12) == 0) {
      auto step = below(2) == 0 ? 1 : -1;
      result.real.fence.value += step;
      result.model.fence.value += step;
    }
    return result;
  }

  ticket_id any_ticket() {
    auto count = model_.tables().tickets.size() - base_;
    return ticket_id{static_cast<std::int64_t>(base_ + 1 + below(count + 1))}; // or one that doesn't exist
  }

  static retry_rules rules() {
    retry_rules result;
    result.backoff_first = result.deferral_first = 2ms;
    result.backoff_max = result.deferral_max = 16ms;
    result.auth_max = result.budget_max = 1;
    result.infra_retries_max = result.throttled_max = 2;
    result.breaker_failures = 2;
    result.breaker_first = 1h; // until somebody lets the time pass
    result.breaker_max = 10h;
    return result;
  }

  // -- answers as text, without what differs by nature: fences

  static std::string list(const std::vector<ticket_id>& xs) {
    std::string result;
    for (auto x : xs)
      result += to_string(x) + " ";
    return result;
  }

  static std::string list(const std::vector<claimed_ticket>& xs) {
    std::string result = std::to_string(xs.size());
    for (auto& x : xs)
      result += "\n" + to_string(x.claim.ticket) + " attempt " + std::to_string(x.attempt) + " of "
                + std::to_string(x.attempts_max) + " " + x.queue + " " + x.key + " " + x.kind + " " + x.payload + " "
                + (x.continuation.empty() ? std::to_string(x.timeout.count()) : "goes on " + x.continuation) + " rank "
                + std::to_string(x.place.rank) + " profile " + std::to_string(x.profile);
    return result;
  }

  static std::string list(const settle_report& report) {
    std::string result;
    for (auto& x : report.tickets)
      result += (result.empty() ? "" : "\n") + to_string(x.answer) + " " + x.event + " " + to_string(x.claim.ticket);
    return result + "\nunblocked " + std::to_string(report.unblocked) + " handed over "
           + std::to_string(report.handed_over);
  }

  std::string list(std::vector<held_lease> xs, bool of_model) {
    std::sort(xs.begin(), xs.end(), [](auto& a, auto& b) { return a.claim < b.claim; });
    std::string result = std::to_string(xs.size());
    for (auto& x : xs)
      result += "\n" + to_string(x.claim.ticket) + " " + to_string(of_model ? fences_.at(x.claim.fence) : x.claim.fence)
                + (x.cancel_requested ? " cancel" : "") + (x.orphan ? " orphan" : "");
    return result;
  }

  desk d_;
  std::vector<session> sessions_;
  model_store model_;
  std::mt19937_64 random_;
  std::size_t base_ = 0;     ///< Tickets of earlier sequences.
  std::size_t compared_ = 0; ///< Events.
  std::vector<twin> claims_; ///< Of this sequence, ended ones too.
  std::vector<twin_place> places_; ///< Where tickets stood that were claimed.
  std::map<fence, fence> fences_; ///< The database's for the model's.
  std::set<std::string> seen_;
  fence newest_{};
  bool corrupted_ = false; ///< The model's checker has reason to complain.
};

} // namespace

namespace {

void for_seeds(int count, const std::function<void(std::uint64_t)>& play) {
  auto first = choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << first);
  for (auto seed = first; seed < first + static_cast<std::uint64_t>(count); ++seed)
    try {
      play(seed);
    } catch (const std::exception& x) {
      CAF_FAIL("SWARM_SEED=" << seed << " " << x.what());
    }
}

} // namespace

CAF_TEST(the model answers and moves tickets as the database does) {
  pair_of_stores both;
  const std::vector<std::string> answers{"settle ok completed", "settle ok attempt_failed", "settle ok failed", "settle ok released",
        "settle ok cancelled", "settle ok snoozed", "settle ok waiting", "settle ok review_requested",
        "approve completed", "approve has no result", "approve is ", "reject attempt_failed", "reject is ",
        "note_sweep extended", "note_sweep noted", "age_trouble t",
        "settle again", "settle lost", "cancel done", "cancel requested", "cancel not_found", "cancel completed",
        "cancel failed", "cancel cancelled", "retry revived_ready", "retry revived_blocked", "retry not_found",
        "retry completed", "retry in_progress", "retry ready", "retry scheduled", "retry blocked",
        "reclaim 1 reclaimed", "reclaim 0 reclaimed, 1 poisoned", "beat 0",
        "beat 1", "promote 1", "claim 0", "claim 2"};
  auto never_seen = [&] {
    std::string result;
    for (auto& answer : answers)
      if (!both.was_seen(answer))
        result += answer + "; ";
    return result;
  };
  // Every answer must be seen, or the comparison says nothing about it: that decides how many it takes.
  int played = 0;
  for_seeds(400, [&](std::uint64_t seed) {
    if (played++ < 20 || !never_seen().empty() || both.waits < 60)
      both.play(seed, 25);
  });
  CAF_CHECK_EQUAL(both.violations(), "");
  CAF_CHECK_EQUAL(never_seen(), "");
  CAF_MESSAGE(both.long_waits << " long waits of " << both.waits);
  // The whole range of the jitter is used.
  CAF_CHECK(both.long_waits > both.waits / 4 && both.long_waits < both.waits * 3 / 4);
}

CAF_TEST(the model opens and closes breakers as the database does) {
  pair_of_stores both;
  const std::vector<std::string> seen{"breaker closed", "breaker open", "breaker half_open", "breaker open of a kind",
        "breaker open of a node", "breaker half_open of a kind", "breaker half_open of a node", "close_breaker 1",
        "close_breaker 2"};
  auto is_seen = [&](auto& x) { return both.was_seen(x); };
  int played = 0;
  for_seeds(200, [&](std::uint64_t seed) {
    if (played++ < 15 || !std::all_of(seen.begin(), seen.end(), is_seen))
      both.play_services(seed, 40);
  });
  CAF_CHECK_EQUAL(both.violations(), "");
  for (auto& x : seen) {
    CAF_MESSAGE(x);
    CAF_CHECK(both.was_seen(x));
  }
}

CAF_TEST(the model brings a completion to many dependents as the database does) {
  pair_of_stores both;
  for_seeds(5, [&](std::uint64_t seed) { both.play_fan_out(seed, 20); });
  CAF_CHECK_EQUAL(both.violations(), "");
  CAF_CHECK(both.was_seen("propagate 1 pieces"));
}

CAF_TEST(the model repairs wrong counters as the database does) {
  pair_of_stores both;
  int played = 0;
  for_seeds(150, [&](std::uint64_t seed) {
    if (played++ < 15 || !both.was_seen("cascade 1 repaired, 1 unblocked"))
      both.corrupt_and_repair(seed);
  });
  CAF_CHECK(both.was_seen("cascade 1 repaired, 1 unblocked"));
}
