#pragma once

#include "messages/graph.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace swarm::config {

/// Positions of tickets, each of which needs the next, and the last the first.
using ticket_cycle = std::vector<std::uint32_t>;

/// Finds tickets that could never start because they wait for themselves. Tickets that reach each other form a knot;
/// one cycle is returned for each knot: the shortest through its first ticket, beginning there. When none is left
/// after these are cut, the graph has none; a knot of several cycles may need another look after the repair.
///
/// A ticket that needs itself directly is not reported. Linear in tickets and needs, and no recursion: the path may be
/// as long as the graph.
std::vector<ticket_cycle> find_cycles(const std::vector<new_ticket>& tickets);

/// "a -> b -> a"; of more than ten tickets the middle is counted: "... 9,990 more ...".
std::string describe_cycle(const ticket_cycle&, const std::vector<new_ticket>& tickets);

} // namespace swarm::config
