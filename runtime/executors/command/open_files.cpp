#include "runtime/executors/command/open_files.hpp"

namespace swarm::executors {

namespace {

std::optional<rlimit> before;

} // namespace

void allow_many_open_files() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == -1 || limit.rlim_cur == limit.rlim_max)
    return;
  const auto usual = limit;
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
    before = usual;
}

std::optional<rlimit> usual_limit_of_open_files() {
  return before;
}

} // namespace swarm::executors
