#include "runtime/executors/claude/file_tools.hpp"

#include "messages/error.hpp"
#include "runtime/executors/beneath.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>
#include <vector>

namespace swarm::executors::claude {

namespace {

struct close_stream {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

caf::error failed(const std::string& what, int error_number) {
  if (error_number == EXDEV)
    return make_error(errc::invalid_input, what + ": it lies outside the working directory");
  return make_error(errc::io_failed, what + ": " + std::generic_category().message(error_number));
}

caf::error no_regular_file(const std::string& what) {
  return make_error(errc::invalid_input, what + ": it isn't a regular file");
}

} // namespace

caf::expected<file_tools> file_tools::open(const std::string& directory) {
  unique_fd opened{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  if (!opened)
    return failed("the working directory can't be opened", errno);
  return file_tools{std::move(opened)};
}

caf::expected<std::string> file_tools::read(const std::string& path, std::uint64_t offset) const {
  const std::string what = "the file can't be read";
  const auto file = open_beneath(directory_.get(), path, O_RDONLY | O_NONBLOCK);
  struct stat found {};
  if (!file || fstat(file.get(), &found) == -1)
    return failed(what, errno);
  if (!S_ISREG(found.st_mode))
    return no_regular_file(what);
  const auto size = static_cast<std::uint64_t>(found.st_size);
  if (offset > size)
    return make_error(errc::invalid_input, what + ": it has only " + std::to_string(size) + " bytes");
  std::string result(std::min<std::uint64_t>(size - offset, file_piece_bytes_max), '\0');
  const auto count = pread(file.get(), result.data(), result.size(), static_cast<off_t>(offset));
  if (count == -1)
    return failed(what, errno);
  result.resize(static_cast<std::size_t>(count));
  if (result.size() == size)
    return result;
  return "[bytes " + std::to_string(offset) + " to " + std::to_string(offset + result.size()) + " of " + std::to_string(size)
         + "]\n" + result;
}

caf::expected<std::string> file_tools::write(const std::string& path, std::string_view content) const {
  const std::string what = "the file can't be written";
  if (auto made = make_folders(path); !made)
    return std::move(made.error());
  const auto file = open_beneath(directory_.get(), path, O_WRONLY | O_CREAT | O_NONBLOCK);
  struct stat found {};
  if (!file || fstat(file.get(), &found) == -1)
    return failed(what, errno);
  if (!S_ISREG(found.st_mode))
    return no_regular_file(what);
  if (ftruncate(file.get(), 0) == -1)
    return failed(what, errno);
  for (auto rest = content; !rest.empty();) {
    const auto count = ::write(file.get(), rest.data(), rest.size());
    if (count == -1)
      return failed(what, errno);
    rest.remove_prefix(static_cast<std::size_t>(count));
  }
  return "wrote " + std::to_string(content.size()) + " bytes";
}

/// Each folder is opened by its whole path, so that a link among them is judged from the directory on.
caf::expected<void> file_tools::make_folders(const std::string& path) const {
  const std::string what = "the folder can't be made";
  unique_fd parent;
  for (std::size_t begin = 0, end = path.find('/'); end != std::string::npos; begin = end + 1, end = path.find('/', begin)) {
    const auto way = path.substr(0, end);
    const auto name = path.substr(begin, end - begin);
    if (name.empty() && begin > 0)
      continue;
    auto folder = open_beneath(directory_.get(), way, O_PATH | O_DIRECTORY);
    if (!folder && errno == ENOENT && !name.empty()) {
      if (mkdirat(parent ? parent.get() : directory_.get(), name.c_str(), 0777) == -1 && errno != EEXIST)
        return failed(what, errno);
      folder = open_beneath(directory_.get(), way, O_PATH | O_DIRECTORY);
    }
    if (!folder)
      return failed(what, path.starts_with('/') ? EXDEV : errno);
    parent = std::move(folder);
  }
  return caf::unit;
}

caf::expected<std::string> file_tools::list(const std::string& path) const {
  const std::string what = "the folder can't be listed";
  auto folder = open_beneath(directory_.get(), path, O_RDONLY | O_DIRECTORY);
  if (!folder)
    return failed(what, errno);
  const std::unique_ptr<DIR, close_stream> stream{fdopendir(fcntl(folder.get(), F_DUPFD_CLOEXEC, 0))};
  if (!stream)
    return failed(what, errno);
  std::vector<std::string> names;
  bool is_cut = false;
  while (const auto* entry = readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..")
      continue;
    is_cut = names.size() == listed_files_max;
    if (is_cut)
      break;
    names.push_back(name + (entry->d_type == DT_DIR ? "/" : ""));
  }
  std::sort(names.begin(), names.end());
  std::string result;
  for (const auto& x : names)
    result += x + "\n";
  return is_cut ? result + "[and more]\n" : result;
}

} // namespace swarm::executors::claude
