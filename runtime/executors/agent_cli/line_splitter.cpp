#include "runtime/executors/agent_cli/line_splitter.hpp"

#include <utility>

namespace swarm::executors {

void line_splitter::append(std::string_view bytes, const line_handler& on_line) {
  for (auto end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    end_line(bytes.substr(0, end), on_line);
    bytes.remove_prefix(end + 1);
  }
  keep(bytes);
}

void line_splitter::finish(const line_handler& on_line) {
  if (is_too_long_ || !kept_.empty())
    end_line({}, on_line);
}

void line_splitter::keep(std::string_view bytes) {
  // One byte more than the bound may still be the "\r" of the line's end.
  is_too_long_ = is_too_long_ || bytes.size() > line_bytes_max_ + 1 - kept_.size();
  if (is_too_long_)
    std::string{}.swap(kept_);
  else
    kept_ += bytes;
}

void line_splitter::end_line(std::string_view rest, const line_handler& on_line) {
  if (kept_.empty() && !is_too_long_)
    return hand_over(rest, on_line); // Most lines come whole and aren't copied.
  keep(rest);
  if (std::exchange(is_too_long_, false))
    ++dropped_lines_;
  else
    hand_over(std::exchange(kept_, {}), on_line);
}

void line_splitter::hand_over(std::string_view line, const line_handler& on_line) {
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.size() > line_bytes_max_)
    ++dropped_lines_;
  else
    on_line(line);
}

} // namespace swarm::executors
