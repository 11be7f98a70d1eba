#pragma once

#include "messages/http_payload.hpp"

#include <caf/expected.hpp>

#include <string>
#include <string_view>

namespace swarm::executors {

// How an HTTP call waits for the answer behind an answer, as functions of what came.

/// Where to look for it: what the ticket says, or what the first answer names, which may be relative.
/// @param location The header of that name; empty: absent. @returns errc::invalid_input with a sentence about the answer
/// when it names nothing, or another server than the one that was asked.
caf::expected<std::string> where_to_look(const http_payload&, std::string_view body, const std::string& location);

/// What a look has shown.
struct look_result {
  enum class kind { waits, done, failed, unreadable };
  kind what = kind::waits;
  std::string sentence; ///< What in the answer says so; empty: its status alone.
};

/// @param is_promise Whether its status is one of `accepted`.
look_result judge_look(const http_payload::async&, bool is_promise, std::string_view body);

} // namespace swarm::executors
