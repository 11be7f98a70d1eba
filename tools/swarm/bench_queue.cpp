#include "tools/swarm/bench_queue.hpp"

#include "runtime/node.hpp"
#include "runtime/store/queries.hpp"

#include <unistd.h>

#include <algorithm>
#include <thread>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds idle_time{20};

double ms_since(clock::time_point begun) {
  return std::chrono::duration<double, std::milli>(clock::now() - begun).count();
}

caf::expected<void> fill(bench_site& site, store::connection& db, std::int64_t count) {
  new_ticket x;
  x.kind = "noop";
  for (std::int64_t left = count; left > 0; left -= 1'000) {
    if (site.interrupted())
      return interruption();
    if (auto done = store::submit(db, {"", std::vector<new_ticket>(static_cast<std::size_t>(std::min<std::int64_t>(left, 1'000)), x)}); !done)
      return std::move(done.error());
  }
  return caf::unit;
}

caf::expected<node_id> enter(bench_site& site, store::connection& db) {
  auto done = store::register_node(db, {site.home().id(), "bench", runtime::host_name(),
                                        static_cast<std::int32_t>(getpid()), std::string{runtime::version()}, {"default"}});
  if (!done)
    return std::move(done.error());
  return done->id;
}

/// A database, and a node in it that does nothing by itself.
struct scratch {
  std::string place; ///< Conninfo.
  store::connection db;
  node_id self;
};

caf::expected<scratch> open_scratch(bench_site& site, const std::string& name) {
  auto place = site.make_database(name);
  if (!place)
    return std::move(place.error());
  auto db = site.connect(*place);
  if (!db)
    return std::move(db.error());
  auto self = enter(site, *db);
  if (!self)
    return std::move(self.error());
  return scratch{std::move(*place), std::move(*db), *self};
}

caf::expected<void> complete_all(store::connection& db, const std::vector<claimed_ticket>& tickets) {
  settle_request done;
  for (auto& x : tickets)
    done.settlements.push_back({x.claim, {}});
  if (auto settled = store::settle(db, done); !settled)
    return std::move(settled.error());
  return caf::unit;
}

/// Times so many claims, each behind the one before, as a dispatcher does it. Completes what it took outside the clock.
caf::expected<latency_figures> time_claims(bench_site& site, store::connection& db, claim_request request, int samples) {
  std::vector<double> times;
  for (int i = 0; i < samples; ++i) {
    if (site.interrupted())
      return interruption();
    auto begun = clock::now();
    auto tickets = store::claim(db, request);
    times.push_back(ms_since(begun));
    if (!tickets)
      return std::move(tickets.error());
    if (tickets->empty())
      break;
    request.after = {tickets->back().place};
    if (auto done = complete_all(db, *tickets); !done)
      return std::move(done.error());
  }
  return summarize(std::move(times));
}

caf::expected<step_figures> measure_claims(bench_site& site, store::connection& db, const claim_request& request,
                                           int samples, std::int64_t waiting) {
  auto ours = time_claims(site, db, request, samples);
  if (!ours)
    return std::move(ours.error());
  auto least = bare::time_claims(site, db, waiting, request.limit, samples);
  if (!least)
    return std::move(least.error());
  return step_figures{*ours, *least};
}

caf::expected<backlog_figures> measure_backlog(bench_site& site, store::connection& db, node_id self, int samples,
                                               std::int64_t waiting) {
  auto one = measure_claims(site, db, {"default", 1, self}, samples, waiting);
  if (!one)
    return std::move(one.error());
  auto hundred = measure_claims(site, db, {"default", 100, self}, samples / 4, waiting);
  if (!hundred)
    return std::move(hundred.error());
  return backlog_figures{waiting, *one, *hundred};
}

caf::expected<void> measure_backlogs(bench_site& site, const queue_load& load, queue_figures& result) {
  auto own = open_scratch(site, "backlog");
  if (!own)
    return std::move(own.error());
  auto& [place, db, self] = *own;
  std::int64_t waiting = 0;
  for (std::int64_t target = 10'000; waiting < load.waiting_max; target *= 10) {
    target = std::min(target, load.waiting_max);
    if (auto done = fill(site, db, target - waiting); !done)
      return done;
    waiting = target;
    auto figures = measure_backlog(site, db, self, load.samples, target);
    if (!figures)
      return std::move(figures.error());
    result.backlogs.push_back(*figures);
  }

  // Another session holds what it has seen, so nothing that is claimed from now on can be tidied away.
  auto holder = site.connect(place);
  if (!holder)
    return std::move(holder.error());
  if (auto done = holder->script("SET idle_in_transaction_session_timeout = 0; BEGIN ISOLATION LEVEL REPEATABLE READ; "
                                 "SELECT count(*) FROM swarm.queues", "hold a snapshot"); !done)
    return done;
  if (auto done = fill(site, db, 60'000); !done)
    return done;
  auto held = time_claims(site, db, {"default", 100, self}, 500);
  if (!held)
    return std::move(held.error());
  auto after = time_claims(site, db, {"default", 100, self}, load.samples / 4);
  if (!after)
    return std::move(after.error());
  result.held_snapshot = *after;
  return caf::unit;
}

/// Lets all that waits have finished.
caf::expected<void> finish_all(bench_site& site, store::connection& db, node_id self) {
  claim_request request{"default", 1'000, self};
  for (;;) {
    if (site.interrupted())
      return interruption();
    auto tickets = store::claim(db, request);
    if (!tickets)
      return std::move(tickets.error());
    if (tickets->empty())
      return caf::unit;
    request.after = {tickets->back().place};
    if (auto done = complete_all(db, *tickets); !done)
      return done;
  }
}

caf::expected<void> measure_finished(bench_site& site, const queue_load& load, queue_figures& result) {
  auto own = open_scratch(site, "finished");
  if (!own)
    return std::move(own.error());
  auto& [place, db, self] = *own;
  for (std::int64_t left = load.finished; left > 0; left -= 100'000) {
    if (auto done = fill(site, db, std::min<std::int64_t>(left, 100'000)); !done)
      return done;
    if (auto done = finish_all(site, db, self); !done)
      return done;
  }
  if (auto done = fill(site, db, 10'000); !done)
    return done;
  auto claims = time_claims(site, db, {"default", 100, self}, load.samples / 4);
  if (!claims)
    return std::move(claims.error());
  result.beside_finished = *claims;
  return caf::unit;
}

caf::expected<void> measure_heartbeat(bench_site& site, const queue_load& load, queue_figures& result) {
  auto own = open_scratch(site, "heartbeat");
  if (!own)
    return std::move(own.error());
  auto& [place, db, self] = *own;
  if (auto done = fill(site, db, load.leases); !done)
    return done;
  beat_request beat{self};
  for (;;) {
    auto tickets = store::claim(db, {"default", 1'000, self});
    if (!tickets)
      return std::move(tickets.error());
    if (tickets->empty())
      break;
    for (auto& x : *tickets)
      beat.held.claims.push_back(x.claim);
  }
  std::vector<double> times;
  for (int i = 0; i < 20; ++i) {
    auto begun = clock::now();
    auto held = store::heartbeat(db, beat);
    times.push_back(ms_since(begun));
    if (!held)
      return std::move(held.error());
    if (held->size() != beat.held.claims.size())
      return make_error(errc::database_error, "a heartbeat renewed " + std::to_string(held->size()) + " leases of "
                                                + std::to_string(beat.held.claims.size()));
  }
  auto least = bare::time_heartbeat(site, db, load.leases, static_cast<int>(times.size()));
  if (!least)
    return std::move(least.error());
  result.heartbeat = {summarize(std::move(times)), *least};
  return caf::unit;
}

caf::expected<double> time_start(bench_site& site, store::connection& db) {
  new_ticket x;
  x.kind = "noop";
  auto begun = clock::now();
  auto submitted = store::submit(db, {"", {x}});
  if (!submitted)
    return std::move(submitted.error());
  (void) store::notify(db, "ready");
  for (;;) {
    if (site.interrupted())
      return interruption();
    auto events = store::list_events(db, submitted->tickets.front());
    if (!events)
      return std::move(events.error());
    if (events->size() > 1)
      return ms_since(begun);
  }
}

caf::expected<void> measure_low_load(bench_site& site, const queue_load& load, queue_figures& result) {
  auto place = site.make_database("idle");
  if (!place)
    return std::move(place.error());
  auto values = site.values();
  values.node.name = "bench";
  values.node.queues = {"default"};
  auto node = runtime::node::start({values, *place, site.home().id(), site.home().root(), {}});
  if (!node)
    return std::move(node.error());
  auto db = site.connect(*place);
  if (!db)
    return std::move(db.error());
  std::vector<double> times;
  for (int i = 0; i < load.samples; ++i) {
    auto took = time_start(site, *db);
    if (!took)
      return std::move(took.error());
    times.push_back(*took);
    std::this_thread::sleep_for(5ms);
  }
  auto least = bare::time_start(site, *db, load.samples);
  if (!least)
    return std::move(least.error());
  result.start = {summarize(std::move(times)), *least};

  // A node counts as idle after a minute without work.
  for (auto end = clock::now() + 65s; clock::now() < end; std::this_thread::sleep_for(50ms))
    if (site.interrupted())
      return interruption();
  auto before = store::measure(*db);
  auto begun = clock::now();
  for (auto end = begun + idle_time; clock::now() < end; std::this_thread::sleep_for(50ms))
    if (site.interrupted())
      return interruption();
  auto after = store::measure(*db);
  if (!before || !after)
    return std::move(before ? after.error() : before.error());
  // The second question is a transaction of ours.
  result.idle_transactions = static_cast<double>(after->transactions - before->transactions - 1) / (ms_since(begun) / 1'000);
  return caf::unit;
}

} // namespace

caf::expected<queue_figures> measure_queue(bench_site& site, const queue_load& load) {
  queue_figures result;
  for (auto step : {measure_backlogs, measure_finished, measure_heartbeat, measure_low_load})
    if (auto done = step(site, load, result); !done)
      return std::move(done.error());
  return result;
}

} // namespace swarm::cli
