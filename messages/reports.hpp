#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/timespan.hpp>

#include <cstdint>
#include <string>

namespace swarm {

/// What a supervisor knows about one of its children.
struct child_report {
  std::string id;
  bool alive = false;
  std::uint32_t incarnation = 0; ///< Starts so far; 1 for the first life.
  std::string last_exit;         ///< Why the last life ended; empty while it never did.

  template <class Inspector>
  friend typename Inspector::result_type inspect(Inspector& f, child_report& x) {
    return f(caf::meta::type_name("child_report"), x.id, x.alive, x.incarnation, x.last_exit);
  }
};

} // namespace swarm
