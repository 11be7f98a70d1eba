#include "config/graph_file.hpp"

#include "config/graph_cycles.hpp"
#include "config/ticket_fields.hpp"
#include "config/utf8.hpp"
#include "config/values.hpp"
#include "config/yaml_document.hpp"
#include "messages/error.hpp"
#include "messages/references.hpp"

#include <algorithm>
#include <system_error>
#include <unordered_map>
#include <unordered_set>

namespace swarm::config {

namespace {

constexpr std::size_t graph_name_bytes_max = 200;

// A ticket with every field written out has about this many keys and values.
constexpr std::size_t yaml_nodes_per_ticket = 25;

// Comparing a wrong name with 100,000 keys takes a moment, and nobody reads more suggestions than these.
constexpr int suggestions_max = 10;

class graph_reader {
public:
  graph_reader(ticket_context context, problems& found) : context_(std::move(context)), found_(found) {}

  new_graph read(const YAML::Node& root) {
    if (!root.IsMap()) {
      report(root, "a graph file is a map with the keys 'graph' and 'tickets'");
      return {};
    }
    for (const auto& item : root)
      read_field(item.first, item.second);
    if (!root["graph"])
      report(root, "the key 'graph' is missing; write the graph's name, as in 'graph: hello'");
    if (!root["tickets"])
      report(root, "the key 'tickets' is missing; write at least one ticket below it");
    resolve_needs();
    check_references();
    report_cycles();
    return std::move(graph_);
  }

private:
  void report(const YAML::Node& at, std::string text) {
    found_.push_back(problem_at(context_.source, at, std::move(text)));
  }

  void report(const named_need& at, std::string text) {
    found_.push_back({context_.source, at.line, at.column, std::move(text)});
  }

  void read_field(const YAML::Node& key, const YAML::Node& value) {
    if (key.Scalar() == "graph")
      read_name(value.IsNull() ? key : value, value);
    else if (key.Scalar() == "tickets")
      read_tickets(value.IsNull() ? key : value, value);
    else
      report(key, describe_unknown_key(key.Scalar(), {"graph", "tickets"}));
  }

  void read_name(const YAML::Node& at, const YAML::Node& value) {
    const auto& name = value.Scalar();
    const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
    if (name.empty() || name.size() > graph_name_bytes_max || std::any_of(name.begin(), name.end(), is_control))
      report(at, "graph must be a name of 1 to 200 bytes on one line, as in 'graph: hello'");
    graph_.name = name;
  }

  void read_tickets(const YAML::Node& at, const YAML::Node& value) {
    if (!value.IsMap() || value.size() == 0) {
      report(at, "tickets must be a map with at least one ticket, as in 'build: {command: [make, -j2]}'");
      return;
    }
    if (value.size() > graph_tickets_max) {
      report(at, "a graph holds at most " + grouped(graph_tickets_max) + " tickets, not " + grouped(value.size())
                   + "; split it");
      return;
    }
    for (const auto& item : value) {
      auto entry = read_ticket(item.first, item.second, context_, found_);
      // Of a duplicate the first is meant by its key, but all are checked.
      positions_.emplace(item.first.Scalar(), static_cast<std::uint32_t>(graph_.tickets.size()));
      graph_.tickets.push_back(std::move(entry.ticket));
      needs_.push_back(std::move(entry.needs));
      places_.push_back(item.first);
    }
  }

  // Turns names into positions. Drops the needs that are reported here, in both lists, so that they stay parallel.
  void resolve_needs() {
    for (std::size_t i = 0; i < needs_.size(); ++i) {
      auto& ticket = graph_.tickets[i];
      std::unordered_set<std::string> seen;
      std::vector<named_need> kept;
      for (auto& need : needs_[i]) {
        const auto position = positions_.find(need.name);
        const auto subject = "ticket " + in_quotes(ticket.key) + " needs ";
        if (position == positions_.end())
          report(need, subject + in_quotes(need.name) + ", which isn't in this file" + suggest(need.name));
        else if (position->second == i)
          report(need, subject + "itself and could never start; remove it from its needs");
        else if (!seen.insert(need.name).second)
          report(need, subject + in_quotes(need.name) + " twice; write it once");
        else {
          ticket.needs.push_back(position->second);
          kept.push_back(std::move(need));
        }
      }
      needs_[i] = std::move(kept);
    }
  }

  // What a ticket refers to must be there when it starts.
  void check_references() {
    for (std::size_t i = 0; i < graph_.tickets.size(); ++i) {
      const auto& ticket = graph_.tickets[i];
      const auto subject = "ticket " + in_quotes(ticket.key) + ": ";
      if (!mentions_references(ticket.payload))
        continue;
      auto references = find_references(ticket.payload, ticket.kind);
      if (!references) {
        report(places_[i], subject + render(references.error()));
        continue;
      }
      const auto is_needed = [&](const std::string& key) {
        return std::any_of(ticket.needs.begin(), ticket.needs.end(), [&](auto x) { return graph_.tickets[x].key == key; });
      };
      for (const auto& x : *references)
        if (!is_needed(x.key))
          report(places_[i], subject + "refers to the result of " + in_quotes(x.key) + " and doesn't need it; add "
                               + in_quotes(x.key) + " to its needs");
    }
  }

  std::string suggest(const std::string& name) {
    if (suggestions_++ >= suggestions_max)
      return {};
    std::vector<std::string_view> keys;
    for (const auto& ticket : graph_.tickets)
      keys.push_back(ticket.key);
    const auto meant = nearest(name, keys);
    return meant.empty() ? std::string{} : ", did you mean " + in_quotes(meant) + "?";
  }

  void report_cycles() {
    for (const auto& cycle : find_cycles(graph_.tickets)) {
      const auto& needs = graph_.tickets[cycle[0]].needs;
      const auto edge = std::find(needs.begin(), needs.end(), cycle[1]) - needs.begin();
      report(needs_[cycle[0]][static_cast<std::size_t>(edge)],
             "tickets need each other in a circle and could never start: " + describe_cycle(cycle, graph_.tickets)
               + "; remove one of these needs");
    }
  }

  ticket_context context_;
  problems& found_;
  new_graph graph_;
  std::vector<YAML::Node> places_; // The tickets' keys.
  std::vector<std::vector<named_need>> needs_; // Parallel to the tickets and their needs.
  std::unordered_map<std::string, std::uint32_t> positions_;
  int suggestions_ = 0;
};

// The absolute folder of a file, or nothing after a report.
std::optional<std::filesystem::path> folder_of(const std::filesystem::path& file, problems& found) {
  std::error_code error;
  auto folder = std::filesystem::absolute(file, error).lexically_normal().parent_path();
  if (error) {
    found.push_back({file.string(), 0, 0, "the current directory can't be read (" + error.message()
                                            + "); use an absolute path"});
    return std::nullopt;
  }
  // The folder becomes part of the tickets, and the database takes UTF-8 only.
  const auto name = folder.string();
  if (utf8_prefix(name) != name.size()) {
    found.push_back({file.string(), 0, 0, "the name of its directory isn't UTF-8; rename the directory"});
    return std::nullopt;
  }
  return folder;
}

} // namespace

std::optional<new_graph> load_graph(const std::filesystem::path& file, const graph_defaults& defaults,
                                    problems& found) {
  const auto found_before = found.size();
  yaml_limits limits;
  limits.nodes_max = yaml_nodes_per_ticket * graph_tickets_max;
  const auto document = read_yaml(file, found, limits);
  if (!document)
    return std::nullopt;
  const auto folder = folder_of(file, found);
  if (!folder)
    return std::nullopt;
  if (!document->root.IsDefined()) {
    found.push_back({document->source, 0, 0, "holds no graph, only comments or blank lines"});
    return std::nullopt;
  }
  auto graph = graph_reader{{document->source, *folder, defaults}, found}.read(document->root);
  if (found.size() != found_before)
    return std::nullopt;
  return graph;
}

} // namespace swarm::config
