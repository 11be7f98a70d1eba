#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace swarm::executors {

/// Makes lines of bytes that come in pieces of any size. Lines are the same for every way to cut the bytes into pieces.
///
/// A line ends with "\n" or "\r\n", which isn't part of it. One that is longer than the bound is dropped whole and
/// counted: half of a JSON text is worth nothing, and without a bound a program that never ends its line takes the
/// node's memory. Time is linear in the bytes, memory at most the bound and what its growth needs.
class line_splitter {
public:
  static constexpr std::size_t default_line_bytes_max = std::size_t{16} << 20;

  /// Called with each line; the view is valid during the call.
  using line_handler = std::function<void(std::string_view)>;

  explicit line_splitter(std::size_t line_bytes_max = default_line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  void append(std::string_view bytes, const line_handler& on_line);

  /// At the end of the bytes: a last line without an end is a line too.
  void finish(const line_handler& on_line);

  std::uint64_t dropped_lines() const noexcept { return dropped_lines_; }

private:
  void keep(std::string_view bytes);
  void end_line(std::string_view rest, const line_handler& on_line);
  void hand_over(std::string_view line, const line_handler& on_line);

  std::size_t line_bytes_max_;
  std::string kept_;         ///< The beginning of the line that hasn't ended yet ...
  bool is_too_long_ = false; ///< ... of which nothing is kept once this is set.
  std::uint64_t dropped_lines_ = 0;
};

} // namespace swarm::executors
