#include "config/graph_cycles.hpp"

#include "config/problem.hpp"

#include <algorithm>
#include <limits>

namespace swarm::config {

namespace {

constexpr auto none = std::numeric_limits<std::uint32_t>::max();
constexpr std::size_t shown_at_each_end = 5;

// Tarjan's search for strongly connected components, with a stack of its own instead of recursion.
class knot_search {
public:
  explicit knot_search(const std::vector<new_ticket>& tickets)
    : tickets_(tickets), order_(tickets.size(), none), lowest_(tickets.size(), none), knot_(tickets.size(), none) {}

  // @returns for each ticket the number of its component.
  std::vector<std::uint32_t> run() {
    for (std::uint32_t i = 0; i < tickets_.size(); ++i) {
      if (order_[i] == none)
        visit_all_from(i);
    }
    return std::move(knot_);
  }

private:
  struct visit {
    std::uint32_t ticket;
    std::size_t next_need = 0;
  };

  void enter(std::uint32_t ticket) {
    order_[ticket] = lowest_[ticket] = count_++;
    candidates_.push_back(ticket);
    visits_.push_back({ticket});
  }

  void visit_all_from(std::uint32_t first) {
    enter(first);
    while (!visits_.empty()) {
      auto& [ticket, next_need] = visits_.back();
      const auto& needs = tickets_[ticket].needs;
      if (next_need == needs.size()) {
        leave(ticket);
        continue;
      }
      const auto need = needs[next_need++];
      if (order_[need] == none)
        enter(need);
      else if (knot_[need] == none)
        lowest_[ticket] = std::min(lowest_[ticket], order_[need]);
    }
  }

  void leave(std::uint32_t ticket) {
    visits_.pop_back();
    if (!visits_.empty()) {
      auto& parent = lowest_[visits_.back().ticket];
      parent = std::min(parent, lowest_[ticket]);
    }
    if (lowest_[ticket] != order_[ticket])
      return;
    for (auto member = none; member != ticket;) {
      member = candidates_.back();
      candidates_.pop_back();
      knot_[member] = knots_;
    }
    ++knots_;
  }

  const std::vector<new_ticket>& tickets_;
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> lowest_;
  std::vector<std::uint32_t> knot_;
  std::vector<std::uint32_t> candidates_;
  std::vector<visit> visits_;
  std::uint32_t count_ = 0;
  std::uint32_t knots_ = 0;
};

// Walks breadth-first within the knot of `first` until a ticket needs `first`. `came_from` is shared by all knots,
// which have no ticket in common.
ticket_cycle shortest_cycle(const std::vector<new_ticket>& tickets, const std::vector<std::uint32_t>& knot,
                            std::uint32_t first, std::vector<std::uint32_t>& came_from) {
  std::vector<std::uint32_t> queue{first};
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const auto ticket = queue[i];
    for (const auto need : tickets[ticket].needs) {
      if (need == first && ticket != first) {
        ticket_cycle result;
        for (auto at = ticket; at != first; at = came_from[at])
          result.push_back(at);
        result.push_back(first);
        std::reverse(result.begin(), result.end());
        return result;
      }
      if (knot[need] == knot[first] && need != first && came_from[need] == none) {
        came_from[need] = ticket;
        queue.push_back(need);
      }
    }
  }
  return {};
}

} // namespace

std::vector<ticket_cycle> find_cycles(const std::vector<new_ticket>& tickets) {
  const auto knot = knot_search{tickets}.run();
  std::vector<std::uint32_t> members(tickets.size(), 0);
  for (const auto x : knot)
    ++members[x];
  std::vector<std::uint32_t> came_from(tickets.size(), none);
  std::vector<ticket_cycle> result;
  for (std::uint32_t i = 0; i < tickets.size(); ++i) {
    if (members[knot[i]] < 2)
      continue;
    result.push_back(shortest_cycle(tickets, knot, i, came_from));
    // The first of its knot speaks for all of it.
    members[knot[i]] = 0;
  }
  return result;
}

std::string describe_cycle(const ticket_cycle& cycle, const std::vector<new_ticket>& tickets) {
  std::string result;
  for (std::size_t i = 0; i < cycle.size(); ++i) {
    if (i == shown_at_each_end && cycle.size() > 2 * shown_at_each_end) {
      i = cycle.size() - shown_at_each_end;
      result += "... " + grouped(cycle.size() - 2 * shown_at_each_end) + " more ... -> ";
    }
    result += tickets[cycle[i]].key + " -> ";
  }
  return result + tickets[cycle.front()].key;
}

} // namespace swarm::config
