#pragma once

#include <stdexcept>
#include <string>

namespace swarm {

/// Something that only a programmer can break is broken. Ends the actor in which it is thrown, with this text.
struct broken_invariant : std::logic_error {
  explicit broken_invariant(const std::string& sentence) : std::logic_error("a broken invariant: " + sentence) {}
};

/// Stays on in every build: going on would be worse.
inline void invariant(bool holds, const std::string& sentence) {
  if (!holds)
    throw broken_invariant{sentence};
}

} // namespace swarm
