#include "tools/swarm/progress.hpp"

#include "tools/swarm/text.hpp"

#include <algorithm>
#include <ostream>

namespace swarm::cli {

namespace {

std::string line(const store::graph_ticket& x, bool attempt_ended) {
  auto attempts = std::to_string(x.attempts) + " of " + std::to_string(x.attempts_max);
  if (x.state == "in_progress")
    return "started, attempt " + std::to_string(x.attempts + 1) + " of " + std::to_string(x.attempts_max);
  if (x.state == "completed")
    return "completed: " + x.evidence;
  if (x.state == "in_review")
    return "waits for a person: " + x.evidence;
  if (x.state == "failed" || x.state == "cancelled")
    return x.state + (x.evidence.empty() ? "" : ": " + x.evidence);
  if (attempt_ended)
    return "attempt ended, " + attempts + " used, will run again: " + x.evidence;
  return x.state;
}

} // namespace

std::int64_t graph_counts::of(const std::string& state) const {
  auto i = by_state.find(state);
  return i == by_state.end() ? 0 : i->second;
}

bool graph_counts::is_settled() const {
  return of("ready") == 0 && of("scheduled") == 0 && of("waiting") == 0 && of("in_progress") == 0;
}

bool graph_counts::is_complete() const {
  return is_settled() && of("blocked") == 0 && of("in_review") == 0 && of("failed") == 0 && of("cancelled") == 0;
}

graph_counts count(const std::vector<store::graph_ticket>& tickets) {
  graph_counts result;
  for (auto& x : tickets)
    ++result.by_state[x.state];
  return result;
}

void progress::show(const std::vector<store::graph_ticket>& tickets) {
  std::size_t widest = 0;
  for (auto& x : tickets)
    widest = std::max(widest, std::min<std::size_t>(x.key.size(), 40));
  for (auto& x : tickets) {
    auto& last = last_[x.id.value];
    auto attempt_ended = x.ended > last.ended;
    if (last.state == "waiting" && (x.state == "ready" || x.state == "in_progress") && !attempt_ended)
      continue; // somebody looks whether its wait is over
    auto news = x.state != last.state && (x.state != "ready" || attempt_ended) && x.state != "blocked";
    last = {x.state, x.ended};
    if (!news && !attempt_ended)
      continue;
    auto key = printable_line(x.key);
    key.resize(std::max(key.size(), widest), ' ');
    out_ << "  " << key << "  " << printable_line(line(x, attempt_ended)) << '\n';
  }
  out_.flush();
}

} // namespace swarm::cli
