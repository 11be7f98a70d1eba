#include "runtime/checks/failure_signature.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>

namespace swarm::checks {

namespace {

constexpr std::string_view placeholder = "<*>";
constexpr std::string_view cut_mark = "\n...\n";
constexpr std::size_t head_bytes_max = normalised_bytes_max / 2;
constexpr std::size_t tail_bytes_max = normalised_bytes_max - head_bytes_max - cut_mark.size();
constexpr std::size_t hash_digits_min = 7;
constexpr std::size_t random_part_bytes_min = 6; ///< Of the name of a temporary file.
constexpr int random_changes_min = 3;            ///< Between letters and digits.
constexpr std::size_t uuid_bytes = 36;
constexpr std::size_t ending_digits_max = 5;

constexpr auto units = std::to_array<std::string_view>({
  "ns", "us", "\xc2\xb5s", "\xce\xbcs", "ms", "s", "m", "h", "d", "sec", "secs", "min", "mins", "hr", "hrs", "day",
  "days", "nanoseconds", "microseconds", "milliseconds", "second", "seconds", "minute", "minutes", "hour", "hours",
  "B", "k", "kB", "K", "KB", "KiB", "M", "MB", "MiB", "G", "GB", "GiB", "byte", "bytes", "Z", "am", "pm", "AM", "PM",
});
constexpr std::size_t unit_bytes_max = 12;

constexpr auto date_names = std::to_array<std::string_view>({
  "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun",
});

/// A number behind one of these tells how something ended.
constexpr auto ending_names = std::to_array<std::string_view>({
  "exit", "exited", "code", "status", "signal", "errno", "http", "sqlstate",
});

/// These may stand between.
constexpr auto fillers = std::to_array<std::string_view>({"with", "by", "is", "was", "of"});

template <std::size_t Size>
bool holds(const std::array<std::string_view, Size>& set, std::string_view x) {
  return std::find(set.begin(), set.end(), x) != set.end();
}

bool is_digit(char x) { return x >= '0' && x <= '9'; }
bool is_ascii(char x) { return static_cast<unsigned char>(x) < 0x80; }
bool is_letter(char x) { return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z') || !is_ascii(x); }
bool is_word(char x) { return is_letter(x) || is_digit(x) || x == '_'; }
bool is_hex(char x) { return is_digit(x) || (x >= 'a' && x <= 'f') || (x >= 'A' && x <= 'F'); }
bool is_blank(char x) { return x == ' ' || (x >= '\t' && x <= '\r'); }
bool is_in(std::string_view set, char x) { return set.find(x) != std::string_view::npos; }

/// Ends a path, in the texts of programs.
bool is_path_end(char x) { return (is_ascii(x) && x <= ' ') || is_in("\"'`:,;()[]{}<>|*?\x7f", x); }

std::string lower(std::string_view x) {
  std::string result{x};
  for (auto& c : result)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
  return result;
}

/// Behind the escape sequence that begins here.
std::size_t escape_end(std::string_view text, std::size_t at) {
  const auto skip = [&](char first, char last) {
    while (at < text.size() && text[at] >= first && text[at] <= last)
      ++at;
  };
  if (++at == text.size())
    return at;
  if (text[at] == ']') { // a title or a link: to BEL or ESC, which begins its terminator
    while (at < text.size() && !is_in("\a\x1b\n", text[at]))
      ++at;
    return at + (text.substr(at, 1) == "\a" ? 1u : 0u);
  }
  if (text[at] == '[') {
    ++at;
    skip('0', '?');
  }
  skip(' ', '/');
  return at + (at < text.size() && text[at] != '\n' ? 1u : 0u);
}

std::string without_escapes(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\x1b')
      i = escape_end(text, i);
    else
      result.push_back(text[i++]);
  }
  return result;
}

bool is_uuid(std::string_view x) {
  if (x.size() != uuid_bytes)
    return false;
  for (std::size_t i = 0; i < x.size(); ++i)
    if (i == 8 || i == 13 || i == 18 || i == 23 ? x[i] != '-' : !is_hex(x[i]))
      return false;
  return true;
}

/// A hash, an address, a generated name: nothing that people would have written.
bool is_random(std::string_view word) {
  if (word.starts_with("tmp") && word.size() >= 3 + random_part_bytes_min)
    return true;
  if (std::none_of(word.begin(), word.end(), is_digit))
    return false;
  const auto hex = word.starts_with("0x") && word.size() > 2 ? word.substr(2) : word;
  const auto is_all_hex = std::all_of(hex.begin(), hex.end(), is_hex);
  if (is_all_hex && (hex.size() < word.size() || hex.size() >= hash_digits_min))
    return true;
  auto changes = 0;
  for (std::size_t i = 1; i < word.size(); ++i)
    if ((is_digit(word[i - 1]) && is_letter(word[i])) || (is_letter(word[i - 1]) && is_digit(word[i])))
      ++changes;
  return changes >= random_changes_min;
}

/// Reads the text once from left to right; `at_` is what comes next.
class normaliser {
public:
  explicit normaliser(std::string_view text) : text_(text) {}

  std::string run() {
    while (at_ < text_.size()) {
      const auto x = text_[at_];
      if (is_blank(x))
        take_blanks();
      else if (is_word(x))
        take_word();
      else if (x != '/' || !skip_directories())
        result_ += text_[at_++];
      if (result_.size() > head_bytes_max + 2 * tail_bytes_max)
        cut();
    }
    while (!result_.empty() && is_blank(result_.back()))
      result_.pop_back();
    if (is_cut_ || result_.size() > normalised_bytes_max) {
      cut();
      result_.insert(head_bytes_max, cut_mark);
    }
    return std::move(result_);
  }

private:
  char peek(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }

  /// The word, or the letters, that begin here.
  std::string_view span(std::size_t at, bool (*is_member)(char), std::size_t bytes_max = std::string_view::npos) const {
    std::size_t bytes = 0;
    while (at + bytes < text_.size() && bytes < bytes_max && is_member(text_[at + bytes]))
      ++bytes;
    return text_.substr(at, bytes);
  }

  void cut() {
    is_cut_ = true;
    if (const auto kept = head_bytes_max + tail_bytes_max; result_.size() > kept)
      result_.erase(head_bytes_max, result_.size() - kept);
  }

  void take_blanks() {
    const auto blanks = span(at_, is_blank);
    at_ += blanks.size();
    const auto is_line_end = blanks.find_first_of("\n\r") != std::string_view::npos;
    if (is_line_end)
      tells_ending_ = false;
    if (!result_.empty())
      result_ += is_line_end ? '\n' : ' ';
  }

  void take_placeholder(std::size_t end) {
    result_ += placeholder;
    at_ = end;
  }

  void take_word() {
    const auto word = span(at_, is_word);
    const auto end = at_ + word.size();
    if (is_uuid(text_.substr(at_, uuid_bytes)) && !is_word(peek(at_ + uuid_bytes)))
      return take_placeholder(at_ + uuid_bytes);
    const auto number = is_digit(word.front()) ? number_end(at_) : at_;
    if (tells_ending_ && number == end && word.size() <= ending_digits_max && span(at_, is_digit) == word) {
      tells_ending_ = false;
      result_ += word;
      at_ = end;
      return;
    }
    if (number >= end)
      return take_placeholder(number);
    if (is_random(word) || holds(date_names, word))
      return take_placeholder(end);
    if (number > at_)
      return take_placeholder(number);
    if (word == "tmp" && peek(end) == '.')
      if (const auto random_part = span(end + 1, is_word); random_part.size() >= random_part_bytes_min)
        return take_placeholder(end + 1 + random_part.size());
    const auto name = word.size() <= unit_bytes_max ? lower(word) : std::string{};
    tells_ending_ = holds(ending_names, name) || (tells_ending_ && holds(fillers, name));
    result_ += word;
    at_ = end;
  }

  /// Behind the number that begins here, with all that belongs to it: 1.5e-3, 2024-01-02T03:04:05Z, 1m30s, 12 MB, 3/4.
  std::size_t number_end(std::size_t at) const {
    for (;;) {
      at += span(at, is_digit).size();
      auto next = at;
      if (is_in(".,:/-T", peek(at)))
        ++next;
      else if (is_in("eE", peek(at)))
        next += is_in("+-", peek(at + 1)) ? 2u : 1u;
      if (next > at && is_digit(peek(next))) {
        at = next;
        continue;
      }
      if (const auto unit = span(at, is_letter, unit_bytes_max + 1); holds(units, unit)) {
        at += unit.size();
        if (is_digit(peek(at)))
          continue;
        return at;
      }
      if (peek(at) != ' ')
        return at;
      const auto unit = span(at + 1, is_word, unit_bytes_max + 1);
      return holds(units, unit) ? at + 1 + unit.size() : at;
    }
  }

  /// Of an absolute path only the last name is kept.
  bool skip_directories() {
    // Within a word it belongs to a relative path, a fraction or a URL; but file:///home is absolute.
    const auto before = result_.empty() ? ' ' : result_.back();
    const auto begins_host = before == ':' && peek(at_ + 1) == '/';
    if ((begins_host || is_word(before) || is_in("./-)]}<>%*\\", before)) && !result_.ends_with("://"))
      return false;
    auto end = at_;
    while (end < text_.size() && !is_path_end(text_[end]))
      ++end;
    while (end > at_ && is_in("./", text_[end - 1]))
      --end;
    if (end == at_)
      return false;
    at_ = text_.substr(0, end).rfind('/') + 1;
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string result_;
  bool is_cut_ = false;
  bool tells_ending_ = false; ///< A number that comes now says how something ended.
};

} // namespace

std::string normalise_failure(std::string_view evidence) {
  const auto text = without_escapes(evidence);
  return normaliser{text}.run();
}

std::string failure_signature(std::string_view evidence) {
  const auto text = normalise_failure(evidence);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr);
  constexpr std::string_view hex = "0123456789abcdef";
  std::string result;
  for (std::size_t i = 0; i < 8; ++i)
    result.append({hex[digest[i] >> 4], hex[digest[i] & 15]});
  return result;
}

} // namespace swarm::checks
