#include "tools/swarm/bench_executors.hpp"

#include "tools/swarm/bench_actors_rig.hpp"
#include "tools/swarm/bench_executors_measure.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <thread>

namespace swarm::cli {

namespace {

constexpr double memory_bytes_aim = 64 * 1024;
constexpr unsigned io_threads_aim = 1;
constexpr double ratio_aim = 0.7;

struct executors_options {
  unsigned streams = 1'000;
  unsigned events = 50;
  std::uint64_t commands = 500;
  bool json = false;
};

struct executors_report {
  std::vector<stream_figures> streams;
  command_figures commands;
  unsigned cores = 0;
  double load_average = 0; ///< Of the machine, before the first measurement.
};

std::vector<unsigned> stream_counts(unsigned most) {
  std::vector<unsigned> result;
  for (const auto x : {1u, 100u})
    if (x < most)
      result.push_back(x);
  result.push_back(most);
  return result;
}

caf::expected<executors_report> measure(const bench_api& api, const executors_options& options) {
  executors_report result;
  result.cores = std::thread::hardware_concurrency();
  getloadavg(&result.load_average, 1);
  for (const auto count : stream_counts(options.streams)) {
    std::cerr << "swarm: measuring " << count << (count == 1 ? " stream\n" : " streams\n");
    auto figures = measure_streams(api, count, options.events);
    if (!figures)
      return std::move(figures.error());
    result.streams.push_back(*figures);
  }
  std::cerr << "swarm: measuring commands\n";
  auto commands = measure_commands(options.commands);
  if (!commands)
    return std::move(commands.error());
  result.commands = *commands;
  return result;
}

std::string fixed(double x, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, x);
  return text;
}

std::string judged(const std::string& aim, bool is_met) {
  return aim + (is_met ? ", met" : ", missed");
}

bool is_memory_met(const executors_report& x) {
  return x.streams.back().memory_bytes < memory_bytes_aim;
}

bool are_threads_met(const executors_report& x) {
  return x.streams.back().io_threads <= io_threads_aim;
}

bool are_commands_met(const executors_report& x) {
  return x.commands.ratio >= ratio_aim;
}

/// The rate that ours would have of the bare one's if nothing but the CPU counted.
double cpu_ratio(const command_figures& x) {
  return x.ours_cpu_us > 0 ? x.bare_cpu_us / x.ours_cpu_us : 0;
}

void print_streams(std::ostream& out, const executors_report& x) {
  std::vector<std::vector<std::string>> table{{"OPEN STREAMS"}, {"memory of each, bytes"}, {"CPU per 1,000 events, ms"},
                                              {"delay of an event, us, median"}, {"delay of an event, us, p99"},
                                              {"I/O threads"}};
  for (const auto& figures : x.streams) {
    const std::string cells[]{std::to_string(figures.streams), fixed(figures.memory_bytes, 0),
                              fixed(figures.cpu_ms_per_1000_events, 1), fixed(figures.delay_p50_us, 0),
                              fixed(figures.delay_p99_us, 0), std::to_string(figures.io_threads)};
    for (std::size_t i = 0; i < table.size(); ++i)
      table[i].push_back(cells[i]);
  }
  const std::string aims[]{"AIM", judged("< " + fixed(memory_bytes_aim, 0), is_memory_met(x)), "", "", "",
                           judged(std::to_string(io_threads_aim), are_threads_met(x))};
  for (std::size_t i = 0; i < table.size(); ++i)
    table[i].push_back(aims[i]);
  print_table(out, table);
}

void print_report(std::ostream& out, const executors_report& x) {
  print_streams(out, x);
  out << '\n';
  print_table(out, {{"COMMANDS", "TICKETS", "BARE POSIX_SPAWN", "RATIO", "AIM"},
                    {"per second", fixed(x.commands.ours_per_second, 0), fixed(x.commands.bare_per_second, 0),
                     fixed(x.commands.ratio, 2), judged(">= " + fixed(ratio_aim, 2), are_commands_met(x))},
                    {"CPU of each, us", fixed(x.commands.ours_cpu_us, 0), fixed(x.commands.bare_cpu_us, 0),
                     fixed(cpu_ratio(x.commands), 2), ""}});
  out << "\nStreams are attempts of kind claude at a server on the loopback, which is a process of its own and isn't "
         "counted; plain HTTP, so without what TLS costs. The delay is from the server's write to the event in the message.\n"
         "Commands run /bin/true, "
      << commands_in_flight << " at once, from the claim's arrival to the settlement, without a database\n"
      << x.cores << " cores, load " << fixed(x.load_average, 1) << " before\n";
}

void print_json(std::ostream& out, const executors_report& x) {
  auto rounded = [](double value) { return std::round(value * 1000) / 1000; };
  auto streams = nlohmann::ordered_json::array();
  for (const auto& figures : x.streams)
    streams.push_back({{"streams", figures.streams},
                       {"memory_bytes", std::llround(figures.memory_bytes)},
                       {"cpu_ms_per_1000_events", rounded(figures.cpu_ms_per_1000_events)},
                       {"delay_us", {{"p50", rounded(figures.delay_p50_us)}, {"p99", rounded(figures.delay_p99_us)}}},
                       {"io_threads", figures.io_threads}});
  const nlohmann::ordered_json result{
    {"streams", std::move(streams)},
    {"commands",
     {{"count", x.commands.count},
      {"per_second", std::llround(x.commands.ours_per_second)},
      {"bare_per_second", std::llround(x.commands.bare_per_second)},
      {"ratio", rounded(x.commands.ratio)},
      {"cpu_us", rounded(x.commands.ours_cpu_us)},
      {"bare_cpu_us", rounded(x.commands.bare_cpu_us)}}},
    {"aims",
     {{"memory_bytes", {{"below", memory_bytes_aim}, {"met", is_memory_met(x)}}},
      {"io_threads", {{"at_most", io_threads_aim}, {"met", are_threads_met(x)}}},
      {"ratio", {{"at_least", ratio_aim}, {"met", are_commands_met(x)}}}}},
    {"machine", {{"cores", x.cores}, {"load_average", rounded(x.load_average)}}}};
  out << result.dump() << '\n';
}

int bench_executors(const executors_options& options) {
  discard_log();
  auto api = bench_api::start();
  if (!api)
    return complain(api.error());
  auto report = measure(*api, options);
  if (!report)
    return complain(report.error());
  if (options.json)
    print_json(std::cout, *report);
  else
    print_report(std::cout, *report);
  return exit_success;
}

} // namespace

void add_bench_executors(CLI::App& bench, action& chosen) {
  auto options = std::make_shared<executors_options>();
  auto* command = bench.add_subcommand("executors", "What open streams of Claude cost, and how fast commands start beside "
                                                    "a bare loop; needs no database and no key");
  command->add_option("--streams", options->streams, "Streams at once, at most; 1 and 100 come before")
    ->check(CLI::Range(1, 20'000))->capture_default_str();
  command->add_option("--events", options->events, "Events of each stream, at least")->check(CLI::Range(1, 100'000))
    ->capture_default_str();
  command->add_option("--commands", options->commands, "Commands a round")->check(CLI::Range(10, 1'000'000))
    ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([options, &chosen] {
    chosen = [options](const invocation&) { return bench_executors(*options); };
  });
}

} // namespace swarm::cli
