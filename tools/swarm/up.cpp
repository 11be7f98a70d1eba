#include "tools/swarm/local_node.hpp"
#include "tools/swarm/signals.hpp"

#include "actors/logging.hpp"

#include <csignal>
#include <future>
#include <iostream>
#include <unistd.h>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// Stops the node; a second signal meanwhile hands running tickets back at once, a third one ends the process.
void stop_patiently(runtime::node& node, const signals& incoming) {
  auto stopped = std::async(std::launch::async, [&node] { node.stop(); });
  int told = 1;
  while (stopped.wait_for(0s) != std::future_status::ready)
    if (incoming.wait_for(100ms)) {
      if (++told == 2)
        node.hand_back();
      else
        _exit(exit_failure); // leases run out, and the next start reclaims them at once
    }
}

int up(const invocation& x) {
  signals incoming;
  auto settings = load_settings(x);
  if (!settings)
    return exit_bad_input;
  auto home = open_home(x);
  if (!home)
    return complain(home.error());
  auto running = local_node::start(*home, settings->values, "swarm up", runtime::log_terminal::everything);
  if (!running)
    return complain(running.error());
  logger_for("node")->info("ready for tickets: home={}", fact(home->root().string()));
  for (;;) {
    if (auto signal = incoming.wait_for(500ms)) {
      logger_for("node")->info("stopping on signal: signal={}", strsignal(*signal));
      stop_patiently((*running)->node(), incoming);
      return exit_success;
    }
    (*running)->tend_database();
    if (auto cause = (*running)->node().failure()) {
      logger_for("node")->critical("the supervision tree gave up, the node ends: cause={}", fact(render(*cause)));
      return exit_gave_up;
    }
  }
}

} // namespace

void add_up(CLI::App& program, invocation& x, action& chosen) {
  auto* command = program.add_subcommand("up", "Run a node in the foreground until SIGINT or SIGTERM");
  add_setting_flags(*command, x);
  command->callback([&chosen] { chosen = up; });
}

} // namespace swarm::cli
