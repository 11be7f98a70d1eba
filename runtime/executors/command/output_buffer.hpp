#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace swarm::executors {

/// Keeps the first and the last bytes of an endless text in a fixed amount of memory and counts the rest.
///
/// The beginning of an output tells what ran, its end tells why it failed. Without a bound a program that floods its
/// output takes the node's memory. Bytes are kept as they come: NUL and invalid UTF-8 included.
class output_buffer {
public:
  /// Allocates everything at once, so that no later call can fail. Throws `std::length_error` or `std::bad_alloc`.
  output_buffer(std::uint64_t head_bytes_max, std::uint64_t tail_bytes_max);

  void append(std::string_view bytes) noexcept;

  /// All bytes that were appended, kept or not.
  std::uint64_t total_bytes() const noexcept { return total_bytes_; }

  /// The head, a line "\n... 1,234,567 bytes dropped ...\n" if any were, and the tail. Leaves the buffer unusable.
  std::string take();

private:
  void append_to_tail(std::string_view bytes) noexcept;

  std::size_t head_bytes_max_ = 0;
  std::size_t tail_bytes_max_ = 0;
  std::string kept_;                ///< The head, and behind it the tail as a ring.
  std::size_t oldest_in_tail_ = 0;  ///< Where the full ring begins, counted from the head's end.
  std::uint64_t total_bytes_ = 0;
};

} // namespace swarm::executors
