#pragma once

#include "messages/claude_payload.hpp"

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace swarm::executors::claude {

// What an agent can ask for.

struct run_command_call {
  std::vector<std::string> argv; ///< argv[0] is in the ticket's list, letter by letter.
};

struct read_file_call {
  std::string path;
  std::uint64_t offset = 0;
};

struct write_file_call {
  std::string path;
  std::string content;
};

struct list_files_call {
  std::string path;
};

/// The agent's own end. It completes nothing: checks decide.
struct finish_call {
  bool is_impossible = false; ///< No attempt can do what the ticket asks.
  std::string summary;
  nlohmann::json result; ///< For those who depend on the ticket; null when there is none.
};

using tool_call = std::variant<run_command_call, read_file_call, write_file_call, list_files_call, finish_call>;

/// As the API takes them, the same for the same payload, or its cache would never be hit.
nlohmann::json tool_declarations(const claude_tools&);

/// @returns errc::invalid_input with a sentence for the model: no such tool, not allowed, wrong input.
caf::expected<tool_call> read_tool_call(const claude_tools&, std::string_view name, const nlohmann::json& input);

} // namespace swarm::executors::claude
