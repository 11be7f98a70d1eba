#include "messages/reports.hpp"

namespace swarm {

std::string to_string(child_kind x) {
  return x == child_kind::worker ? "worker" : "supervisor";
}

std::string to_string(child_state x) {
  switch (x) {
    case child_state::down: return "down";
    case child_state::starting: return "starting";
    case child_state::running: return "running";
    case child_state::stopping: return "stopping";
    case child_state::waiting: return "waiting";
    case child_state::stuck: return "stuck";
    case child_state::abandoned: return "abandoned";
  }
  return "unknown";
}

} // namespace swarm
