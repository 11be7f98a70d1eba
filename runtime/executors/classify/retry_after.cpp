#include "runtime/executors/classify/retry_after.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <string>
#include <vector>

namespace swarm::executors {

namespace {

using namespace std::chrono;

constexpr std::size_t text_bytes_max = 4u << 10; // what is shown to people is shorter

bool is_digit(char x) {
  return x >= '0' && x <= '9';
}
bool is_letter(char x) {
  return (x >= 'a' && x <= 'z') || (x >= 'A' && x <= 'Z');
}

/// A run of digits or of letters.
struct token {
  std::string word; ///< In lower case; empty for a number.
  int number = -1;
  std::size_t digits = 0;
  char before = ' '; ///< The character in front of it.
};

std::vector<token> tokens_of(std::string_view text) {
  text = text.substr(0, text_bytes_max);
  std::vector<token> result;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end) {
    const auto first = text[begin];
    end = begin + 1;
    if (!is_digit(first) && !is_letter(first))
      continue;
    while (end < text.size() && (is_digit(first) ? is_digit(text[end]) : is_letter(text[end])))
      ++end;
    token x{{}, -1, 0, begin == 0 ? ' ' : text[begin - 1]};
    const auto run = text.substr(begin, end - begin);
    if (is_digit(first)) {
      x.digits = run.size();
      if (run.size() <= 4) // no part of a date is longer
        std::from_chars(run.data(), run.data() + run.size(), x.number);
    } else {
      for (const auto letter : run)
        x.word += static_cast<char>(letter | 0x20); // lower case in ASCII, whatever the locale
    }
    if (x.word != "st" && x.word != "nd" && x.word != "rd" && x.word != "th")
      result.push_back(std::move(x));
  }
  return result;
}

/// 1 to 12 for "sep", "sept", "september"; 0 for other words.
int month_of(const std::string& word) {
  static constexpr std::array<std::string_view, 12> names{"january",   "february", "march",    "april",
                                                          "may",       "june",     "july",     "august",
                                                          "september", "october",  "november", "december"};
  for (std::size_t i = 0; word.size() >= 3 && i < names.size(); ++i)
    if (names[i].starts_with(word) || (i == 8 && word == "sept"))
      return static_cast<int>(i) + 1;
  return 0;
}

/// Reads a text from left to right; where there is nothing more, it reads an empty token.
class reader {
public:
  reader(const std::vector<token>& tokens, std::size_t at) : tokens_(tokens), at_(at) {}

  const token& peek(std::size_t ahead = 0) const {
    static const token nothing;
    return at_ + ahead < tokens_.size() ? tokens_[at_ + ahead] : nothing;
  }

  void skip(std::size_t count = 1) { at_ += count; }

  void skip_word(std::string_view word) {
    if (peek().word == word)
      skip();
  }

private:
  const std::vector<token>& tokens_;
  std::size_t at_;
};

/// "15:45", "15:45:30.5", "3:45pm", "3pm". Nothing is read if there is no time.
std::optional<seconds> read_time(reader& in) {
  auto hour = in.peek().number;
  const auto minute = in.peek(1).before == ':' ? in.peek(1).number : -1;
  const auto second = minute >= 0 && in.peek(2).before == ':' ? in.peek(2).number : -1;
  const std::size_t read = minute < 0 ? 1 : second < 0 ? 2 : 3;
  const auto& half = in.peek(read).word;
  const auto has_half = half == "am" || half == "pm";
  if (hour < 0 || hour > (has_half ? 12 : 24) || minute > 59 || second > 60 || (minute < 0 && !has_half))
    return std::nullopt;
  if (has_half)
    hour = hour % 12 + (half == "pm" ? 12 : 0);
  in.skip(read + (has_half ? 1 : 0));
  if (second >= 0 && in.peek().before == '.')
    in.skip(); // a fraction
  return hours{hour} + minutes{std::max(minute, 0)} + seconds{std::max(second, 0)};
}

/// "+02:00" or "-0330" behind a time. Anything else is UTC.
seconds read_offset(reader& in) {
  const auto& x = in.peek();
  if (x.number < 0 || (x.before != '+' && x.before != '-'))
    return seconds{0};
  const auto is_split = x.digits <= 2;
  const auto hour = is_split ? x.number : x.number / 100;
  const auto minute = !is_split ? x.number % 100 : in.peek(1).before == ':' ? std::max(in.peek(1).number, 0) : 0;
  const auto offset = hours{hour} + minutes{minute};
  return x.before == '-' ? -offset : offset;
}

struct calendar_day {
  int year = -1;
  int month = 0;
  int day = 0;
};

/// 2026-09-01, 1 September 2026, 06-Nov-94, September 1, 2026, or without a year "Nov  6".
calendar_day read_day(reader& in) {
  const auto& a = in.peek(0);
  const auto& b = in.peek(1);
  const auto& c = in.peek(2);
  const auto is_short_year = c.digits == 2 && c.before == '-';
  calendar_day result;
  if (a.digits == 4 && (b.before == '-' || b.before == '/') && c.before == b.before) {
    result = {a.number, b.number, c.number};
    in.skip(3);
  } else if (a.number >= 0 && month_of(b.word) > 0 && (c.digits == 4 || is_short_year)) {
    result = {is_short_year ? 2000 + c.number : c.number, month_of(b.word), a.number};
    in.skip(3);
  } else if (month_of(a.word) > 0 && b.number >= 0) {
    result = {c.digits == 4 ? c.number : -1, month_of(a.word), b.number};
    in.skip(c.digits == 4 ? 3 : 2);
  }
  return result;
}

/// The moment whose text begins here.
std::optional<sys_seconds> read_moment(reader in) {
  auto [year_number, month_number, day_number] = read_day(in);
  if (month_number < 1 || month_number > 12 || day_number < 1 || day_number > 31)
    return std::nullopt;
  in.skip_word("at");
  in.skip_word("t");
  const auto time = read_time(in);
  const auto offset = time ? read_offset(in) : seconds{0};
  if (year_number < 0 && in.peek().digits == 4) // asctime
    year_number = in.peek().number;
  const auto date = year{year_number} / month_number / day_number;
  if (year_number < 0 || !date.ok())
    return std::nullopt;
  return sys_days{date} + time.value_or(seconds{0}) - offset;
}

/// The whole text as a number.
std::optional<double> number_of(std::string_view text) {
  while (!text.empty() && text.front() == ' ')
    text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ')
    text.remove_suffix(1);
  double result = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(result))
    return std::nullopt;
  return result;
}

/// @param unit How many milliseconds the number counts.
std::optional<milliseconds> wait_of(double number, double unit) {
  const auto max = duration_cast<milliseconds>(retry_after_max);
  if (!(number > 0))
    return std::nullopt;
  // Compared before it's converted: most numbers don't fit into any integer.
  return number * unit >= static_cast<double>(max.count()) ? max : milliseconds{std::llround(std::ceil(number * unit))};
}

} // namespace

wall_time plausible(wall_time now) {
  return std::clamp(now, wall_time{}, wall_time{} + days{230 * 365});
}

std::optional<milliseconds> parse_retry_after(std::string_view retry_after_ms, std::string_view retry_after,
                                              wall_time now) {
  if (const auto number = number_of(retry_after_ms); number && *number > 0)
    return wait_of(*number, 1);
  if (const auto number = number_of(retry_after))
    return wait_of(*number, 1000);
  const auto date = find_date(retry_after, now);
  if (!date)
    return std::nullopt;
  return std::min(ceil<milliseconds>(*date - plausible(now)), milliseconds{retry_after_max});
}

std::optional<wall_time> find_date(std::string_view text, wall_time now) {
  now = plausible(now);
  const auto tokens = tokens_of(text);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const auto moment = read_moment({tokens, i});
    // In seconds as long as the year may be any: nanoseconds end in 2262.
    if (moment && *moment > floor<seconds>(now))
      return wall_time{std::min<sys_seconds>(*moment, floor<seconds>(now) + access_date_ahead_max)};
  }
  return std::nullopt;
}

std::optional<wall_time> find_reset_time(std::string_view text, wall_time now, minutes utc_offset) {
  const auto offset = std::clamp(utc_offset, minutes{-24 * 60}, minutes{24 * 60});
  const auto local_now = floor<seconds>(plausible(now)) + offset;
  const auto tokens = tokens_of(text);
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i].word != "resets")
      continue;
    reader in{tokens, i + 1};
    in.skip_word("at");
    const auto time = read_time(in);
    if (!time)
      continue;
    auto moment = floor<days>(local_now) + *time;
    if (moment <= local_now)
      moment += days{1};
    if (moment - local_now <= hours{12})
      return wall_time{moment - offset};
  }
  return std::nullopt;
}

} // namespace swarm::executors
