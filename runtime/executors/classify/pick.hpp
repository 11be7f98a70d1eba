#pragma once

#include "runtime/executors/classify/rows.hpp"
#include "runtime/executors/classify/signal.hpp"

// Between signal and verdict: which row it is. For classify.cpp alone.

namespace swarm::executors {

/// A row, and what isn't in the table about it.
struct pick {
  const rows::table_row* row = &rows::at("unknown");
  std::string via = {}; ///< The rows that led here, each with a slash.
  int retries_done = 0;
  bool in_place = true; ///< Whether it may be retried in place at all.
  std::optional<std::chrono::milliseconds> asked = {};
  std::optional<wall_time> date = {};        ///< When access comes back.
  std::optional<verdict_remedy> remedy = {}; ///< Instead of the row's, with whatever action it becomes.
};

struct circumstances {
  wall_time now;
  int retries_done = 0;
};

pick pick_row(const transport_failure&, const circumstances&);
pick pick_row(const http_failure&, const circumstances&);
pick pick_row(const stream_failure&, const circumstances&);
pick pick_row(const model_stop&, const circumstances&);
pick pick_row(const cli_result&, const circumstances&);
pick pick_row(const process_end&, const circumstances&);
pick pick_row(const own_limit&, const circumstances&);
pick pick_row(const batch_loss&, const circumstances&);

/// Of a response or, with the text as its message, of what a CLI says about one. @param asked From its headers.
pick pick_row_of_status(int status, const api_error&, const request_facts&,
                        const std::optional<std::chrono::milliseconds>& asked, const circumstances&);

/// Whether the words are in the text, in whatever case.
bool mentions(std::string_view text, std::string_view words);

} // namespace swarm::executors
