#include "runtime/control/control_server.hpp"

#include <httplib.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

namespace swarm::control {

namespace {

/// Questions that are answered side by side; more wait.
constexpr std::size_t threads = 2;

/// A path that names the folder of the socket through a descriptor, because an address holds only 107 bytes and homes
/// may lie deep.
struct short_path {
  explicit short_path(const std::filesystem::path& socket)
    : folder(::open(socket.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
      text("/proc/self/fd/" + std::to_string(folder) + "/" + socket.filename().string()) {}
  ~short_path() {
    if (folder >= 0)
      ::close(folder);
  }
  short_path(const short_path&) = delete;
  short_path& operator=(const short_path&) = delete;

  int folder;
  std::string text;
};

/// 0 when there is nothing.
ino_t inode_of(const std::filesystem::path& file) {
  struct stat facts {};
  return ::lstat(file.c_str(), &facts) == 0 ? facts.st_ino : 0;
}

caf::error cannot_listen(const std::filesystem::path& socket, const std::string& why) {
  return make_error(errc::io_failed, "cannot listen on " + socket.string() + ": " + why);
}

} // namespace

struct control_server::impl {
  std::filesystem::path socket;
  ino_t inode = 0; ///< Of the socket: another server may have put its own in our place meanwhile.
  httplib::Server server;
  std::thread thread;

  ~impl() {
    if (!thread.joinable())
      return;
    // The thread may not have come to the point where it can be told to stop.
    while (!server.is_running())
      std::this_thread::yield();
    server.stop();
    thread.join();
    if (inode_of(socket) == inode)
      ::unlink(socket.c_str());
  }
};

control_server::control_server(std::unique_ptr<impl> x) : impl_(std::move(x)) {}

control_server::~control_server() = default;

caf::expected<std::unique_ptr<control_server>> control_server::listen(const std::filesystem::path& socket,
                                                                      const std::map<std::string, answer>& routes) {
  auto x = std::make_unique<impl>();
  x->socket = socket;
  x->server.new_task_queue = [] { return new httplib::ThreadPool(threads); };
  x->server.set_address_family(AF_UNIX);
  x->server.set_keep_alive_max_count(1); // nobody's idle connection may take a thread
  for (auto& [path, respond] : routes)
    x->server.Get(path, [respond = respond](const httplib::Request&, httplib::Response& out) {
      out.set_content(respond(), "application/json");
    });
  x->server.set_exception_handler([](const httplib::Request&, httplib::Response& out, std::exception_ptr) {
    out.status = 500;
  });
  short_path address{socket};
  if (address.folder < 0)
    return cannot_listen(socket, std::strerror(errno));
  // Whoever holds the home's lock owns this path; a socket there is left over from a life that was killed.
  std::error_code ignored;
  std::filesystem::remove(socket, ignored);
  if (!x->server.bind_to_port(address.text, 80))
    return cannot_listen(socket, std::strerror(errno));
  if (::chmod(socket.c_str(), S_IRUSR | S_IWUSR) != 0)
    return cannot_listen(socket, std::strerror(errno));
  x->inode = inode_of(socket);
  x->thread = std::thread([server = &x->server] { server->listen_after_bind(); });
  return std::unique_ptr<control_server>{new control_server{std::move(x)}};
}

caf::expected<std::string> ask(const std::filesystem::path& socket, const std::string& path) {
  short_path address{socket};
  httplib::Client client{address.text};
  client.set_address_family(AF_UNIX);
  client.set_connection_timeout(2);
  client.set_read_timeout(10);
  auto response = client.Get(path);
  if (!response && response.error() == httplib::Error::Connection)
    return make_error(errc::not_found, "no node listens on " + socket.string());
  if (!response)
    return make_error(errc::io_failed, "the node behind " + socket.string() + " doesn't answer: "
                                         + to_string(response.error()));
  if (response->status != 200)
    return make_error(errc::io_failed, "the node behind " + socket.string() + " answers " + path + " with status "
                                         + std::to_string(response->status));
  return response->body;
}

} // namespace swarm::control
