#pragma once

#include "messages/atoms.hpp"
#include "messages/error.hpp"
#include "tools/swarm/bench_actors_measure.hpp"

#include <caf/all.hpp>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace swarm::cli {

/// How long one step of a measurement may take before it counts as failed.
constexpr std::chrono::seconds step_patience{120};

/// A new actor system, configured as a node's. Waits for its actors at the end; if some never end it is left behind,
/// because CAF would wait for them for ever.
class bench_system {
public:
  bench_system();
  ~bench_system();
  bench_system(const bench_system&) = delete;
  bench_system& operator=(const bench_system&) = delete;

  caf::actor_system& operator*() { return *system_; }

  /// Actors that live, as CAF counts them.
  std::size_t running() const { return system_->registry().running(); }

  /// Waits until exactly so many live: an actor is counted for a moment after its last message.
  /// @returns whether it came to that.
  bool comes_to(std::size_t) const;

private:
  std::unique_ptr<caf::actor_system_config> config_;
  std::unique_ptr<caf::actor_system> system_;
};

/// What actors say, of restarts that are made on purpose or of each attempt, is put together as ever and then thrown away.
void discard_log();

/// The moment of the newest crash, in nanoseconds of the steady clock, set by the one that crashes.
using crash_time = std::shared_ptr<std::atomic<std::int64_t>>;

std::int64_t now_ns();

using ask = caf::atom_constant<caf::atom("ask")>;
using crash = caf::atom_constant<caf::atom("crash")>;
inline constexpr ask ask_v{};
inline constexpr crash crash_v{};

/// Who is measured: as small as an actor can be, once in a shell and once as CAF has it.
using echo_actor = caf::typed_actor<
  // Answered with the next number.
  caf::replies_to<ask, std::uint64_t>::with<std::uint64_t>,
  // Notes the time and throws.
  caf::reacts_to<crash>>;

class echo {
public:
  using interface = echo_actor;
  static constexpr const char* name = "echo";

  explicit echo(interface::pointer, crash_time crashed = nullptr) : crashed_(std::move(crashed)) {}

  interface::behavior_type make_behavior();

private:
  crash_time crashed_;
};

echo_actor::behavior_type bare_echo(echo_actor::pointer self, crash_time crashed);

/// Does `count` steps, at most `width` at once. A step that is over is reported with `completes`.
class window {
public:
  window() = default;
  window(std::uint64_t count, std::uint64_t width, std::function<void(std::uint64_t)> step,
         std::function<void()> finished)
    : count_(count), width_(width), step_(std::move(step)), finished_(std::move(finished)) {}

  void begin();
  void completes();

private:
  std::uint64_t count_ = 0, width_ = 0, begun_ = 0, ended_ = 0;
  std::function<void(std::uint64_t)> step_;
  std::function<void()> finished_;
};

/// Calls each of them in turn, so many times; stops at the first error.
caf::error take_turns(unsigned rounds, const std::vector<std::function<caf::error()>>& variants);

/// A cost, measured once a round.
struct samples {
  std::vector<double> ours, bare;
};

/// The value below which this part of them lies; 0 when there are none.
double quantile(std::vector<double>, double part);
double median(std::vector<double>);

/// Leaves the first round out: it pays for pages that the heap gets from the kernel and then keeps.
comparison compare(std::string name, std::string title, const samples&, double aim = 0);

/// The same for microseconds that are shown as so many per second.
comparison compare_rates(std::string name, std::string title, const samples& us_each, double aim = 0);

/// The figure did not come about as it should have: it counts for nothing.
caf::error not_measured(const std::string& what);

/// Asks from outside of all actors, and waits.
template <class Answer, class Handle, class... Xs>
caf::expected<Answer> answer_of(caf::scoped_actor& self, const Handle& whom, Xs... xs) {
  caf::expected<Answer> result = not_measured("there was no answer");
  self->request(whom, step_patience, xs...)
    .receive([&](Answer& x) { result = std::move(x); }, [&](caf::error& x) { result = std::move(x); });
  return result;
}

} // namespace swarm::cli
