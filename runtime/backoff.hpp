#pragma once

#include <caf/timespan.hpp>

#include <algorithm>
#include <chrono>
#include <random>

namespace swarm {

/// How long to wait before the next try of something that fails again and again.
struct backoff_rule {
  caf::timespan first{std::chrono::milliseconds{100}};
  caf::timespan max{std::chrono::seconds{10}};

  /// The upper bound after so many failures in a row: first, doubled each time, at most max.
  caf::timespan bound(unsigned failures) const {
    if (failures == 0)
      return caf::timespan{0};
    // 2^30 times any sensible `first` is beyond any sensible `max`; further doubling would overflow.
    auto factor = std::int64_t{1} << std::min(failures - 1, 30u);
    return first.count() > max.count() / factor ? max : caf::timespan{first.count() * factor};
  }

  /// A wait between half the bound and the bound: never at once, and a crowd spreads out.
  template <class Random>
  caf::timespan delay(unsigned failures, Random& random) const {
    auto most = bound(failures).count();
    return caf::timespan{std::uniform_int_distribution<std::int64_t>{most / 2, most}(random)};
  }
};

} // namespace swarm
