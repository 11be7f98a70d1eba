#pragma once

#include "messages/ticket.hpp"

#include <string>
#include <string_view>

namespace swarm::executors {

/// 16 hexadecimal digits by which a prompt is known again. An executor for a model leaves it in the details of its
/// outcome, as "prompt_hash", and a later claim brings it back as `claimed_ticket::last_prompt`.
std::string prompt_hash(std::string_view prompt);

/// A prompt that has failed is never sent again: a model that reads nothing new does nothing new, and is paid for it.
/// @returns why this attempt must not begin with such a prompt but wait for a person; empty when it may begin.
std::string describe_repetition(const claimed_ticket&, std::string_view hash);

} // namespace swarm::executors
