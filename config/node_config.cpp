#include "config/node_config.hpp"

#include "config/options.hpp"

namespace swarm::config {

node_config::node_config() {
  for (const auto& x : options())
    x.set(*this, x.initial);
}

} // namespace swarm::config
