#include "tools/swarm/bench_tickets.hpp"

#include "runtime/node.hpp"
#include "runtime/store/queries.hpp"
#include "tools/swarm/bench_meter.hpp"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>
#include <unistd.h>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// Where two connections saturate two cores; more only adds latency.
constexpr std::int32_t sql_batch = 100;
constexpr int sql_workers = 2;

constexpr std::int64_t single_max = 2'000;
constexpr std::int64_t commits = 2'000;

using should_stop = std::function<bool()>;

new_graph noops(std::int64_t count) {
  new_ticket x;
  x.kind = "noop";
  return {"", std::vector<new_ticket>(static_cast<std::size_t>(count), x)};
}

/// Submits all of it in batches.
/// @param ring whether a node is to be told, as `swarm run` does.
caf::expected<void> submit_all(store::connection& db, const ticket_load& load, bool ring, const should_stop& stop) {
  auto batch = noops(load.batch);
  for (auto left = load.count; left > 0; left -= load.batch) {
    if (stop())
      return interruption();
    if (left < load.batch)
      batch = noops(left);
    if (auto done = store::submit(db, batch); !done)
      return std::move(done.error());
    if (ring)
      (void) store::notify(db, "ready");
  }
  return caf::unit;
}

/// Submits while nobody may claim, then starts the clock and lets everybody.
caf::expected<void> fill_paused(store::connection& db, const ticket_load& load, const should_stop& stop,
                                stopwatch& clock) {
  if (auto done = store::pause_queue(db, "default", "it is being filled", "bench"); !done)
    return done;
  if (auto done = submit_all(db, load, false, stop); !done)
    return done;
  clock.start();
  if (auto done = store::resume_queue(db, "default"); !done)
    return done;
  return store::notify(db, "ready");
}

settle_request all_completed(const std::vector<claim_ref>& claims) {
  settle_request result;
  for (auto& x : claims)
    result.settlements.push_back({x, {}});
  return result;
}

caf::expected<node_id> register_bench(bench_site& site, store::connection& db) {
  auto done = store::register_node(db, {site.home().id(), "bench", runtime::host_name(),
                                        static_cast<std::int32_t>(getpid()), std::string{runtime::version()},
                                        {"default"}});
  if (!done)
    return std::move(done.error());
  return done->id;
}

/// What the threads of `measure_sql` share.
struct sql_run {
  claim_request claim;
  std::atomic<std::int64_t> left;
  std::atomic<bool> stop{false};

  void settled(std::size_t count) { left -= static_cast<std::int64_t>(count); }
};

caf::expected<void> work_separately(store::connection& db, sql_run& x) {
  auto request = x.claim;
  while (x.left > 0 && !x.stop) {
    auto tickets = store::claim(db, request);
    if (!tickets)
      return std::move(tickets.error());
    request.after.clear();
    if (!tickets->empty())
      request.after.push_back(tickets->back().place); // all have one rank, so the last is the farthest
    if (tickets->empty()) {
      std::this_thread::sleep_for(1ms);
      continue;
    }
    std::vector<claim_ref> claims;
    for (auto& ticket : *tickets)
      claims.push_back(ticket.claim);
    if (auto done = store::settle(db, all_completed(claims)); !done)
      return std::move(done.error());
    x.settled(claims.size());
  }
  return caf::unit;
}

caf::expected<void> work_fused(store::connection& db, sql_run& x) {
  auto request = x.claim;
  std::vector<claim_ref> held;
  while ((x.left > 0 || !held.empty()) && !x.stop) {
    std::vector<store::call> calls;
    if (!held.empty())
      calls.push_back({store::sql::settle, store::settle_arguments(all_completed(held))});
    calls.push_back({store::sql::claim, store::claim_arguments(request)});
    auto answers = db.transaction(calls);
    if (!answers)
      return std::move(answers.error());
    x.settled(held.size());
    held.clear();
    auto& claimed = answers->back();
    for (int i = 0; i < claimed.size(); ++i)
      held.push_back({ticket_id{claimed.number(i, 0)}, fence{claimed.number(i, 1)}});
    request.after.clear();
    if (held.empty())
      std::this_thread::sleep_for(1ms);
    else
      request.after.push_back({claimed.number(claimed.size() - 1, 12), claimed.number(claimed.size() - 1, 13)});
  }
  return caf::unit;
}

/// Runs each job in a thread until all have ended. The first that fails, or the user, stops the others.
caf::expected<void> run_threads(bench_site& site, std::atomic<bool>& stop,
                                const std::vector<std::function<caf::expected<void>()>>& jobs) {
  std::vector<std::future<caf::expected<void>>> threads;
  for (auto& job : jobs)
    threads.push_back(std::async(std::launch::async, [&stop, &job] {
      auto done = job();
      stop = stop || !done;
      return done;
    }));
  for (auto& x : threads)
    while (x.wait_for(10ms) != std::future_status::ready)
      stop = stop || site.interrupted();
  caf::error failure;
  for (auto& x : threads)
    if (auto done = x.get(); !done && (!failure || code_of(failure) == errc::shutting_down))
      failure = std::move(done.error()); // the cause, not the interruption that it was for the others
  if (site.interrupted())
    return interruption();
  if (failure)
    return failure;
  return caf::unit;
}

/// Waits until nothing is on its way any more.
caf::expected<void> await_completion(bench_site& site, store::connection& db, runtime::node& node, stopwatch& clock) {
  for (;;) {
    if (site.interrupted())
      return interruption();
    if (auto cause = node.failure())
      return *cause;
    auto unfinished = store::any_unfinished(db);
    clock.count_own_transaction();
    if (!unfinished)
      return std::move(unfinished.error());
    if (!*unfinished)
      return caf::unit;
    std::this_thread::sleep_for(5ms);
  }
}

} // namespace

caf::expected<bench_figures> measure_node(bench_site& site, const ticket_load& load, bench_part part) {
  auto name = part == bench_part::drain ? "node_drain" : "node";
  return measured(site, name, load.count, [&](const std::string& conninfo, stopwatch& clock) -> caf::expected<void> {
    auto values = site.values();
    values.node.name = "bench";
    values.node.queues = {"default"};
    values.node.slots = load.slots;
    auto node = runtime::node::start({values, conninfo, site.home().id(), site.home().root(), {}});
    if (!node)
      return std::move(node.error());
    auto db = site.connect(conninfo);
    if (!db)
      return std::move(db.error());
    auto stop = [&] { return site.interrupted(); };
    if (part == bench_part::drain) {
      if (auto done = fill_paused(*db, load, stop, clock); !done)
        return done;
    } else {
      clock.start();
      if (auto done = submit_all(*db, load, true, stop); !done)
        return done;
    }
    if (auto done = await_completion(site, *db, **node, clock); !done)
      return std::move(done.error());
    clock.stop();
    return caf::unit;
  });
}

caf::expected<bench_figures> measure_sql(bench_site& site, const ticket_load& load, sql_shape shape, bench_part part) {
  auto name = std::string{shape == sql_shape::fused ? "fused" : "separate"} + (part == bench_part::drain ? "_drain" : "");
  double fill_seconds = 0;
  auto run = [&](const std::string& conninfo, stopwatch& clock) -> caf::expected<void> {
    std::vector<store::connection> connections;
    for (int i = 0; i <= sql_workers; ++i) {
      auto db = site.connect(conninfo);
      if (!db)
        return std::move(db.error());
      connections.push_back(std::move(*db));
    }
    auto self = register_bench(site, connections[0]);
    if (!self)
      return std::move(self.error());
    sql_run shared{{"default", sql_batch, *self}, {load.count}};
    auto work = shape == sql_shape::fused ? work_fused : work_separately;
    auto submit = [&] { return submit_all(connections[0], load, false, [&] { return shared.stop.load(); }); };
    std::vector<std::function<caf::expected<void>()>> jobs;
    if (part == bench_part::whole_life) {
      jobs.emplace_back(submit);
    } else {
      auto begun = std::chrono::steady_clock::now();
      if (auto done = submit(); !done)
        return done;
      fill_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    }
    for (int i = 1; i <= sql_workers; ++i)
      jobs.push_back([&, i] { return work(connections[static_cast<std::size_t>(i)], shared); });
    clock.start();
    auto done = run_threads(site, shared.stop, jobs);
    clock.stop();
    return done;
  };
  auto result = measured(site, name, load.count, run);
  if (result)
    result->fill_seconds = fill_seconds;
  return result;
}

caf::expected<bench_figures> measure_single(bench_site& site, const ticket_load& load) {
  ticket_load some = load;
  some.count = std::min(load.count, single_max);
  auto work = [&](const std::string& conninfo, stopwatch& clock) -> caf::expected<void> {
    auto db = site.connect(conninfo);
    if (!db)
      return std::move(db.error());
    auto self = register_bench(site, *db);
    if (!self)
      return std::move(self.error());
    if (auto done = submit_all(*db, some, false, [&] { return site.interrupted(); }); !done)
      return std::move(done.error());
    clock.start();
    for (;;) {
      auto tickets = store::claim(*db, {"default", 1, *self});
      if (!tickets)
        return std::move(tickets.error());
      if (tickets->empty())
        break;
      if (site.interrupted())
        return interruption();
      if (auto done = store::settle(*db, all_completed({tickets->front().claim})); !done)
        return std::move(done.error());
    }
    clock.stop();
    return caf::unit;
  };
  return measured(site, "single", some.count, work);
}

caf::expected<bench_figures> measure_commits(bench_site& site) {
  auto work = [&](const std::string& conninfo, stopwatch& clock) -> caf::expected<void> {
    auto db = site.connect(conninfo);
    if (!db)
      return std::move(db.error());
    auto self = register_bench(site, *db);
    if (!self)
      return std::move(self.error());
    clock.start();
    for (std::int64_t i = 0; i < commits; ++i) {
      if (site.interrupted())
        return interruption();
      if (auto done = store::stop_node(*db, *self); !done) // one column of one row, without a function around it
        return std::move(done.error());
    }
    clock.stop();
    return caf::unit;
  };
  auto result = measured(site, "commits", 0, work);
  if (result)
    result->count = commits;
  return result;
}

} // namespace swarm::cli
