#include "tools/swarm/bench_actors_broods.hpp"

#include <malloc.h>

namespace swarm::cli {

namespace {

constexpr unsigned dynamic_rounds = 8;
constexpr unsigned static_rounds = 16;
constexpr std::uint64_t few_children = 1'000, many_children = 2'000;

/// One of each a round.
struct brood_samples {
  std::vector<double> start_us, stop_us, bytes; ///< Of each child.
};

/// What the heap has given away, in bytes. Exact where the resident set isn't: that doesn't shrink when a child goes,
/// so only the first round would see it grow. 0 with an allocator that doesn't tell.
double heap_bytes() {
  auto x = mallinfo2();
  return static_cast<double>(x.uordblks) + static_cast<double>(x.hblkhd);
}

/// @returns microseconds per child.
template <class... Xs>
caf::expected<double> carry_out(caf::scoped_actor& self, const brood_actor& brood, std::uint64_t count, Xs... order) {
  auto started = now_ns();
  auto right = answer_of<std::uint64_t>(self, brood, order...);
  auto spent = now_ns() - started;
  if (!right)
    return std::move(right.error());
  if (*right != count)
    return not_measured("of " + std::to_string(count) + " children " + std::to_string(*right) + " did as told");
  return static_cast<double>(spent) / 1000 / static_cast<double>(count);
}

caf::error check_count(caf::scoped_actor& self, const brood_actor& brood, std::uint64_t expected) {
  auto count = answer_of<std::uint64_t>(self, brood, atom::count_v);
  if (!count)
    return std::move(count.error());
  if (*count == expected)
    return {};
  return not_measured(std::to_string(*count) + " children are kept instead of " + std::to_string(expected));
}

caf::error check_living(const bench_system& system, std::size_t expected) {
  if (system.comes_to(expected))
    return {};
  return not_measured(std::to_string(system.running()) + " actors live instead of " + std::to_string(expected));
}

caf::error run(const brood_kind& kind, std::uint64_t count, brood_samples& to) {
  bench_system system;
  caf::scoped_actor self{*system};
  auto brood = kind.make(self);
  if (auto failure = check_count(self, brood, 0)) // and so it and all that it brings along are there
    return failure;
  auto idle = system.running();
  auto bytes = heap_bytes();
  auto start_us = carry_out(self, brood, count, atom::start_v, count);
  if (!start_us)
    return std::move(start_us.error());
  if (auto failure = check_count(self, brood, count))
    return failure;
  if (auto failure = check_living(system, idle + count + kind.late_overseers))
    return failure;
  to.bytes.push_back((heap_bytes() - bytes) / static_cast<double>(count));
  auto stop_us = carry_out(self, brood, count, atom::stop_v);
  if (!stop_us)
    return std::move(stop_us.error());
  if (auto failure = check_living(system, idle))
    return failure;
  to.start_us.push_back(*start_us);
  to.stop_us.push_back(*stop_us);
  self->send_exit(brood, caf::exit_reason::user_shutdown);
  self->wait_for(brood);
  return {};
}

} // namespace

caf::expected<comparisons> measure_dynamic_children(std::uint64_t count) {
  brood_samples ours, bare;
  auto failure = take_turns(dynamic_rounds, {[&] { return run(our_dynamic(), count, ours); },
                                             [&] { return run(bare_parent(requests_in_flight), count, bare); }});
  if (failure)
    return failure;
  const samples start{ours.start_us, bare.start_us}, stop{ours.stop_us, bare.stop_us}, bytes{ours.bytes, bare.bytes};
  return comparisons{compare_rates("dynamic_starts_per_second", "dynamic children started per second", start, 2),
                     compare_rates("dynamic_removals_per_second", "dynamic children removed per second", stop),
                     compare("dynamic_child_bytes", "dynamic child, bytes of heap", bytes)};
}

caf::expected<comparisons> measure_static_children() {
  comparisons result;
  for (auto count : {few_children, many_children}) {
    brood_samples ours, bare;
    auto failure = take_turns(static_rounds, {[&] { return run(our_static(), count, ours); },
                                              [&] { return run(bare_parent(1), count, bare); }});
    if (failure)
      return failure;
    auto key = "static_" + std::to_string(count);
    auto title = "static child of " + std::to_string(count) + ", ";
    result.push_back(compare(key + "_start_us", title + "start, us", {ours.start_us, bare.start_us}));
    result.push_back(compare(key + "_stop_us", title + "stop, us", {ours.stop_us, bare.stop_us}));
    result.push_back(compare(key + "_bytes", title + "bytes of heap", {ours.bytes, bare.bytes}));
  }
  return result;
}

} // namespace swarm::cli
