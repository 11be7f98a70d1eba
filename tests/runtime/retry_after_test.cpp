#define CAF_SUITE retry_after

#include "runtime/executors/classify/retry_after.hpp"

#include <chrono>
#include <random>
#include <string>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::executors;
using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

constexpr wall_time noon = sys_days{2026y / November / 29} + 12h; // a Sunday

constexpr long long nothing = -1;
constexpr long long day_ms = 86'400'000;

long long ms_of(std::string_view retry_after_ms, std::string_view retry_after) {
  const auto x = parse_retry_after(retry_after_ms, retry_after, noon);
  return x ? x->count() : nothing;
}

/// Seconds from noon.
long long date_of(std::string_view text, wall_time now = noon) {
  const auto x = find_date(text, now);
  return x ? duration_cast<seconds>(*x - noon).count() : nothing;
}

long long reset_of(std::string_view text, minutes offset = 0min) {
  const auto x = find_reset_time(text, noon, offset);
  return x ? duration_cast<seconds>(*x - noon).count() : nothing;
}

long long seconds_to(sys_days day, seconds time = 0s) {
  return duration_cast<seconds>(day + time - noon).count();
}

} // namespace

CAF_TEST(seconds come whole or not and are rounded up) {
  const std::pair<std::string_view, long long> table[] = {
    {"3", 3'000},   {"600", 600'000}, {"0.25", 250}, {"1.5", 1'500},
    {" 7 ", 7'000}, {"1e1", 10'000},  {"0.0001", 1}, {"10.0001", 10'001},
  };
  for (const auto& [text, expected] : table)
    CAF_CHECK_EQUAL(ms_of("", text), expected);
}

CAF_TEST(what says nothing about a wait gives none) {
  for (const auto* text : {"",
                           " ",
                           "soon",
                           "0",
                           "-0",
                           "-3",
                           "-1e300",
                           "nan",
                           "inf",
                           "-inf",
                           "0x10",
                           "3 s",
                           "+3",
                           "3,5",
                           "12:30",
                           "Sun, 29 Nov 2026 12:00:00 GMT",
                           "Sat, 28 Nov 2026 12:00:00 GMT",
                           "Sun, 32 Nov 2026 12:00:00 GMT",
                           "1e999",
                           "--",
                           "\xff\xfe"})
    CAF_CHECK_EQUAL(ms_of("", text), nothing);
}

CAF_TEST(an absurd wait is cut to a day) {
  for (const auto* text :
       {"86401", "999999999999", "1e15", "1e300", "Mon, 29 Nov 2027 12:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"})
    CAF_CHECK_EQUAL(ms_of("", text), day_ms);
  CAF_CHECK_EQUAL(ms_of("1e300", ""), day_ms);
  CAF_CHECK_EQUAL(ms_of("", "86400"), day_ms);
  CAF_CHECK_EQUAL(ms_of("", "86399"), day_ms - 1'000);
}

CAF_TEST(milliseconds go before seconds unless they say nothing) {
  CAF_CHECK_EQUAL(ms_of("250", "60"), 250);
  CAF_CHECK_EQUAL(ms_of("0.5", "60"), 1);
  for (const auto* text : {"", "soon", "0", "-5", "Sun, 29 Nov 2026 12:00:30 GMT"})
    CAF_CHECK_EQUAL(ms_of(text, "60"), 60'000);
}

CAF_TEST(a date of HTTP has three forms) {
  CAF_CHECK_EQUAL(ms_of("", "Sun, 29 Nov 2026 12:00:30 GMT"), 30'000);
  CAF_CHECK_EQUAL(ms_of("", "Sunday, 29-Nov-26 12:00:30 GMT"), 30'000);
  CAF_CHECK_EQUAL(ms_of("", "Sun Nov 29 12:00:30 2026"), 30'000);
  CAF_CHECK_EQUAL(ms_of("", "2026-11-29T12:00:30Z"), 30'000);
  CAF_CHECK_EQUAL(parse_retry_after("", "Sun, 29 Nov 2026 12:00:30 GMT", noon + 250ms)->count(), 29'750);
}

CAF_TEST(the date in a text about a limit is found in many spellings) {
  const auto first = seconds_to(2026y / December / 1);
  const std::pair<std::string_view, long long> table[] = {
    {"You will regain access on 2026-12-01 at 00:00 UTC.", first},
    {"You will regain access on 2026-12-01.", first},
    {"regain access on 2026/12/01 at 09:30", first + 34'200},
    {"resumes 2026-12-01T09:30:15.250Z", first + 34'215},
    {"resumes 2026-12-01T09:30:15+02:00", first + 27'015},
    {"resumes 2026-12-01 09:30 -0330", first + 46'800},
    {"resumes December 1, 2026", first},
    {"resumes December 1st, 2026 at 12:15 AM UTC", first + 900},
    {"resumes Dec 1 2026 at 3pm", first + 54'000},
    {"resumes 1 Dec 2026, 12 pm", first + 43'200},
    {"2026-12-01", first},
  };
  for (const auto& [text, expected] : table) {
    CAF_MESSAGE(std::string{text});
    CAF_CHECK_EQUAL(date_of(text), expected);
  }
}

CAF_TEST(the first date ahead is the one and a far one is cut) {
  CAF_CHECK_EQUAL(date_of("Spent since 2026-11-01: $500. You will regain access on 2026-12-01."),
                  seconds_to(2026y / December / 1));
  CAF_CHECK_EQUAL(date_of("since 1 Nov 2026 until 30 Nov 2026 or 2026-12-01"), seconds_to(2026y / November / 30));
  CAF_CHECK_EQUAL(date_of("on 2026-12-31 at 12:00"), 32LL * 86'400);
  CAF_CHECK_EQUAL(date_of("on 2027-12-31"), 32LL * 86'400);
  CAF_CHECK_EQUAL(date_of("on 9999-12-31 at 23:59"), 32LL * 86'400);
}

CAF_TEST(what is no date ahead is none) {
  for (const auto* text :
       {"", "soon", "2026-11-29", "2026-11-29 at 12:00 UTC", "1999-01-01", "2027-02-29", "2026-13-01", "2026-00-10",
        "2026-257-01", "2026-12-289", "2026-12", "December 2026", "12-01", "99999-12-01", "0000-00-00", "2026 12 01",
        "1 Sep 30, 2026", "50 December 10", "Dec 99999999999999999999 2026"})
    CAF_CHECK_EQUAL(date_of(text), nothing);
}

CAF_TEST(a time of day is the next one that the clock shows) {
  CAF_CHECK_EQUAL(reset_of("You've hit your session limit \u00b7 resets 3:45pm"), 13'500);
  CAF_CHECK_EQUAL(reset_of("resets 3pm"), 10'800);
  CAF_CHECK_EQUAL(reset_of("Resets at 15:45"), 13'500);
  CAF_CHECK_EQUAL(reset_of("resets 12am"), 43'200);
  CAF_CHECK_EQUAL(reset_of("resets 3:45pm (Europe/Berlin)", 60min), 9'900);
  CAF_CHECK_EQUAL(reset_of("resets 1am", 8h), 18'000);
  CAF_CHECK_EQUAL(reset_of("resets 9am", -5h), 7'200);
}

CAF_TEST(a time of day that has just passed or is none gives nothing) {
  for (const auto* text : {"resets 11:59am", "resets 12pm", "resets 12:01am", "resets", "resets soon", "resets 3",
                           "resets 13pm", "resets 25:00", "resets 3:60pm", "resets Oct 7 at 3pm", "3:45pm", ""})
    CAF_CHECK_EQUAL(reset_of(text), nothing);
}

CAF_TEST(no text and no moment is too strange) {
  std::mt19937 random{20261129};
  const std::string_view pieces[] = {"2026", "-",  "12",     "01", "T",    ":", "+",    "Dec", " ",
                                     "at",   "pm", "resets", ".",  "9999", "0", "\xff", ","};
  const wall_time moments[] = {wall_time::min(), wall_time{}, noon, wall_time::max()};
  const minutes offsets[] = {minutes::min(), -90min, 0min, minutes::max()};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto count = random() % 14; count > 0; --count)
      text += pieces[random() % std::size(pieces)];
    const auto now = moments[random() % std::size(moments)];
    const auto lower = plausible(now);
    if (const auto x = parse_retry_after(text, text, now))
      CAF_REQUIRE(*x > 0ms && *x <= retry_after_max);
    if (const auto x = find_date(text, now))
      CAF_REQUIRE(*x > lower && *x - lower <= access_date_ahead_max);
    if (const auto x = find_reset_time(text, now, offsets[random() % std::size(offsets)]))
      CAF_REQUIRE(*x >= floor<seconds>(lower) && *x - lower <= 12h);
  }
}
