#pragma once

#include "runtime/executors/classify/retry_after.hpp"

#include <optional>
#include <string_view>

/// A subscription that is used up says so to people: "You've hit your session limit · resets 3:45pm".
namespace swarm::executors {

/// Whether the text begins with one of the known sentences. Only its beginning counts: agents write about limits too.
bool says_usage_limit(std::string_view text);

/// When the limit is lifted, in the forms that CLIs write: seconds since 1970 ("limit reached|1767225600"), a duration
/// ("try again in 3 days 4 hours"), a time with or without a day ("resets 3:45pm", "try again at Oct 9 at 5pm", in the
/// node's time zone unless it says UTC). A day may have passed; a time of day alone is the next one within half a day.
std::optional<wall_time> find_limit_end(std::string_view text, wall_time now);

} // namespace swarm::executors
