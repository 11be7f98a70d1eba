#pragma once

#include "tools/swarm/bench_tickets.hpp"

#include <chrono>
#include <functional>

namespace swarm::cli {

/// The clock of one measurement, in the hands of what is measured.
class stopwatch {
public:
  void start();
  void stop();

  /// Transactions of the measurement itself, which aren't the load's.
  void count_own_transaction() { ++own_transactions_; }

  double seconds() const;
  double cpu_us() const; ///< Of this whole process.
  std::int64_t own_transactions() const { return own_transactions_; }

private:
  std::chrono::steady_clock::time_point started_{}, stopped_{};
  std::chrono::microseconds cpu_started_{0}, cpu_stopped_{0};
  std::int64_t own_transactions_ = 0;
};

/// Makes a database `name`, runs `work` on it, and reads the server's counters before and after. `work` must have
/// closed its connections when it returns: a session tells the server what it did when it ends, or seconds later.
/// Fails when not all of `count` tickets were completed exactly once; 0 for work without tickets.
caf::expected<bench_figures>
measured(bench_site&, const std::string& name, std::int64_t count,
         const std::function<caf::expected<void>(const std::string& conninfo, stopwatch&)>& work);

} // namespace swarm::cli
