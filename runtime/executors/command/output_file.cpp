#include "runtime/executors/command/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace swarm::executors {

output_file::output_file(std::string path, std::uint64_t bytes_max)
  : path_(std::move(path)), bytes_max_(path_.empty() ? 0 : bytes_max) {}

void output_file::append(std::string_view bytes) noexcept {
  if (bytes_ >= bytes_max_)
    return;
  // Never what stands there already: the program could have put a pipe or a link in its place.
  if (!fd_)
    fd_ = unique_fd{open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
  bytes = bytes.substr(0, std::min<std::uint64_t>(bytes.size(), bytes_max_ - bytes_));
  while (fd_ && !bytes.empty()) {
    const auto count = write(fd_.get(), bytes.data(), bytes.size());
    if (count == -1 && errno == EINTR)
      continue;
    if (count <= 0)
      break;
    bytes_ += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  if (!fd_ || !bytes.empty())
    bytes_max_ = 0;
  if (bytes_ >= bytes_max_)
    fd_.reset();
}

} // namespace swarm::executors
