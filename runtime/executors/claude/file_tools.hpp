#pragma once

#include "runtime/executors/command/unique_fd.hpp"

#include <caf/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace swarm::executors::claude {

/// Bytes of a file that one call returns; less than what the conversation keeps of a result.
inline constexpr std::size_t file_piece_bytes_max = 24u << 10;

/// Entries of a folder that one call returns.
inline constexpr std::size_t listed_files_max = 1'000;

/// The files below one directory, as an agent sees them. No path leads out of it, whether by "..", an absolute path or a
/// link. Only regular files are touched, so that no call waits for a pipe. All calls block for the time of the disk.
///
/// Results and errors (errc::invalid_input, errc::io_failed) are sentences for the model.
class file_tools {
public:
  /// @param directory absolute.
  static caf::expected<file_tools> open(const std::string& directory);

  /// A piece of a file. When it isn't the whole, a first line says which it is.
  caf::expected<std::string> read(const std::string& path, std::uint64_t offset) const;

  /// Makes the folders on the way, too.
  caf::expected<std::string> write(const std::string& path, std::string_view content) const;

  /// A name per line, sorted, folders with a '/'.
  caf::expected<std::string> list(const std::string& path) const;

private:
  explicit file_tools(unique_fd directory) : directory_(std::move(directory)) {}

  caf::expected<void> make_folders(const std::string& path) const;

  unique_fd directory_;
};

} // namespace swarm::executors::claude
