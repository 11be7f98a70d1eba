#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace swarm::redact {

/// Finds any of many literals in one pass over a text (Aho-Corasick): linear in the text, however many there are.
///
/// Literals are what is to be redacted, cues are where a pattern may begin. Both live only as edges between states.
/// Without it every variant of every secret would need a pass of its own over outputs of gigabytes.
class automaton {
public:
  using state = std::uint32_t;
  static constexpr state start = 0;

  /// What the text up to here says when a state is reached.
  struct finding {
    std::uint32_t match_bytes = 0; ///< Length of the longest literal that ends here; 0: none does.
    std::uint32_t label = 0;       ///< Of that literal.
    std::uint32_t open_bytes = 0;  ///< So many of the last bytes may be the beginning of something to redact.
    std::uint8_t cue = 0;          ///< The cue that ends here; 0: none does. No cue may be the end of another one.
  };

  /// Of equal literals the first one gives the label.
  void add_literal(std::string_view bytes, std::uint32_t label);

  /// @param is_secret whether the cue's own bytes belong to what its pattern redacts.
  void add_cue(std::string_view bytes, std::uint8_t cue, bool is_secret);

  /// Once, after the last literal and cue, before the first `next`.
  void link();

  state next(state from, unsigned char byte) const;

  const finding& at(state x) const { return nodes_[x].found; }

  std::size_t literal_bytes_max() const { return literal_bytes_max_; }

private:
  struct node {
    finding found;
    state child = start;    ///< The first one; the others are its siblings. `start`: none.
    state sibling = start;
    state fallback = start; ///< The longest proper suffix of what led here that leads somewhere as well.
    unsigned char byte = 0; ///< On the edge that leads here.
  };

  state child(state from, unsigned char byte) const;
  state add_path(std::string_view bytes, bool is_secret);

  std::vector<node> nodes_{1};
  std::array<state, 256> first_{}; ///< The edges of `start`, where most of a text is spent.
  std::size_t literal_bytes_max_ = 0;
};

} // namespace swarm::redact
