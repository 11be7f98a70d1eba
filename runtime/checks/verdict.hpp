#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

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

/// Takes secrets out of a text. Judges read what was written, secrets and all; what they say of it is made of what this
/// gives, and cut afterwards: half of a secret isn't recognised.
using redaction = std::function<std::string(std::string_view)>;

/// For who has no secrets.
inline std::string as_it_is(std::string_view text) {
  return std::string{text};
}

} // namespace swarm::checks
