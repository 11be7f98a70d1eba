#include "runtime/workspace/directories.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace swarm::workspace {

namespace {

using executors::unique_fd;

std::string link_to(int descriptor) {
  return "/proc/self/fd/" + std::to_string(descriptor);
}

struct close_stream {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

} // namespace

unique_fd open_usable_directory(int directory, const std::string& name) {
  auto place = executors::open_beneath(directory, name, O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV);
  if (!place)
    return place;
  struct stat info {};
  // By the descriptor and not by the name, which may mean another file by now. When it fails, opening tells.
  if (::fstat(place.get(), &info) == 0 && (info.st_mode & S_IRWXU) != S_IRWXU)
    ::chmod(link_to(place.get()).c_str(), (info.st_mode & ALLPERMS) | S_IRWXU);
  return unique_fd{::openat(place.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
}

int for_each_name(int directory, const std::function<void(const std::string&)>& visit) {
  // Opened again: a stream takes its descriptor, and the position in it, for itself.
  const auto own = ::openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (own < 0)
    return errno;
  const std::unique_ptr<DIR, close_stream> stream{::fdopendir(own)};
  if (!stream) {
    const auto cause = errno;
    ::close(own);
    return cause;
  }
  for (;;) {
    errno = 0;
    const auto* entry = ::readdir(stream.get());
    if (entry == nullptr)
      return errno;
    const std::string name = entry->d_name;
    if (name != "." && name != "..")
      visit(name);
  }
}

std::string path_of(int descriptor) {
  std::string path(4096, '\0'); // what a path may have at most, PATH_MAX
  const auto size = ::readlink(link_to(descriptor).c_str(), path.data(), path.size());
  path.resize(size > 0 && static_cast<std::size_t>(size) < path.size() ? static_cast<std::size_t>(size) : 0);
  return path;
}

} // namespace swarm::workspace
