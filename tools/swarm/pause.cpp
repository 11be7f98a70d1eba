#include "runtime/store/tickets.hpp"
#include "tools/swarm/invocation.hpp"

#include <iostream>

namespace swarm::cli {

namespace {

/// What to pause or to resume: one of the two.
struct subject {
  std::string queue;
  std::string schedule;
};

std::shared_ptr<subject> add_subject(CLI::App& command) {
  auto x = std::make_shared<subject>();
  auto* either = command.add_option_group("what");
  either->add_option("QUEUE", x->queue, "Name of a queue");
  either->add_option("--schedule", x->schedule, "Name of a schedule");
  either->require_option(1);
  return x;
}

caf::expected<void> pause(store::connection& db, const subject& x, const std::string& reason) {
  if (!x.schedule.empty()) {
    auto done = store::pause_schedule(db, x.schedule, reason, user_name());
    if (done)
      std::cout << "schedule " << x.schedule << " is paused; swarm resume --schedule " << x.schedule << " lets it go on\n";
    return done;
  }
  auto done = store::pause_queue(db, x.queue, reason, user_name());
  if (done)
    std::cout << "queue " << x.queue << " is paused; swarm resume " << x.queue << " lets it go on\n";
  return done;
}

caf::expected<void> resume(store::connection& db, const subject& x) {
  auto done = x.schedule.empty() ? store::resume_queue(db, x.queue) : store::resume_schedule(db, x.schedule);
  if (!done)
    return done;
  std::cout << (x.schedule.empty() ? "queue " + x.queue : "schedule " + x.schedule) << " goes on\n";
  return store::notify(db, "ready");
}

} // namespace

void add_pause(CLI::App& program, invocation&, action& chosen) {
  auto* command = program.add_subcommand("pause", "Stop claims from a queue, or a schedule; what runs goes on");
  auto what = add_subject(*command);
  auto reason = std::make_shared<std::string>();
  command->add_option("--reason", *reason, "For those who wonder why nothing runs");
  command->callback([=, &chosen] {
    chosen = [=](const invocation& x) {
      return with_database(x, "swarm pause", [&](store::connection& db) { return pause(db, *what, *reason); });
    };
  });
}

void add_resume(CLI::App& program, invocation&, action& chosen) {
  auto* command = program.add_subcommand("resume", "Let a paused queue or schedule go on");
  auto what = add_subject(*command);
  command->callback([what, &chosen] {
    chosen = [what](const invocation& x) {
      return with_database(x, "swarm resume", [&](store::connection& db) { return resume(db, *what); });
    };
  });
}

} // namespace swarm::cli
