#include "config/cross_checks.hpp"

#include "config/values.hpp"

#include <array>

namespace swarm::config {

namespace {

enum class relation : std::uint8_t { at_least, more_than };

// The duration `longer` must be `at_least` or `more_than` `factor` times the duration `shorter`.
struct rule {
  const char* longer;
  relation is;
  int factor;
  const char* shorter;
  const char* reason;
};

constexpr std::array<rule, 9> rules{{
  {"heartbeat.stale_after", relation::at_least, 3, "heartbeat.interval",
   "a late heartbeat or two must not cost a living worker its tickets"},
  {"heartbeat.stale_after", relation::more_than, 2, "database.idle_in_transaction_timeout",
   "a hung transaction must end before it can hold up a reclaim"},
  {"reaper.grace", relation::at_least, 2, "heartbeat.interval",
   "the database learns of progress by heartbeats, and one may be late"},
  {"database.reconnect_max", relation::at_least, 1, "database.reconnect_first", "pauses only grow"},
  {"retry.backoff_max", relation::at_least, 1, "retry.backoff_first", "pauses only grow"},
  {"retry.deferral_max", relation::at_least, 1, "retry.deferral_first", "pauses only grow"},
  {"breaker.pause_max", relation::at_least, 1, "breaker.pause_first", "pauses only grow"},
  {"supervisor.backoff_max", relation::at_least, 1, "supervisor.backoff_first", "pauses only grow"},
  {"supervisor.stuck_after", relation::more_than, 1, "database.statement_timeout",
   "a store that waits for a slow statement isn't stuck"},
}};

std::chrono::milliseconds duration_of(const settings& x, const char* key) {
  return std::get<std::chrono::milliseconds>(find_option(key)->get(x.values));
}

bool holds(const rule& x, std::chrono::milliseconds longer, std::chrono::milliseconds shorter) {
  // Bounds keep durations far below the point where this multiplication would overflow.
  return x.is == relation::at_least ? longer >= x.factor * shorter : longer > x.factor * shorter;
}

std::string describe(const char* key, std::chrono::milliseconds value, const setting_origin& from) {
  return std::string{key} + " = " + format_duration(value) + " (" + to_string(from) + ")";
}

} // namespace

void cross_check(const settings& x, problems& found) {
  for (const auto& rule : rules) {
    if (x.broken.contains(rule.longer) || x.broken.contains(rule.shorter))
      continue;
    const auto longer = duration_of(x, rule.longer);
    const auto shorter = duration_of(x, rule.shorter);
    if (holds(rule, longer, shorter))
      continue;
    const auto from_longer = x.origin(rule.longer);
    const auto from_shorter = x.origin(rule.shorter);
    // Reported at the value that somebody set last; a default is never the culprit.
    const auto& place = from_longer.layer >= from_shorter.layer ? from_longer : from_shorter;
    const auto text = describe(rule.longer, longer, from_longer)
                      + (rule.is == relation::at_least ? " must be at least " : " must be more than ")
                      + (rule.factor == 1 ? "" : std::to_string(rule.factor) + " times ")
                      + describe(rule.shorter, shorter, from_shorter) + ": " + rule.reason;
    found.push_back({place.source, place.line, place.column, text});
  }
}

} // namespace swarm::config
