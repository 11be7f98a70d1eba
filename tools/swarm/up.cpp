#include "tools/swarm/local_node.hpp"
#include "tools/swarm/signals.hpp"

#include "actors/logging.hpp"

#include <csignal>
#include <future>
#include <iostream>
#include <systemd/sd-daemon.h>
#include <unistd.h>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// Tells systemd, when it runs us as a service of type notify; does nothing otherwise.
void tell_systemd(const std::string& state) {
  sd_notify(0, state.c_str());
}

/// Whether the node does its work as far as anybody can see from outside its actors.
bool is_well(const runtime::node& node, std::chrono::microseconds patience) {
  return node.silent_for() < patience;
}

/// Stops the node; a second signal meanwhile hands running tickets back at once, a third one ends the process.
/// @returns whether all actors have ended.
bool stop_patiently(runtime::node& node, const signals& incoming) {
  tell_systemd("STOPPING=1");
  auto stopped = std::async(std::launch::async, [&node] { return node.stop(); });
  int told = 1;
  while (stopped.wait_for(0s) != std::future_status::ready)
    if (incoming.wait_for(100ms)) {
      if (++told == 2)
        node.hand_back();
      else
        _exit(exit_failure); // leases run out, and the next start reclaims them at once
    }
  return stopped.get();
}

/// The tree has given up. What it could hand back is handed back; a stuck actor's thread would keep the process for ever.
[[noreturn]] void give_up(local_node& running, const caf::error& cause, const signals& incoming) {
  logger_for("node")->critical("the supervision tree gave up, the node ends: cause={}", fact(render(cause)));
  stop_patiently(running.node(), incoming);
  running.stop_database();
  spdlog::shutdown();
  _exit(exit_gave_up);
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
  tell_systemd("READY=1\nSTATUS=ready for tickets");
  std::uint64_t watchdog_us = 0;
  const auto watched = sd_watchdog_enabled(0, &watchdog_us) > 0;
  for (;;) {
    if (auto signal = incoming.wait_for(500ms)) {
      logger_for("node")->info("stopping on signal: signal={}", strsignal(*signal));
      if (stop_patiently((*running)->node(), incoming))
        return exit_success;
      logger_for("node")->error("an actor is stuck and can't be stopped; the process ends without it");
      (*running)->stop_database();
      spdlog::shutdown();
      _exit(exit_gave_up);
    }
    (*running)->tend_database();
    if (auto cause = (*running)->node().failure())
      give_up(**running, *cause, incoming);
    if (watched && is_well((*running)->node(), settings->values.supervisor.stuck_after))
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
