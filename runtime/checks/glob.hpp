#pragma once

#include "messages/error.hpp"

#include <caf/expected.hpp>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace swarm::checks {

/// A pattern for paths, compared byte by byte: '?' stands for one byte within a segment, '*' for any number of them,
/// '**' for any text across segments, and "**/" for any number of whole folders, none included. A pattern whose last
/// segment has no such sign names a file, or a folder with all that is in it.
///
/// Matching takes time in proportion to path times pattern, whatever they are.
class glob {
public:
  /// `errc::invalid_input` for what would silently match nothing or something else than in other tools: an empty
  /// pattern, an absolute one, empty segments, "." and "..", and the signs [ ] { } ! \ of other kinds of patterns.
  static caf::expected<glob> parse(std::string_view text);

  bool matches(std::string_view path) const;

private:
  /// `folders` and `inside_folder` stand side by side for "**/": before a folder's first byte, and behind it.
  enum class kind : std::uint8_t { literal, one, in_segment, anywhere, folders, inside_folder };

  struct token {
    kind what = kind::literal;
    char byte = 0; ///< Of a literal.
  };

  void read(std::string_view text);
  void enter(std::vector<bool>& places, std::size_t place) const;

  std::vector<token> tokens_;
  bool names_folder_ = false; ///< What lies below a path that matches, matches too.
};

} // namespace swarm::checks
