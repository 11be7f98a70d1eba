#include "tools/swarm/local_node.hpp"
#include "tools/swarm/signals.hpp"

#include "actors/logging.hpp"

#include <csignal>
#include <iostream>
#include <systemd/sd-daemon.h>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// Tells systemd, when it runs us as a service of type notify; does nothing otherwise.
void tell_systemd(const char* state) {
  sd_notify(0, state);
}

/// Stops the node, and leaves without it where an actor's thread would keep the process for ever.
int stop(local_node& running, const signals& incoming, int code) {
  tell_systemd("STOPPING=1");
  if (running.stop_patiently(incoming))
    return code;
  logger_for("node")->error("an actor is stuck and can't be stopped; the process ends without it");
  running.abandon(exit_gave_up);
}

int up(const invocation& x) {
  signals incoming;
  auto settings = load_settings(x);
  if (!settings)
    return exit_bad_input;
  auto home = open_home(x);
  if (!home)
    return complain(home.error());
  auto running = local_node::start(*home, settings->values, "swarm up", runtime::log_terminal::everything, incoming);
  if (!running)
    return incoming.is_pending() ? exit_interrupted : complain(running.error());
  logger_for("node")->info("ready for tickets: home={}", fact(home->root().string()));
  tell_systemd("READY=1\nSTATUS=ready for tickets");
  std::uint64_t watchdog_us = 0;
  const auto watched = sd_watchdog_enabled(0, &watchdog_us) > 0;
  for (;;) {
    if (auto signal = incoming.wait_for(500ms)) {
      logger_for("node")->info("stopping on signal: signal={}", strsignal(*signal));
      return stop(**running, incoming, exit_success);
    }
    (*running)->tend_database();
    if (auto cause = (*running)->node().failure()) {
      logger_for("node")->critical("the supervision tree gave up, the node ends: cause={}", fact(render(*cause)));
      return stop(**running, incoming, exit_gave_up);
    }
    if (watched && (*running)->node().silent_for() < settings->values.supervisor.stuck_after)
      tell_systemd("WATCHDOG=1");
  }
}

} // namespace

void add_up(CLI::App& program, invocation& x, action& chosen) {
  auto* command = program.add_subcommand("up", "Run a node in the foreground until SIGINT or SIGTERM");
  add_setting_flags(*command, x);
  command->callback([&chosen] { chosen = up; });
}

} // namespace swarm::cli
