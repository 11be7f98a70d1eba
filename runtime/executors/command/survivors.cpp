#include "runtime/executors/command/survivors.hpp"

#include "runtime/executors/command/unique_fd.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace swarm::executors {

namespace fs = std::filesystem;

namespace {

std::string folder_of(pid_t pid) {
  return "/proc/" + std::to_string(pid);
}

/// Nothing for what isn't there, or is a zombie.
std::optional<process> find_process(pid_t pid) {
  std::ifstream file{folder_of(pid) + "/stat"};
  std::string text;
  std::getline(file, text, '\0');
  const auto open = text.find('(');
  const auto close = text.rfind(')'); // the name may hold anything
  if (open == text.npos || close == text.npos)
    return std::nullopt;
  std::istringstream fields{text.substr(close + 1)};
  std::string state;
  std::string skipped;
  process result{pid, 0, text.substr(open + 1, close - open - 1)};
  fields >> state;
  for (int i = 0; i < 18; ++i) // see proc(5): from the parent to what is reserved before the start time
    fields >> skipped;
  if (!(fields >> result.started) || state == "Z" || state == "X")
    return std::nullopt;
  return result;
}

template <class Predicate>
std::vector<pid_t> pids_that(Predicate accept) {
  std::vector<pid_t> result;
  std::error_code ignored;
  for (fs::directory_iterator i{"/proc", ignored}, end; i != end; i.increment(ignored)) {
    const auto name = i->path().filename().string();
    pid_t pid = 0;
    const auto read = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (read.ptr == name.data() + name.size() && pid > 0 && accept(pid))
      result.push_back(pid);
  }
  return result;
}

std::vector<process> alive_of(const std::vector<pid_t>& pids) {
  std::vector<process> result;
  for (const auto pid : pids)
    if (auto x = find_process(pid))
      result.push_back(std::move(*x));
  return result;
}

std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> result;
  std::error_code ignored;
  for (fs::directory_iterator i{folder_of(parent) + "/task", ignored}, end; i != end; i.increment(ignored)) {
    std::ifstream children{i->path() / "children"};
    for (pid_t child = 0; children >> child;)
      result.push_back(child);
  }
  return result;
}

bool holds(pid_t pid, const std::string& link) {
  std::error_code ignored;
  for (fs::directory_iterator i{folder_of(pid) + "/fd", ignored}, end; i != end; i.increment(ignored))
    if (fs::read_symlink(i->path(), ignored) == link)
      return true;
  return false;
}

/// With NUL before each variable and behind the last one.
std::string environment_of(pid_t pid) {
  constexpr std::size_t bytes_max = 8 << 20; // more than the kernel lets anybody start with
  std::string text(1, '\0');
  const unique_fd file{open((folder_of(pid) + "/environ").c_str(), O_RDONLY | O_CLOEXEC)};
  std::array<char, 16'384> bytes;
  for (ssize_t count = 1; file && count > 0 && text.size() < bytes_max;) {
    count = read(file.get(), bytes.data(), bytes.size());
    text.append(bytes.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  }
  return text;
}

std::string shown(const process& x) {
  return std::to_string(x.pid) + " (" + x.name + ")";
}

} // namespace

std::vector<process> find_session(pid_t leader) {
  return alive_of(pids_that([=](pid_t x) { return x != leader && (getsid(x) == leader || getpgid(x) == leader); }));
}

std::vector<process> find_descendants(pid_t ancestor) {
  constexpr std::size_t descendants_max = 10'000; // who forks faster than this is found by its session
  auto found = children_of(ancestor);
  for (std::size_t i = 0; i < found.size() && found.size() < descendants_max; ++i)
    for (const auto x : children_of(found[i]))
      found.push_back(x);
  return alive_of(found);
}

const std::vector<process>& marked_processes::find(const std::string& value,
                                                   std::chrono::steady_clock::time_point since) {
  if (begun_ <= since)
    look();
  auto& result = found_[value];
  std::erase_if(result, [](auto& x) { return !is_alive(x); });
  return result;
}

void marked_processes::look() {
  begun_ = std::chrono::steady_clock::now();
  found_.clear();
  const auto wanted = '\0' + prefix_;
  pids_that([&](pid_t pid) {
    const auto text = environment_of(pid);
    const auto at = text.find(wanted);
    if (at == text.npos)
      return false;
    const auto begin = at + wanted.size();
    if (auto x = find_process(pid))
      found_[text.substr(begin, text.find('\0', begin) - begin)].push_back(std::move(*x));
    return true;
  });
}

std::vector<process> find_writers(int pipe) {
  struct stat found {};
  if (fstat(pipe, &found) == -1)
    return {};
  const auto link = "pipe:[" + std::to_string(found.st_ino) + "]";
  return alive_of(pids_that([&, self = getpid()](pid_t x) { return x != self && holds(x, link); }));
}

bool is_alive(const process& x) {
  return find_process(x.pid) == x;
}

void kill_process(const process& x) {
  // What the descriptor stands for can't change; so look at it only then.
  const unique_fd it{static_cast<int>(syscall(SYS_pidfd_open, x.pid, 0))};
  if (it && is_alive(x))
    syscall(SYS_pidfd_send_signal, it.get(), SIGKILL, nullptr, 0);
}

std::string describe(const std::vector<process>& all) {
  switch (all.size()) {
    case 0: return "nobody";
    case 1: return "process " + shown(all[0]);
    case 2: return "processes " + shown(all[0]) + " and " + shown(all[1]);
    default: return std::to_string(all.size()) + " processes, such as " + shown(all[0]);
  }
}

} // namespace swarm::executors
