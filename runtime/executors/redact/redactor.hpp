#pragma once

#include "messages/error.hpp"
#include "runtime/executors/redact/automaton.hpp"
#include "runtime/executors/redact/coverage.hpp"
#include "runtime/executors/redact/patterns.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace swarm::redact {

/// A shorter one would be found in ordinary text again and again.
inline constexpr std::size_t secret_bytes_min = 6;

/// The longest private keys have 13 KiB as text.
inline constexpr std::size_t secret_bytes_max = 16u << 10;

struct named_secret {
  std::string name;  ///< For people; stands in the output where the value stood.
  std::string value; ///< Any bytes. Line ends at its end, as of a file, don't belong to it.
};

struct redaction_rules {
  automaton finder;
  std::vector<std::string> labels; ///< The first one is for what has no name.
};

/// What a redactor and its streams share: secrets may come to it as long as they live.
class known_secrets;

/// One text on its way to where it is stored. What comes out doesn't depend on how the text is cut into pieces.
class redaction_stream {
public:
  explicit redaction_stream(std::shared_ptr<const known_secrets>);

  /// Appends what is safe to the output. Holds back what may still turn out to belong to a secret. A secret that was
  /// learnt meanwhile counts as soon as a piece begins where no secret may have begun.
  void feed(std::string_view bytes, std::string& output);

  /// Appends what was held back. The next `feed` begins another text.
  void finish(std::string& output);

  /// What waits for the bytes behind it.
  std::size_t held_bytes() const { return held_.size(); }

private:
  void read(std::string_view bytes);
  void release(std::uint64_t end, std::string& output);
  void copy(std::uint64_t end, std::string& output);

  std::shared_ptr<const known_secrets> secrets_;
  std::shared_ptr<const redaction_rules> rules_;
  automaton::state state_ = automaton::start;
  pattern_scanner patterns_;
  coverage covered_;
  std::uint64_t position_ = 0;   ///< Bytes read.
  std::uint64_t held_begin_ = 0; ///< Position of the first byte held.
  std::string held_;
};

/// Removes secrets from bytes before they are stored or logged. Without it one command that prints its environment puts
/// the node's credentials into the database, the log and every copy of them.
///
/// A configured secret, plain or in one of the forms of `for_each_variant`, becomes "[redacted:NAME]". What only looks
/// like a credential becomes "[redacted]": keys of Anthropic, OpenAI, GitHub, GitLab, Slack, AWS and Google, JSON web
/// tokens, private keys, passwords in URLs, credentials in Authorization headers. Where matches overlap, all that they
/// cover becomes one label, that of the earliest and then longest match with a name.
///
/// Cut texts after redaction, not before: half of a secret isn't recognised. Each source needs a stream of its own.
class redactor {
public:
  /// Keeps the values in memory as long as somebody uses it, to learn more.
  /// @returns errc::invalid_input for a secret without a name, of the wrong length, or that is a part of "[redacted]".
  static caf::expected<redactor> build(std::vector<named_secret>);

  /// One more secret, for this redactor, its copies and their streams. What was known before stays known: an old key
  /// may still be valid. Callable from any thread; does nothing when the value is known.
  /// @returns as `build`; then nothing has changed.
  caf::expected<void> learn(named_secret) const;

  redaction_stream stream() const { return redaction_stream{secrets_}; }

  /// A whole text at once.
  std::string redact(std::string_view text) const;

  /// No stream holds back more than this.
  std::size_t hold_back_bytes_max() const;

private:
  explicit redactor(std::shared_ptr<known_secrets> x) : secrets_(std::move(x)) {}

  std::shared_ptr<known_secrets> secrets_;
};

} // namespace swarm::redact
