#include "runtime/executors/command/command_runner.hpp"

#include "runtime/executors/command/command_run.hpp"

#include <pthread.h>
#include <signal.h>
#include <uv.h>

#include <cerrno>
#include <exception>
#include <mutex>
#include <random>
#include <string>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace swarm::executors {

namespace {

using run_id = command_runner::run_id;
using on_end = command_runner::on_end;

struct start_request {
  run_id id;
  command_spec spec;
  on_end done;
  command_runner::on_output take;
  command_runner::progress progress;
};

struct stop_request {
  run_id id;
  std::chrono::milliseconds after;
};

struct kill_request {
  run_id id;
};

using request = std::variant<start_request, stop_request, kill_request>;

void check(int uv_error) {
  if (uv_error != 0)
    throw std::system_error(-uv_error, std::generic_category(), "cannot start the thread that runs commands");
}

/// A libuv loop that one call can wake from any thread.
struct event_loop {
  explicit event_loop(uv_async_cb on_wakeup, void* data) {
    check(uv_loop_init(&loop));
    if (const int error = uv_async_init(&loop, &wakeup, on_wakeup); error != 0) {
      uv_loop_close(&loop);
      check(error);
    }
    wakeup.data = data;
  }

  event_loop(const event_loop&) = delete;
  event_loop& operator=(const event_loop&) = delete;

  /// Runs once more for the handles that are closing.
  ~event_loop() {
    uv_close(reinterpret_cast<uv_handle_t*>(&wakeup), nullptr);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
  }

  uv_loop_t loop;
  uv_async_t wakeup;
};

/// A node that was started by a careless parent inherits an ignored SIGCHLD, by which every exit status is lost.
void heed_ended_children() {
  struct sigaction action {};
  if (sigaction(SIGCHLD, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) {
    action.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &action, nullptr);
  }
}

/// That no other runner has, of this process or another one. Digits alone, as times and all that differs by itself.
std::string random_number() {
  std::random_device random;
  return std::to_string(random()) + std::to_string(random());
}

/// A callback that throws is no reason to lose the other runs.
void report(const on_end& done, command_result result) noexcept {
  try {
    done(std::move(result));
  } catch (...) {
  }
}

void report_not_started(const on_end& done, int error_number, std::string sentence) noexcept {
  command_result result;
  result.ending = command_ending::not_started;
  result.error_number = error_number;
  result.error_text = std::move(sentence);
  report(done, std::move(result));
}

} // namespace

struct command_runner::impl {
  impl(stop_ladder x, std::shared_ptr<const redact::redactor> secrets)
    : ladder(x), redactor(std::move(secrets)), loop(wake, this), thread([this] { work(); }) {}

  ~impl() {
    {
      const std::lock_guard guard{mutex};
      closing = true;
    }
    uv_async_send(&loop.wakeup);
    thread.join();
  }

  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;

  void add(request x) {
    {
      const std::lock_guard guard{mutex};
      requests.push_back(std::move(x));
    }
    uv_async_send(&loop.wakeup);
  }

  void work() noexcept {
    pthread_setname_np(pthread_self(), "swarm.commands");
    uv_run(&loop.loop, UV_RUN_DEFAULT);
  }

  static void wake(uv_async_t* x) noexcept { static_cast<impl*>(x->data)->handle_requests(); }

  void handle_requests() {
    std::vector<request> batch;
    {
      const std::lock_guard guard{mutex};
      batch.swap(requests);
      must_end = closing;
    }
    for (auto& x : batch)
      std::visit([this](auto& y) { handle(y); }, x);
    if (must_end)
      end_all();
  }

  void handle(start_request& x) {
    if (must_end) {
      command_result result;
      result.ending = command_ending::stopped;
      return report(x.done, std::move(result));
    }
    if (runs.contains(x.id))
      return report_not_started(x.done, EEXIST, "run " + std::to_string(x.id) + " is still in progress");
    try {
      begin(x);
    } catch (const std::exception&) {
      // Out of memory, or an output limit beyond all memory.
      report_not_started(x.done, ENOMEM, "cannot run a command: not enough memory for the output that it may keep");
    }
  }

  void begin(start_request& x) {
    auto on_result = [this, id = x.id, done = x.done](command_result y) {
      runs.erase(id);
      report(done, std::move(y));
      if (must_end && runs.empty())
        uv_async_send(&loop.wakeup);
    };
    x.spec.environment[command_run::mark] = mark + "." + std::to_string(++started_runs);
    auto started = command_run::start(loop.loop, ladder, redactor.get(), of_runs, x.spec, x.progress, std::move(x.take),
                                      std::move(on_result));
    if (auto* failure = std::get_if<start_failure>(&started))
      return report_not_started(x.done, failure->error_number, std::move(failure->sentence));
    runs.emplace(x.id, std::get<std::unique_ptr<command_run>>(std::move(started)));
  }

  void handle(const stop_request& x) {
    if (const auto run = runs.find(x.id); run != runs.end())
      run->second->stop(x.after);
  }

  void handle(const kill_request& x) {
    if (const auto run = runs.find(x.id); run != runs.end())
      run->second->kill();
  }

  void end_all() {
    // A run may end in the call and leave the map.
    for (auto run = runs.begin(); run != runs.end();)
      (run++)->second->kill();
    const std::lock_guard guard{mutex};
    if (runs.empty() && requests.empty())
      uv_stop(&loop.loop);
  }

  const stop_ladder ladder;
  const std::string mark = random_number(); ///< Of all runs.
  std::uint64_t started_runs = 0;         ///< Of the loop's thread.
  marked_processes of_runs{command_run::mark}; ///< Likewise; before the runs, which refer to it.
  const std::shared_ptr<const redact::redactor> redactor; ///< May be absent.
  std::unordered_map<run_id, std::unique_ptr<command_run>> runs; ///< Of the loop's thread.
  bool must_end = false;                                         ///< Of the loop's thread.
  std::mutex mutex;
  std::vector<request> requests; ///< Guarded by the mutex, as is `closing`.
  bool closing = false;
  event_loop loop;
  std::thread thread;
};

command_runner::command_runner(stop_ladder ladder, std::shared_ptr<const redact::redactor> redactor) {
  heed_ended_children();
  impl_ = std::make_unique<impl>(ladder, std::move(redactor));
}

command_runner::~command_runner() = default;

command_runner::progress command_runner::start(run_id id, command_spec spec, on_end done, on_output take) {
  auto result = std::make_shared<std::atomic<std::int64_t>>(0);
  impl_->add(start_request{id, std::move(spec), std::move(done), std::move(take), result});
  return result;
}

void command_runner::stop(run_id id, std::chrono::milliseconds after) {
  impl_->add(stop_request{id, after});
}

void command_runner::kill(run_id id) {
  impl_->add(kill_request{id});
}

} // namespace swarm::executors
