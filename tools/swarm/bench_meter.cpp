#include "tools/swarm/bench_meter.hpp"

#include "runtime/store/queries.hpp"

#include <sys/resource.h>

namespace swarm::cli {

namespace {

std::chrono::microseconds cpu_time() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return std::chrono::seconds{used.ru_utime.tv_sec + used.ru_stime.tv_sec}
         + std::chrono::microseconds{used.ru_utime.tv_usec + used.ru_stime.tv_usec};
}

caf::expected<store::measure_point> counters(const bench_site& site, const std::string& conninfo) {
  auto db = site.connect(conninfo);
  if (!db)
    return std::move(db.error());
  return store::measure(*db);
}

/// How many events there are, once it is sure that they tell of `count` tickets, each completed once.
caf::expected<std::int64_t> audited_events(const bench_site& site, const std::string& conninfo, std::int64_t count) {
  auto db = site.connect(conninfo);
  if (!db)
    return std::move(db.error());
  auto found = store::audit_completions(*db);
  if (!found)
    return std::move(found.error());
  if (found->tickets != count || found->completed != count || found->contradictions != 0)
    return make_error(errc::actor_failed,
                      "of " + std::to_string(count) + " tickets " + std::to_string(found->tickets) + " exist, "
                        + std::to_string(found->completed) + " are completed, and "
                        + std::to_string(found->contradictions) + " were completed more or less often than their state "
                        + "says: this is a bug, the figures count for nothing");
  return found->events;
}

} // namespace

void stopwatch::start() {
  cpu_started_ = cpu_time();
  started_ = std::chrono::steady_clock::now();
}

void stopwatch::stop() {
  stopped_ = std::chrono::steady_clock::now();
  cpu_stopped_ = cpu_time();
}

double stopwatch::seconds() const {
  return std::chrono::duration<double>(stopped_ - started_).count();
}

double stopwatch::cpu_us() const {
  return std::chrono::duration<double, std::micro>(cpu_stopped_ - cpu_started_).count();
}

caf::expected<bench_figures>
measured(bench_site& site, const std::string& name, std::int64_t count,
         const std::function<caf::expected<void>(const std::string& conninfo, stopwatch&)>& work) {
  auto conninfo = site.make_database("bench_" + name);
  if (!conninfo)
    return std::move(conninfo.error());
  auto before = counters(site, *conninfo);
  if (!before)
    return std::move(before.error());
  auto cpu_before = site.server_cpu();
  stopwatch clock;
  if (auto done = work(*conninfo, clock); !done)
    return std::move(done.error());
  auto after = counters(site, *conninfo);
  if (!after)
    return std::move(after.error());
  auto cpu_after = site.server_cpu();
  auto events = audited_events(site, *conninfo, count);
  if (!events)
    return std::move(events.error());
  if (auto dropped = site.drop_database("bench_" + name); !dropped)
    return std::move(dropped.error());
  auto per_ticket = [count](auto x) { return count > 0 ? static_cast<double>(x) / static_cast<double>(count) : 0; };
  return bench_figures{name,
                       count,
                       clock.seconds(),
                       per_ticket(after->transactions - before->transactions - clock.own_transactions()),
                       per_ticket(after->wal_bytes - before->wal_bytes),
                       per_ticket(*events),
                       per_ticket(clock.cpu_us()),
                       per_ticket((cpu_after - cpu_before).count())};
}

} // namespace swarm::cli
