#include "runtime/home_lock.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <sstream>

namespace swarm::runtime {

namespace {

constexpr std::size_t holder_bytes_max = 4096;

struct flock whole_file() {
  struct flock result {};
  result.l_type = F_WRLCK;
  result.l_whence = SEEK_SET;
  return result;
}

caf::expected<descriptor> open_lock_file(const home& where, int flags) {
  descriptor file{::open((where.root() / "lock").c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0600)};
  if (!file)
    return os_error("open " + (where.root() / "lock").string(), errno);
  return file;
}

std::string now_utc() {
  auto now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string one_line(std::string text) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void write_holder(int file, const std::string& command, const std::string& node) {
  auto text = std::to_string(::getpid()) + "\n" + now_utc() + "\n" + one_line(command) + "\n" + one_line(node) + "\n";
  // Only a courtesy to the next process: on a full disk the lock holds all the same.
  if (::ftruncate(file, 0) == 0)
    (void) !::pwrite(file, text.data(), text.size(), 0);
}

home_holder read_holder(int file) {
  std::string text(holder_bytes_max, '\0');
  auto size = ::pread(file, text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  std::istringstream lines{text};
  home_holder result;
  std::string pid;
  std::getline(lines, pid);
  std::getline(lines, result.since);
  std::getline(lines, result.command);
  std::getline(lines, result.node);
  auto is_number = !pid.empty() && pid.find_first_not_of("0123456789") == std::string::npos;
  if (is_number && pid.size() < 10)
    result.pid = std::stoi(pid);
  return result;
}

caf::error busy(const home& where, const home_holder& holder) {
  auto sentence = where.root().string() + " is in use by ";
  if (holder.pid == 0)
    sentence += "another process";
  else
    sentence += "process " + std::to_string(holder.pid) + " (" + holder.command + ", since " + holder.since + ")";
  return make_error(errc::home_is_busy, sentence + "; stop it or set SWARM_HOME to another directory");
}

} // namespace

caf::expected<home_lock> home_lock::take(const home& where, const std::string& command, const std::string& node,
                                         std::chrono::milliseconds patience) {
  auto file = open_lock_file(where, O_RDWR | O_CREAT);
  if (!file)
    return file.error();
  auto deadline = std::chrono::steady_clock::now() + patience;
  auto lock = whole_file();
  // Locks of the open file, not of the process: closing another descriptor of the same file must not free it.
  while (::fcntl(file->get(), F_OFD_SETLK, &lock) != 0) {
    if (errno != EAGAIN && errno != EACCES && errno != EINTR)
      return os_error("lock " + where.root().string(), errno);
    if (std::chrono::steady_clock::now() >= deadline)
      return busy(where, read_holder(file->get()));
    ::poll(nullptr, 0, 20);
  }
  write_holder(file->get(), command, node);
  return home_lock{where, std::move(*file)};
}

home_lock::~home_lock() {
  // So that the next holder isn't taken for this one before it wrote its name.
  if (file_)
    (void) !::ftruncate(file_.get(), 0);
}

caf::expected<std::optional<home_holder>> holder_of(const home& where) {
  auto file = open_lock_file(where, O_RDWR | O_CREAT);
  if (!file)
    return file.error();
  auto lock = whole_file();
  if (::fcntl(file->get(), F_OFD_GETLK, &lock) != 0)
    return os_error("ask who uses " + where.root().string(), errno);
  if (lock.l_type == F_UNLCK)
    return std::optional<home_holder>{};
  return std::optional<home_holder>{read_holder(file->get())};
}

} // namespace swarm::runtime
