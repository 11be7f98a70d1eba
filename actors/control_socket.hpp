#pragma once

#include "actors/logging.hpp"
#include "messages/interfaces.hpp"
#include "runtime/backoff.hpp"
#include "runtime/control/control_server.hpp"

#include <filesystem>
#include <map>
#include <memory>
#include <random>

namespace swarm {

struct control_socket_config {
  std::filesystem::path socket; ///< Empty for none.
  std::map<std::string, control::answer> routes;
  backoff_rule retry{std::chrono::seconds{1}, std::chrono::minutes{1}};
};

/// The CONTROL SOCKET: lets people and programs of this machine look into the node. A node whose socket can't be opened
/// works on without it, and tries again. Must be spawned detached, because closing waits for answers in progress.
class control_socket {
public:
  using interface = control_socket_actor;
  static constexpr const char* name = "control_socket";

  control_socket(interface::pointer self, control_socket_config config);

  interface::behavior_type make_behavior();
  std::vector<actor_fact> facts() const;

private:
  void open();

  interface::pointer self_;
  control_socket_config config_;
  std::unique_ptr<control::control_server> server_;
  unsigned failures_ = 0;
  outage_log outage_;
  std::minstd_rand random_;
};

} // namespace swarm
