// Brings up a node on a database of one's own, submits a graph of two tickets, and waits for its end.
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

swarm::new_ticket command(std::string key, std::vector<std::string> argv, std::vector<std::uint32_t> needs = {}) {
  swarm::command_payload payload;
  payload.command = std::move(argv);
  swarm::new_ticket result;
  result.key = std::move(key);
  result.kind = "command";
  result.payload = swarm::to_json(payload);
  result.needs = std::move(needs);
  return result;
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
  auto node = swarm::runtime::node::start(settings);
  if (!node)
    return fail(node.error());
  auto db = swarm::store::connection::open({settings.conninfo, "embed"});
  if (!db)
    return fail(db.error());
  auto graph = swarm::store::submit(*db, {"embedded", {command("first", {"echo", "hello"}),
                                                       command("second", {"echo", "world"}, {0})}});
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
  std::cout << "both tickets are completed\n";
}
