#include "runtime/files.hpp"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace swarm::runtime {

namespace {

errc code_for(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT: return errc::disk_full;
    case EACCES:
    case EPERM:
    case EROFS: return errc::not_permitted;
    case ENOENT: return errc::not_found;
    default: return errc::io_failed;
  }
}

bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    auto written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR)
      return false;
    if (written > 0)
      text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

} // namespace

descriptor& descriptor::operator=(descriptor&& other) noexcept {
  std::swap(number_, other.number_);
  return *this;
}

descriptor::~descriptor() {
  if (number_ >= 0)
    ::close(number_);
}

caf::error os_error(const std::string& what, int error_number, const std::string& remedy) {
  auto sentence = "cannot " + what + ": " + std::generic_category().message(error_number);
  if (!remedy.empty())
    sentence += "; " + remedy;
  return make_error(code_for(error_number), std::move(sentence));
}

std::optional<std::uint64_t> free_bytes(const std::filesystem::path& path) {
  struct statvfs info {};
  if (::statvfs(path.c_str(), &info) != 0)
    return std::nullopt;
  return static_cast<std::uint64_t>(info.f_bavail) * static_cast<std::uint64_t>(info.f_frsize);
}

std::string free_space(const std::filesystem::path& path) {
  auto bytes = free_bytes(path);
  return bytes ? std::to_string(*bytes >> 20) + " MB free" : "unknown space free";
}

caf::expected<descriptor> open_directory(const std::filesystem::path& path) {
  descriptor result{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!result)
    return os_error("open the directory " + path.string(), errno);
  return result;
}

caf::expected<std::string> read_file_at(int directory, const std::string& name, std::size_t bytes_max) {
  descriptor file{::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
  if (!file)
    return os_error("open " + name, errno);
  std::string text(bytes_max, '\0');
  std::size_t size = 0;
  while (size < bytes_max) {
    auto got = ::read(file.get(), text.data() + size, bytes_max - size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return os_error("read " + name, errno);
    if (got == 0)
      break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

caf::expected<void> create_file_at(int directory, const std::string& name, std::string_view text,
                                   const os_account& owner) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  descriptor file{::openat(directory, name.c_str(), flags, 0600)};
  if (!file)
    return os_error("create " + name, errno);
  auto is_foreign = owner.uid != ::geteuid();
  if (write_all(file.get(), text) && ::fsync(file.get()) == 0
      && (!is_foreign || ::fchown(file.get(), owner.uid, owner.gid) == 0))
    return caf::unit;
  auto cause = os_error("write " + name, errno);
  ::unlinkat(directory, name.c_str(), 0);
  return cause;
}

caf::expected<void> replace_file_at(int directory, const std::string& name, std::string_view text,
                                    const os_account& owner) {
  auto draft = name + ".new";
  // Left by a process that was killed between the two steps.
  ::unlinkat(directory, draft.c_str(), 0);
  if (auto created = create_file_at(directory, draft, text, owner); !created)
    return created.error();
  if (::renameat(directory, draft.c_str(), directory, name.c_str()) != 0 || ::fsync(directory) != 0)
    return os_error("replace " + name, errno);
  return caf::unit;
}

} // namespace swarm::runtime
