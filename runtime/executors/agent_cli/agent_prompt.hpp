#pragma once

#include <string>
#include <string_view>

namespace swarm::executors {

/// What an agent reads from stdin: the ticket's prompt, unchanged so that it may be cached, and behind it how the last
/// attempt failed, if one did. An agent that goes on with a conversation knows its prompt and is told to go on. What the
/// last attempt wrote stands between two marks that it doesn't hold itself, so it can't pass for an instruction; it is made
/// UTF-8 without NUL. Which attempt it is stands there, too, so that no two attempts are told the same.
std::string make_prompt(std::string_view prompt, std::string_view last_failure, int attempt, int attempts_max,
                        bool goes_on);

} // namespace swarm::executors
