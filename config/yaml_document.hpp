#pragma once

#include "config/problem.hpp"

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace swarm::config {

/// What a YAML file of ours may cost. Everything beyond is refused with a sentence before a tree is built.
struct yaml_limits {
  std::size_t file_bytes_max = 16u << 20;
  std::size_t nodes_max = 1'000'000;      ///< After expansion of aliases, so that a "bomb" is counted, not built.
  std::size_t text_bytes_max = 64u << 20; ///< Of all keys and values, after expansion of aliases.
  std::size_t depth_max = 64;             ///< Also after expansion.
  /// How far the parser may read ahead of what it has understood. It remembers every token behind an open bracket,
  /// at more than two hundred times the file's size; block style isn't affected.
  std::size_t lookahead_bytes_max = 2u << 20;
};

/// A parsed file. `root` is undefined for a file that holds comments or blank lines only.
///
/// Keys are text everywhere, no alias leads back to itself, and all texts are UTF-8 without NUL unless that was
/// reported. A key that occurs twice is reported once, and both entries are in the tree. Read it through const nodes:
/// `operator[]` of any other inserts what it looks for.
struct yaml_document {
  std::string source;
  YAML::Node root;
};

/// Reads one YAML document. Reports, never throws, never waits: a missing or unreadable file, a directory, a pipe or
/// device, a file that is too large, is binary or isn't UTF-8, is empty, holds a syntax error, a second document, an
/// alias within its own anchor, or more than the limits allow.
///
/// Duplicate keys, tags, merge keys and unusable characters are reported too, but don't hide the document, so that
/// the caller can report its own findings beside them.
/// @returns nothing when there is no tree to look at. The file is right only when `found` gained no entry.
std::optional<yaml_document> read_yaml(const std::filesystem::path& file, problems& found, const yaml_limits& = {});

/// The same for text that is already in memory; `source` names it in problems.
std::optional<yaml_document> parse_yaml(std::string_view text, std::string source, problems& found,
                                        const yaml_limits& = {});

/// A problem at a node's place. An alias has the place of its anchor.
problem problem_at(const std::string& source, const YAML::Node&, std::string text);

} // namespace swarm::config
