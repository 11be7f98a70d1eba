#pragma once

#include "runtime/executors/claude/conversation.hpp"
#include "runtime/executors/claude/message_stream.hpp"
#include "runtime/executors/command/output_buffer.hpp"
#include "runtime/executors/command/output_file.hpp"
#include "runtime/executors/redact/redactor.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace swarm::executors::claude {

/// What was said and done in an attempt, for people, but nothing of thinking. A file has all of it, up to its limit; what is
/// kept is bounded: its beginning and end, and of each input and result of a tool the beginning and the end. Secrets are
/// redacted before anything is cut.
class transcript {
public:
  transcript(std::uint64_t head_bytes_max, std::uint64_t tail_bytes_max, std::shared_ptr<const redact::redactor> redactor,
             output_file file)
    : kept_(head_bytes_max, tail_bytes_max), redactor_(std::move(redactor)), file_(std::move(file)) {}

  void note(std::string_view line);
  void note(std::int64_t turn, const streamed_message&);
  void note(const tool_result&);

  /// All that was noted, kept or not.
  std::uint64_t total_bytes() const { return kept_.total_bytes(); }

  /// In the file.
  std::uint64_t file_bytes() const { return file_.bytes(); }

  /// Leaves the transcript unusable.
  std::string take() { return kept_.take(); }

private:
  void write(std::string_view prefix, std::string_view text, const tool_result_limits& kept);

  output_buffer kept_;
  std::shared_ptr<const redact::redactor> redactor_; ///< May be absent.
  output_file file_;
};

} // namespace swarm::executors::claude
