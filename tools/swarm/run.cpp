#include "config/graph_file.hpp"
#include "runtime/store/queries.hpp"
#include "runtime/store/tickets.hpp"
#include "tools/swarm/local_node.hpp"
#include "tools/swarm/progress.hpp"
#include "tools/swarm/signals.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iostream>
#include <utility>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// How long a home may be without a node, e.g. while it is restarted, before a run brings up one of its own.
constexpr auto absence_max = 10s;

/// How long nothing may move before a run says why.
constexpr auto standstill_max = 5s;

struct run_options {
  std::string file;
  bool json = false;
};

/// What stands between this command and the tickets: a node of our own, or the way to one that runs elsewhere.
struct reach {
  std::unique_ptr<local_node> own_node;
  database_access access;
  runtime::home home;
};

caf::expected<store::connection> connect_to(const config::node_config& values, const reach& to) {
  auto conninfo = to.own_node              ? to.own_node->conninfo()
                  : to.access.postgres     ? to.access.postgres->conninfo()
                                           : values.database.url;
  return store::connection::open(connection_settings(values, conninfo, "swarm run"));
}

/// A node that runs on this home does the work; where none runs, one is brought up for as long as the graph takes.
caf::expected<reach> reach_a_node(const invocation& x, const config::node_config& values, const signals& incoming) {
  auto home = open_home(x);
  if (!home)
    return std::move(home.error());
  auto holder = runtime::holder_of(*home);
  if (!holder)
    return std::move(holder.error());
  if (*holder && !(*holder)->node.empty()) {
    auto access = open_database(x, values, "swarm run");
    if (!access)
      return std::move(access.error());
    // With the lock in our hands that node has just ended.
    if (!access->lock)
      return reach{nullptr, std::move(*access), *home};
  }
  auto node = local_node::start(*home, values, "swarm run", runtime::log_terminal::nothing, incoming);
  if (!node)
    return std::move(node.error());
  reach result{std::move(*node), {}, *home};
  auto db = connect_to(values, result);
  if (!db)
    return std::move(db.error());
  result.access.connection = std::move(*db);
  return result;
}

/// Looks at a graph until nothing moves any more, through outages of database and node.
class watcher {
public:
  watcher(const config::node_config& values, reach& to, graph_id graph, const signals& incoming)
    : values_(values), to_(to), graph_(graph), incoming_(incoming) {}

  /// @returns the last look, or nothing when a signal came first, or the end of our own node.
  std::optional<std::vector<store::graph_ticket>> watch() {
    progress shown{std::cerr};
    for (;;) {
      if (auto tickets = look()) {
        shown.show(*tickets);
        if (count(*tickets).is_settled())
          return tickets;
        explain_standstill(*tickets);
      }
      if (incoming_.wait_for(200ms) || own_node_failure())
        return std::nullopt;
      replace_lost_node();
    }
  }

  /// Why our own node gave up, if it did.
  std::optional<caf::error> own_node_failure() const {
    if (!to_.own_node)
      return std::nullopt;
    to_.own_node->tend_database();
    return to_.own_node->node().failure();
  }

private:
  /// Tickets that are ready and don't begin: a queue that nobody serves, or one that is paused. Said once each time.
  void explain_standstill(const std::vector<store::graph_ticket>& tickets) {
    auto counts = count(tickets);
    auto now = std::chrono::steady_clock::now();
    if (counts.of("ready") == 0 || counts.of("in_progress") > 0 || counts.by_state != last_counts_.by_state) {
      moved_at_ = now;
      is_explained_ = false;
      last_counts_ = std::move(counts);
    }
    if (is_explained_ || now - moved_at_ < standstill_max)
      return;
    is_explained_ = true;
    auto first = std::find_if(tickets.begin(), tickets.end(), [](auto& x) { return x.state == "ready"; });
    auto reasons = store::why(*to_.access.connection, first->id, 3 * values_.heartbeat.interval);
    if (!reasons)
      return;
    std::cerr << "swarm: nothing moves\n";
    for (auto& reason : *reasons)
      std::cerr << "  " << printable_line(reason) << '\n';
  }

  /// The node may have been that of another `swarm run`, which ends with its own graph and never comes back.
  void replace_lost_node() {
    if (to_.own_node)
      return;
    auto now = std::chrono::steady_clock::now();
    auto holder = runtime::holder_of(to_.home);
    if (!holder || (*holder && !(*holder)->node.empty()))
      node_seen_at_ = now;
    if (now - node_seen_at_ < absence_max)
      return;
    node_seen_at_ = now;
    std::cerr << "swarm: the node of this home has gone, and this run goes on with one of its own\n";
    auto node = local_node::start(to_.home, values_, "swarm run", runtime::log_terminal::nothing, incoming_);
    if (!node) {
      std::cerr << "swarm: " << render(node.error()) << '\n';
      return;
    }
    to_.own_node = std::move(*node);
    to_.access.connection.reset();
  }

  std::optional<std::vector<store::graph_ticket>> look() {
    auto& db = to_.access.connection;
    if (!db) {
      auto opened = connect_to(values_, to_);
      if (!opened)
        return std::nullopt;
      db = std::move(*opened);
      if (std::exchange(is_out_, false))
        std::cerr << "swarm: the database is back\n";
    }
    auto tickets = store::graph_tickets(*db, graph_);
    if (tickets)
      return std::move(*tickets);
    std::cerr << "swarm: waiting for the database: " << render(tickets.error()) << '\n';
    is_out_ = true;
    db.reset();
    return std::nullopt;
  }

  const config::node_config& values_;
  reach& to_;
  graph_id graph_;
  const signals& incoming_;
  std::chrono::steady_clock::time_point node_seen_at_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point moved_at_ = node_seen_at_;
  graph_counts last_counts_;
  bool is_explained_ = false;
  bool is_out_ = false;
};

std::string summary(const graph_counts& counts) {
  std::string result;
  for (auto* state : {"completed", "failed", "cancelled", "blocked", "in_review"})
    if (counts.of(state) > 0 || state == std::string_view{"completed"})
      result += (result.empty() ? "" : ", ") + std::to_string(counts.of(state)) + " "
                + (state == std::string_view{"in_review"} ? "in review" : state);
  return result;
}

void print_json(graph_id graph, const graph_counts& counts) {
  nlohmann::ordered_json line{{"graph", graph.value}};
  for (auto* state : {"completed", "failed", "cancelled", "blocked", "in_review"})
    line[state] = counts.of(state);
  std::cout << line.dump() << '\n';
}

/// For each ticket that failed: what its last attempt printed, because that is the next thing anybody wants to know.
void print_failures(store::connection& db, const std::vector<store::graph_ticket>& tickets) {
  for (auto& x : tickets) {
    if (x.state != "failed")
      continue;
    std::cerr << "\nticket " << to_string(x.id) << " '" << printable_line(x.key)
              << "' failed: " << printable_line(x.evidence) << '\n';
    auto attempts = store::list_attempts(db, x.id);
    if (!attempts || attempts->empty() || attempts->back().output.empty())
      continue;
    constexpr std::size_t shown_max = 4000;
    std::string_view output = attempts->back().output;
    if (output.size() > shown_max)
      output = output.substr(output.size() - shown_max);
    std::cerr << indented(printable(output), "  | ");
  }
}

/// Nobody waits here for a person, who may take days: his verdict finds the ticket wherever it is then.
void print_reviews(const std::vector<store::graph_ticket>& tickets) {
  for (auto& x : tickets)
    if (x.state == "in_review")
      std::cerr << "ticket " << to_string(x.id) << " '" << printable_line(x.key) << "' waits for a person: "
                << printable_line(x.evidence) << "\n  swarm approve " << to_string(x.id) << ", or swarm reject "
                << to_string(x.id) << " --why TEXT\n";
}

caf::expected<store::submitted> submit_and_ring(store::connection& db, const new_graph& graph) {
  auto submitted = store::submit(db, graph);
  if (submitted)
    (void) store::notify(db, "ready"); // a hint: polling finds them all the same
  return submitted;
}

/// Other tickets of this home may still be running in it.
void end_own_node(reach& to, const signals& incoming) {
  if (to.own_node && !to.own_node->stop_patiently(incoming))
    to.own_node->abandon(exit_gave_up);
}

int run(const invocation& x, const run_options& options) {
  signals incoming;
  auto settings = load_settings(x);
  if (!settings)
    return exit_bad_input;
  auto& values = settings->values;
  config::problems found;
  auto graph = config::load_graph(options.file,
                                  {static_cast<std::int16_t>(values.ticket.attempts), values.ticket.timeout}, found);
  if (!graph)
    return complain(found);
  auto to = reach_a_node(x, values, incoming);
  if (!to)
    return incoming.is_pending() ? exit_interrupted : complain(to.error());
  auto submitted = submit_and_ring(*to->access.connection, *graph);
  if (!submitted)
    return complain(submitted.error());
  std::cerr << "graph " << to_string(submitted->graph) << " '" << printable_line(graph->name) << "': "
            << graph->tickets.size() << " tickets\n";
  watcher watching{values, *to, submitted->graph, incoming};
  auto last = watching.watch();
  if (!last) {
    auto cause = watching.own_node_failure();
    if (cause)
      complain(*cause);
    std::cerr << "swarm: stopped watching; the graph stays in the database: swarm list --graph "
              << to_string(submitted->graph) << '\n';
    end_own_node(*to, incoming);
    return cause ? exit_gave_up : exit_interrupted;
  }
  auto counts = count(*last);
  print_failures(*to->access.connection, *last);
  print_reviews(*last);
  std::cerr << "graph " << to_string(submitted->graph) << ": " << summary(counts) << '\n';
  if (options.json)
    print_json(submitted->graph, counts);
  end_own_node(*to, incoming);
  return counts.is_complete() ? exit_success : exit_failure;
}

} // namespace

void add_run(CLI::App& program, invocation& x, action& chosen) {
  auto options = std::make_shared<run_options>();
  auto* command = program.add_subcommand("run", "Run a graph of tickets from a YAML file, and show its progress");
  command->add_option("GRAPH", options->file, "The file")->required();
  command->add_flag("--json", options->json, "End with one JSON object on stdout");
  add_setting_flags(*command, x);
  command->callback([options, &chosen] { chosen = [options](const invocation& said) { return run(said, *options); }; });
}

} // namespace swarm::cli
