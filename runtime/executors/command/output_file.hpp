#pragma once

#include "runtime/executors/command/unique_fd.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace swarm::executors {

/// The beginning of an output in a file of its own, for those who want more than the `output_buffer` keeps. A disk that
/// is full or a folder that is gone costs the rest of the file and nothing else: the work goes on.
class output_file {
public:
  /// @param path Of a file that doesn't exist; empty for none. It comes with the first byte, so that a silent program
  /// costs nothing.
  output_file(std::string path, std::uint64_t bytes_max);

  void append(std::string_view bytes) noexcept;

  /// How many bytes are in the file.
  std::uint64_t bytes() const noexcept { return bytes_; }

private:
  std::string path_;
  std::uint64_t bytes_max_; ///< 0 when no more is to be written.
  std::uint64_t bytes_ = 0;
  unique_fd fd_;
};

} // namespace swarm::executors
