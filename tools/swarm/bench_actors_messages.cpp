#include "actors/actor_shell.hpp"
#include "actors/relay.hpp"
#include "tools/swarm/bench_actors_measure.hpp"
#include "tools/swarm/bench_actors_rig.hpp"

namespace swarm::cli {

namespace {

constexpr unsigned rounds = 26;
constexpr std::uint64_t trips_per_round = 10'000;

using client_actor = caf::typed_actor<
  // Asks the server so many times, one after the other; answered with the number of right answers.
  caf::replies_to<atom::start, std::uint64_t>::with<std::uint64_t>>;

class client {
public:
  using interface = client_actor;
  static constexpr const char* name = "client";

  client(interface::pointer self, echo_actor server) : self_(self), server_(std::move(server)) {}

  interface::behavior_type make_behavior() {
    return {[this](atom::start, std::uint64_t trips) {
      left_ = trips;
      right_ = 0;
      answer_ = self_->make_response_promise<std::uint64_t>();
      ask_next();
      return answer_;
    }};
  }

private:
  void ask_next() {
    self_->request(server_, caf::infinite, ask_v, left_).then([this](std::uint64_t x) {
      right_ += std::uint64_t{x == left_ + 1};
      if (--left_ > 0)
        ask_next();
      else
        answer_.deliver(right_);
    });
  }

  interface::pointer self_;
  echo_actor server_;
  std::uint64_t left_ = 0, right_ = 0;
  caf::typed_response_promise<std::uint64_t> answer_;
};

struct bare_client_state {
  std::uint64_t left = 0, right = 0;
  caf::typed_response_promise<std::uint64_t> answer;
};

using bare_client_pointer = client_actor::stateful_pointer<bare_client_state>;

void bare_ask_next(bare_client_pointer self, const echo_actor& server) {
  self->request(server, caf::infinite, ask_v, self->state.left).then([self, server](std::uint64_t x) {
    auto& state = self->state;
    state.right += std::uint64_t{x == state.left + 1};
    if (--state.left > 0)
      bare_ask_next(self, server);
    else
      state.answer.deliver(state.right);
  });
}

client_actor::behavior_type bare_client(bare_client_pointer self, echo_actor server) {
  return {[self, server](atom::start, std::uint64_t trips) {
    self->state = {trips, 0, self->make_response_promise<std::uint64_t>()};
    bare_ask_next(self, server);
    return self->state.answer;
  }};
}

/// Adds the nanoseconds of a round trip to the samples.
caf::error run(caf::scoped_actor& self, const client_actor& client, std::vector<double>& samples_ns) {
  auto started = now_ns();
  auto right = answer_of<std::uint64_t>(self, client, atom::start_v, trips_per_round);
  auto spent = now_ns() - started;
  if (!right)
    return std::move(right.error());
  if (*right != trips_per_round)
    return not_measured("of " + std::to_string(trips_per_round) + " answers " + std::to_string(*right) + " were right");
  samples_ns.push_back(static_cast<double>(spent) / static_cast<double>(trips_per_round));
  return {};
}

} // namespace

caf::expected<comparisons> measure_round_trips() {
  bench_system system;
  caf::scoped_actor self{*system};
  auto server = self->spawn<actor_shell<echo>>(nullptr);
  auto bare_server = self->spawn(bare_echo, nullptr);
  stable_address<echo_actor> address{*system};
  address.bind(server);
  auto ours = self->spawn<actor_shell<client>>(server);
  auto ours_behind_address = self->spawn<actor_shell<client>>(address.handle());
  auto bare = self->spawn(bare_client, bare_server);
  samples direct, behind_address;
  auto failure = take_turns(rounds, {[&] { return run(self, ours, direct.ours); },
                                     [&] { return run(self, bare, direct.bare); },
                                     [&] { return run(self, ours_behind_address, behind_address.ours); }});
  address.unbind();
  if (failure)
    return failure;
  behind_address.bare = direct.bare;
  return comparisons{
    compare("round_trip_ns", "request and answer, ns", direct, 1.2),
    compare("round_trip_behind_address_ns", "the same behind a stable address, ns", behind_address, 1.2)};
}

} // namespace swarm::cli
