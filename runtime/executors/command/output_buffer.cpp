#include "runtime/executors/command/output_buffer.hpp"

#include <algorithm>
#include <stdexcept>

namespace swarm::executors {

namespace {

/// Room for the line with the greatest count there is: 20 digits, 6 commas, and the words.
constexpr std::size_t line_bytes_max = 48;

std::string with_thousands_separators(std::uint64_t number) {
  auto digits = std::to_string(number);
  for (auto left = digits.size(); left > 3; left -= 3)
    digits.insert(left - 3, 1, ',');
  return digits;
}

} // namespace

output_buffer::output_buffer(std::uint64_t head_bytes_max, std::uint64_t tail_bytes_max)
  : head_bytes_max_(head_bytes_max), tail_bytes_max_(tail_bytes_max) {
  const auto room = kept_.max_size() - line_bytes_max;
  if (tail_bytes_max > room || head_bytes_max > room - tail_bytes_max)
    throw std::length_error("output_buffer");
  // Untouched pages cost nothing; the line is inserted in place.
  kept_.reserve(head_bytes_max_ + tail_bytes_max_ + line_bytes_max);
}

void output_buffer::append(std::string_view bytes) noexcept {
  total_bytes_ += bytes.size();
  if (kept_.size() < head_bytes_max_) {
    const auto taken = std::min(bytes.size(), head_bytes_max_ - kept_.size());
    kept_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
  }
  append_to_tail(bytes);
}

void output_buffer::append_to_tail(std::string_view bytes) noexcept {
  if (tail_bytes_max_ == 0)
    return;
  // Only the last `tail_bytes_max_` bytes can survive; this also means that the ring is passed once at most.
  if (bytes.size() > tail_bytes_max_)
    bytes.remove_prefix(bytes.size() - tail_bytes_max_);
  if (const auto room = head_bytes_max_ + tail_bytes_max_ - kept_.size(); room > 0 && !bytes.empty()) {
    const auto taken = std::min(bytes.size(), room);
    kept_.append(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
  }
  while (!bytes.empty()) {
    const auto taken = std::min(bytes.size(), tail_bytes_max_ - oldest_in_tail_);
    bytes.copy(kept_.data() + head_bytes_max_ + oldest_in_tail_, taken);
    bytes.remove_prefix(taken);
    oldest_in_tail_ = (oldest_in_tail_ + taken) % tail_bytes_max_;
  }
}

std::string output_buffer::take() {
  if (const auto dropped = total_bytes_ - kept_.size(); dropped > 0) {
    const auto tail = kept_.begin() + static_cast<std::ptrdiff_t>(std::min(head_bytes_max_, kept_.size()));
    std::rotate(tail, tail + static_cast<std::ptrdiff_t>(oldest_in_tail_), kept_.end());
    kept_.insert(head_bytes_max_, "\n... " + with_thousands_separators(dropped) + " bytes dropped ...\n");
  }
  kept_.shrink_to_fit();
  return std::move(kept_);
}

} // namespace swarm::executors
