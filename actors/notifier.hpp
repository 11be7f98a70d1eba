#pragma once

#include "actors/logging.hpp"
#include "messages/interfaces.hpp"
#include "runtime/backoff.hpp"
#include "runtime/store/listener.hpp"

#include <memory>
#include <random>

namespace swarm {

struct notifier_config {
  store::connection_settings connection;
  backoff_rule reconnect;
};

/// The NOTIFIER: hears the database's doorbell, so that a ticket submitted elsewhere starts at once and a cancellation
/// doesn't wait for the next heartbeat. A hint only: without it everything works, at the pace of polling. Must be
/// spawned detached, because connecting blocks.
class notifier {
public:
  using interface = notifier_actor::extend<caf::reacts_to<atom::lost, caf::error>>;
  static constexpr const char* name = "notifier";

  notifier(interface::pointer self, notifier_config config, std::vector<dispatcher_actor> dispatchers,
           heartbeat_actor heartbeat);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  void connect();
  void on_lost(const caf::error&);

  interface::pointer self_;
  notifier_config config_;
  std::vector<dispatcher_actor> dispatchers_;
  heartbeat_actor heartbeat_;
  std::unique_ptr<store::listener> listener_;
  unsigned failures_ = 0;
  outage_log outage_;
  std::minstd_rand random_;
};

} // namespace swarm
