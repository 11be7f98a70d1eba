#pragma once

#include "runtime/executors/command/command_runner.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <future>
#include <stdexcept>

/// What the tests of running commands share: specs, waiting with a deadline, and signs of life from programs.
namespace swarm::executors {

using namespace std::chrono_literals;
using namespace std::string_literals;

/// Far beyond what a loaded machine needs; a test that gets here has failed.
inline constexpr auto deadline = 20s;

inline command_spec program(std::vector<std::string> argv) {
  command_spec result;
  result.argv = std::move(argv);
  result.working_directory = "/";
  result.environment = {{"PATH", "/usr/bin:/bin"}};
  return result;
}

inline command_spec shell(std::string script) {
  return program({"sh", "-c", std::move(script)});
}

/// For a background job: the leader is a zombie until its run ends.
inline const auto outlives_its_parent = "until grep -q 'State:.Z' /proc/$$/status; do :; done"s;

inline std::future<command_result> start(command_runner& runner, command_runner::run_id id, command_spec spec) {
  auto promise = std::make_shared<std::promise<command_result>>();
  auto result = promise->get_future();
  runner.start(id, std::move(spec), [promise](command_result x) { promise->set_value(std::move(x)); });
  return result;
}

inline command_result wait_for(std::future<command_result>& x) {
  if (x.wait_for(deadline) != std::future_status::ready)
    throw std::runtime_error("the run did not end");
  return x.get();
}

inline command_result run(command_runner& runner, command_spec spec) {
  auto result = start(runner, 1'000'000, std::move(spec));
  return wait_for(result);
}

/// Also true for a process that is gone already.
inline bool is_dead_before_deadline(pid_t pid) {
  const auto fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd == -1)
    return errno == ESRCH;
  pollfd event{fd, POLLIN, 0};
  const bool result = poll(&event, 1, std::chrono::milliseconds{deadline}.count()) == 1;
  close(fd);
  return result;
}

/// Zombies are children too.
inline bool has_children() {
  siginfo_t info{};
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

inline std::size_t open_descriptors() {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{"/proc/self/fd"}, {}));
}

struct scratch_directory {
  scratch_directory() {
    auto name = (std::filesystem::temp_directory_path() / "swarm_command_XXXXXX").string();
    if (!mkdtemp(name.data()))
      throw std::runtime_error("no scratch directory");
    path = name;
  }
  ~scratch_directory() { std::filesystem::remove_all(path); }

  std::string write(const std::string& name, const std::string& text, mode_t mode) const {
    const auto file = (path / name).string();
    std::ofstream{file} << text;
    chmod(file.c_str(), mode);
    return file;
  }

  std::filesystem::path path;
};

/// A FIFO by which programs say that they have reached a point.
struct signpost {
  signpost() : path((directory.path / "signpost").string()) {
    mkfifo(path.c_str(), 0600);
    fd = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  }
  ~signpost() { close(fd); }

  std::string read_line(std::size_t count = 1) {
    std::string result;
    while (static_cast<std::size_t>(std::count(result.begin(), result.end(), '\n')) < count) {
      pollfd event{fd, POLLIN, 0};
      char bytes[512];
      if (poll(&event, 1, std::chrono::milliseconds{deadline}.count()) != 1)
        throw std::runtime_error("nobody came to the signpost");
      if (const auto got = read(fd, bytes, sizeof(bytes)); got > 0)
        result.append(bytes, static_cast<std::size_t>(got));
    }
    return result;
  }

  scratch_directory directory;
  std::string path;
  int fd;
};

struct command_fixture {
  command_runner runner{{.after_interrupt = 50ms, .after_terminate = 50ms}};
};

} // namespace swarm::executors
