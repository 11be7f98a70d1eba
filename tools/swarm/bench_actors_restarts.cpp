#include "actors/actor_shell.hpp"
#include "actors/supervisor.hpp"
#include "tools/swarm/bench_actors_measure.hpp"
#include "tools/swarm/bench_actors_rig.hpp"

#include <limits>

namespace swarm::cli {

namespace {

constexpr unsigned rounds = 12;
constexpr std::uint64_t restarts_per_round = 1'000;

/// What a life does first, on behalf of whoever starts it: tells the witness that it is there.
void announce(const caf::actor& witness, const echo_actor& life, std::uint64_t number) {
  caf::send_as(witness, life, ask_v, number);
}

/// Who restarts. `start` gives it one child, whose every life is announced to the witness; `when_ready` goes on when it
/// has done all that the newest life needs.
struct guardian_kind {
  std::function<caf::actor(caf::event_based_actor* witness, const crash_time&)> start;
  std::function<void(caf::event_based_actor* witness, const caf::actor& guardian, std::function<void()> go_on)>
    when_ready;
};

// -- ours ---------------------------------------------------------------------

caf::actor start_supervisor(caf::event_based_actor* witness, const crash_time& crashed) {
  supervisor_config config;
  config.limits.restarts_max = std::numeric_limits<unsigned>::max();
  config.limits.quiet_after = caf::timespan{0}; // no failure is remembered, so every restart comes at once
  auto life = std::make_shared<std::uint64_t>(0);
  child_spec child{"echo", [to = caf::actor{witness}, crashed, life](const birth& x) {
                     auto result = x.parent.spawn<actor_shell<echo>>(crashed);
                     announce(to, result, (*life)++);
                     return untyped(result);
                   }};
  return caf::actor_cast<caf::actor>(
    witness->spawn<actor_shell<supervisor>>(std::move(config), std::vector<child_spec>{std::move(child)}));
}

/// A supervisor asks a new life a question of its own; a crash before that is another story.
void when_running(caf::event_based_actor* witness, const caf::actor& guardian, std::function<void()> go_on) {
  witness->request(caf::actor_cast<supervisor_actor>(guardian), caf::infinite, atom::which_children_v)
    .then([=](const std::vector<child_report>& xs) {
      if (xs.size() == 1 && xs.front().report.state == child_state::running)
        go_on();
      else
        when_running(witness, guardian, go_on);
    });
}

// -- bare CAF -----------------------------------------------------------------

struct bare_guardian_state {
  std::uint64_t lives = 0;
  echo_actor child;
};

using bare_guardian_pointer = caf::stateful_actor<bare_guardian_state>*;

void start_bare(bare_guardian_pointer self, const caf::actor& witness, const crash_time& crashed) {
  auto& state = self->state;
  state.child = self->spawn(bare_echo, crashed);
  announce(witness, state.child, state.lives++);
  self->monitor(state.child);
}

caf::behavior bare_guardian(bare_guardian_pointer self, caf::actor witness, crash_time crashed) {
  self->set_down_handler([=](caf::down_msg&) { start_bare(self, witness, crashed); });
  start_bare(self, witness, crashed);
  return {[self](atom::count_children) { return self->state.lives; }};
}

/// It has nothing more to do; the question keeps both variants alike.
void when_it_answers(caf::event_based_actor* witness, const caf::actor& guardian, std::function<void()> go_on) {
  witness->request(guardian, caf::infinite, atom::count_children_v).then([go_on](std::uint64_t) { go_on(); });
}

const guardian_kind ours_kind{start_supervisor, when_running};

const guardian_kind bare_kind{[](caf::event_based_actor* witness, const crash_time& crashed) {
                                return caf::actor_cast<caf::actor>(
                                  witness->spawn(bare_guardian, caf::actor{witness}, crashed));
                              },
                              when_it_answers};

// -- the measurement ----------------------------------------------------------

struct witness_state {
  // A number comes first: CAF hands the actor itself to a state that can be made of it.
  caf::actor_id life = 0;      ///< The newest; each must be another one than before.
  std::uint64_t announced = 0; ///< Lives so far.
  caf::actor guardian;
  caf::typed_response_promise<std::uint64_t> answer;
};

/// Crashes the child again and again, and notes how long it takes until the next life has answered.
caf::behavior witness(caf::stateful_actor<witness_state>* self, const guardian_kind& kind,
                      std::shared_ptr<std::vector<double>> samples_us) {
  auto crashed = std::make_shared<std::atomic<std::int64_t>>(0);
  auto fail = [self](const std::string& what) { self->state.answer.deliver(not_measured(what)); };
  self->set_down_handler([=](caf::down_msg& x) { fail("the guardian ended: " + render(x.reason)); });
  self->set_exit_handler([self](caf::exit_msg& x) {
    self->send_exit(self->state.guardian, x.reason);
    self->quit(x.reason);
  });
  return {
    [=](atom::start) {
      self->state.answer = self->make_response_promise<std::uint64_t>();
      self->state.guardian = kind.start(self, crashed);
      self->monitor(self->state.guardian);
      return self->state.answer;
    },
    [=](std::uint64_t announced) {
      auto now = now_ns();
      auto& state = self->state;
      auto life = self->current_sender()->id();
      if (announced != ++state.announced || life == std::exchange(state.life, life))
        return fail("a life was announced twice, or was left out");
      if (announced > 1)
        samples_us->push_back(static_cast<double>(now - *crashed) / 1000);
      if (announced > restarts_per_round)
        return static_cast<void>(state.answer.deliver(announced - 1));
      auto child = caf::actor_cast<caf::actor>(self->current_sender());
      kind.when_ready(self, state.guardian, [self, child] { self->send(child, crash_v); });
    },
  };
}

struct restart_samples {
  std::vector<double> p50_us, p99_us;
};

caf::error run(const guardian_kind& kind, restart_samples& to) {
  bench_system system;
  caf::scoped_actor self{*system};
  auto samples_us = std::make_shared<std::vector<double>>();
  auto observer = self->spawn(witness, kind, samples_us);
  auto restarts = answer_of<std::uint64_t>(self, observer, atom::start_v);
  // It takes the guardian along.
  self->send_exit(observer, caf::exit_reason::user_shutdown);
  self->wait_for(observer);
  if (!restarts)
    return std::move(restarts.error());
  if (*restarts != restarts_per_round || samples_us->size() != restarts_per_round)
    return not_measured("of " + std::to_string(restarts_per_round) + " restarts " + std::to_string(samples_us->size())
                        + " were seen");
  to.p50_us.push_back(quantile(*samples_us, 0.5));
  to.p99_us.push_back(quantile(*samples_us, 0.99));
  return {};
}

} // namespace

caf::expected<comparisons> measure_restarts() {
  restart_samples ours, bare;
  auto failure = take_turns(rounds, {[&] { return run(ours_kind, ours); }, [&] { return run(bare_kind, bare); }});
  if (failure)
    return failure;
  return comparisons{
    compare("restart_p50_us", "restart after a crash, half within us", {ours.p50_us, bare.p50_us}),
    compare("restart_p99_us", "restart after a crash, 99 % within us", {ours.p99_us, bare.p99_us})};
}

} // namespace swarm::cli
