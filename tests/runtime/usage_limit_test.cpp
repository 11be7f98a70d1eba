#define CAF_SUITE usage_limit

#include "runtime/executors/agent_cli/usage_limit.hpp"

#include "runtime/executors/agent_cli/json_line.hpp"

#include <ctime>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::executors;
using namespace std::chrono_literals;
using std::chrono::sys_days;

namespace {

const wall_time day = sys_days{2026y / 11 / 22};
const wall_time noon = day + 12h;

} // namespace

CAF_TEST(the end of a limit is read from what people are told) {
  struct line {
    std::string_view text;
    std::optional<wall_time> expected;
  };
  for (auto& [text, expected] : std::vector<line>{
         {"resets 3:45pm (UTC)", day + 15h + 45min},
         {"resets 3pm (UTC)", day + 15h},
         {"resets 12:01pm (UTC)", day + 12h + 1min},
         {"resets 12am (UTC)", day + 24h},
         {"resets 15:45 UTC", day + 15h + 45min},
         {"resets at 6:05 PM UTC", day + 18h + 5min},
         {"try again at 6:05 PM UTC", day + 18h + 5min},
         {"resets 11:50am (UTC)", {}}, // has just passed
         {"resets Nov 25 at 5pm (UTC)", day + 24h * 3 + 17h},
         {"resets Nov 25, 5:30am (UTC)", day + 24h * 3 + 5h + 30min},
         {"try again at Nov 30th, 2026 12:30 PM UTC.", day + 24h * 8 + 12h + 30min},
         {"resets Jan 3, 9am (UTC)", sys_days{2027y / 1 / 3} + 9h},
         {"resets Nov 22, 9am (UTC)", day + 9h}, // has passed
         {"or try again in 3 days 6 hours 57 minutes.", noon + 24h * 3 + 6h + 57min},
         {"Your quota will reset after 3h12m5s.", noon + 3h + 12min + 5s},
         {"Claude AI usage limit reached|1795000000", wall_time{1'795'000'000s}},
         {"resets 13pm (UTC)", {}},
         {"resets 3:75pm (UTC)", {}},
         {"resets 7 (UTC)", {}},
         {"resets Mon 3pm (UTC)", {}},
         {"resets Feb 99 3pm (UTC)", {}},
         {"resets soon", {}},
         {"resets ", {}},
         {"try again in a while", {}},
         {"limit reached|99999999999999999999", {}},
         {"limit reached|999999999999", {}},
         {"", {}},
       }) {
    CAF_MESSAGE(text);
    CAF_CHECK(find_limit_end(text, noon) == expected);
  }
}

CAF_TEST(a time without a zone is of the clock of this machine) {
  const auto here = find_limit_end("resets Nov 23 at 3:45pm", noon);
  CAF_REQUIRE(here);
  const auto here_s = std::chrono::system_clock::to_time_t(*here);
  std::tm parts{};
  localtime_r(&here_s, &parts);
  CAF_CHECK_EQUAL(parts.tm_mday, 23);
  CAF_CHECK_EQUAL(parts.tm_hour * 60 + parts.tm_min, 15 * 60 + 45);
}

CAF_TEST(only the beginning of a text says that a limit is reached) {
  CAF_CHECK(says_usage_limit("You've hit your session limit · resets 3:45pm"));
  CAF_CHECK(says_usage_limit("You\u2019ve hit your weekly limit"));
  CAF_CHECK(says_usage_limit("Claude AI usage limit reached|1795000000"));
  CAF_CHECK(says_usage_limit("You have exhausted your capacity on this model."));
  CAF_CHECK(!says_usage_limit(""));
  CAF_CHECK(!says_usage_limit("You've hit your stride"));
  CAF_CHECK(!says_usage_limit("Now it prints \"You've hit your session limit\""));
}

CAF_TEST(a status is found only where a text speaks of one) {
  for (auto [text, status] : std::initializer_list<std::pair<std::string_view, int>>{
         {"last status: 429 Too Many Requests", 429},
         {"unexpected status 401 Unauthorized: ", 401},
         {"got status code 503", 503},
         {R"({"error":{"code":429,"message":"x"}})", 429},
         {"exit status 1, then status 500", 500},
         {"status", 0},
         {"status 200", 0},
         {"404", 0},
         {"status 99999999999999", 0},
         {"the status of my 500 apples", 0},
         {"", 0},
       }) {
    CAF_MESSAGE(text);
    CAF_CHECK_EQUAL(http_status_in(text), status);
  }
}
