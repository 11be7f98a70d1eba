#include "actors/actor_shell.hpp"
#include "actors/command_executor.hpp"
#include "actors/relay.hpp"
#include "actors/ticket_workers.hpp"
#include "tools/swarm/bench_actors_rig.hpp"
#include "tools/swarm/bench_executors_measure.hpp"
#include "tools/swarm/bench_site.hpp"

#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <algorithm>
#include <deque>
#include <future>

namespace swarm::cli {

namespace {

constexpr unsigned rounds = 6; // the first one isn't counted
constexpr const char* program = "/bin/true";

/// Stands for a database that accepts everything, and tells of each settlement.
class accepting_completer {
public:
  using interface = completer_actor;
  static constexpr const char* name = "completer";

  accepting_completer(interface::pointer, std::function<void(const settlement&)> settled) : settled_(std::move(settled)) {}

  interface::behavior_type make_behavior() {
    return {[this](atom::settle, const settlement& x) {
      settled_(x);
      return settled_ticket{x.claim, settle_answer::ok, "completed", {}};
    }};
  }

private:
  std::function<void(const settlement&)> settled_;
};

claimed_ticket ticket_of(std::uint64_t number) {
  claimed_ticket result;
  result.claim = {ticket_id{static_cast<std::int64_t>(number) + 1}, fence{static_cast<std::int64_t>(number) + 1}};
  result.queue = "default";
  result.kind = "command";
  result.payload = R"({"command": [")" + std::string{program} + R"("]})";
  result.attempt = 1;
  return result;
}

/// The part of a node that runs tickets, without a database.
class small_node {
public:
  explicit small_node(const std::filesystem::path& attempts_folder) {
    executor_.bind(keep((*system_).spawn<actor_shell<command_executor>>(executors::stop_ladder{})));
    completer_.bind(keep((*system_).spawn<actor_shell<accepting_completer>>([this](const settlement& x) { note(x); })));
    auto context = std::make_shared<worker_context>();
    context->executor = executor_.handle();
    context->completer = completer_.handle();
    context->ledger = workers_.handle();
    context->environment = {{"PATH", "/usr/bin:/bin"}};
    context->working_directory = "/";
    context->attempts_folder = attempts_folder;
    workers_.bind(keep((*system_).spawn<actor_shell<ticket_workers>>(
      ticket_workers_config{}, std::shared_ptr<const worker_context>{std::move(context)},
      std::map<std::string, dispatcher_actor>{})));
  }

  ~small_node() {
    for (const auto& x : actors_)
      caf::anon_send_exit(x, caf::exit_reason::user_shutdown);
    workers_.unbind();
    completer_.unbind();
    executor_.unbind();
  }

  /// Runs so many tickets.
  caf::error run(std::uint64_t count) {
    count_ = count;
    begun_ = std::min(count, commands_in_flight);
    settled_ = 0;
    finished_ = {};
    auto finished = finished_.get_future();
    std::vector<claimed_ticket> first;
    for (std::uint64_t i = 0; i < begun_; ++i)
      first.push_back(ticket_of(i));
    caf::anon_send(workers_.handle(), atom::start_v, std::move(first));
    if (finished.wait_for(step_patience) != std::future_status::ready)
      return not_measured("not all tickets have ended");
    return failures_ == 0 ? caf::error{} : not_measured(std::to_string(failures_) + " tickets have failed: " + evidence_);
  }

private:
  template <class Handle>
  Handle keep(const Handle& x) {
    actors_.push_back(caf::actor_cast<caf::actor>(x));
    return x;
  }

  /// By the completer: the next one takes the place of each that has ended.
  void note(const settlement& x) {
    if (x.outcome.end != outcome_class::completed) {
      ++failures_;
      evidence_ = x.outcome.evidence;
    }
    if (begun_ < count_)
      caf::anon_send(workers_.handle(), atom::start_v, std::vector{ticket_of(begun_++)});
    if (++settled_ == count_)
      finished_.set_value();
  }

  bench_system system_;
  stable_address<command_executor_actor> executor_{*system_};
  stable_address<completer_actor> completer_{*system_};
  stable_address<ticket_workers_actor> workers_{*system_};
  std::vector<caf::actor> actors_;
  // Between `run` and the end of its tickets the completer's.
  std::uint64_t count_ = 0, begun_ = 0, settled_ = 0, failures_ = 0;
  std::string evidence_; ///< Of a ticket that failed.
  std::promise<void> finished_;
};

/// The least that a program can do to run others, as many at once.
caf::error run_bare(std::uint64_t count) {
  std::deque<pid_t> running;
  char* argv[] = {const_cast<char*>(program), nullptr};
  char* envp[] = {nullptr};
  auto wait_for_oldest = [&] {
    int status = 0;
    const auto ended = waitpid(running.front(), &status, 0) == running.front() && status == 0;
    running.pop_front();
    return ended;
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    pid_t pid = 0;
    if (running.size() == commands_in_flight && !wait_for_oldest())
      return not_measured("a bare program failed");
    if (posix_spawn(&pid, program, nullptr, nullptr, argv, envp) != 0)
      return not_measured("a bare program couldn't be started");
    running.push_back(pid);
  }
  while (!running.empty())
    if (!wait_for_oldest())
      return not_measured("a bare program failed");
  return {};
}

/// Of this process and of its children that have ended.
double cpu_us() {
  double result = 0;
  for (const auto who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage x{};
    getrusage(who, &x);
    for (const auto& time : {x.ru_utime, x.ru_stime})
      result += static_cast<double>(time.tv_sec) * 1e6 + static_cast<double>(time.tv_usec);
  }
  return result;
}

/// Of each command, one of each a round.
struct command_samples {
  std::vector<double> us, cpu_us;
};

caf::error timed(std::uint64_t count, command_samples& samples, const std::function<caf::error()>& work) {
  const auto started = now_ns();
  const auto cpu_before = cpu_us();
  if (auto failure = work())
    return failure;
  samples.us.push_back(static_cast<double>(now_ns() - started) / 1e3 / static_cast<double>(count));
  samples.cpu_us.push_back((cpu_us() - cpu_before) / static_cast<double>(count));
  return {};
}

} // namespace

caf::expected<command_figures> measure_commands(std::uint64_t count) {
  auto folder = make_scratch_folder();
  if (!folder)
    return std::move(folder.error());
  command_samples ours, bare;
  const auto failure = [&] {
    small_node node{*folder};
    return take_turns(rounds, {[&] { return timed(count, ours, [&] { return node.run(count); }); },
                               [&] { return timed(count, bare, [&] { return run_bare(count); }); }});
  }();
  std::error_code ignored;
  std::filesystem::remove_all(*folder, ignored);
  if (failure)
    return failure;
  const auto rates = compare_rates("commands", "commands per second", {ours.us, bare.us});
  const auto cpu = compare("cpu", "CPU of a command, us", {ours.cpu_us, bare.cpu_us});
  return command_figures{count,    rates.ours, rates.bare, rates.ratio > 0 ? 1 / rates.ratio : 0,
                         cpu.ours, cpu.bare};
}

} // namespace swarm::cli
