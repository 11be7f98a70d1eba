#include "messages/command.hpp"

namespace swarm {

std::string to_string(command_ending x) {
  switch (x) {
    case command_ending::exited: return "exited";
    case command_ending::signalled: return "signalled";
    case command_ending::timed_out: return "timed_out";
    case command_ending::stopped: return "stopped";
    case command_ending::not_started: return "not_started";
  }
  return "unknown";
}

} // namespace swarm
