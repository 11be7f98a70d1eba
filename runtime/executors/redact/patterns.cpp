#include "runtime/executors/redact/patterns.hpp"

#include "runtime/executors/redact/automaton.hpp"

#include <algorithm>

namespace swarm::redact {

namespace {

enum class kind : std::uint8_t {
  word_run,   ///< Letters, digits, '_', '-'. The first three are indices of runs.
  letter_run, ///< Letters, digits.
  upper_run,  ///< Capital letters, digits.
  token,
  url,
  database_url,
  header,
  key_begin,
  key_end,
  key_label_end,
};

struct cue_row {
  std::string_view text;
  kind what;
  bool is_secret = false;       ///< The cue belongs to what is redacted.
  bool only_at_word = false;    ///< The cue is common inside words, as in "task-".
  std::uint8_t more_min = 0;    ///< So many characters of the run must follow.
};

constexpr std::array cues{
  cue_row{"sk-", kind::word_run, true, true, 20},
  cue_row{"sk-ant-", kind::word_run, true, false, 16},
  cue_row{"github_pat_", kind::word_run, true, false, 20},
  cue_row{"glpat-", kind::word_run, true, false, 16},
  cue_row{"xoxa-", kind::word_run, true, false, 10},
  cue_row{"xoxb-", kind::word_run, true, false, 10},
  cue_row{"xoxp-", kind::word_run, true, false, 10},
  cue_row{"xoxr-", kind::word_run, true, false, 10},
  cue_row{"xoxs-", kind::word_run, true, false, 10},
  cue_row{"AIza", kind::word_run, true, true, 35},
  cue_row{"ghp_", kind::letter_run, true, false, 30},
  cue_row{"gho_", kind::letter_run, true, false, 30},
  cue_row{"ghu_", kind::letter_run, true, false, 30},
  cue_row{"ghs_", kind::letter_run, true, false, 30},
  cue_row{"ghr_", kind::letter_run, true, false, 30},
  cue_row{"AKIA", kind::upper_run, true, true, 16},
  cue_row{"ASIA", kind::upper_run, true, true, 16},
  cue_row{"eyJ", kind::token, true},
  cue_row{"://", kind::url},
  cue_row{"postgres://", kind::database_url},
  cue_row{"postgresql://", kind::database_url},
  cue_row{"Authorization", kind::header},
  cue_row{"authorization", kind::header},
  cue_row{"AUTHORIZATION", kind::header},
  cue_row{"-----BEGIN ", kind::key_begin, true},
  cue_row{"-----END ", kind::key_end},
  cue_row{"PRIVATE KEY-----", kind::key_label_end},
  cue_row{"PRIVATE KEY BLOCK-----", kind::key_label_end},
};

constexpr std::size_t token_part_bytes_min = 10;
constexpr std::size_t header_separator_bytes_max = 16;
constexpr std::size_t key_label_bytes_max = 80;

bool is_digit(unsigned char x) { return x >= '0' && x <= '9'; }
bool is_upper(unsigned char x) { return x >= 'A' && x <= 'Z'; }
bool is_letter(unsigned char x) { return is_upper(x) || (x >= 'a' && x <= 'z'); }
bool is_alphanumeric(unsigned char x) { return is_letter(x) || is_digit(x); }
bool is_word(unsigned char x) { return is_alphanumeric(x) || x == '_' || x == '-'; }
bool is_visible(unsigned char x) { return x > ' ' && x != 0x7f; }

bool is_in(std::string_view set, unsigned char x) {
  return set.find(static_cast<char>(x)) != std::string_view::npos;
}

/// @param before the bytes before the word, the last one lowest.
bool is_word_begin(std::uint64_t before) {
  const auto back = [&](unsigned i) { return static_cast<unsigned char>(before >> (8 * i)); };
  if (!is_alphanumeric(back(0)))
    return true;
  // The letter may belong to an escape instead: \n, %0A, or the end of a colour, ESC[32m.
  return back(1) == '\\' || back(2) == '%' || (back(0) == 'm' && (is_digit(back(1)) || back(1) == '['));
}

} // namespace

void key_run::begin_at(std::uint64_t from, std::uint64_t sure_from) {
  begin = std::min(begin, from);
  sure_at = std::min(sure_at, sure_from);
}

void key_run::step(bool is_member, std::uint64_t position, coverage& covered) {
  if (!is_member)
    *this = {};
  else if (position >= sure_at)
    covered.add(begin, position, 0);
}

std::uint64_t key_run::open_from(std::uint64_t position) const {
  // What is sure is redacted in any case; its last byte stays open so that the rest of the run joins it.
  return position >= sure_at ? position - 1 : begin;
}

void web_token::begin_at(std::uint64_t from) {
  if (begin == nowhere)
    begin = from;
}

void web_token::step(unsigned char byte, std::uint64_t position, coverage& covered) {
  if (begin == nowhere)
    return;
  const auto ends_header = byte == '.' && part_bytes >= token_part_bytes_min && !header_is_over;
  const auto is_member = is_word(byte) || ends_header || (byte == '.' && header_is_over);
  if (!is_member || (!is_sure && position - begin > pattern_bytes_max)) {
    *this = {};
    return;
  }
  if (ends_header) {
    header_is_over = true;
    part_bytes = 0;
  } else if (byte != '.') {
    ++part_bytes;
  }
  is_sure = is_sure || (header_is_over && part_bytes >= token_part_bytes_min);
  if (is_sure)
    covered.add(begin, position, 0);
}

std::uint64_t web_token::open_from(std::uint64_t position) const { return is_sure ? position - 1 : begin; }

void url_password::step(unsigned char byte, std::uint64_t position, coverage& covered) {
  if (!is_in_user && begin == nowhere)
    return;
  const auto ends = !is_visible(byte) || is_in("\"'`<>", byte) || (byte == '/' && (is_in_user || slash_ends));
  if (ends || (begin != nowhere && position - begin > pattern_bytes_max)) {
    *this = {};
  } else if (is_in_user && byte == ':') {
    is_in_user = false;
    begin = position;
  } else if (byte == '@' && position - 1 > begin) {
    covered.add(begin, position - 1, 0);
    slash_ends = true;
  }
}

void authorization_header::begin_at() {
  if (at == place::credential)
    return;
  at = place::separator;
  place_bytes = 0;
}

void authorization_header::step(unsigned char byte, std::uint64_t position, coverage& covered) {
  const auto is_blank = byte == ' ' || byte == '\t';
  const auto lower = static_cast<char>(is_upper(byte) ? byte + ('a' - 'A') : byte);
  switch (at) {
    case place::outside:
      return;
    case place::separator:
      if (is_blank || is_in("\"'\\:=,>[(", byte)) {
        if (++place_bytes > header_separator_bytes_max)
          at = place::outside;
      } else {
        at = place_bytes > 0 && lower == 'b' ? place::scheme : place::outside;
        rest_of_scheme = {};
      }
      return;
    case place::scheme:
      if (rest_of_scheme.empty())
        rest_of_scheme = lower == 'e' ? "earer " : "asic ";
      if (lower != rest_of_scheme.front() && !(is_blank && rest_of_scheme.front() == ' '))
        at = place::outside;
      else if (rest_of_scheme.size() == 1)
        at = place::gap;
      else
        rest_of_scheme.remove_prefix(1);
      return;
    case place::gap:
      if (is_blank)
        return;
      begin = position - 1;
      at = place::credential;
      [[fallthrough]];
    case place::credential:
      if (is_visible(byte) && !is_in("\"'`\\<>,;()[]{}", byte))
        covered.add(begin, position, 0);
      else
        at = place::outside;
  }
}

std::uint64_t authorization_header::open_from(std::uint64_t position) const {
  return at == place::credential ? position - 1 : nowhere;
}

void private_key::see_begin(std::uint64_t from, std::uint64_t position) {
  if (at == place::outside || at == place::label) {
    begin = from;
    at = place::label;
  } else {
    // The block before was cut off.
    body_begin = position;
    at = place::body;
  }
}

void private_key::see_end() {
  if (at == place::body)
    at = place::end_line;
}

void private_key::see_label_end(std::uint64_t position, coverage& covered) {
  if (at == place::label) {
    covered.add(begin, position, 0);
    body_begin = position;
    at = place::body;
  } else if (at == place::end_line) {
    *this = {};
  }
}

void private_key::step(unsigned char byte, std::uint64_t position, coverage& covered) {
  if (at == place::label) {
    if (position - begin > key_label_bytes_max || !(is_upper(byte) || is_digit(byte) || byte == ' ' || byte == '-'))
      *this = {};
  } else if (at != place::outside) {
    covered.add(begin, position, 0);
    if (position - body_begin >= private_key_bytes_max)
      *this = {};
  }
}

std::uint64_t private_key::open_from(std::uint64_t position) const {
  return at == place::body || at == place::end_line ? position - 1 : begin;
}

void pattern_scanner::add_cues(automaton& x) {
  for (std::size_t i = 0; i < cues.size(); ++i)
    x.add_cue(cues[i].text, static_cast<std::uint8_t>(i + 1), cues[i].is_secret);
}

void pattern_scanner::advance(unsigned char byte, std::uint8_t cue, std::uint64_t position, coverage& covered) {
  runs_[0].step(is_word(byte), position, covered);
  runs_[1].step(is_alphanumeric(byte), position, covered);
  runs_[2].step(is_upper(byte) || is_digit(byte), position, covered);
  token_.step(byte, position, covered);
  password_.step(byte, position, covered);
  header_.step(byte, position, covered);
  key_.step(byte, position, covered);
  if (cue != 0)
    see(cue, position, covered);
  is_busy_ = password_.is_in_user || header_.at != authorization_header::place::outside
             || open_from(position) != nowhere;
}

void pattern_scanner::see(std::uint8_t cue, std::uint64_t position, coverage& covered) {
  const auto& row = cues[cue - 1u];
  const auto from = position - row.text.size();
  switch (row.what) {
    case kind::word_run:
    case kind::letter_run:
    case kind::upper_run:
      if (!row.only_at_word || is_word_begin(last_bytes_ >> (8 * row.text.size())))
        runs_[static_cast<std::size_t>(row.what)].begin_at(from, position + row.more_min);
      return;
    case kind::token:
      return token_.begin_at(from);
    case kind::url:
    case kind::database_url:
      password_ = {.is_in_user = true, .slash_ends = row.what == kind::url};
      return;
    case kind::header:
      return header_.begin_at();
    case kind::key_begin:
      return key_.see_begin(from, position);
    case kind::key_end:
      return key_.see_end();
    case kind::key_label_end:
      return key_.see_label_end(position, covered);
  }
}

std::uint64_t pattern_scanner::open_from(std::uint64_t position) const {
  auto result = std::min({token_.open_from(position), password_.begin, header_.open_from(position),
                          key_.open_from(position)});
  for (const auto& run : runs_)
    result = std::min(result, run.open_from(position));
  return result;
}

} // namespace swarm::redact
