#include "runtime/executors/command/child_process.hpp"

#include "runtime/executors/beneath.hpp"
#include "runtime/executors/command/open_files.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace swarm::executors {

namespace {

/// What a child writes into the error pipe when it can't become the program.
struct start_error {
  start_step step;
  int error_number;
};

struct pipe_ends {
  unique_fd read;
  unique_fd write;
};

/// All that the child looks at. It shares the memory of this process until exec.
struct launch {
  const exec_plan& plan;
  const char* working_directory;
  const std::vector<std::pair<int, rlimit>>& limits;
  int input; ///< -1: nothing to read.
  int output;
  int error_output; ///< May be the same.
  int errors;
  pid_t parent;
};

std::optional<pipe_ends> make_pipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) == -1)
    return std::nullopt;
  return pipe_ends{unique_fd{fds[0]}, unique_fd{fds[1]}};
}

/// By number: glibc 2.36 declares the function, but not for C++.
unique_fd open_pidfd(pid_t pid) {
  return unique_fd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
}

unique_fd open_input_file(const command_spec& spec) {
  constexpr auto flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
  if (spec.input_is_confined) {
    const unique_fd directory{open(spec.working_directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
    return directory ? open_beneath(directory.get(), spec.input_file, flags) : unique_fd{};
  }
  const auto path = spec.input_file.starts_with('/') ? spec.input_file
                                                     : spec.working_directory + "/" + spec.input_file;
  return unique_fd{open(path.c_str(), flags)};
}

/// A text to read as a file of its own: a pipe would need somebody to fill it, and a program may never read it. Or the
/// errno; 0 for what isn't a regular file, which could keep us waiting.
std::variant<unique_fd, int> open_input(const command_spec& spec) {
  if (!spec.input_file.empty()) {
    auto file = open_input_file(spec);
    struct stat found {};
    if (!file || fstat(file.get(), &found) == -1)
      return errno;
    if (!S_ISREG(found.st_mode))
      return 0;
    return file;
  }
  if (spec.input.empty())
    return unique_fd{};
  unique_fd file{memfd_create("stdin", MFD_CLOEXEC)};
  for (std::size_t written = 0; file && written < spec.input.size();) {
    const auto count = write(file.get(), spec.input.data() + written, spec.input.size() - written);
    if (count == -1)
      return errno;
    written += static_cast<std::size_t>(count);
  }
  if (!file || lseek(file.get(), 0, SEEK_SET) == -1)
    return errno;
  return file;
}

std::vector<std::pair<int, rlimit>> limits_of(const command_limits& x) {
  std::vector<std::pair<int, rlimit>> result;
  auto add = [&](int resource, std::int64_t soft, std::int64_t hard) {
    if (soft >= 0)
      result.emplace_back(resource, rlimit{static_cast<rlim_t>(soft), static_cast<rlim_t>(hard)});
  };
  // SIGXCPU first, and SIGKILL for who ignores it.
  if (const auto cpu = std::chrono::ceil<std::chrono::seconds>(x.cpu).count(); cpu > 0)
    add(RLIMIT_CPU, cpu, cpu + 5);
  add(RLIMIT_AS, x.memory_bytes, x.memory_bytes);
  if (x.files >= 0)
    add(RLIMIT_NOFILE, x.files, x.files);
  else if (auto usual = usual_limit_of_open_files())
    result.emplace_back(RLIMIT_NOFILE, *usual);
  add(RLIMIT_NPROC, x.processes, x.processes);
  add(RLIMIT_CORE, x.core_bytes, x.core_bytes);
  return result;
}

[[noreturn]] void give_up(int errors, start_step step, int error_number) {
  const start_error report{step, error_number};
  // If the pipe is broken, the parent is gone and nobody wants to know.
  [[maybe_unused]] const auto written = write(errors, &report, sizeof(report));
  _exit(127);
}

/// A program inherits ignored signals and the mask; neither is its business.
void reset_signals() {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal)
    sigaction(signal, &action, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// Leaves 0, 1, 2 and the error pipe, which becomes 3 and closes at exec.
bool arrange_descriptors(const launch& x, int& errors) {
  // Out of the way first: if the node runs without stdin, the pipes may well be 0, 1 or 2.
  const int safe_input = x.input == -1 ? -1 : fcntl(x.input, F_DUPFD_CLOEXEC, 3);
  const int safe_output = fcntl(x.output, F_DUPFD_CLOEXEC, 3);
  const int safe_error_output = fcntl(x.error_output, F_DUPFD_CLOEXEC, 3);
  const int safe_errors = fcntl(errors, F_DUPFD_CLOEXEC, 4);
  if ((x.input != -1 && safe_input == -1) || safe_output == -1 || safe_error_output == -1 || safe_errors == -1)
    return false;
  errors = safe_errors;
  const int source = safe_input == -1 ? open("/dev/null", O_RDONLY) : safe_input;
  if (source == -1 || dup2(source, STDIN_FILENO) == -1 || dup2(safe_output, STDOUT_FILENO) == -1
      || dup2(safe_error_output, STDERR_FILENO) == -1 || dup3(safe_errors, 3, O_CLOEXEC) == -1)
    return false;
  errors = 3;
  closefrom(4);
  return true;
}

/// Tries one path after the other as execvp does, but never falls back to a shell. Returns errno.
int execute(const exec_plan& plan) {
  int result = ENOENT;
  for (const auto& program : plan.programs) {
    execve(program.c_str(), plan.argv.data(), plan.envp.data());
    if (plan.programs.size() == 1 || (errno != ENOENT && errno != ENOTDIR && errno != EACCES))
      return errno;
    if (errno == EACCES)
      result = EACCES;
  }
  return result;
}

/// Runs in the child. Only async-signal-safe calls, and no write to memory that the parent reads.
[[noreturn]] void become_program(const launch& x) {
  int errors = x.errors;
  if (setsid() == -1 || prctl(PR_SET_PDEATHSIG, SIGKILL) == -1)
    give_up(errors, start_step::create_process, errno);
  // A parent that died before prctl sends no signal any more.
  if (getppid() != x.parent)
    _exit(127);
  if (!arrange_descriptors(x, errors))
    give_up(errors, start_step::create_process, errno);
  if (chdir(x.working_directory) == -1)
    give_up(errors, start_step::enter_directory, errno);
  for (const auto& [resource, limit] : x.limits)
    if (setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == -1)
      give_up(errors, start_step::limit, errno);
  reset_signals();
  give_up(errors, start_step::execute, execute(x.plan));
}

/// vfork instead of fork: copying the page tables of a large node takes milliseconds and slows all its threads.
[[gnu::noinline]] pid_t fork_and_exec(const launch& x) {
  const pid_t pid = vfork();
  if (pid == 0)
    become_program(x);
  return pid;
}

/// No handler of this process may run in the child, which would do so on the parent's memory.
pid_t fork_with_signals_blocked(const launch& x, int& error_number) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = fork_and_exec(x);
  error_number = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return pid;
}

/// Waits for exec, which closes the pipe, or for the child's report.
std::optional<start_error> read_start_error(int fd) {
  start_error result{};
  ssize_t count;
  do
    count = read(fd, &result, sizeof(result));
  while (count == -1 && errno == EINTR);
  if (count != static_cast<ssize_t>(sizeof(result)))
    return std::nullopt;
  return result;
}

void wait_for_end(pid_t pid) {
  while (waitpid(pid, nullptr, 0) == -1 && errno == EINTR)
    continue;
}

} // namespace

std::variant<child_process, start_failure> child_process::start(const command_spec& spec) {
  auto planned = plan_exec(spec);
  if (auto* failure = std::get_if<start_failure>(&planned))
    return std::move(*failure);
  const auto& plan = std::get<exec_plan>(planned);
  const auto no_process = [&](int error_number) {
    return explain_failure(spec, plan, start_step::create_process, error_number);
  };
  auto output = make_pipe();
  auto error_output = output && spec.errors_apart ? make_pipe() : pipe_ends{};
  auto errors = output && error_output ? make_pipe() : std::nullopt;
  auto input = open_input(spec);
  if (auto* error_number = std::get_if<int>(&input))
    return explain_failure(spec, plan, start_step::open_input, *error_number);
  const auto limits = limits_of(spec.limits);
  // A program whose end can't be watched must not even begin, so ask for a pidfd before there is a process.
  if (!errors || !open_pidfd(getpid()))
    return no_process(errno);
  int error_number = 0;
  const auto pid = fork_with_signals_blocked(
    {plan, spec.working_directory.c_str(), limits, std::get<unique_fd>(input).get(), output->write.get(),
     spec.errors_apart ? error_output->write.get() : output->write.get(), errors->write.get(), getpid()},
    error_number);
  if (pid == -1)
    return no_process(error_number);
  output->write.reset();
  error_output->write.reset();
  errors->write.reset();
  if (const auto error = read_start_error(errors->read.get())) {
    wait_for_end(pid);
    return explain_failure(spec, plan, error->step, error->error_number);
  }
  errors.reset();
  child_process child{pid, std::move(output->read), std::move(error_output->read)};
  child.exit_fd_ = open_pidfd(pid);
  if (!child.exit_fd_)
    return no_process(errno);
  return child;
}

child_process::child_process(pid_t pid, unique_fd output_fd, unique_fd error_output_fd) noexcept
  : pid_(pid), output_fd_(std::move(output_fd)), error_output_fd_(std::move(error_output_fd)) {}

child_process::child_process(child_process&& other) noexcept
  : pid_(std::exchange(other.pid_, 0)),
    is_reaped_(other.is_reaped_),
    exit_fd_(std::move(other.exit_fd_)),
    output_fd_(std::move(other.output_fd_)),
    error_output_fd_(std::move(other.error_output_fd_)) {}

child_process::~child_process() {
  if (pid_ == 0 || is_reaped_)
    return;
  signal_group(SIGKILL);
  // Doesn't wait: a process that survives SIGKILL for a while (a dead network file system) would stop all others.
  waitpid(pid_, nullptr, WNOHANG);
}

bool child_process::clear_group() noexcept {
  if (!is_reaped_) {
    signal_group(SIGKILL);
    // Its number stays taken as long as the group has a member; the leader itself, even as a zombie, is one.
    is_reaped_ = waitpid(pid_, nullptr, WNOHANG) != 0;
  }
  return is_reaped_ && kill(-pid_, 0) == -1 && errno == ESRCH;
}

int child_process::signal_group(int signal) noexcept {
  return kill(-pid_, signal) == 0 ? 0 : errno;
}

std::optional<exit_status> child_process::find_exit() const noexcept {
  siginfo_t info{};
  if (waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == -1)
    return exit_status{.exit_code = -1, .signal = 0, .lost = true};
  if (info.si_pid == 0)
    return std::nullopt;
  if (info.si_code == CLD_EXITED)
    return exit_status{.exit_code = info.si_status};
  return exit_status{.signal = info.si_status};
}

} // namespace swarm::executors
