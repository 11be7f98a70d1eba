// Brings up a node on a database of one's own, submits a graph of a command and of a function of this program, and waits
// for its end.
//   ./embed "host=/run/postgresql dbname=tickets"
#include "messages/payload.hpp"
#include "runtime/node.hpp"
#include "runtime/store/queries.hpp"
#include "runtime/store/tickets.hpp"

#include <chrono>
#include <csignal>
#include <iostream>
#include <thread>

using namespace std::chrono_literals;

namespace {

/// Of this program's own: other nodes of the database don't have its functions.
constexpr auto queue = "embedded";

swarm::new_ticket command(std::string key, std::vector<std::string> argv) {
  swarm::command_payload payload;
  payload.command = std::move(argv);
  swarm::new_ticket result;
  result.key = std::move(key);
  result.queue = queue;
  result.kind = "command";
  result.payload = swarm::to_json(payload);
  return result;
}

swarm::new_ticket greeting(std::string key, std::vector<std::uint32_t> needs) {
  swarm::new_ticket result;
  result.key = std::move(key);
  result.queue = queue;
  result.kind = "function";
  result.payload = R"({"function": "greet", "arguments": {"name": "world"}})";
  result.needs = std::move(needs);
  return result;
}

/// Fails the first time, and learns from it.
swarm::outcome greet(const swarm::executors::function_call& x) {
  if (x.last_failure.empty())
    return swarm::executors::failed_with("the first attempt always fails");
  return swarm::executors::result_of(R"({"greeting": "hello", "to": )" + x.arguments + "}");
}

int fail(const caf::error& x) {
  std::cerr << swarm::render(x) << '\n';
  return 1;
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: embed CONNINFO\n";
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  swarm::runtime::node_settings settings;
  settings.conninfo = argv[1];
  settings.home_id = "00000000-0000-4000-8000-000000000001"; // of this program's own; the same at each start
  settings.working_directory = "/tmp";
  settings.values.node.queues = {queue};
  settings.functions["greet"] = greet;
  auto node = swarm::runtime::node::start(settings);
  if (!node)
    return fail(node.error());
  auto db = swarm::store::connection::open({settings.conninfo, "embed"});
  if (!db)
    return fail(db.error());
  auto graph = swarm::store::submit(*db, {"embedded", {command("first", {"echo", "hello"}),
                                                       greeting("second", {0})}});
  if (!graph)
    return fail(graph.error());
  for (;;) {
    auto tickets = swarm::store::graph_tickets(*db, graph->graph);
    if (!tickets)
      return fail(tickets.error());
    if (tickets->back().state == "completed")
      break;
    std::this_thread::sleep_for(50ms);
  }
  auto attempts = swarm::store::list_attempts(*db, graph->tickets.back());
  if (!attempts)
    return fail(attempts.error());
  std::cout << "both tickets are completed: " << attempts->back().details << '\n';
}
