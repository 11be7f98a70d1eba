#include "runtime/executors/agent_cli/usage_limit.hpp"

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <ctime>
#include <string>

namespace swarm::executors {

namespace {

using std::chrono::seconds;

/// Reads a text from the left.
struct cursor {
  std::string_view rest;

  void skip(std::string_view characters) {
    rest.remove_prefix(std::min(rest.find_first_not_of(characters), rest.size()));
  }

  /// Lower case; empty when no letter stands here.
  std::string word() {
    std::string result;
    for (; !rest.empty() && std::isalpha(static_cast<unsigned char>(rest.front())); rest.remove_prefix(1))
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(rest.front())));
    return result;
  }

  /// -1 when no digit stands here, or too many.
  std::int64_t number() {
    std::int64_t result = 0;
    std::size_t digits = 0;
    for (; !rest.empty() && std::isdigit(static_cast<unsigned char>(rest.front())); rest.remove_prefix(1))
      result = ++digits > 12 ? result : result * 10 + (rest.front() - '0');
    return digits == 0 || digits > 12 ? -1 : result;
  }
};

/// What follows the first of these words, or nothing.
std::optional<cursor> behind(std::string_view text, std::initializer_list<std::string_view> words) {
  for (const auto word : words)
    if (const auto at = text.find(word); at != std::string_view::npos)
      return cursor{text.substr(at + word.size())};
  return {};
}

std::optional<wall_time> epoch(std::string_view text) {
  constexpr std::int64_t year_2001 = 1'000'000'000;
  constexpr std::int64_t year_2100 = 4'102'444'800;
  auto at = behind(text, {"limit reached|"});
  const auto number = at ? at->number() : -1;
  if (number < year_2001 || number > year_2100)
    return {};
  return wall_time{seconds{number}};
}

/// "3 days 4 hours 12 minutes", "3h12m5s"
std::optional<wall_time> duration(std::string_view text, wall_time now) {
  auto at = behind(text, {"try again in ", "reset after ", "resets in ", "reset in "});
  if (!at)
    return {};
  seconds sum{0};
  for (;;) {
    at->skip(" ,");
    const auto number = at->number();
    at->skip(" ");
    const auto unit = at->word();
    if (number < 0 || number > 100'000 || unit.empty())
      break;
    sum += seconds{number * (unit[0] == 'd' ? 86'400 : unit[0] == 'h' ? 3'600 : unit[0] == 'm' ? 60 : 1)};
  }
  return sum > seconds{0} ? std::optional{now + sum} : std::nullopt;
}

/// 0 to 11, or -1.
int month_of(const std::string& word) {
  constexpr std::string_view months = "janfebmaraprmayjunjulaugsepoctnovdec";
  const auto at = word.size() < 3 ? std::string_view::npos : months.find(word.substr(0, 3));
  return at == std::string_view::npos || at % 3 != 0 ? -1 : static_cast<int>(at / 3);
}

/// "3:45pm", "5 PM", "15:45"
bool read_time(cursor& at, std::tm& time) {
  auto hour = at.number();
  std::int64_t minute = 0;
  const auto has_minute = at.rest.starts_with(':');
  if (has_minute) {
    at.skip(":");
    minute = at.number();
  }
  at.skip(" ");
  const auto half = at.word();
  const auto is_half = half == "am" || half == "pm";
  if (minute < 0 || minute > 59 || hour < (is_half ? 1 : 0) || hour > (is_half ? 12 : 23) || !(is_half || has_minute))
    return false;
  if (is_half)
    hour = hour % 12 + (half == "pm" ? 12 : 0);
  time.tm_hour = static_cast<int>(hour);
  time.tm_min = static_cast<int>(minute);
  time.tm_sec = 0;
  time.tm_isdst = -1;
  return true;
}

/// "Oct 9 at 5pm", "Aug 8th, 2026 12:30 PM"
bool read_date_and_time(cursor& at, std::tm& time) {
  at.skip(" ");
  const auto month = month_of(at.word());
  at.skip(" ");
  const auto day = at.number();
  if (month < 0 || day < 1 || day > 31)
    return false;
  time.tm_mon = month;
  time.tm_mday = static_cast<int>(day);
  at.word(); // "th"
  at.skip(" ,");
  if (const auto before = at; at.number() < 2000) // the year, which follows from now
    at = before;
  at.skip(" ,");
  at.word(); // "at"
  at.skip(" ");
  return read_time(at, time);
}

std::optional<wall_time> moment(std::string_view text, wall_time now) {
  auto at = behind(text, {"resets ", "reset at ", "try again at "});
  if (!at)
    return {};
  const auto is_utc = at->rest.find("UTC") != std::string_view::npos;
  const auto now_s = std::chrono::system_clock::to_time_t(now);
  std::tm time{};
  (is_utc ? gmtime_r : localtime_r)(&now_s, &time);
  const auto seconds_of = [&](std::tm x) { return is_utc ? timegm(&x) : mktime(&x); };
  auto dated = time;
  if (auto behind_date = *at; read_date_and_time(behind_date, dated)) {
    constexpr std::time_t half_a_year_s = 180 * 86'400;
    if (seconds_of(dated) < now_s - half_a_year_s)
      ++dated.tm_year; // said in December of a day in January
    return std::chrono::system_clock::from_time_t(seconds_of(dated));
  }
  at->skip(" at");
  if (!read_time(*at, time))
    return {};
  if (seconds_of(time) <= now_s)
    ++time.tm_mday;
  const auto result = std::chrono::system_clock::from_time_t(seconds_of(time));
  // Farther ahead means that it has only just passed.
  return result - now <= std::chrono::hours{12} ? std::optional{result} : std::nullopt;
}

} // namespace

bool says_usage_limit(std::string_view text) {
  constexpr std::string_view beginnings[] = {
    "You've hit your ",           "You\xE2\x80\x99ve hit your ", "Claude AI usage limit reached",
    "Claude usage limit reached", "You have exhausted your ",
  };
  const auto begins_so = [&](auto x) { return text.starts_with(x); };
  const auto front = text.substr(0, 200);
  return std::any_of(std::begin(beginnings), std::end(beginnings), begins_so)
         && (front.find("limit") != std::string_view::npos || front.find("capacity") != std::string_view::npos);
}

std::optional<wall_time> find_limit_end(std::string_view text, wall_time now) {
  text = text.substr(0, 1'000);
  if (auto x = epoch(text))
    return x;
  if (auto x = duration(text, now))
    return x;
  return moment(text, now);
}

} // namespace swarm::executors
