#include "runtime/postmaster.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <csignal>
#include <string_view>

namespace swarm::runtime {

namespace fs = std::filesystem;

namespace {

pid_t parse_pid(std::string_view text) {
  pid_t result = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  return error == std::errc{} && result > 0 ? result : 0;
}

std::string program_of(pid_t pid) {
  std::array<char, PATH_MAX> buffer;
  auto size = ::readlink(("/proc/" + std::to_string(pid) + "/exe").c_str(), buffer.data(), buffer.size());
  std::string path{buffer.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
  // What the kernel appends after an upgrade replaced the file.
  constexpr std::string_view replaced = " (deleted)";
  if (path.ends_with(replaced))
    path.resize(path.size() - replaced.size());
  return fs::path{path}.filename().string();
}

bool serves(pid_t pid, const struct stat& data) {
  struct stat where {};
  return ::stat(("/proc/" + std::to_string(pid) + "/cwd").c_str(), &where) == 0 && where.st_dev == data.st_dev
         && where.st_ino == data.st_ino && program_of(pid) == "postgres";
}

pid_t named_in(int directory, const char* file) {
  auto text = read_file_at(directory, file, 1024);
  return text ? parse_pid(*text) : 0;
}

} // namespace

std::vector<pid_t> servers_of(int data) {
  std::vector<pid_t> result;
  struct stat info {};
  if (::fstat(data, &info) != 0)
    return result;
  std::error_code ignored;
  for (fs::directory_iterator i{"/proc", ignored}, end; i != end; i.increment(ignored))
    if (auto pid = parse_pid(i->path().filename().string()); pid && serves(pid, info))
      result.push_back(pid);
  return result;
}

std::optional<child_process> running_postmaster(int data) {
  struct stat info {};
  auto pid = named_in(data, "postmaster.pid");
  if (pid == 0 || ::fstat(data, &info) != 0)
    return std::nullopt;
  // The handle first, so that what is checked afterwards is the very process that it stands for.
  auto process = child_process::follow(pid);
  if (!process || !serves(pid, info) || process->ended())
    return std::nullopt;
  return std::move(*process);
}

caf::expected<void> clear_remains(int data, int socket_directory, std::chrono::milliseconds patience) {
  auto deadline = std::chrono::steady_clock::now() + patience;
  struct stat info {};
  if (::fstat(data, &info) != 0)
    return os_error("look at the database's directory", errno);
  std::vector<child_process> children;
  for (auto pid : servers_of(data))
    if (auto process = child_process::follow(pid); process && serves(pid, info))
      children.push_back(std::move(*process));
  // All before the first wait: the log's writer ignores the signal and ends when nobody is left to write for.
  for (const auto& child : children)
    child.signal(SIGQUIT);
  for (auto& child : children) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    auto pid = std::to_string(child.pid());
    if (!child.ended(std::max(left, std::chrono::milliseconds{0})))
      return make_error(errc::io_failed, "process " + pid + ", left by a PostgreSQL that was killed, doesn't end; end "
                                           "it (kill -9 " + pid + ") and start again");
  }
  const std::array<std::pair<int, const char*>, 2> lock_files{
    {{data, "postmaster.pid"}, {socket_directory, ".s.PGSQL.5432.lock"}}};
  // One without a number, as a full disk or a power cut leaves it, stops PostgreSQL for ever.
  for (auto [directory, file] : lock_files)
    if (auto pid = named_in(directory, file); pid == 0 || ::kill(pid, 0) == 0)
      ::unlinkat(directory, file, 0);
  return caf::unit;
}

} // namespace swarm::runtime
