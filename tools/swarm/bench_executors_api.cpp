#include "tools/swarm/bench_executors_api.hpp"

#include "messages/error.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>
#include <vector>

namespace swarm::cli {

namespace {

/// `events` of 0: the streams end.
struct order {
  std::uint32_t events = 0;
  std::int64_t gap_ns = 0;
};

constexpr std::string_view beginning =
  "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nrequest-id: req_bench\r\nConnection: close\r\n\r\n"
  "event: message_start\n"
  "data: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_bench\",\"type\":\"message\",\"role\":\"assistant\","
  "\"model\":\"bench\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":25,\"output_tokens\":1}}}\n\n"
  "event: content_block_start\n"
  "data: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"Well, \"}}\n\n";

constexpr std::string_view piece_begin = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
                                         "\"delta\":{\"type\":\"text_delta\",\"text\":\"";
constexpr std::string_view piece_end = " and a few words more\"}}\n\n";

constexpr std::string_view end =
  "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
  "event: message_delta\n"
  "data: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":9}}\n\n"
  "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

std::int64_t steady_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds{1};
}

/// A client that is gone is no reason to stop for the others.
void send_all(int stream, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = send(stream, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0)
      return;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

/// Lives in the child process.
class server {
public:
  server(int listener, int orders) : listener_(listener), orders_(orders) {}

  void run() {
    std::array watched{pollfd{listener_, POLLIN, 0}, pollfd{orders_, POLLIN, 0}};
    for (;;) {
      poll(watched.data(), watched.size(), -1);
      if (watched[0].revents != 0)
        open_stream();
      order next;
      if (watched[1].revents != 0) {
        if (read(orders_, &next, sizeof next) != sizeof next)
          return; // whoever gave orders is gone
        next.events == 0 ? finish() : play(next);
      }
    }
  }

private:
  void open_stream() {
    const int stream = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (stream == -1)
      return;
    const int at_once = 1;
    setsockopt(stream, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    // What is asked doesn't matter.
    std::array<char, 16'384> bytes;
    [[maybe_unused]] const auto request = recv(stream, bytes.data(), bytes.size(), 0);
    send_all(stream, beginning);
    streams_.push_back(stream);
  }

  void play(const order& x) {
    auto due = steady_ns();
    std::string piece;
    for (std::uint32_t i = 0; i < x.events; ++i)
      for (const int stream : streams_) {
        due += x.gap_ns;
        const timespec moment{due / 1'000'000'000, due % 1'000'000'000};
        clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &moment, nullptr);
        piece = piece_begin;
        piece += std::to_string(steady_ns());
        piece += piece_end;
        send_all(stream, piece);
      }
  }

  void finish() {
    for (const int stream : streams_) {
      send_all(stream, end);
      close(stream);
    }
    streams_.clear();
  }

  int listener_;
  int orders_;
  std::vector<int> streams_;
};

[[noreturn]] void be_the_server(int listener, int orders, pid_t parent) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  prctl(PR_SET_TIMERSLACK, 1); // or each pause would be fifty microseconds longer
  if (getppid() == parent)
    server{listener, orders}.run();
  _exit(0);
}

void give(int orders, const order& x) {
  [[maybe_unused]] const auto count = write(orders, &x, sizeof x);
}

} // namespace

caf::expected<bench_api> bench_api::start() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  int orders[2];
  if (listener == -1 || bind(listener, reinterpret_cast<sockaddr*>(&address), size) == -1 || listen(listener, 1024) == -1
      || getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == -1 || pipe2(orders, O_CLOEXEC) == -1)
    return make_error(errc::io_failed, "a server on the loopback can't be set up: " + std::generic_category().message(errno));
  const auto parent = getpid();
  const auto child = fork();
  if (child == 0) {
    close(orders[1]);
    be_the_server(listener, orders[0], parent);
  }
  close(listener);
  close(orders[0]);
  if (child == -1)
    return make_error(errc::io_failed, "no process for a server: " + std::generic_category().message(errno));
  return bench_api{child, orders[1], ntohs(address.sin_port)};
}

bench_api::bench_api(bench_api&& other) noexcept
  : server_(std::exchange(other.server_, 0)), orders_(std::exchange(other.orders_, -1)), port_(other.port_) {}

bench_api::~bench_api() {
  if (server_ == 0)
    return;
  close(orders_);
  kill(server_, SIGKILL);
  waitpid(server_, nullptr, 0);
}

std::string bench_api::url() const {
  return "http://127.0.0.1:" + std::to_string(port_);
}

void bench_api::play(std::uint32_t events, std::chrono::nanoseconds gap) const {
  give(orders_, {events, gap.count()});
}

void bench_api::finish() const {
  give(orders_, {});
}

std::int64_t written_at_ns(std::string_view data) {
  constexpr std::string_view before = "\"text\":\"";
  const auto at = data.find(before);
  std::int64_t result = 0;
  if (at != std::string_view::npos)
    std::from_chars(data.data() + at + before.size(), data.data() + data.size(), result);
  return result;
}

} // namespace swarm::cli
