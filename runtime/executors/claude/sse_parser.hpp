#pragma once

#include <caf/error.hpp>
#include <caf/expected.hpp>

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace swarm::executors::claude {

/// A server-sent event. The views are valid only during the call that they are passed to.
struct sse_event {
  std::string_view name; ///< Empty when the server gave none.
  std::string_view data; ///< Its data lines, joined with '\n'.
};

struct sse_limits {
  std::size_t line_bytes_max = 16 * 1024 * 1024;
  std::size_t event_bytes_max = 16 * 1024 * 1024; ///< Name and data together.
};

/// Cuts a byte stream into server-sent events as the HTML standard has it. The events are the same however the bytes
/// were cut on their way, and each byte is looked at once. Without the limits a server could take the node's memory.
///
/// An event is only complete at the empty line behind it: what the end of the connection cuts off never becomes one.
class sse_parser {
public:
  /// @param on_event must not throw, and not feed or destroy the parser.
  explicit sse_parser(std::function<void(const sse_event&)> on_event, sse_limits = {});

  /// Calls `on_event` for each event that ends within `bytes`.
  /// @returns errc::io_failed when a line or an event is longer than its limit, and from then on for every call.
  caf::expected<void> feed(std::string_view bytes);

private:
  void take_line(std::string_view line);
  void take_field(std::string_view field, std::string_view value);
  void dispatch();

  std::function<void(const sse_event&)> on_event_;
  sse_limits limits_;
  caf::error error_;
  std::string line_;          ///< The beginning of a line whose end hasn't come.
  std::string name_;
  std::string data_;
  bool has_data_ = false;     ///< An event may have a data line and yet no data.
  bool is_first_line_ = true; ///< It may begin with a byte order mark.
  bool after_cr_ = false;     ///< A '\n' now belongs to the line end before it.
};

} // namespace swarm::executors::claude
