#pragma once

#include "runtime/executors/redact/coverage.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>

namespace swarm::redact {

class automaton;

/// No pattern waits longer than this for the byte that decides it; what is longer isn't recognised.
inline constexpr std::size_t pattern_bytes_max = 4096;

/// A private key without its END line takes no more of the text than this.
inline constexpr std::size_t private_key_bytes_max = 16u << 10;

/// Where nothing is open. Positions count bytes from the stream's beginning, the one just read included.
inline constexpr std::uint64_t nowhere = std::numeric_limits<std::uint64_t>::max();

/// A run of the characters that keys are made of, e.g. "ghp_..." or "AKIA...". It is redacted from its first cue to its
/// end once enough characters have followed any of its cues.
struct key_run {
  void begin_at(std::uint64_t from, std::uint64_t sure_from);
  void step(bool is_member, std::uint64_t position, coverage&);
  std::uint64_t open_from(std::uint64_t position) const;

  std::uint64_t begin = nowhere;
  std::uint64_t sure_at = nowhere;
};

/// header.payload.signature, and whatever else follows after dots.
struct web_token {
  void begin_at(std::uint64_t from);
  void step(unsigned char, std::uint64_t position, coverage&);
  std::uint64_t open_from(std::uint64_t position) const;

  std::uint64_t begin = nowhere;
  std::size_t part_bytes = 0; ///< Of the header, then of all behind it.
  bool header_is_over = false;
  bool is_sure = false;
};

/// The password in scheme://user:password@host. By mistake it may hold '@', so the last one before the path counts, and
/// in the URL of a database '/', which some clients take.
struct url_password {
  void step(unsigned char, std::uint64_t position, coverage&);

  bool is_in_user = false;
  bool slash_ends = true;
  std::uint64_t begin = nowhere; ///< Of what may be the password.
};

/// What follows "Bearer" or "Basic" in an Authorization header, be it HTTP, JSON or source code.
struct authorization_header {
  enum class place : std::uint8_t { outside, separator, scheme, gap, credential };

  void begin_at();
  void step(unsigned char, std::uint64_t position, coverage&);
  std::uint64_t open_from(std::uint64_t position) const;

  place at = place::outside;
  std::size_t place_bytes = 0;
  std::string_view rest_of_scheme;
  std::uint64_t begin = nowhere;
};

/// From -----BEGIN ... PRIVATE KEY----- to the end of its END line.
struct private_key {
  enum class place : std::uint8_t { outside, label, body, end_line };

  void see_begin(std::uint64_t from, std::uint64_t position);
  void see_end();
  void see_label_end(std::uint64_t position, coverage&);
  void step(unsigned char, std::uint64_t position, coverage&);
  std::uint64_t open_from(std::uint64_t position) const;

  place at = place::outside;
  std::uint64_t begin = nowhere;
  std::uint64_t body_begin = nowhere;
};

/// Recognises credentials by their form. The automaton finds where one may begin, this follows it byte by byte.
class pattern_scanner {
public:
  static void add_cues(automaton&);

  /// @param cue what the automaton found to end with this byte.
  void step(unsigned char byte, std::uint8_t cue, std::uint64_t position, coverage& covered) {
    last_bytes_ = last_bytes_ << 8 | byte;
    if (is_busy_ || cue != 0)
      advance(byte, cue, position, covered);
  }

  /// The earliest byte that a pattern may still claim, `nowhere` if none.
  std::uint64_t open_from(std::uint64_t position) const;

private:
  void advance(unsigned char byte, std::uint8_t cue, std::uint64_t position, coverage&);
  void see(std::uint8_t cue, std::uint64_t position, coverage&);

  std::uint64_t last_bytes_ = 0; ///< Eight of them, the last one lowest.
  bool is_busy_ = false;
  std::array<key_run, 3> runs_;
  web_token token_;
  url_password password_;
  authorization_header header_;
  private_key key_;
};

} // namespace swarm::redact
