#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace swarm::config {

/// What a node is told before it starts, a struct per section, immutable afterwards. What each member means, its
/// default and its bounds are declared once, in the table of options.cpp; `node_config{}` holds the defaults. A section
/// on its own (`heartbeat_config{}`) holds zeros: take it from a node_config.

struct database_config {
  std::string url; ///< May hold a password: show it only through `mask_password`.
  std::chrono::milliseconds connect_timeout{};
  std::chrono::milliseconds statement_timeout{};
  std::chrono::milliseconds lock_timeout{};
  std::chrono::milliseconds idle_in_transaction_timeout{};
  std::chrono::milliseconds reconnect_first{};
  std::chrono::milliseconds reconnect_max{};
};

struct postgres_config {
  std::filesystem::path bin_dir;
  std::uint64_t shared_buffers = 0; ///< Bytes.
  int max_connections = 0;
  std::chrono::milliseconds start_timeout{};
  std::chrono::milliseconds stop_timeout{};
};

struct node_section {
  std::string name;
  std::vector<std::string> queues;
  int slots = 0;
  std::chrono::milliseconds drain_timeout{};
};

struct dispatcher_config {
  std::chrono::milliseconds poll_interval{};
  std::chrono::milliseconds idle_poll_interval{};
  int claim_batch = 0;
};

struct heartbeat_config {
  std::chrono::milliseconds interval{};
  std::chrono::milliseconds stale_after{};
};

struct reaper_config {
  std::chrono::milliseconds interval{};
  int batch = 0;
  int reclaims_max = 0;
  std::chrono::milliseconds grace{};
  std::chrono::milliseconds slow_after{};
};

struct scheduler_config {
  std::chrono::milliseconds interval{};
};

struct cascade_config {
  std::chrono::milliseconds interval{};
  std::chrono::milliseconds work_interval{};
  int batch = 0;
};

struct sealer_config {
  std::chrono::milliseconds interval{};
};

struct pruner_config {
  std::chrono::milliseconds interval{};
  std::chrono::milliseconds keep{};
};

struct completer_config {
  int batch = 0;
};

struct retry_config {
  std::chrono::milliseconds backoff_first{};
  std::chrono::milliseconds backoff_max{};
  int check_errors_max = 0;
  int infra_max = 0;
  std::chrono::milliseconds infra_deadline{}; ///< 0 means no limit.
  std::chrono::milliseconds deferral_first{};
  std::chrono::milliseconds deferral_max{};
  int throttled_max = 0;
  int auth_max = 0;
  int budget_max = 0;
};

struct breaker_config {
  int failures_max = 0;
  std::chrono::milliseconds pause_first{};
  std::chrono::milliseconds pause_max{};
};

struct ticket_config {
  int attempts = 0;
  std::chrono::milliseconds timeout{}; ///< 0 means no limit.
};

struct command_config {
  std::uint64_t output_head = 0; ///< Bytes.
  std::uint64_t output_tail = 0; ///< Bytes.
  std::uint64_t output_file = 0; ///< Bytes.
  std::uint64_t outputs_kept = 0; ///< Bytes.
  std::chrono::milliseconds interrupt_grace{};
  std::chrono::milliseconds terminate_grace{};
};

struct workspaces_config {
  std::filesystem::path root;
  std::chrono::milliseconds keep{};
  std::uint64_t size_max = 0; ///< Bytes.
  std::chrono::milliseconds interval{};
};

struct secrets_config {
  std::vector<std::string> variables;
};

struct claude_config {
  std::string base_url;
  std::string version;
  std::string api_key_env;
  std::filesystem::path api_key_file;
  std::string model;
  std::filesystem::path price_file; ///< Empty: the prices that came with the program.
  std::chrono::milliseconds first_byte_timeout{};
  std::chrono::milliseconds idle_timeout{};
};

struct supervisor_config {
  int restarts_max = 0;
  std::chrono::milliseconds period{};
  std::chrono::milliseconds stuck_after{};
  std::chrono::milliseconds backoff_first{};
  std::chrono::milliseconds backoff_max{};
};

struct log_config {
  std::string level;                         ///< trace, debug, info, warn, error or off.
  std::map<std::string, std::string> levels; ///< Component to level.
  std::string format;                        ///< text or json.
  std::filesystem::path file;
  std::uint64_t file_size_max = 0; ///< Bytes.
  int files_max = 0;
};

struct node_config {
  node_config();

  database_config database;
  postgres_config postgres;
  node_section node;
  dispatcher_config dispatcher;
  heartbeat_config heartbeat;
  reaper_config reaper;
  scheduler_config scheduler;
  cascade_config cascade;
  completer_config completer;
  retry_config retry;
  breaker_config breaker;
  ticket_config ticket;
  command_config command;
  workspaces_config workspaces;
  secrets_config secrets;
  claude_config claude;
  sealer_config sealer;
  pruner_config pruner;
  supervisor_config supervisor;
  log_config log;
};

} // namespace swarm::config
