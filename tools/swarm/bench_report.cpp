#include "tools/swarm/bench_report.hpp"

#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <ostream>

namespace swarm::cli {

namespace {

std::string fixed(double x, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, x);
  return text;
}

std::vector<std::string> row(const std::string& title, const bench_figures& x) {
  return {title,
          fixed(x.per_second(), 0),
          fixed(x.seconds, 2),
          x.transactions > 0 ? fixed(x.transactions, 3) : "",
          x.wal_bytes > 0 ? fixed(x.wal_bytes, 0) : "",
          x.events > 0 ? fixed(x.events, 1) : "",
          x.own_cpu_us > 0 ? fixed(x.own_cpu_us, 1) : "",
          x.server_cpu_us > 0 ? fixed(x.server_cpu_us, 1) : ""};
}

std::int64_t rate(std::int64_t count, double seconds) {
  return seconds > 0 ? std::llround(static_cast<double>(count) / seconds) : 0;
}

/// Of a measurement whose other figures hold more than what the clock ran for.
std::vector<std::string> seconds_row(const std::string& title, std::int64_t count, double seconds) {
  return {title, std::to_string(rate(count, seconds)), fixed(seconds, 2), "", "", "", "", ""};
}

nlohmann::ordered_json as_json(const bench_figures& x) {
  auto rounded = [](double value, double step) { return std::round(value / step) * step; };
  nlohmann::ordered_json result{{"count", x.count},
                                {"per_second", std::llround(x.per_second())},
                                {"seconds", rounded(x.seconds, 1e-6)}};
  if (x.events > 0)
    result.update({{"transactions_per_ticket", rounded(x.transactions, 1e-4)},
                   {"wal_bytes_per_ticket", std::llround(x.wal_bytes)},
                   {"events_per_ticket", rounded(x.events, 1e-4)},
                   {"swarm_cpu_us_per_ticket", rounded(x.own_cpu_us, 0.01)},
                   {"postgres_cpu_us_per_ticket", rounded(x.server_cpu_us, 0.01)}});
  return result;
}

nlohmann::ordered_json seconds_as_json(std::int64_t count, double seconds) {
  return {{"count", count}, {"per_second", rate(count, seconds)}, {"seconds", std::round(seconds * 1e6) / 1e6}};
}

} // namespace

void print_report(std::ostream& out, const ticket_report& x) {
  out << x.load.count << " no-op tickets, submitted " << x.load.batch
      << " per transaction; from the first submission to the last completion\n\n";
  print_table(out, {{"", "PER SECOND", "SECONDS", "TRANSACTIONS", "WAL BYTES", "EVENTS", "SWARM CPU US",
                     "POSTGRES CPU US"},
                    row("node, " + std::to_string(x.load.slots) + " slots", x.node),
                    row("same SQL without actors, fused", x.fused),
                    row("same SQL without actors, separate", x.separate),
                    seconds_row("drain by a node", x.node_drain.count, x.node_drain.seconds),
                    seconds_row("drain by SQL without actors", x.fused_drain.count, x.fused_drain.seconds),
                    seconds_row("submissions alone", x.fused_drain.count, x.fused_drain.fill_seconds),
                    row("one ticket at a time", x.single),
                    row("bare commits", x.commits)});
  out << "\nTransactions, bytes, events and CPU are per ticket. The node reaches " << fixed(x.ratio() * 100, 0)
      << " % of the ceiling, which is what the same statements give (" << x.ceiling().name
      << ") to three threads that do nothing else. The rest goes into messages, an actor per ticket, and batches that "
         "are as large as the moment makes them.\n"
      << x.cores << " cores shared by node and database, load " << fixed(x.load_average, 1) << " before; PostgreSQL "
      << x.server_version << ", fsync on, synchronous_commit on\n";
  if (x.in_memory)
    out << "The database lies in memory, so commits cost nothing here: set TMPDIR to a directory on a disk.\n";
}

void print_json(std::ostream& out, const ticket_report& x) {
  nlohmann::ordered_json result{
    {"count", x.load.count},
    {"batch", x.load.batch},
    {"slots", x.load.slots},
    {"node", as_json(x.node)},
    {"drain", seconds_as_json(x.node_drain.count, x.node_drain.seconds)},
    {"enqueue", seconds_as_json(x.fused_drain.count, x.fused_drain.fill_seconds)},
    {"limits",
     {{"fused", as_json(x.fused)},
      {"separate", as_json(x.separate)},
      {"single", as_json(x.single)},
      {"drain", seconds_as_json(x.fused_drain.count, x.fused_drain.seconds)},
      {"commits", as_json(x.commits)}}},
    {"ceiling", x.ceiling().name},
    {"ratio", std::round(x.ratio() * 1000) / 1000},
    {"machine",
     {{"cores", x.cores},
      {"load_average", std::round(x.load_average * 100) / 100},
      {"postgresql", x.server_version},
      {"fsync", true},
      {"in_memory", x.in_memory}}}};
  out << result.dump() << '\n';
}

} // namespace swarm::cli
