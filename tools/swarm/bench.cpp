#include "tools/swarm/bench_actors.hpp"
#include "tools/swarm/bench_executors.hpp"
#include "tools/swarm/bench_queue.hpp"
#include "tools/swarm/bench_report.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace swarm::cli {

namespace {

struct bench_options {
  ticket_load load;
  bool json = false;
  bool keep = false;
};

/// Defaults and flags only: a figure must not depend on a file that lies about, and never touches a user's database.
std::optional<config::node_config> bench_settings(const invocation& x) {
  config::config_sources sources;
  sources.flags = x.settings;
  config::problems found;
  auto loaded = config::load_config(sources, found);
  if (!loaded) {
    complain(found);
    return std::nullopt;
  }
  loaded->values.database.url.clear();
  return loaded->values;
}

caf::expected<ticket_report> measure_tickets(bench_site& site, const ticket_load& load) {
  ticket_report result;
  result.load = load;
  result.cores = std::thread::hardware_concurrency();
  result.server_version = site.server().version_text;
  result.in_memory = site.is_in_memory();
  getloadavg(&result.load_average, 1);
  auto take = [](bench_figures& to, caf::expected<bench_figures> x) {
    if (x)
      to = std::move(*x);
    return x ? caf::error{} : x.error();
  };
  const std::pair<const char*, std::function<caf::error()>> steps[]{
    {"a node", [&] { return take(result.node, measure_node(site, load, bench_part::whole_life)); }},
    {"the same SQL, fused",
     [&] { return take(result.fused, measure_sql(site, load, sql_shape::fused, bench_part::whole_life)); }},
    {"the same SQL, separate",
     [&] { return take(result.separate, measure_sql(site, load, sql_shape::separate, bench_part::whole_life)); }},
    {"a node that drains", [&] { return take(result.node_drain, measure_node(site, load, bench_part::drain)); }},
    {"the same SQL that drains",
     [&] { return take(result.fused_drain, measure_sql(site, load, sql_shape::fused, bench_part::drain)); }},
    {"one ticket at a time", [&] { return take(result.single, measure_single(site, load)); }},
    {"bare commits", [&] { return take(result.commits, measure_commits(site)); }}};
  for (auto& [what, measure] : steps) {
    std::cerr << "swarm: measuring " << what << '\n';
    if (auto failure = measure())
      return failure;
  }
  return result;
}

int complain_unless_interrupted(const caf::error& x) {
  if (code_of(x) != errc::shutting_down)
    return complain(x);
  std::cerr << "swarm: interrupted\n";
  return exit_interrupted;
}

int bench_tickets(const invocation& x, const bench_options& options) {
  signals incoming;
  auto settings = bench_settings(x);
  if (!settings)
    return exit_bad_input;
  auto site = bench_site::open(*settings, incoming, options.keep);
  if (!site)
    return complain_unless_interrupted(site.error());
  auto report = measure_tickets(**site, options.load);
  if (!report)
    return complain_unless_interrupted(report.error());
  if (options.json)
    print_json(std::cout, *report);
  else
    print_report(std::cout, *report);
  return exit_success;
}

void add_tickets(CLI::App& bench, invocation& x, action& chosen) {
  auto options = std::make_shared<bench_options>();
  auto& load = options->load;
  auto* command = bench.add_subcommand("tickets", "Tickets per second from submission to completion, beside what the "
                                                  "same SQL gives without actors; in a scratch database of its own");
  command->add_option("--count", load.count, "Tickets")->check(CLI::Range(1, 10'000'000))->capture_default_str();
  command->add_option("--batch", load.batch, "Tickets per submission")->check(CLI::Range(1, 100'000))
    ->capture_default_str();
  command->add_option("--slots", load.slots, "Tickets that the node runs at once")->check(CLI::Range(1, 10'000))
    ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object");
  command->add_flag("--keep", options->keep, "Leave the scratch home where it is");
  add_setting_flags(*command, x);
  command->callback([options, &chosen] {
    chosen = [options](const invocation& said) { return bench_tickets(said, *options); };
  });
}

std::string fixed(double x) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", x);
  return text;
}

void print_queue(const queue_figures& x, const queue_load& load) {
  std::vector<std::vector<std::string>> table{{"MILLISECONDS", "P50", "P99", "BARE SQL P50", "P99"}};
  auto add = [&](const std::string& what, const latency_figures& y, const latency_figures& bare) {
    table.push_back({what, fixed(y.p50), fixed(y.p99), fixed(bare.p50), fixed(bare.p99)});
  };
  for (auto& b : x.backlogs) {
    add("claim of 1, " + std::to_string(b.waiting) + " waiting", b.claim_one.ours, b.claim_one.bare);
    add("claim of 100, " + std::to_string(b.waiting) + " waiting", b.claim_hundred.ours, b.claim_hundred.bare);
  }
  auto& bare = x.backlogs.front().claim_hundred.bare;
  add("claim of 100, 10000 waiting beside " + std::to_string(load.finished) + " finished", x.beside_finished, bare);
  add("claim of 100, 50000 claimed under a held snapshot", x.held_snapshot, bare);
  add("from enqueueing to the claim, idle node", x.start.ours, x.start.bare);
  add("heartbeat of " + std::to_string(load.leases) + " leases", x.heartbeat.ours, x.heartbeat.bare);
  print_table(std::cout, table);
  std::cout << "Bare SQL takes, renews or inserts the same number of rows of a table with two columns and nothing else.\n";
  std::cout << "transactions per second of an idle node: " << fixed(x.idle_transactions) << '\n';
  if (x.backlogs.size() > 1)
    std::cout << "a claim of 100 takes " << fixed(x.backlogs.back().claim_hundred.ours.p50 / x.backlogs.front().claim_hundred.ours.p50)
              << " times as long with " << x.backlogs.back().waiting << " waiting as with " << x.backlogs.front().waiting
              << '\n';
}

int bench_queue(const invocation& x, const queue_load& load) {
  signals incoming;
  auto settings = bench_settings(x);
  if (!settings)
    return exit_bad_input;
  auto site = bench_site::open(*settings, incoming, false);
  if (!site)
    return complain_unless_interrupted(site.error());
  auto figures = measure_queue(**site, load);
  if (!figures)
    return complain_unless_interrupted(figures.error());
  print_queue(*figures, load);
  return exit_success;
}

void add_queue(CLI::App& bench, invocation& x, action& chosen) {
  auto load = std::make_shared<queue_load>();
  auto* command = bench.add_subcommand("queue", "How long a claim, a heartbeat and the way to a worker take, with how many "
                                                "tickets waiting; takes a few minutes");
  command->add_option("--waiting-max", load->waiting_max, "Tickets that wait, at most")
    ->check(CLI::Range(10'000, 10'000'000))->capture_default_str();
  command->add_option("--finished", load->finished, "Tickets that have finished, beside which claims are timed again")
    ->check(CLI::Range(0, 10'000'000))->capture_default_str();
  command->add_option("--leases", load->leases, "Leases of one heartbeat")->check(CLI::Range(1, 100'000))
    ->capture_default_str();
  command->add_option("--samples", load->samples, "Of each latency")->check(CLI::Range(4, 100'000))->capture_default_str();
  add_setting_flags(*command, x);
  command->callback([load, &chosen] { chosen = [load](const invocation& said) { return bench_queue(said, *load); }; });
}

} // namespace

void add_bench(CLI::App& program, invocation& x, action& chosen) {
  auto* command = program.add_subcommand("bench", "Measure this machine");
  command->require_subcommand(1);
  add_tickets(*command, x, chosen);
  add_queue(*command, x, chosen);
  add_bench_actors(*command, chosen);
  add_bench_executors(*command, chosen);
}

} // namespace swarm::cli
