#pragma once

#include <cstdint>
#include <string>

namespace swarm::checks {

/// What a check says about a ticket's work. Only `pass` completes the ticket; `error` says that the check could not
/// judge, whatever the reason, and never counts as done.
enum class verdict : std::uint8_t { pass, fail, error };

/// The answer of one check. Made without a word it is an error, so that a forgotten answer passes nothing.
struct finding {
  checks::verdict verdict = checks::verdict::error;
  std::string evidence; ///< One sentence, of one line.
  std::string detail;   ///< What explains it, bounded: its head and its tail; empty when the sentence says it all.
};

} // namespace swarm::checks
