#define CAF_SUITE store_claude_scripts

#include "runtime/executors/route_report.hpp"
#include "runtime/store/queries.hpp"
#include "tests/fixtures/desk.hpp"
#include "tests/runtime/claude_fixture.hpp"

#include <ctime>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;
using namespace std::chrono_literals;
using json = nlohmann::json;

// What the API does to one ticket, and what becomes of all others: the scripts of the reference's list that are about breakers
// and limiters, played to the real executor, and what it says written to a real database.

namespace {

constexpr auto model = "claude-sonnet-5-5";
constexpr auto route = "claude claude-sonnet-5-5";

std::string day_in(std::chrono::hours ahead) {
  const auto x = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() + ahead);
  char text[64];
  std::tm parts{};
  gmtime_r(&x, &parts);
  std::strftime(text, sizeof text, "%Y-%m-%d at %H:%M UTC", &parts);
  return text;
}

struct fixture : claude_fixture {
  desk d;
  session s = d.open(), elsewhere = d.open();
  std::string credential;

  fixture() {
    setenv("SWARM_TEST_CLAUDE_KEY", "k3y", 1);
    values.api_key_env = "SWARM_TEST_CLAUDE_KEY";
    credential = executors::credential_hash("k3y");
  }

  ~fixture() { CAF_CHECK_EQUAL(d.violations(), ""); }

  void submit(int count) {
    for (int i = 0; i < count; ++i) {
      new_ticket x;
      x.kind = "claude";
      x.payload = json{{"prompt", "p"}, {"model", model}}.dump();
      must(store::submit(s.db, {"", {std::move(x)}}));
    }
  }

  std::vector<claim_ref> claim(session& x, std::int32_t limit, std::vector<std::string> credentials) {
    std::vector<claim_ref> result;
    for (auto& one : must(store::claim(x.db, {"default", limit, x.node, {}, std::move(credentials)})))
      result.push_back(one.claim);
    return result;
  }

  std::vector<claim_ref> claim(std::int32_t limit = 100) { return claim(s, limit, {credential}); }

  void settle(const claim_ref& x, outcome end) {
    auto rules = desk::rules();
    rules.infra_retries_max = 1'000;
    rules.breaker_failures = 3;
    CAF_CHECK_EQUAL(to_string(must(store::settle(s.db, {{{x, std::move(end)}}, rules})).tickets.at(0).answer), "ok");
  }

  /// Of the only breaker there is.
  std::string breaker() { return s.ask("SELECT route || ', ' || credential || ', ' || state FROM swarm.breakers"); }

  /// How long it stays open, in seconds.
  double pause() { return std::stod(s.ask("SELECT extract(epoch FROM until - clock_timestamp()) FROM swarm.breakers")); }

  void let_it_pass() {
    must(s.db.script("UPDATE swarm.breakers SET until = clock_timestamp() - interval '1 second' WHERE state = 'open'; "
                     "UPDATE swarm.limits SET at = at - interval '1 hour', throttled_until = throttled_until - interval '1 hour'; "
                     "UPDATE swarm.scheduled SET run_at = clock_timestamp() - interval '1 second'",
                     "time"));
    must(store::promote(s.db, 100));
  }

  int openings() { return std::stoi(s.ask("SELECT count(*) FROM swarm.ticket_events WHERE kind = 'breaker_opened'")); }
  std::string attempts_used() { return s.ask("SELECT max(attempts) FROM swarm.tickets WHERE final_state IS NULL"); }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_claude_scripts_tests, fixture)

CAF_TEST(script 18 an overloaded model is left alone until one ticket finds it well) {
  submit(6);
  const auto overloaded = run({fails(529, "overloaded_error", "Overloaded")});
  CAF_CHECK_EQUAL(requests.size(), 3u);
  const auto first = claim(3);
  CAF_REQUIRE_EQUAL(first.size(), 3u);
  for (const auto& x : first)
    settle(x, overloaded);
  CAF_CHECK_EQUAL(breaker(), std::string{route} + ", , open");
  CAF_CHECK(claim().empty());
  CAF_CHECK(claim(elsewhere, 100, {"another"}).empty());
  for (int i = 0; i < 3; ++i) {
    let_it_pass();
    const auto probe = claim();
    CAF_REQUIRE_EQUAL(probe.size(), 1u);
    CAF_CHECK(claim(elsewhere, 100, {credential}).empty());
    settle(probe.front(), overloaded);
    CAF_CHECK_EQUAL(breaker(), std::string{route} + ", , open");
  }
  CAF_CHECK_EQUAL(openings(), 4);
  CAF_CHECK_EQUAL(attempts_used(), "0");
  let_it_pass();
  const auto probe = claim();
  CAF_REQUIRE_EQUAL(probe.size(), 1u);
  settle(probe.front(), run({says("done")}));
  CAF_CHECK_EQUAL(breaker(), "");
  CAF_CHECK_EQUAL(claim().size(), 5u);
}

CAF_TEST(script 28 a limiter slows down before the first refusal) {
  must(store::set_limit(s.db, {route, "", 3}));
  submit(5);
  auto answer = [](const std::string& left) {
    return stream(events(message("end_turn", {text_block(0, "done")})), scripted_answer::ending::close,
                  "anthropic-ratelimit-requests-remaining: " + left + "\r\n");
  };
  for (const auto* left : {"2", "0"}) {
    const auto next = claim(1);
    CAF_REQUIRE_EQUAL(next.size(), 1u);
    settle(next.front(), run({answer(left)}));
  }
  CAF_CHECK(claim().empty()); // by its own count one is left
  CAF_CHECK(claim(elsewhere, 100, {credential}).empty());
  let_it_pass();
  CAF_CHECK_EQUAL(claim().size(), 3u);
}

CAF_TEST(script 9 one wait that is asked for holds back all nodes) {
  submit(3);
  settle(claim(1).at(0), run({fails(429, "rate_limit_error", "slow", {"Retry-After: 600"})}));
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.leases"), "0"); // its worker is free
  CAF_CHECK(claim().empty());
  CAF_CHECK(claim(elsewhere, 100, {credential}).empty());
  CAF_CHECK_EQUAL(claim(elsewhere, 100, {"another"}).size(), 2u);
  CAF_CHECK_EQUAL(attempts_used(), "0");
}

CAF_TEST(scripts 11 to 15 open a breaker once for as long as the API says) {
  struct row {
    const char* script;
    scripted_answer answer;
    std::string breaker;
    double pause_min, pause_max; ///< In seconds.
  };
  const auto whole = "claude, " + credential + ", open";
  const auto longest = std::chrono::duration<double>(desk::rules().breaker_max).count();
  const std::vector<row> rows{
    {"11", fails(429, "rate_limit_error", "You will regain access on " + day_in(48h) + ".", {},
                 {{"error_code", "enforced_spend_limit_reached"}}), whole, 47 * 3600., 48 * 3600.},
    {"12", fails(429, "billing_error", "cap", {"x-should-retry: false"}), whole, longest - 60, longest},
    {"13", fails(400, "invalid_request_error", "You have reached your specified API usage limits."), whole, 3'540, 3'600},
    {"13, date", fails(400, "invalid_request_error", "You have reached your specified workspace API usage limits. You will "
                       "regain access on " + day_in(24h) + "."), whole, 23 * 3600., 24 * 3600.},
    {"15, 401", fails(401, "authentication_error", "no"), whole, longest - 60, longest},
    {"15, 402", fails(402, "billing_error", "no"), whole, longest - 60, longest},
    {"15, 403", fails(403, "permission_error", "no"), route + (", " + credential) + ", open", longest - 60, longest},
    {"15, 404", fails(404, "not_found_error", "model: x"), std::string{route} + ", , open", longest - 60, longest},
  };
  for (const auto& x : rows) {
    CAF_MESSAGE("script " << x.script);
    must(s.db.script("DELETE FROM swarm.breakers", "anew"));
    const auto openings_before = openings();
    submit(3);
    const auto two = claim(2);
    CAF_REQUIRE_EQUAL(two.size(), 2u);
    const auto end = run({x.answer});
    CAF_CHECK_EQUAL(requests.size(), 1u);
    for (const auto& one : two)
      settle(one, end);
    CAF_CHECK_EQUAL(breaker(), x.breaker);
    const auto seconds = pause();
    if (seconds < x.pause_min || seconds > x.pause_max)
      CAF_FAIL("script " << x.script << " waits " << seconds << " s");
    CAF_CHECK_EQUAL(openings(), openings_before + 1);
    CAF_CHECK(claim().empty());
    CAF_CHECK_EQUAL(attempts_used(), "0");
    s.ask("SELECT swarm.cancel(id) FROM swarm.tickets WHERE final_state IS NULL");
  }
}

CAF_TEST(script 14 three tickets that are refused in the same words stop all others) {
  submit(6);
  const auto refused = run({fails(400, "invalid_request_error", "tools.0: unknown field")});
  CAF_CHECK_EQUAL(refused.end, outcome_class::permanent);
  for (int i = 0; i < 3; ++i) {
    CAF_CHECK_EQUAL(breaker(), "");
    settle(claim(1).at(0), refused);
  }
  CAF_CHECK_EQUAL(breaker(), std::string{route} + ", , open");
  CAF_CHECK_EQUAL(s.ask("SELECT reason FROM swarm.breakers"), refused.evidence);
  CAF_CHECK_EQUAL(openings(), 1);
  CAF_CHECK(claim().empty());
  CAF_CHECK(claim(elsewhere, 100, {"another"}).empty());
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.tickets WHERE final_state = 'failed'"), "3");
  // One tries, however long after that, and costs no second one.
  must(s.db.script("DELETE FROM swarm.refusals", "an hour later"));
  let_it_pass();
  settle(claim().at(0), refused);
  CAF_CHECK_EQUAL(breaker(), std::string{route} + ", , open");
  CAF_CHECK(claim().empty());
  let_it_pass();
  settle(claim().at(0), run({says("done")}));
  CAF_CHECK_EQUAL(breaker(), "");
  CAF_CHECK_EQUAL(claim().size(), 1u);
}

CAF_TEST(script 17 three timeouts on one ticket are too long for it and all else tries again) {
  submit(1);
  auto work = [&](std::vector<scripted_answer> answers) {
    const auto x = must(store::claim(s.db, {"default", 1, s.node, {}, {credential}})).at(0);
    ticket.timeouts_in_row = x.timeouts_in_row;
    auto end = run(std::move(answers));
    settle(x.claim, end);
    let_it_pass();
    return to_string(end.end) + " " + std::to_string(requests.size());
  };
  const auto late = fails(504, "timeout_error", "x");
  CAF_CHECK_EQUAL(work({late}), "transient 2");
  CAF_CHECK_EQUAL(attempts_used(), "0");
  CAF_CHECK_EQUAL(work({fails(500, "api_error", "x")}), "transient 3");
  CAF_CHECK_EQUAL(work({late}), "content 1");
  CAF_CHECK_EQUAL(attempts_used(), "1");
  CAF_CHECK_EQUAL(work({late}), "transient 2"); // its next attempt has the same chances
  CAF_CHECK_EQUAL(work({says("no use")}), "completed 1");
}

CAF_TEST(script 27 a batch is made once and looked at without a worker until its results name the ticket) {
  new_ticket spec;
  spec.kind = "claude";
  spec.payload = json{{"prompt", "p"}, {"model", model}, {"batch", true}}.dump();
  for (int i = 0; i < 3; ++i)
    must(store::submit(s.db, {"", {spec}}));
  auto state = [](const char* status) {
    return answer_with(200, json{{"id", "msgbatch_1"}, {"processing_status", status}}.dump());
  };
  // One claim of a ticket, as far as the executor and the database go; the result is how it stands then.
  auto work_on = [&](claimed_ticket x, std::vector<scripted_answer> answers) {
    scripted_server api{std::move(answers)};
    ticket = std::move(x);
    start(api.url(""), json::parse(ticket.payload));
    settle(ticket.claim, wait());
    requests = api.requests();
    return s.state(ticket.claim.ticket);
  };
  auto next = [&] { return must(store::claim(s.db, {"default", 1, s.node, {}, {credential}})).at(0); };
  const auto first = next(), second = next(), third = next();
  for (const auto& x : {first, second, third})
    CAF_CHECK_EQUAL(work_on(x, {state("in_progress")}), "waiting");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.leases"), "0");
  CAF_CHECK_EQUAL(s.ask("SELECT string_agg(DISTINCT route, ' ') FROM swarm.tickets"), "claude batch");
  let_it_pass();
  CAF_CHECK_EQUAL(work_on(next(), {state("in_progress")}), "waiting");
  CAF_CHECK(requests.at(0).starts_with("GET /v1/messages/batches/msgbatch_1 HTTP"));
  CAF_CHECK_EQUAL(s.ask("SELECT max(looks) FROM swarm.waits"), "1");
  let_it_pass();
  auto line = [](const claimed_ticket& x, const json& result) {
    return json{{"custom_id", "ticket-" + to_string(x.claim.ticket) + "-attempt-1"}, {"result", result}}.dump() + "\n";
  };
  const json message{{"id", "m"},
                     {"model", model},
                     {"content", {{{"type", "text"}, {"text", "done"}}}},
                     {"stop_reason", "end_turn"},
                     {"usage", {{"input_tokens", 1'000'000}, {"output_tokens", 0}}}};
  const json wrong{{"type", "error"}, {"error", {{"type", "invalid_request_error"}, {"message", "too long"}}}};
  const auto results = line(third, {{"type", "expired"}}) + line(second, {{"type", "errored"}, {"error", wrong}})
                       + line(first, {{"type", "succeeded"}, {"message", message}});
  std::map<std::int64_t, std::string> ends;
  for (int i = 0; i < 3; ++i) {
    const auto x = next();
    ends[x.claim.ticket.value] = work_on(x, {state("ended"), answer_with(200, results)});
  }
  CAF_CHECK_EQUAL(ends[first.claim.ticket.value], "completed");
  CAF_CHECK_EQUAL(ends[second.claim.ticket.value], "failed");
  CAF_CHECK_EQUAL(ends[third.claim.ticket.value], "scheduled"); // and no more waiting for what has expired
  CAF_CHECK_EQUAL(s.ask("SELECT details ->> 'cost_micro_dollars' FROM swarm.attempts WHERE class = 'completed'"), "1000000");
  CAF_CHECK_EQUAL(s.ask("SELECT count(*) FROM swarm.waits"), "0");
  CAF_CHECK_EQUAL(attempts_used(), "0");
  let_it_pass();
  CAF_CHECK_EQUAL(work_on(next(), {state("in_progress")}), "waiting");
  CAF_CHECK(requests.at(0).starts_with("POST /v1/messages/batches HTTP"));
}

CAF_TEST_FIXTURE_SCOPE_END()
