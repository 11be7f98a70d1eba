#include "tools/swarm/signals.hpp"

#include <csignal>
#include <ctime>

namespace swarm::cli {

namespace {

sigset_t awaited() {
  sigset_t result;
  sigemptyset(&result);
  for (int x : {SIGINT, SIGTERM, SIGHUP})
    sigaddset(&result, x);
  return result;
}

} // namespace

signals::signals() {
  auto set = awaited();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

std::optional<int> signals::wait_for(std::chrono::milliseconds time) const {
  auto set = awaited();
  timespec patience{time.count() / 1000, time.count() % 1000 * 1'000'000};
  int caught = sigtimedwait(&set, nullptr, &patience);
  return caught > 0 ? std::optional{caught} : std::nullopt;
}

bool signals::is_pending() const {
  sigset_t pending;
  sigpending(&pending);
  for (int x : {SIGINT, SIGTERM, SIGHUP})
    if (sigismember(&pending, x) == 1)
      return true;
  return false;
}

} // namespace swarm::cli
