#include "runtime/executors/beneath.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

#include <cerrno>

namespace swarm::executors {

unique_fd open_beneath(int directory, const std::string& path, int flags, std::uint64_t also_refused) {
  constexpr int tries_max = 100; // a step through ".." that meets somebody's rename is answered with EAGAIN
  if (path.find('\0') != std::string::npos) {
    errno = EINVAL;
    return {};
  }
  open_how how{};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  how.mode = (flags & O_CREAT) != 0 ? 0666 : 0;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | also_refused;
  long opened = -1;
  for (int tries = 0; tries < tries_max; ++tries) {
    opened = syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how);
    if (opened >= 0 || (errno != EAGAIN && errno != EINTR))
      break;
  }
  return unique_fd{static_cast<int>(opened)};
}

} // namespace swarm::executors
