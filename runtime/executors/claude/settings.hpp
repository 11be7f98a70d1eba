#pragma once

#include "messages/price_table.hpp"
#include "runtime/executors/command/command_runner.hpp"
#include "runtime/executors/redact/redactor.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>

namespace swarm::executors::claude {

/// What all attempts of a node have in common.
struct settings {
  std::string base_url = "https://api.anthropic.com";
  std::string version = "2023-06-01";
  std::string api_key_env;             ///< A variable of the node's environment; the file goes before it.
  std::filesystem::path api_key_file;
  std::string model;                   ///< For tickets that name none.
  price_table prices;
  std::chrono::milliseconds first_byte_timeout{90'000};
  std::chrono::milliseconds idle_timeout{180'000}; ///< Between two bytes; the API sends pings.
  std::map<std::string, std::string> environment;  ///< Of the programs that agents run. Holds no credential.
  stop_ladder ladder;
  std::uint64_t output_head_bytes = 64u << 10;  ///< Of the transcript, the first bytes are kept ...
  std::uint64_t output_tail_bytes = 192u << 10; ///< ... and the last.
  std::shared_ptr<const redact::redactor> redactor; ///< For the transcript; may be absent.
  std::filesystem::path attempts_folder;            ///< For files with all of it; empty for none.
  std::uint64_t output_file_bytes_max = 0;          ///< Of each.
  std::uint64_t outputs_bytes_max = 0;              ///< Of all that are kept.
};

} // namespace swarm::executors::claude
