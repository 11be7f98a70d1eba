#include "runtime/checks/work_folder.hpp"

#include "messages/error.hpp"
#include "messages/in_quotes.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace swarm::checks {

namespace {

int open_directory(const std::filesystem::path& path) {
  return ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
}

caf::error unopened(const std::filesystem::path& path, int error_number, const std::string& when) {
  return make_error(errc::io_failed, "the directory " + in_quotes(path.native()) + " can't be opened" + when + ": "
                                       + std::generic_category().message(error_number));
}

} // namespace

work_folder work_folder::hold(std::filesystem::path path) {
  work_folder result{std::move(path)};
  const int opened = open_directory(result.path_);
  if (opened >= 0)
    result.held_ = std::make_shared<const executors::unique_fd>(opened);
  else if (errno != ENOENT && errno != ENOTDIR)
    result.hold_error_ = errno;
  return result;
}

caf::expected<std::shared_ptr<const executors::unique_fd>> work_folder::open() const {
  if (hold_error_ != 0)
    return unopened(path_, hold_error_, ", when the attempt began");
  if (!held_) {
    const int opened = open_directory(path_);
    if (opened < 0)
      return unopened(path_, errno, "");
    return std::make_shared<const executors::unique_fd>(opened);
  }
  struct stat now {}, held {};
  if (::fstat(held_->get(), &held) != 0)
    return unopened(path_, errno, "");
  if (::stat(path_.c_str(), &now) != 0 || now.st_dev != held.st_dev || now.st_ino != held.st_ino)
    return make_error(errc::conflict, "the directory " + in_quotes(path_.native()) + " isn't the one that the attempt began "
                                      "in, so it isn't looked into; have the work leave it in its place");
  return held_;
}

} // namespace swarm::checks
