#pragma once

#include "runtime/executors/claude/conversation.hpp"
#include "runtime/executors/claude/message_stream.hpp"
#include "runtime/executors/command/output_buffer.hpp"

#include <cstdint>
#include <string>

namespace swarm::executors::claude {

/// What was said and done in an attempt, for people: a bounded text, whose beginning and end are kept. Of inputs and
/// results of tools it has the beginning and the end, of thinking nothing.
class transcript {
public:
  transcript(std::uint64_t head_bytes_max, std::uint64_t tail_bytes_max) : kept_(head_bytes_max, tail_bytes_max) {}

  void note(const std::string& line) { kept_.append(line + "\n"); }
  void note(std::int64_t turn, const streamed_message&);
  void note(const tool_result&);

  /// All that was noted, kept or not.
  std::uint64_t total_bytes() const { return kept_.total_bytes(); }

  /// Leaves the transcript unusable.
  std::string take() { return kept_.take(); }

private:
  output_buffer kept_;
};

} // namespace swarm::executors::claude
