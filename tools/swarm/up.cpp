#include "tools/swarm/local_node.hpp"
#include "tools/swarm/signals.hpp"

#include "actors/logging.hpp"

#include <atomic>
#include <csignal>
#include <functional>
#include <iostream>
#include <systemd/sd-daemon.h>
#include <thread>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// Tells systemd, when it runs us as a service of type notify; does nothing otherwise.
void tell_systemd(const char* state) {
  sd_notify(0, state);
}

/// What systemd hears, if it listens: that the node lives. Also while the main thread brings the database up again, which
/// may take longer than systemd's patience and is nothing that a restart of the node would mend.
class heart {
public:
  heart(const runtime::node& node, caf::timespan stuck_after) : node_(node), stuck_after_(stuck_after) {
    std::uint64_t watchdog_us = 0;
    if (sd_watchdog_enabled(0, &watchdog_us) > 0)
      deputy_ = std::jthread{[this](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
          std::this_thread::sleep_for(pause);
          if (is_busy_)
            beat();
        }
      }};
  }

  void beat() const {
    if (deputy_.joinable() && node_.silent_for() < stuck_after_)
      tell_systemd("WATCHDOG=1");
  }

  void beat_during(const std::function<void()>& work) {
    is_busy_ = true;
    work();
    is_busy_ = false;
  }

  static constexpr std::chrono::milliseconds pause{500};

private:
  const runtime::node& node_;
  caf::timespan stuck_after_;
  std::atomic<bool> is_busy_{false};
  std::jthread deputy_;
};

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
  heart beating{(*running)->node(), settings->values.supervisor.stuck_after};
  for (;;) {
    if (auto signal = incoming.wait_for(heart::pause)) {
      logger_for("node")->info("stopping on signal: signal={}", strsignal(*signal));
      return stop(**running, incoming, exit_success);
    }
    beating.beat_during([&] { (*running)->tend_database(); });
    if (auto cause = (*running)->node().failure()) {
      logger_for("node")->critical("the supervision tree gave up, the node ends: cause={}", fact(render(*cause)));
      return stop(**running, incoming, exit_gave_up);
    }
    beating.beat();
  }
}

} // namespace

void add_up(CLI::App& program, invocation& x, action& chosen) {
  auto* command = program.add_subcommand("up", "Run a node in the foreground until SIGINT or SIGTERM");
  add_setting_flags(*command, x);
  command->callback([&chosen] { chosen = up; });
}

} // namespace swarm::cli
