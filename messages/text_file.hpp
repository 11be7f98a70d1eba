#pragma once

#include <string_view>
#include <vector>

namespace swarm {

/// A text file of the source tree that was put into the program at build time.
struct text_file {
  std::string_view name; ///< File name without folder, e.g. "claim.sql".
  std::string_view text;
};

} // namespace swarm
