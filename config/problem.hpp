#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::config {

/// One thing that is wrong with a file, flag or environment variable. Loaders collect all of them before they give up,
/// so that a file is repaired in one go.
struct problem {
  std::string source; ///< File path, "--flag" or "SWARM_VARIABLE".
  int line = 0;       ///< 1-based; 0 when the source has no lines.
  int column = 0;     ///< 1-based, in bytes.
  std::string text;   ///< What is wrong and what would be right, one sentence.
};

using problems = std::vector<problem>;

/// "graph.yaml:3:9: unknown key 'comand', did you mean 'command'?"
std::string to_string(const problem&);

/// One problem per line, in order of place. Beyond the first hundred they are counted.
std::string to_string(const problems&);

/// The candidate that a typing person most likely meant, or an empty view when none is near
/// (edit distance above a third of the name). Two swapped neighbours count as one mistake.
std::string_view nearest(std::string_view name, const std::vector<std::string_view>& candidates);

/// A number as a sentence shows it: "10,000".
std::string grouped(std::size_t);

} // namespace swarm::config
