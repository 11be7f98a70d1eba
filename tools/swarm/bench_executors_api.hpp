#pragma once

#include <caf/expected.hpp>

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace swarm::cli {

/// A server that streams like the Messages API, on a port of the loopback and in a process of its own, so that what it
/// uses isn't taken for what its clients use. Each request opens a stream, which then waits for orders.
class bench_api {
public:
  /// Before this process has threads: the server is a fork of it.
  static caf::expected<bench_api> start();

  bench_api(bench_api&&) noexcept;
  bench_api& operator=(bench_api&&) = delete;
  ~bench_api();

  /// "http://127.0.0.1:PORT"
  std::string url() const;

  /// Sends each open stream so many pieces of text, `gap` between any two of all. Returns at once.
  void play(std::uint32_t events, std::chrono::nanoseconds gap) const;

  /// Brings every open stream to its end.
  void finish() const;

private:
  bench_api(pid_t server, int orders, int port) : server_(server), orders_(orders), port_(port) {}

  pid_t server_;
  int orders_; ///< The write end of the pipe by which it is told what to do.
  int port_;
};

/// When the server wrote a piece of text, by the steady clock, from the event's data; 0 for other events.
std::int64_t written_at_ns(std::string_view data);

} // namespace swarm::cli
