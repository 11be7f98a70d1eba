#include "actors/restart_policy.hpp"

#include "actors/logging.hpp"

#include <caf/all.hpp>

namespace swarm {

bool is_abnormal(const caf::error& reason) {
  if (!reason || reason == caf::exit_reason::normal || reason == caf::exit_reason::user_shutdown)
    return false;
  return code_of(reason) != errc::shutting_down;
}

bool is_restarted(restart_rule rule, const caf::error& reason) {
  switch (rule) {
    case restart_rule::permanent: return true;
    case restart_rule::transient: return is_abnormal(reason);
    case restart_rule::temporary: return false;
  }
  return false;
}

caf::error gave_up(const std::string& supervisor, const restart_limits& limits, const std::string& child,
                   const std::string& cause) {
  return make_error(errc::actor_failed, supervisor + " gave up: more than " + std::to_string(limits.restarts_max)
                                          + " restarts within " + duration_text(limits.period)
                                          + ", the last of '" + child + "': " + cause);
}

std::string describe_exit(const caf::error& reason) {
  if (!reason || reason == caf::exit_reason::normal)
    return "normal";
  return reason == caf::exit_reason::kill ? "killed" : render(reason);
}

void kill(const caf::strong_actor_ptr& target) {
  target->enqueue(nullptr, caf::make_message_id(caf::message_priority::high),
                  caf::make_message(caf::exit_msg{target->address(), caf::exit_reason::kill}), nullptr);
}

} // namespace swarm
