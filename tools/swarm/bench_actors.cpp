#include "tools/swarm/bench_actors.hpp"

#include "tools/swarm/bench_actors_measure.hpp"
#include "tools/swarm/bench_actors_rig.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <iterator>
#include <thread>

namespace swarm::cli {

namespace {

struct actors_options {
  std::uint64_t count = 100'000;
  bool json = false;
};

struct actors_report {
  std::uint64_t count = 0;
  comparisons figures;
  unsigned cores = 0;
  double load_average = 0; ///< Of the machine, before the first measurement.
};

caf::expected<actors_report> measure(const actors_options& options) {
  actors_report result;
  result.count = options.count;
  result.cores = std::thread::hardware_concurrency();
  getloadavg(&result.load_average, 1);
  const std::pair<const char*, std::function<caf::expected<comparisons>()>> steps[]{
    {"messages", measure_round_trips},
    {"restarts", measure_restarts},
    {"dynamic children", [&] { return measure_dynamic_children(options.count); }},
    {"static children", measure_static_children}};
  for (auto& [what, step] : steps) {
    std::cerr << "swarm: measuring " << what << '\n';
    auto figures = step();
    if (!figures)
      return std::move(figures.error());
    std::move(figures->begin(), figures->end(), std::back_inserter(result.figures));
  }
  return result;
}

std::string fixed(double x, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, x);
  return text;
}

void print_report(std::ostream& out, const actors_report& x) {
  std::vector<std::vector<std::string>> table{{"", "SWARM", "BARE CAF", "RATIO", "AIM"}};
  for (auto& figure : x.figures) {
    auto digits = std::max(figure.ours, figure.bare) < 100 ? 2 : 0;
    table.push_back({figure.title, fixed(figure.ours, digits), fixed(figure.bare, digits), fixed(figure.ratio, 2),
                     figure.aim > 0 ? "< " + fixed(figure.aim, 1) : ""});
  }
  print_table(out, table);
  out << "\nFigures are medians of rounds in which ours and bare CAF take turns. The ratio is what ours costs where "
         "bare CAF costs 1, the median of the rounds' ratios.\n"
      << x.count << " dynamic children with 100 requests in flight; static children one after the other\n"
      << x.cores << " cores, load " << fixed(x.load_average, 1)
      << " before; scheduler sharing, at most 50 messages at a time\n";
}

void print_json(std::ostream& out, const actors_report& x) {
  auto rounded = [](double value) { return std::round(value * 1000) / 1000; };
  nlohmann::ordered_json figures;
  for (auto& figure : x.figures) {
    figures[figure.name] = {{"swarm", rounded(figure.ours)},
                            {"bare_caf", rounded(figure.bare)},
                            {"ratio", rounded(figure.ratio)}};
    if (figure.aim > 0)
      figures[figure.name]["aim"] = figure.aim;
  }
  nlohmann::ordered_json result{
    {"count", x.count},
    {"figures", std::move(figures)},
    {"machine", {{"cores", x.cores}, {"load_average", rounded(x.load_average)}}}};
  out << result.dump() << '\n';
}

int bench_actors(const actors_options& options) {
  discard_log();
  auto report = measure(options);
  if (!report)
    return complain(report.error());
  if (options.json)
    print_json(std::cout, *report);
  else
    print_report(std::cout, *report);
  return exit_success;
}

} // namespace

void add_bench_actors(CLI::App& bench, action& chosen) {
  auto options = std::make_shared<actors_options>();
  auto* command = bench.add_subcommand("actors", "What messages, restarts and children cost, each beside bare CAF that "
                                                 "does the same; needs no database");
  command->add_option("--count", options->count, "Dynamic children")->check(CLI::Range(1'000, 1'000'000))
    ->capture_default_str();
  command->add_flag("--json", options->json, "One JSON object");
  command->callback([options, &chosen] {
    chosen = [options](const invocation&) { return bench_actors(*options); };
  });
}

} // namespace swarm::cli
