#include "tools/swarm/bench_bare.hpp"

#include <algorithm>
#include <chrono>
#include <functional>

namespace swarm::cli {

latency_figures summarize(std::vector<double> samples) {
  std::sort(samples.begin(), samples.end());
  auto at = [&](double share) {
    return samples[static_cast<std::size_t>(share * static_cast<double>(samples.size() - 1))];
  };
  return samples.empty() ? latency_figures{} : latency_figures{at(0.5), at(0.99)};
}

namespace bare {

namespace {

using clock = std::chrono::steady_clock;

/// Runs what is given for each sample beside so many rows, and drops them afterwards.
caf::expected<latency_figures> measure(bench_site& site, store::connection& db, std::int64_t rows, int samples,
                                       const std::function<std::string(int)>& statements) {
  auto made =
    db.script("CREATE TABLE bare (seq bigint PRIMARY KEY, at timestamptz NOT NULL) WITH (fillfactor = 50); "
              "INSERT INTO bare SELECT n, now() FROM generate_series(1, "
                + std::to_string(rows)
                + ") AS n; ANALYZE bare; "
                  "PREPARE take (bigint, integer) AS DELETE FROM bare WHERE ctid = ANY (ARRAY(SELECT ctid FROM bare "
                  "WHERE seq > $1 ORDER BY seq LIMIT $2 FOR UPDATE SKIP LOCKED)) RETURNING seq",
              "make a bare table");
  if (!made)
    return std::move(made.error());
  std::vector<double> times;
  for (int i = 0; i < samples; ++i) {
    if (site.interrupted())
      return interruption();
    auto begun = clock::now();
    if (auto done = db.script(statements(i), "a bare statement"); !done)
      return std::move(done.error());
    times.push_back(std::chrono::duration<double, std::milli>(clock::now() - begun).count());
  }
  if (auto done = db.script("DEALLOCATE take; DROP TABLE bare", "drop the bare table"); !done)
    return std::move(done.error());
  return summarize(std::move(times));
}

} // namespace

caf::expected<latency_figures> time_claims(bench_site& site, store::connection& db, std::int64_t waiting, int limit,
                                           int samples) {
  return measure(site, db, waiting, samples, [limit](int i) {
    return "EXECUTE take(" + std::to_string(i * limit) + ", " + std::to_string(limit) + ")";
  });
}

caf::expected<latency_figures> time_heartbeat(bench_site& site, store::connection& db, std::int64_t leases,
                                              int samples) {
  return measure(site, db, leases, samples, [](int) { return std::string{"UPDATE bare SET at = clock_timestamp()"}; });
}

caf::expected<latency_figures> time_start(bench_site& site, store::connection& db, int samples) {
  return measure(site, db, 0, samples, [](int i) {
    return "BEGIN; INSERT INTO bare VALUES (" + std::to_string(i + 1) + ", now()); COMMIT; EXECUTE take(0, 1)";
  });
}

} // namespace bare

} // namespace swarm::cli
