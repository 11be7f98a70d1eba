#pragma once

#include "actors/census.hpp"
#include "config/node_config.hpp"
#include "messages/error.hpp"
#include "runtime/executors/function_executor.hpp"
#include "runtime/executors/redact/redactor.hpp"

#include <caf/fwd.hpp>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace swarm::runtime {

struct node_settings {
  config::node_config values;
  std::string conninfo; ///< Of the database, for libpq.
  std::string home_id;  ///< uuid; tells successive nodes of one home from others.
  std::filesystem::path working_directory; ///< For commands that name none.
  std::filesystem::path control_socket;    ///< For `swarm actors`; empty for none.
  std::filesystem::path attempts_folder = {}; ///< For files that commands share with the node; or empty.
  std::filesystem::path workspaces_folder = {}; ///< For workspaces of tickets, of this home alone; or empty.
  executors::function_table functions = {}; ///< Of the embedding program, for tickets of kind "function".
  std::shared_ptr<const redact::redactor> redactor = {}; ///< The log's, which learns what the node learns; or none.
};

/// A running node: checks the database, migrates it, announces itself, and runs the supervision tree.
///
/// This is what a C++ program embeds. Block SIGPIPE, and the signals that the program waits for, before the first node
/// starts: its threads inherit the mask. If it has secrets, begin with private_memory.hpp.
class node {
public:
  /// @returns why the node can't run: the database is away, unsuitable, or newer than this program.
  static caf::expected<std::unique_ptr<node>> start(const node_settings&);

  /// Stops like `stop`.
  ~node();

  /// The tree's last words, once it has given up by itself. The process should then end with exit code 70.
  std::optional<caf::error> failure() const;

  /// Running tickets are handed back now instead of being waited for; for a second Ctrl-C, while another thread is in
  /// `stop`.
  void hand_back();

  /// Claims nothing more, lets running tickets end within `node.drain_timeout`, hands back the rest, writes what is to
  /// be written. Blocks until the tree has ended. Does nothing the second time.
  /// @returns false when an actor is stuck: its thread is still there, and the process should end by `_exit`.
  bool stop();

  /// How long ago the scheduler's threads were last seen at work.
  std::chrono::nanoseconds silent_for() const;

  /// What every actor is doing.
  std::shared_ptr<const census> actors() const;

  /// For those who talk to its actors.
  caf::actor_system& system();

private:
  struct impl;
  explicit node(std::unique_ptr<impl>);
  std::unique_ptr<impl> impl_;
};

/// "0.1.0"
std::string_view version();

/// The name that a node gets when its configuration has none.
std::string host_name();

} // namespace swarm::runtime
