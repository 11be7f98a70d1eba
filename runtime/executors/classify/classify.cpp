#include "runtime/executors/classify/classify.hpp"

#include "runtime/executors/classify/pick.hpp"

#include <algorithm>

namespace swarm::executors {

namespace {

using std::chrono::milliseconds;

/// Before the next retry in place. No pause of the table is still short after 20 doublings.
milliseconds pause_of(const rows::table_row& row, int retries_done) {
  return row.first_pause * (1 << std::min(retries_done, 20));
}

/// The row's action, with its wait; or a retry in place before it.
void set_action(verdict& v, const pick& p, wall_time now) {
  const auto& row = *p.row;
  const auto asked = p.asked.value_or(milliseconds{0});
  const auto done = std::max(p.retries_done, 0);
  const auto pause = std::max(asked, pause_of(row, done));
  if (p.in_place && done < row.retries && pause <= in_place_wait_max) {
    v.action = verdict_action::retry_in_place;
    v.in_place_retries = row.retries - done;
    v.wait = pause;
    v.asked = p.asked.has_value();
    return;
  }
  v.action = row.then;
  if (v.action == verdict_action::defer) {
    v.wait = std::max(asked, row.put_off);
    v.asked = p.asked.has_value();
  } else if (v.action == verdict_action::open_breaker) {
    v.wait = p.date ? std::chrono::ceil<milliseconds>(*p.date - now) : row.put_off;
    v.asked = p.date.has_value();
  }
  if (v.asked || (v.action == verdict_action::open_breaker && v.wait > milliseconds{0}))
    v.until = p.date.value_or(now + v.wait);
}

verdict judge(const pick& p, wall_time now) {
  const auto& row = *p.row;
  verdict v;
  v.row = p.via + std::string{row.name};
  v.end = row.end;
  v.scope = row.scope;
  v.uses_attempt = row.uses_attempt;
  v.counts_for_breaker = row.breaker == rows::counts;
  v.refuses = row.breaker == rows::alike;
  v.is_timeout = &row == &rows::at("19") || &row == &rows::at("19b") || &row == &rows::at("19c");
  set_action(v, p, now);
  const auto is_retry = v.action == verdict_action::retry_in_place;
  v.opens_breaker = !is_retry && row.breaker == rows::opens;
  v.pages = !is_retry && row.pages;
  if (p.remedy)
    v.remedy = *p.remedy;
  else if (is_retry || row.retries == 0)
    v.remedy = row.remedy;
  return v;
}

} // namespace

verdict classify(const outside_signal& x, wall_time now, int retries_done) {
  now = plausible(now);
  if (x.valueless_by_exception())
    return judge({}, now);
  const circumstances c{now, retries_done};
  return judge(std::visit([&](const auto& signal) { return pick_row(signal, c); }, x), now);
}

} // namespace swarm::executors
