#pragma once

#include "config/problem.hpp"
#include "config/yaml_document.hpp"

#include <string>
#include <string_view>

namespace swarm::config {

enum class yaml_content { nothing, document };

/// Walks through a YAML text event by event and builds nothing, so that it is known to be affordable before a tree is
/// built. Without it nine lines of nested aliases would cost all memory ("billion laughs"), an alias within its own
/// anchor would never end, and of two equal keys one would silently win.
///
/// `text` must be UTF-8 without control characters and byte order mark. What doesn't prevent a tree goes to `found`.
/// @throws YAML::Exception with a sentence, at the place of what does prevent it.
yaml_content guard_yaml(std::string_view text, const std::string& source, const yaml_limits&, problems& found);

} // namespace swarm::config
