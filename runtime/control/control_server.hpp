#pragma once

#include "messages/error.hpp"

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace swarm::control {

/// Answers one question with JSON. Called on a thread of the server, several at a time.
using answer = std::function<std::string()>;

/// A node's door for those who may look inside: HTTP over a Unix socket that only its owner can open, for `swarm actors`
/// and for `curl --unix-socket <home>/run/control.sock http://node/actors`.
class control_server {
public:
  /// @param routes paths like "/actors" with what answers a GET of them.
  /// @returns errc::io_failed when the socket can't be made, also because its path is too long for one (107 bytes).
  static caf::expected<std::unique_ptr<control_server>> listen(const std::filesystem::path& socket,
                                                               const std::map<std::string, answer>& routes);

  /// Hangs up on everybody and removes the socket. Waits for answers in progress.
  ~control_server();

  control_server(const control_server&) = delete;
  control_server& operator=(const control_server&) = delete;

private:
  struct impl;
  explicit control_server(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

/// Asks the node behind a socket.
/// @returns errc::not_found when nobody listens there; errc::io_failed when the answer isn't one.
caf::expected<std::string> ask(const std::filesystem::path& socket, const std::string& path);

} // namespace swarm::control
