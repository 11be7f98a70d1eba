#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace swarm::executors {

/// Runs what it is given, one after the other, on a thread of its own: for work that takes longer than an I/O thread may
/// wait, and for state that then needs no lock.
class task_thread {
public:
  task_thread() : thread_([this] { run(); }) {}
  ~task_thread() { close(); }

  task_thread(const task_thread&) = delete;
  task_thread& operator=(const task_thread&) = delete;

  /// Callable from any thread. Does nothing after `close`.
  void post(std::function<void()> task) {
    {
      std::lock_guard guard{mutex_};
      if (is_closed_)
        return;
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }

  /// Ends the thread when it has done what it was given. Not to be called by a task.
  void close() {
    {
      std::lock_guard guard{mutex_};
      is_closed_ = true;
    }
    changed_.notify_one();
    if (thread_.joinable())
      thread_.join();
  }

private:
  void run() {
    for (;;) {
      std::vector<std::function<void()>> todo;
      {
        std::unique_lock lock{mutex_};
        changed_.wait(lock, [this] { return is_closed_ || !tasks_.empty(); });
        if (tasks_.empty())
          return;
        todo.swap(tasks_);
      }
      for (auto& task : todo)
        task();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::function<void()>> tasks_; ///< Guarded.
  bool is_closed_ = false;                   ///< Guarded.
  std::thread thread_;
};

} // namespace swarm::executors
