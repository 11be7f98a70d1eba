#include "runtime/executors/redact/coverage.hpp"

#include <algorithm>

namespace swarm::redact {

void coverage::add(std::uint64_t begin, std::uint64_t end, std::uint32_t label) {
  range merged{begin, end, label, begin};
  for (; !ranges.empty() && ranges.back().end > begin; ranges.pop_back()) {
    const auto& last = ranges.back();
    merged.begin = std::min(merged.begin, last.begin);
    merged.end = std::max(merged.end, last.end);
    // Of two that begin together the new one is the longer one.
    if (last.label != 0 && (merged.label == 0 || last.label_begin < merged.label_begin)) {
      merged.label = last.label;
      merged.label_begin = last.label_begin;
    }
  }
  ranges.push_back(merged);
}

} // namespace swarm::redact
