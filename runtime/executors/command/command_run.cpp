#include "runtime/executors/command/command_run.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace swarm::executors {

using namespace std::chrono_literals;

namespace {

/// How long an ended program's output may be held open by others. Enough for a `tee` behind it to finish its line.
constexpr auto drain_time = 1'000ms;

/// Death by SIGKILL takes microseconds. Past this the process is beyond reach: another user's, or stuck in the kernel.
constexpr std::chrono::milliseconds death_time = 5'000ms;

/// Between two looks at who is dying.
constexpr auto look_again_after = 2ms;

/// So that one look for daemons serves all that end together.
constexpr auto gather_time = 10ms;

constexpr std::size_t read_bytes = 64u << 10;

/// Bounds one run's turn, so that a flood leaves time for the others.
constexpr int reads_per_turn = 4;

constexpr std::array<int, 3> ladder_signals{SIGINT, SIGTERM, SIGKILL};

/// Null and a negative error if the loop can't watch this descriptor.
uv_owned<uv_poll_t> make_poll(uv_loop_t& loop, int fd, void* data, uv_poll_cb callback, int& error) {
  auto raw = std::make_unique<uv_poll_t>();
  error = uv_poll_init(&loop, raw.get(), fd);
  if (error != 0)
    return nullptr;
  uv_owned<uv_poll_t> result{raw.release()};
  result->data = data;
  error = uv_poll_start(result.get(), UV_READABLE, callback);
  return result;
}

uv_owned<uv_timer_t> make_timer(uv_loop_t& loop, void* data) {
  auto raw = std::make_unique<uv_timer_t>();
  uv_timer_init(&loop, raw.get());
  raw->data = data;
  return uv_owned<uv_timer_t>{raw.release()};
}

} // namespace

std::variant<std::unique_ptr<command_run>, start_failure>
command_run::start(uv_loop_t& loop, const stop_ladder& ladder, const redact::redactor* redactor,
                   marked_processes& of_runs, const command_spec& spec, command_runner::progress progress,
                   command_runner::on_output take, on_result done) {
  output_buffer output{spec.output_head_bytes, spec.output_tail_bytes};
  std::optional<output_buffer> raw_output;
  if (spec.keeps_raw_output && redactor != nullptr)
    raw_output.emplace(spec.output_head_bytes, spec.output_tail_bytes);
  const auto started_at = std::chrono::steady_clock::now();
  auto started = child_process::start(spec);
  if (auto* failure = std::get_if<start_failure>(&started))
    return std::move(*failure);
  auto& child = std::get<child_process>(started);
  std::unique_ptr<command_run> run{new command_run(ladder, redactor, of_runs, spec, started_at, std::move(child),
                                                   std::move(output), std::move(raw_output), std::move(progress),
                                                   std::move(take), std::move(done))};
  if (const int error = run->watch(loop); error != 0)
    return start_failure{-error, "cannot watch '" + spec.argv.front() + "': " + uv_strerror(error)};
  return run;
}

command_run::command_run(const stop_ladder& ladder, const redact::redactor* redactor, marked_processes& of_runs,
                         const command_spec& spec, std::chrono::steady_clock::time_point started_at,
                         child_process child, output_buffer output, std::optional<output_buffer> raw_output,
                         command_runner::progress progress, command_runner::on_output take, on_result done)
  : ladder_(ladder), of_runs_(of_runs), mark_(spec.environment.at(mark)), timeout_(spec.timeout),
    started_at_(started_at), child_(std::move(child)), output_(std::move(output)), raw_output_(std::move(raw_output)),
    file_(spec.output_file, spec.output_file_bytes_max), progress_(std::move(progress)), take_(std::move(take)),
    done_(std::move(done)), pipes_{output_pipe{child_.output_fd(), false},
                                   output_pipe{child_.error_output_fd(), true}} {
  if (redactor != nullptr)
    for (auto& pipe : pipes_)
      pipe.redaction = redactor->stream();
  progress_->store(1, std::memory_order_relaxed);
}

int command_run::watch(uv_loop_t& loop) {
  timer_ = make_timer(loop, this);
  int error = 0;
  exit_poll_ = make_poll(
    loop, child_.exit_fd(), this,
    [](uv_poll_t* x, int, int) noexcept { static_cast<command_run*>(x->data)->handle_exit(); }, error);
  if (error != 0)
    return error;
  for (auto& pipe : pipes_) {
    if (pipe.fd == -1)
      continue;
    pipe.poll = make_poll(
      loop, pipe.fd, this, [](uv_poll_t* x, int, int) noexcept { static_cast<command_run*>(x->data)->handle_output(); },
      error);
    if (error != 0)
      return error;
  }
  if (timeout_ > 0ns)
    set_timer(std::chrono::ceil<std::chrono::milliseconds>(timeout_));
  return 0;
}

void command_run::stop(std::chrono::milliseconds after) {
  if (requested_ || exit_ || handle_exit())
    return;
  if (after <= 0ms)
    return begin_stop(command_ending::stopped);
  when_time_is_up_ = command_ending::stopped;
  set_timer(after);
}

void command_run::kill() {
  if (exit_ || rung_ == ladder_signals.size() || handle_exit())
    return;
  if (!requested_)
    requested_ = command_ending::stopped;
  rung_ = ladder_signals.size() - 1;
  descend();
}

void command_run::handle_output() {
  read_output();
  if (exit_ && !has_open_output())
    begin_to_clear();
}

bool command_run::handle_exit() {
  if (!exit_) {
    exit_ = child_.find_exit();
    if (!exit_)
      return false;
    ended_at_ = std::chrono::steady_clock::now();
    exit_poll_.reset();
    set_timer(drain_time);
  }
  if (!has_open_output())
    begin_to_clear();
  return true;
}

void command_run::handle_timer() {
  if (clear_until_)
    return clear();
  if (exit_) {
    read_output();
    is_suspect_ = true;
    return begin_to_clear();
  }
  // The exit may be waiting in the same turn of the loop: what has ended by itself is not stopped.
  if (handle_exit())
    return;
  if (requested_)
    descend();
  else
    begin_stop(when_time_is_up_);
}

void command_run::begin_stop(command_ending ending) {
  requested_ = ending;
  descend();
}

void command_run::descend() {
  if (rung_ == ladder_signals.size())
    return finish("process " + std::to_string(child_.pid()) + " did not end within five seconds after SIGKILL");
  // Before they are orphans, which nobody can tell from others.
  for (auto& x : find_descendants(child_.pid()))
    if (std::find(descendants_.begin(), descendants_.end(), x) == descendants_.end())
      descendants_.push_back(std::move(x));
  is_suspect_ = true;
  const std::array waits{ladder_.after_interrupt, ladder_.after_terminate, death_time};
  child_.signal_group(ladder_signals[rung_]);
  set_timer(waits[rung_]);
  ++rung_;
}

/// The program has ended; now everybody that it leaves behind does.
void command_run::begin_to_clear() {
  if (clear_until_)
    return;
  clear_until_ = std::chrono::steady_clock::now() + death_time;
  clear();
}

void command_run::clear() {
  if (child_.clear_group() && !is_suspect_)
    return finish();
  is_suspect_ = true;
  const auto left = find_survivors();
  if (left.empty() && requested_ && !alone_since_) {
    alone_since_ = std::chrono::steady_clock::now();
    return set_timer(gather_time);
  }
  if (left.empty()) {
    read_output();
    const auto holders = find_holders();
    return finish(holders.empty() ? "" : describe(holders) + " left its session and still holds its output open");
  }
  if (std::chrono::steady_clock::now() >= *clear_until_)
    return finish(describe(left) + " did not end within five seconds after SIGKILL");
  for (const auto& x : left)
    kill_process(x);
  alone_since_.reset();
  set_timer(look_again_after);
}

std::vector<process> command_run::find_survivors() {
  auto result = find_session(child_.pid());
  for (const auto& x : descendants_)
    if (is_alive(x) && std::find(result.begin(), result.end(), x) == result.end())
      result.push_back(x);
  // Last, because it takes longest: daemons of before the stop.
  return result.empty() && alone_since_ ? of_runs_.find(mark_, *alone_since_) : result;
}

std::vector<process> command_run::find_holders() const {
  std::vector<process> result;
  for (const auto& pipe : pipes_) {
    if (pipe.poll)
      for (auto& x : find_writers(pipe.fd))
        if (std::find(result.begin(), result.end(), x) == result.end())
          result.push_back(std::move(x));
  }
  return result;
}

void command_run::read_output() {
  for (auto& pipe : pipes_)
    read_from(pipe);
}

void command_run::read_from(output_pipe& pipe) {
  std::array<char, read_bytes> bytes;
  for (int i = 0; pipe.poll && i < reads_per_turn; ++i) {
    const auto count = read(pipe.fd, bytes.data(), bytes.size());
    if (count > 0)
      take(pipe, {bytes.data(), static_cast<std::size_t>(count)});
    else if (count == -1 && (errno == EAGAIN || errno == EINTR))
      return;
    else
      close(pipe);
  }
}

void command_run::take(output_pipe& pipe, std::string_view bytes) {
  output_bytes_ += bytes.size();
  if (raw_output_)
    raw_output_->append(bytes);
  progress_->store(1 + static_cast<std::int64_t>(output_bytes_), std::memory_order_relaxed);
  if (!pipe.redaction)
    return keep(pipe.is_error, bytes);
  std::string safe;
  pipe.redaction->feed(bytes, safe);
  keep(pipe.is_error, safe);
}

void command_run::close(output_pipe& pipe) {
  if (!std::exchange(pipe.poll, nullptr) || !pipe.redaction)
    return;
  std::string rest;
  pipe.redaction->finish(rest);
  keep(pipe.is_error, rest);
}

void command_run::keep(bool is_error, std::string_view bytes) {
  output_.append(bytes);
  file_.append(bytes);
  if (!take_ || bytes.empty())
    return;
  try {
    take_(is_error, bytes);
  } catch (...) { // who can't listen is no reason to lose this run or another one
    take_ = nullptr;
  }
}

bool command_run::has_open_output() const {
  return std::any_of(pipes_.begin(), pipes_.end(), [](auto& x) { return x.poll != nullptr; });
}

void command_run::set_timer(std::chrono::milliseconds delay) {
  // The loop's own time stands still while it works through a turn.
  uv_update_time(timer_->loop);
  const auto milliseconds = static_cast<std::uint64_t>(std::max(delay, 0ms).count());
  uv_timer_start(
    timer_.get(), [](uv_timer_t* x) noexcept { static_cast<command_run*>(x->data)->handle_timer(); }, milliseconds, 0);
}

void command_run::finish(std::string error_text) {
  command_result result;
  const auto status = exit_.value_or(exit_status{.exit_code = -1, .signal = 0, .lost = false});
  result.ending = requested_.value_or(status.signal != 0 ? command_ending::signalled : command_ending::exited);
  result.exit_code = status.exit_code;
  result.signal = status.signal;
  result.error_text = std::move(error_text);
  if (status.lost)
    result.error_text = "the exit status of process " + std::to_string(child_.pid())
                        + " was lost: something else in this process waits for all children or ignores SIGCHLD";
  for (auto& pipe : pipes_)
    close(pipe);
  result.output_bytes = output_bytes_;
  result.output_file_bytes = file_.bytes();
  result.output = output_.take();
  if (raw_output_)
    result.raw_output = raw_output_->take();
  result.duration = (exit_ ? ended_at_ : std::chrono::steady_clock::now()) - started_at_;
  const auto done = std::move(done_);
  done(std::move(result));
}

} // namespace swarm::executors
