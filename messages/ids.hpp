#pragma once

#include <caf/meta/type_name.hpp>

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace swarm {

/// A 64-bit number that can't be mistaken for another kind of number.
template <class Tag>
struct strong_id {
  std::int64_t value = 0;

  friend auto operator<=>(const strong_id&, const strong_id&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, strong_id& x) {
    return f(caf::meta::type_name(Tag::type_name), x.value);
  }
};

template <class Tag>
std::string to_string(strong_id<Tag> x) {
  return std::to_string(x.value);
}

struct ticket_id_tag { static constexpr const char* type_name = "ticket_id"; };
struct graph_id_tag { static constexpr const char* type_name = "graph_id"; };
struct node_id_tag { static constexpr const char* type_name = "node_id"; };
struct fence_tag { static constexpr const char* type_name = "fence"; };

using ticket_id = strong_id<ticket_id_tag>;
using graph_id = strong_id<graph_id_tag>;

/// One start of one node: a node that is started again gets a new number.
using node_id = strong_id<node_id_tag>;

/// The token of one claim. Greater than every token issued before, never reused, and part of every later write.
using fence = strong_id<fence_tag>;

/// A claim of one ticket: what every write of its holder is guarded by.
struct claim_ref {
  ticket_id ticket;
  swarm::fence fence;

  friend auto operator<=>(const claim_ref&, const claim_ref&) = default;

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, claim_ref& x) {
    return f(caf::meta::type_name("claim_ref"), x.ticket, x.fence);
  }
};

} // namespace swarm

template <class Tag>
struct std::hash<swarm::strong_id<Tag>> {
  std::size_t operator()(swarm::strong_id<Tag> x) const noexcept { return std::hash<std::int64_t>{}(x.value); }
};
