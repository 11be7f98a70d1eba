#pragma once

#include <cstdint>
#include <vector>

namespace swarm::redact {

/// The ranges of a stream that are to be replaced, in order. Ranges that overlap are one: what two secrets share is
/// redacted once and nothing of either is left. Positions count the bytes of the stream from its beginning.
class coverage {
public:
  struct range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint32_t label = 0;       ///< Of the earliest, then longest match with a name; 0: none has one.
    std::uint64_t label_begin = 0; ///< Where that match begins.
  };

  /// @param end not before that of any match that ends before the last byte read.
  void add(std::uint64_t begin, std::uint64_t end, std::uint32_t label);

  std::vector<range> ranges;
};

} // namespace swarm::redact
