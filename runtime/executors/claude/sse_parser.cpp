#include "runtime/executors/claude/sse_parser.hpp"

#include "messages/error.hpp"

#include <algorithm>
#include <utility>

namespace swarm::executors::claude {

namespace {

caf::error too_long(const std::string& what, std::size_t bytes_max) {
  return make_error(errc::io_failed, "the response can't be read: its event stream has " + what + " of more than "
                                       + std::to_string(bytes_max) + " bytes");
}

bool is_line_end(char x) {
  return x == '\n' || x == '\r';
}

} // namespace

sse_parser::sse_parser(std::function<void(const sse_event&)> on_event, sse_limits limits)
  : on_event_(std::move(on_event)), limits_(limits) {}

caf::expected<void> sse_parser::feed(std::string_view bytes) {
  while (!error_ && !bytes.empty()) {
    if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
      bytes.remove_prefix(1);
      continue;
    }
    const auto end = std::find_if(bytes.begin(), bytes.end(), is_line_end);
    const auto piece = bytes.substr(0, static_cast<std::size_t>(end - bytes.begin()));
    if (piece.size() > limits_.line_bytes_max - line_.size()) {
      error_ = too_long("a line", limits_.line_bytes_max);
      break;
    }
    bytes.remove_prefix(piece.size());
    if (bytes.empty()) {
      line_ += piece;
      break;
    }
    after_cr_ = bytes.front() == '\r';
    bytes.remove_prefix(1);
    if (line_.empty()) {
      take_line(piece);
    } else {
      take_line(line_ += piece);
      line_.clear();
    }
  }
  return error_ ? caf::expected<void>{error_} : caf::expected<void>{caf::unit};
}

void sse_parser::take_line(std::string_view line) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (std::exchange(is_first_line_, false) && line.substr(0, byte_order_mark.size()) == byte_order_mark)
    line.remove_prefix(byte_order_mark.size());
  if (line.empty())
    return dispatch();
  const auto colon = std::min(line.find(':'), line.size());
  auto value = line.substr(std::min(colon + 1, line.size()));
  if (!value.empty() && value.front() == ' ')
    value.remove_prefix(1);
  take_field(line.substr(0, colon), value);
}

void sse_parser::take_field(std::string_view field, std::string_view value) {
  if (field == "event") {
    name_ = value;
  } else if (field == "data") {
    if (std::exchange(has_data_, true))
      data_ += '\n';
    data_ += value;
  }
  if (name_.size() + data_.size() > limits_.event_bytes_max)
    error_ = too_long("an event", limits_.event_bytes_max);
}

void sse_parser::dispatch() {
  if (has_data_)
    on_event_({name_, data_});
  name_.clear();
  data_.clear();
  has_data_ = false;
}

} // namespace swarm::executors::claude
