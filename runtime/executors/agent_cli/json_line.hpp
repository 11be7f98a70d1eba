#pragma once

#include "runtime/executors/classify/retry_after.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// What the adapters share: reading untrusted JSON without ever failing. A member that is missing or of another type
/// than the reader wants is as good as empty, false or 0.
namespace swarm::executors {

/// Numbers above this are cut to it, so that sums don't overflow. Far more than anybody has tokens or micro-dollars.
constexpr std::int64_t count_max = 1'000'000'000'000'000;

/// @returns nothing unless it is an object. NUL, and halves of characters, which JavaScript writes and JSON doesn't allow,
/// become U+FFFD. Refused is what `read_foreign_json` refuses otherwise, and more than a million values.
std::optional<nlohmann::json> parse_object(std::string_view text);

/// null when `x` isn't an object or has no such member.
const nlohmann::json& member(const nlohmann::json& x, const char* name);

/// Not copied; valid as long as `x`.
std::string_view text_of(const nlohmann::json& x, const char* name);

/// Cut to `agent_report::word_bytes_max`.
std::string word_of(const nlohmann::json& x, const char* name);

bool flag_of(const nlohmann::json& x, const char* name);

/// 0 to `count_max`.
std::int64_t count_of(const nlohmann::json& x, const char* name);

std::int64_t add_counts(std::int64_t, std::int64_t);

/// Dollars as micro-dollars, if there is a number that isn't negative.
std::optional<std::int64_t> micro_dollars_of(const nlohmann::json& x, const char* name);

/// Seconds or milliseconds since 1970, told apart by their size; nothing beyond the year 2100.
std::optional<wall_time> time_of(const nlohmann::json& x, const char* name);

/// Empty unless it looks like one. It becomes an argument of a later call, so that "-x" or worse must not pass.
std::string session_id_of(const nlohmann::json& x, const char* name);

bool is_session_id(std::string_view);

/// The front of a text, cut between characters.
std::string cut(std::string_view text, std::size_t bytes_max);

/// As JSON; never fails.
std::string dump(const nlohmann::json&);

/// The HTTP status of an error that a sentence speaks of ("... last status: 429 Too Many Requests"), or 0.
std::int32_t http_status_in(std::string_view text);

} // namespace swarm::executors
