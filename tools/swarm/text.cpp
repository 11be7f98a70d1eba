#include "tools/swarm/text.hpp"

#include <algorithm>
#include <cstdio>
#include <ostream>

namespace swarm::cli {

namespace {

/// Length of the UTF-8 sequence that starts the text, 0 when it isn't one.
std::size_t sequence_length(std::string_view x) {
  auto lead = static_cast<unsigned char>(x.front());
  std::size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : (lead & 0xf0) == 0xe0 ? 3
                       : lead >= 0xf0 && lead < 0xf5                 ? 4
                                                                     : 0;
  if (length == 0 || length > x.size())
    return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((static_cast<unsigned char>(x[i]) & 0xc0) != 0x80)
      return 0;
  return length;
}

bool is_control(std::string_view sequence) {
  auto first = static_cast<unsigned char>(sequence[0]);
  // C0, DEL, and C1 (U+0080 to U+009F), which terminals obey too.
  return (sequence.size() == 1 && (first < 0x20 || first == 0x7f) && first != '\n' && first != '\t')
         || (sequence.size() == 2 && first == 0xc2 && static_cast<unsigned char>(sequence[1]) < 0xa0);
}

} // namespace

std::string printable(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    auto length = sequence_length(text);
    if (length == 0 || is_control(text.substr(0, length))) {
      length = std::max<std::size_t>(length, 1);
      for (char c : text.substr(0, length)) {
        char escaped[8];
        std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
        result += escaped;
      }
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return result;
}

std::string printable_line(std::string_view text) {
  std::string result;
  for (char c : printable(text))
    if (c == '\n')
      result += "\\n";
    else if (c == '\t')
      result += "\\t";
    else
      result += c;
  return result;
}

namespace {

/// Columns on a terminal, as far as the characters of our tables go: one per code point.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
    std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0u) != 0x80u; }));
}

} // namespace

void print_table(std::ostream& out, const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  for (auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i)
      widths[i] = std::max(widths[i], width_of(row[i]));
  }
  for (auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += row[i] + std::string(widths[i] - width_of(row[i]) + 2, ' ');
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
  }
}

std::string indented(std::string_view text, std::string_view by) {
  std::string result;
  while (!text.empty()) {
    auto end = text.find('\n');
    result += by;
    result += text.substr(0, end);
    result += '\n';
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return result;
}

std::string short_time(std::string_view timestamp) {
  auto zone = timestamp.find('+');
  std::string result{timestamp.substr(0, zone)};
  auto dot = result.find('.');
  if (dot == std::string::npos)
    return result.empty() ? result : result + ".000";
  result.resize(std::min(result.size(), dot + 4));
  return result + std::string(dot + 4 - result.size(), '0');
}

std::string paused_since(std::string_view timestamp, const std::string& by, const std::string& reason) {
  return "paused " + short_time(timestamp) + " by " + by + (reason.empty() ? "" : ": " + reason);
}

} // namespace swarm::cli
