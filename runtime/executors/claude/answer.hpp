#pragma once

#include "messages/claude_payload.hpp"
#include "runtime/executors/claude/conversation.hpp"
#include "runtime/executors/claude/message_stream.hpp"

#include <caf/expected.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <string>

namespace swarm::executors::claude {

/// Of a result as JSON; longer ones are refused.
inline constexpr std::size_t result_bytes_max = 1u << 20;

/// Of a text that is a result.
inline constexpr tool_result_limits final_text_limits{60u << 10, 4u << 10};

/// Of what a model or an agent says, in the sentence of an outcome.
inline constexpr tool_result_limits said{500, 0};

/// What a message says, as the result of its ticket: all of its text, or, where a schema was asked for, the JSON that
/// it is.
/// @param schema the text of one, or empty.
/// @returns errc::invalid_input with a predicate such as "isn't JSON", which tells the model what is wrong.
caf::expected<nlohmann::json> final_answer(const streamed_message&, const std::string& schema);

bool is_short_enough(const nlohmann::json& result);

/// "the model stopped with 'refusal': ..." with the details that the API gave.
std::string describe_stop(const streamed_message&);

/// What the first request says, under this model.
model_profile profile_of(const claude_payload&, const std::string& model, std::int64_t max_tokens);

/// By which prices go.
std::chrono::sys_days today();

} // namespace swarm::executors::claude
