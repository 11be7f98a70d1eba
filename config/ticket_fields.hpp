#pragma once

#include "config/graph_file.hpp"
#include "config/yaml_document.hpp"
#include "messages/graph.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::config {

/// A name in a `needs` list and where it stands.
struct named_need {
  std::string name;
  int line;
  int column;
};

/// One ticket of a graph file before its needs are looked up.
struct ticket_entry {
  new_ticket ticket; ///< With an empty `needs`.
  std::vector<named_need> needs;
};

/// What all tickets of a file have in common.
struct ticket_context {
  std::string source;
  std::filesystem::path folder; ///< Absolute; where relative working directories begin.
  graph_defaults defaults;
};

/// Reads `key: {command: [...], ...}` of a graph file. Everything that is wrong goes to `found`, in sentences that
/// begin with the ticket's key; the entry then holds what could be read.
ticket_entry read_ticket(const YAML::Node& key, const YAML::Node& body, const ticket_context&, problems& found);

/// "unknown key 'comand', did you mean 'command'?", or the list of the known ones when none is near.
std::string describe_unknown_key(const std::string& key, const std::vector<std::string_view>& known);

} // namespace swarm::config
