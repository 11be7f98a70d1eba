#include "runtime/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>

namespace swarm::runtime {

namespace {

constexpr off_t output_bytes_max = 64 << 10;

// Above the numbers that the child rearranges.
constexpr int first_free_number = 10;

/// Everything the child needs between fork and exec, where no memory may be allocated: this process has threads.
struct launch {
  std::vector<char*> argv;
  std::vector<char*> environment;
  uid_t uid = 0;
  gid_t gid = 0;
  bool changes_account = false;
  bool outlives_parent = false;
  pid_t parent = 0;
  int input = -1;
  int output = -1;
  int directory = -1;
  int report = -1;
};

struct launch_failure {
  int error_number = 0;
  bool is_account_change = false;
};

[[noreturn]] void fail(const launch& plan, bool is_account_change) {
  launch_failure failure{errno, is_account_change};
  (void) !::write(plan.report, &failure, sizeof failure);
  ::_exit(127);
}

// The raw calls: glibc's wrappers change every thread of the process, of which a fork keeps only one.
bool change_account(const launch& plan) {
  return ::syscall(SYS_setgroups, 0, nullptr) == 0 && ::syscall(SYS_setresgid, plan.gid, plan.gid, plan.gid) == 0
         && ::syscall(SYS_setresuid, plan.uid, plan.uid, plan.uid) == 0;
}

[[noreturn]] void run_in_child(const launch& plan) {
  ::setsid();
  ::umask(077);
  for (int number = 1; number < NSIG; ++number)
    ::signal(number, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::chdir("/") != 0 || ::dup2(plan.input, 0) < 0 || ::dup2(plan.output, 1) < 0 || ::dup2(plan.output, 2) < 0)
    fail(plan, false);
  ::close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC);
  if (plan.directory >= 0 && ::dup2(plan.directory, 3) < 0)
    fail(plan, false);
  if (plan.changes_account && !change_account(plan))
    fail(plan, true);
  if (!plan.outlives_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != plan.parent)
      ::_exit(127);
  }
  ::execve(plan.argv[0], plan.argv.data(), plan.environment.data());
  fail(plan, false);
}

descriptor raised(int number) {
  return descriptor{::fcntl(number, F_DUPFD_CLOEXEC, first_free_number)};
}

descriptor make_output() {
  descriptor result{::memfd_create("output", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  // Fixed in size, so that a server that complains for years can't eat the memory.
  if (result && ::ftruncate(result.get(), output_bytes_max) == 0)
    ::fcntl(result.get(), F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
  return result;
}

descriptor open_handle(pid_t pid) {
  return descriptor{static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
}

std::vector<std::string> make_environment() {
  std::vector<std::string> result{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C"};
  // For programs that were installed beside their libraries.
  if (const char* path = std::getenv("LD_LIBRARY_PATH"))
    result.push_back(std::string{"LD_LIBRARY_PATH="} + path);
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& x : strings)
    result.push_back(x.data());
  result.push_back(nullptr);
  return result;
}

/// What the child reports when it can't run the program; nothing when it runs.
std::optional<launch_failure> read_failure(int report) {
  launch_failure failure;
  ssize_t got;
  do
    got = ::read(report, &failure, sizeof failure);
  while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(sizeof failure))
    return failure;
  return std::nullopt;
}

caf::error launch_error(const child_plan& plan, const launch_failure& failure) {
  if (failure.is_account_change)
    return os_error("run " + plan.argv[0] + " as user " + plan.account.name, failure.error_number,
                    "run swarm as an ordinary user");
  auto who = plan.account.name.empty() ? std::string{} : " as user " + plan.account.name;
  return os_error("run " + plan.argv[0] + who, failure.error_number);
}

} // namespace

caf::expected<child_process> child_process::start(const child_plan& plan) {
  auto argv = plan.argv;
  auto environment = make_environment();
  descriptor null{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  auto output = make_output();
  std::array<int, 2> pipe{-1, -1};
  if (!null || !output || ::pipe2(pipe.data(), O_CLOEXEC) != 0)
    return os_error("run " + plan.argv[0], errno);
  descriptor report{pipe[0]};
  descriptor report_writer{pipe[1]};
  auto high_input = raised(null.get());
  auto high_output = raised(output.get());
  auto high_report = raised(report_writer.get());
  auto high_directory = plan.directory >= 0 ? raised(plan.directory) : descriptor{};
  if (!high_input || !high_output || !high_report || (plan.directory >= 0 && !high_directory))
    return os_error("run " + plan.argv[0], errno);
  launch prepared{pointers(argv), pointers(environment), plan.account.uid, plan.account.gid, ::geteuid() == 0,
                  plan.outlives_this_process, ::getpid(), high_input.get(), high_output.get(), high_directory.get(),
                  high_report.get()};
  child_process result;
  result.pid_ = ::fork();
  if (result.pid_ < 0)
    return os_error("run " + plan.argv[0], errno);
  if (result.pid_ == 0)
    run_in_child(prepared);
  report_writer = descriptor{};
  high_report = descriptor{};
  result.is_ours_ = true;
  result.handle_ = open_handle(result.pid_);
  if (auto failure = read_failure(report.get())) {
    ::waitpid(result.pid_, nullptr, 0);
    return launch_error(plan, *failure);
  }
  if (!result.handle_)
    return os_error("watch process " + std::to_string(result.pid_), errno);
  result.output_ = std::move(output);
  return result;
}

caf::expected<child_process> child_process::follow(pid_t pid) {
  child_process result;
  result.pid_ = pid;
  result.handle_ = open_handle(pid);
  if (!result.handle_ && (errno == ESRCH || errno == EINVAL))
    return make_error(errc::not_found, "there is no process " + std::to_string(pid));
  if (!result.handle_)
    return os_error("watch process " + std::to_string(pid), errno);
  return result;
}

bool child_process::ended(std::chrono::milliseconds patience) {
  if (has_ended_)
    return true;
  auto deadline = std::chrono::steady_clock::now() + patience;
  pollfd handle{handle_.get(), POLLIN, 0};
  int ready;
  do {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    ready = ::poll(&handle, 1, left > 0 ? static_cast<int>(left) : 0);
  } while (ready < 0 && errno == EINTR);
  if (ready <= 0)
    return false;
  has_ended_ = true;
  int status = 0;
  if (is_ours_ && ::waitpid(pid_, &status, 0) == pid_)
    status_ = status;
  return true;
}

void child_process::signal(int number) const {
  if (!has_ended_)
    ::syscall(SYS_pidfd_send_signal, handle_.get(), number, nullptr, 0);
}

std::string child_process::output() const {
  if (!output_)
    return {};
  std::string text(static_cast<std::size_t>(output_bytes_max), '\0');
  auto size = ::pread(output_.get(), text.data(), text.size(), 0);
  text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return text.substr(0, text.find('\0'));
}

std::string child_process::ending() const {
  if (status_ && WIFEXITED(*status_))
    return "exited with code " + std::to_string(WEXITSTATUS(*status_));
  if (status_ && WIFSIGNALED(*status_))
    return "was ended by signal " + std::to_string(WTERMSIG(*status_));
  return "ended";
}

} // namespace swarm::runtime
