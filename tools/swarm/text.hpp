#pragma once

#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::cli {

/// Text from outside (output of commands, keys, evidence) as it may be shown on a terminal: control characters other
/// than line feed and tab, and bytes that aren't UTF-8, are escaped as \xNN, so that nobody's output can move the
/// cursor or rename the window.
std::string printable(std::string_view text);

/// The same in one line: line feeds and tabs are escaped, too, so that nobody's words can look like a line of ours.
std::string printable_line(std::string_view text);

/// Rows of equal length as columns, each as wide as its widest cell; the first row is the heading.
void print_table(std::ostream&, const std::vector<std::vector<std::string>>& rows);

/// Every line of the text with so much in front of it.
std::string indented(std::string_view text, std::string_view by);

/// PostgreSQL's text of a time without the fraction's last digits and the zone: "2026-03-01 10:00:00.123".
std::string short_time(std::string_view timestamp);

/// "paused 2026-03-01 10:00:00.123 by ann: the API is down"
std::string paused_since(std::string_view timestamp, const std::string& by, const std::string& reason);

} // namespace swarm::cli
