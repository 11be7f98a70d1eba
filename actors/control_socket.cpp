#include "actors/control_socket.hpp"

#include "actors/actor_shell.hpp"

namespace swarm {

control_socket::control_socket(interface::pointer self, control_socket_config config)
  : self_(self), config_(std::move(config)), outage_(name), random_(static_cast<unsigned>(self->id())) {}

control_socket::interface::behavior_type control_socket::make_behavior() {
  open();
  return {[this](atom::connect) { open(); }};
}

std::vector<actor_fact> control_socket::facts() const {
  return {{"socket", config_.socket.string()}, {"open", server_ ? "yes" : "no"}};
}

void control_socket::open() {
  if (server_ || config_.socket.empty())
    return;
  auto opened = control::control_server::listen(config_.socket, config_.routes);
  if (!opened) {
    outage_.begins("the control socket can't be opened; the node works on without it", opened.error());
    self_->delayed_send(self_, config_.retry.delay(++failures_, random_), atom::connect_v);
    return;
  }
  server_ = std::move(*opened);
  failures_ = 0;
  outage_.is_over("the control socket is open");
}

} // namespace swarm
