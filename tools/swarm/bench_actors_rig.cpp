#include "tools/swarm/bench_actors_rig.hpp"

#include "messages/add_messages.hpp"

#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>
#include <thread>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;

/// For actors that were told to end and are about to.
constexpr auto leftover_patience = 10s;

std::unique_ptr<caf::actor_system_config> system_config() {
  auto result = std::make_unique<caf::actor_system_config>();
  add_messages(*result);
  result->set("scheduler.policy", caf::atom("sharing"));
  result->set("scheduler.max-throughput", std::size_t{50});
  result->set("scheduler.max-threads", std::size_t{std::max(2u, std::thread::hardware_concurrency())});
  return result;
}

[[noreturn]] void crash_now(const crash_time& crashed) {
  if (crashed)
    *crashed = now_ns();
  throw std::runtime_error("told to crash");
}

} // namespace

bench_system::bench_system() : config_(system_config()), system_(std::make_unique<caf::actor_system>(*config_)) {}

bench_system::~bench_system() {
  if (comes_to(0))
    return;
  (void) system_.release();
  (void) config_.release();
}

bool bench_system::comes_to(std::size_t count) const {
  auto deadline = std::chrono::steady_clock::now() + leftover_patience;
  while (running() != count) {
    if (std::chrono::steady_clock::now() > deadline)
      return false;
    std::this_thread::sleep_for(1ms); // there is no event for this
  }
  return true;
}

void discard_log() {
  spdlog::drop_all();
  spdlog::set_default_logger(std::make_shared<spdlog::logger>("", std::make_shared<spdlog::sinks::null_sink_mt>()));
}

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / 1ns;
}

echo::interface::behavior_type echo::make_behavior() {
  return {
    [](ask, std::uint64_t x) { return x + 1; },
    [this](crash) { crash_now(crashed_); },
  };
}

echo_actor::behavior_type bare_echo(echo_actor::pointer self, crash_time crashed) {
  // CAF's own handler prints.
  self->set_exception_handler([](std::exception_ptr&) { return caf::make_error(caf::sec::runtime_error); });
  return {
    [](ask, std::uint64_t x) { return x + 1; },
    [crashed](crash) { crash_now(crashed); },
  };
}

void window::begin() {
  if (count_ == 0)
    return finished_();
  while (begun_ < std::min(count_, width_))
    step_(begun_++);
}

void window::completes() {
  ++ended_;
  if (begun_ < count_)
    step_(begun_++);
  else if (ended_ == count_)
    finished_();
}

caf::error take_turns(unsigned rounds, const std::vector<std::function<caf::error()>>& variants) {
  for (unsigned i = 0; i < rounds; ++i)
    for (auto& variant : variants)
      if (auto failure = variant())
        return failure;
  return {};
}

double quantile(std::vector<double> xs, double part) {
  if (xs.empty())
    return 0;
  auto place = xs.begin() + static_cast<std::ptrdiff_t>(part * static_cast<double>(xs.size() - 1));
  std::nth_element(xs.begin(), place, xs.end());
  return *place;
}

double median(std::vector<double> xs) {
  return quantile(std::move(xs), 0.5);
}

comparison compare(std::string name, std::string title, const samples& x, double aim) {
  samples warm;
  std::vector<double> ratios;
  for (std::size_t i = 1; i < std::min(x.ours.size(), x.bare.size()); ++i) {
    warm.ours.push_back(x.ours[i]);
    warm.bare.push_back(x.bare[i]);
    if (x.bare[i] > 0)
      ratios.push_back(x.ours[i] / x.bare[i]);
  }
  return {std::move(name), std::move(title), median(warm.ours), median(warm.bare), median(ratios), aim};
}

comparison compare_rates(std::string name, std::string title, const samples& us_each, double aim) {
  auto result = compare(std::move(name), std::move(title), us_each, aim);
  for (auto* figure : {&result.ours, &result.bare})
    *figure = *figure > 0 ? 1'000'000 / *figure : 0;
  return result;
}

caf::error not_measured(const std::string& what) {
  return make_error(errc::actor_failed, what + ": the figures count for nothing");
}

} // namespace swarm::cli
