#define CAF_SUITE control_server

#include "runtime/control/control_server.hpp"

#include "tests/fixtures/forked.hpp"
#include "tests/fixtures/scratch_folder.hpp"

#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <future>
#include <iterator>
#include <sstream>
#include <thread>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace std::chrono_literals;
using namespace swarm;
using control::ask;
using control::control_server;

namespace {

/// How long the library listens to a client that says nothing, and rather more than the machine needs.
constexpr auto read_timeout = 5s;
constexpr auto slack = 3s;

const std::map<std::string, control::answer> one_route{{"/a", [] { return "[]"; }}};

sockaddr_un address_of(const fs::path& socket) {
  sockaddr_un result{};
  result.sun_family = AF_UNIX;
  socket.native().copy(result.sun_path, sizeof result.sun_path - 1);
  return result;
}

/// Any process's end of a socket.
struct endpoint {
  endpoint() : file(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  ~endpoint() { ::close(file); }
  endpoint(const endpoint&) = delete;
  endpoint& operator=(const endpoint&) = delete;

  int file;
};

/// Somebody who has connected, has said these words, and says no more.
struct silent_client : endpoint {
  explicit silent_client(const fs::path& socket, std::string_view words = {}) {
    auto address = address_of(socket);
    CAF_REQUIRE_EQUAL(::connect(file, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    CAF_REQUIRE_EQUAL(::send(file, words.data(), words.size(), MSG_NOSIGNAL), static_cast<ssize_t>(words.size()));
  }

  /// Whether the server has read all its words.
  bool is_heard() const {
    int unread = 1;
    return ::ioctl(file, SIOCOUTQ, &unread) == 0 && unread == 0;
  }

  /// Whether the server lets go of it.
  bool is_left_alone() const {
    pollfd news{file, POLLIN, 0};
    char byte;
    return ::poll(&news, 1, 10'000) == 1 && ::recv(file, &byte, 1, 0) <= 0;
  }
};

/// A process that was killed left this: a socket that nobody listens on.
void leave_socket(const fs::path& path) {
  endpoint killed;
  auto address = address_of(path);
  CAF_REQUIRE_EQUAL(::bind(killed.file, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  CAF_REQUIRE_EQUAL(::listen(killed.file, 1), 0);
}

std::size_t entries(const char* folder) {
  return static_cast<std::size_t>(std::distance(fs::directory_iterator{folder}, fs::directory_iterator{}));
}

std::string permissions(const fs::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) != 0)
    return "there is no such file";
  std::ostringstream text;
  text << std::oct << (info.st_mode & 0777) << (S_ISSOCK(info.st_mode) ? " socket" : " no socket");
  return text.str();
}

struct fixture {
  swarm::test::scratch_folder folder;
  fs::path socket = folder.path() / "control.sock";
  std::promise<void> gate;
  std::shared_future<void> opened = gate.get_future().share();

  /// An answer that comes when the gate opens.
  control::answer late() {
    return [opened = opened] {
      opened.wait();
      return std::string{"late"};
    };
  }

  static std::unique_ptr<control_server> listen(const fs::path& where,
                                                const std::map<std::string, control::answer>& routes = one_route) {
    auto result = control_server::listen(where, routes);
    if (!result)
      CAF_FAIL(render(result.error()));
    return std::move(*result);
  }

  std::unique_ptr<control_server> listen() const { return listen(socket); }

  /// What is answered, or the error's class and sentence.
  static std::string asked(const fs::path& where, const std::string& path = "/a") {
    auto answer = ask(where, path);
    return answer ? *answer : to_string(code_of(answer.error())) + ": " + render(answer.error());
  }

  static std::string refusal(const fs::path& where) {
    auto result = control_server::listen(where, one_route);
    return result ? "it listens" : to_string(code_of(result.error())) + ": " + render(result.error());
  }

  std::string nobody() const { return "not_found: no node listens on " + socket.string(); }

  std::string failure(const std::string& path, int status) const {
    return "io_failed: the node behind " + socket.string() + " answers " + path + " with status "
           + std::to_string(status);
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(control_server_tests, fixture)

CAF_TEST(each question gets its own answer as it was given) {
  auto much = std::string(1'000'000, 'x') + "\n\"über\" \x01";
  auto server = listen(socket, {{"/much", [&] { return much; }}, {"/little", [] { return "{}"; }}});
  CAF_CHECK(asked(socket, "/much") == much);
  CAF_CHECK_EQUAL(asked(socket, "/little"), "{}");
}

CAF_TEST(an answer is made anew for each question) {
  int count = 0;
  auto server = listen(socket, {{"/count", [&] { return std::to_string(++count); }}});
  for (auto number : {"1", "2", "3"})
    CAF_CHECK_EQUAL(asked(socket, "/count"), number);
}

CAF_TEST(a question that no route answers is an error with its status) {
  auto server = listen();
  for (auto path : {"/", "/b", "/a/b", "/aa", "/A"})
    CAF_CHECK_EQUAL(asked(socket, path), failure(path, 404));
}

CAF_TEST(an answer that throws is an error with its status and the server lives on) {
  auto server = listen(socket, {{"/oops", []() -> std::string { throw std::runtime_error("oops"); }},
                                {"/odd", []() -> std::string { throw 1; }},
                                {"/a", [] { return "[]"; }}});
  for (int i = 0; i < 3; ++i) {
    CAF_CHECK_EQUAL(asked(socket, "/oops"), failure("/oops", 500));
    CAF_CHECK_EQUAL(asked(socket, "/odd"), failure("/odd", 500));
    CAF_CHECK_EQUAL(asked(socket), "[]");
  }
}

CAF_TEST(the socket is for its owner alone whatever the mask) {
  auto mask = ::umask(0);
  auto server = listen();
  ::umask(mask);
  CAF_CHECK_EQUAL(permissions(socket), "600 socket");
}

CAF_TEST(a server that is gone leaves nothing behind) {
  CAF_CHECK_EQUAL(refusal(folder.path() / "a" / "control.sock").substr(0, 10), "io_failed:");
  const auto threads = entries("/proc/self/task");
  const auto files = entries("/proc/self/fd");
  for (int i = 0; i < 100; ++i) {
    auto server = listen();
    if (i % 2 == 0) // the others may end before they have begun
      CAF_CHECK_EQUAL(asked(socket), "[]");
  }
  CAF_CHECK_EQUAL(permissions(socket), "there is no such file");
  CAF_CHECK_EQUAL(asked(socket), nobody());
  CAF_CHECK_EQUAL(entries("/proc/self/task"), threads);
  CAF_CHECK_EQUAL(entries("/proc/self/fd"), files);
}

CAF_TEST(where nobody listens is not found) {
  CAF_CHECK_EQUAL(asked(socket), nobody());
  leave_socket(socket);
  CAF_CHECK_EQUAL(asked(socket), nobody());
  fs::remove(socket);
  folder.write("control.sock", "");
  CAF_CHECK_EQUAL(asked(socket), nobody());
  auto nowhere = folder.path() / "no" / "folder" / "control.sock";
  CAF_CHECK_EQUAL(asked(nowhere), "not_found: no node listens on " + nowhere.string());
}

CAF_TEST(who hangs up instead of answering is a failure) {
  endpoint other;
  auto address = address_of(socket);
  CAF_REQUIRE_EQUAL(::bind(other.file, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  CAF_REQUIRE_EQUAL(::listen(other.file, 1), 0);
  auto answer = std::async(std::launch::async, [&] { return asked(socket); });
  ::close(::accept4(other.file, nullptr, nullptr, SOCK_CLOEXEC));
  CAF_CHECK_EQUAL(answer.get().substr(0, ("io_failed: the node behind " + socket.string()).size()),
                  "io_failed: the node behind " + socket.string());
}

CAF_TEST(a socket that a killed server left is taken over) {
  leave_socket(socket);
  auto server = listen();
  CAF_CHECK_EQUAL(asked(socket), "[]");
  CAF_CHECK_EQUAL(permissions(socket), "600 socket");
}

CAF_TEST(a server that ends late leaves the socket to its successor) {
  auto first = listen(socket, {{"/a", [] { return "first"; }}});
  auto second = listen(socket, {{"/a", [] { return "second"; }}});
  CAF_CHECK_EQUAL(asked(socket), "second");
  first.reset();
  CAF_CHECK_EQUAL(asked(socket), "second");
}

CAF_TEST(a folder that can not be used is a failure that names the reason) {
  auto missing = folder.path() / "no" / "control.sock";
  CAF_CHECK_EQUAL(refusal(missing), "io_failed: cannot listen on " + missing.string() + ": No such file or directory");
  auto below_a_file = folder.write("file", "") / "control.sock";
  CAF_CHECK_EQUAL(refusal(below_a_file), "io_failed: cannot listen on " + below_a_file.string() + ": Not a directory");
  // Root may write everywhere.
  fs::permissions(folder.path(), fs::perms{0555});
  swarm::test::forked somebody{[&] {
    swarm::test::become(swarm::test::ordinary_user);
    return refusal(socket);
  }};
  CAF_CHECK_EQUAL(somebody.answer(), "io_failed: cannot listen on " + socket.string() + ": Permission denied");
  fs::permissions(folder.path(), fs::perms::owner_all);
  fs::create_directories(socket / "full");
  CAF_CHECK_EQUAL(refusal(socket), "io_failed: cannot listen on " + socket.string() + ": Address already in use");
}

CAF_TEST(a path that is longer than an address works) {
  auto deep = folder.path();
  while (deep.native().size() < 300)
    deep /= std::string(50, 'd');
  fs::create_directories(deep);
  auto where = deep / "control.sock";
  CAF_CHECK_EQUAL(asked(where), "not_found: no node listens on " + where.string());
  auto server = listen(where);
  CAF_CHECK_EQUAL(permissions(where), "600 socket");
  CAF_CHECK_EQUAL(asked(where), "[]");
  server.reset();
  CAF_CHECK_EQUAL(permissions(where), "there is no such file");
  listen(where, {{"/a", [] { return "again"; }}}).swap(server);
  CAF_CHECK_EQUAL(asked(where), "again");
}

CAF_TEST(a name that does not fit into an address is refused with a reason) {
  auto where = folder.path() / std::string(120, 'n');
  auto said = refusal(where);
  CAF_CHECK_EQUAL(said.substr(0, said.rfind(':')), "io_failed: cannot listen on " + where.string());
  CAF_CHECK_EQUAL(said.find("Success"), std::string::npos);
}

CAF_TEST(a client that says nothing does not keep others waiting) {
  auto server = listen();
  silent_client nothing{socket};
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i)
    CAF_CHECK_EQUAL(asked(socket), "[]");
  CAF_CHECK(std::chrono::steady_clock::now() - begin < read_timeout);
}

CAF_TEST(more silent clients than threads only delay the answer) {
  auto server = listen();
  silent_client a{socket}, b{socket}, c{socket, "GET /a HTTP/1.1\r\n"};
  CAF_CHECK_EQUAL(asked(socket), "[]");
  CAF_CHECK(a.is_left_alone());
  CAF_CHECK(b.is_left_alone());
}

CAF_TEST(an answer that takes long does not keep others waiting) {
  auto server = listen(socket, {{"/late", late()}, {"/a", [] { return "[]"; }}});
  auto late_answer = std::async(std::launch::async, [&] { return asked(socket, "/late"); });
  auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i)
    CAF_CHECK_EQUAL(asked(socket), "[]");
  CAF_CHECK(std::chrono::steady_clock::now() - begin < read_timeout);
  gate.set_value();
  CAF_CHECK_EQUAL(late_answer.get(), "late");
}

CAF_TEST(clients that hang on can not hold a server that ends for longer than the read timeout) {
  auto server = listen();
  silent_client nothing{socket};
  CAF_CHECK_EQUAL(asked(socket), "[]"); // connected later and so answered later: one thread listens to the first
  silent_client half{socket, "GET /a HTT"};
  while (!half.is_heard()) // by the other thread
    std::this_thread::yield();
  silent_client third{socket}, fourth{socket, "GET"};
  auto begin = std::chrono::steady_clock::now();
  auto ended = std::async(std::launch::async, [&] { server.reset(); });
  CAF_REQUIRE(ended.wait_for(read_timeout + slack) == std::future_status::ready);
  auto took = std::chrono::steady_clock::now() - begin;
  CAF_MESSAGE("it took " << std::chrono::duration_cast<std::chrono::milliseconds>(took).count() << " ms");
  for (auto* x : {&nothing, &half, &third, &fourth})
    CAF_CHECK(x->is_left_alone());
  CAF_CHECK_EQUAL(asked(socket), nobody());
}

CAF_TEST(a server that ends gives the answer that it has begun) {
  std::promise<void> begun;
  auto server = listen(socket, {{"/late", [&, answer = late()] {
                                   begun.set_value();
                                   return answer();
                                 }}});
  auto late_answer = std::async(std::launch::async, [&] { return asked(socket, "/late"); });
  begun.get_future().wait();
  auto ended = std::async(std::launch::async, [&] { server.reset(); });
  // From here on it takes no more questions.
  while (asked(socket, "/b") != nobody())
    CAF_REQUIRE(ended.wait_for(0s) == std::future_status::timeout);
  CAF_CHECK(ended.wait_for(0s) == std::future_status::timeout);
  gate.set_value();
  CAF_CHECK_EQUAL(late_answer.get(), "late");
  CAF_CHECK(ended.wait_for(read_timeout + slack) == std::future_status::ready);
}

CAF_TEST_FIXTURE_SCOPE_END()
