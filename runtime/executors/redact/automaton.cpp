#include "runtime/executors/redact/automaton.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace swarm::redact {

void automaton::add_literal(std::string_view bytes, std::uint32_t label) {
  auto& found = nodes_[add_path(bytes, true)].found;
  if (found.match_bytes > 0)
    return;
  found.match_bytes = static_cast<std::uint32_t>(bytes.size());
  found.label = label;
  literal_bytes_max_ = std::max(literal_bytes_max_, bytes.size());
}

void automaton::add_cue(std::string_view bytes, std::uint8_t cue, bool is_secret) {
  nodes_[add_path(bytes, is_secret)].found.cue = cue;
}

automaton::state automaton::add_path(std::string_view bytes, bool is_secret) {
  auto at = start;
  std::uint32_t depth = 0;
  for (const auto x : bytes) {
    // Here and not at the end of the path: when nothing can follow, nothing is open.
    if (is_secret)
      nodes_[at].found.open_bytes = depth;
    const auto byte = static_cast<unsigned char>(x);
    auto next = child(at, byte);
    if (next == start) {
      next = static_cast<state>(nodes_.size());
      auto& fresh = nodes_.emplace_back();
      fresh.byte = byte;
      if (at == start)
        first_[byte] = next;
      else
        fresh.sibling = std::exchange(nodes_[at].child, next);
    }
    at = next;
    ++depth;
  }
  return at;
}

void automaton::link() {
  std::vector<state> by_depth;
  by_depth.reserve(nodes_.size());
  std::copy_if(first_.begin(), first_.end(), std::back_inserter(by_depth), [](state x) { return x != start; });
  for (std::size_t i = 0; i < by_depth.size(); ++i) {
    auto& parent = nodes_[by_depth[i]];
    for (auto x = parent.child; x != start; x = nodes_[x].sibling) {
      by_depth.push_back(x);
      nodes_[x].fallback = next(parent.fallback, nodes_[x].byte);
    }
    auto& found = parent.found;
    const auto& shorter = at(parent.fallback);
    if (found.match_bytes == 0) {
      found.match_bytes = shorter.match_bytes;
      found.label = shorter.label;
    }
    found.open_bytes = std::max(found.open_bytes, shorter.open_bytes);
    if (found.cue == 0)
      found.cue = shorter.cue;
  }
}

automaton::state automaton::next(state from, unsigned char byte) const {
  for (; from != start; from = nodes_[from].fallback)
    if (const auto to = child(from, byte); to != start)
      return to;
  return first_[byte];
}

automaton::state automaton::child(state from, unsigned char byte) const {
  if (from == start)
    return first_[byte];
  auto x = nodes_[from].child;
  while (x != start && nodes_[x].byte != byte)
    x = nodes_[x].sibling;
  return x;
}

} // namespace swarm::redact
