#include "messages/graph.hpp"

namespace swarm {

std::string to_string(edge_policy x) {
  return x == edge_policy::block ? "block" : x == edge_policy::cancel ? "cancel" : "ignore";
}

} // namespace swarm
