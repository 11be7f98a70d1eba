#include "config/utf8.hpp"
#include "messages/payload.hpp"
#include "runtime/store/queries.hpp"
#include "runtime/store/tickets.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include <nlohmann/json.hpp>

#include <filesystem>
#include <iostream>

namespace swarm::cli {

namespace {

using json = nlohmann::ordered_json;

json parsed(const std::string& text) {
  return json::parse(text, nullptr, false);
}

void print_json(const std::vector<store::schedule_row>& schedules) {
  for (auto& x : schedules) {
    json line{{"schedule", x.name}, {"cron", x.cron}, {"time_zone", x.time_zone}, {"ticket", parsed(x.ticket)}};
    if (!x.next_at.empty())
      line["next_at"] = x.next_at;
    if (!x.last_failure.empty())
      line["failure"] = x.last_failure;
    if (!x.paused_at.empty())
      line["paused"] = {{"at", x.paused_at}, {"by", x.paused_by}, {"reason", x.pause_reason}};
    if (x.last_ticket)
      line["last"] = {{"at", x.last_at}, {"ticket", *x.last_ticket}};
    std::cout << line.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
  }
}

std::string remark(const store::schedule_row& x) {
  return x.paused_at.empty() ? x.last_failure : paused_since(x.paused_at, x.paused_by, x.pause_reason);
}

void print_rows(const std::vector<store::schedule_row>& schedules) {
  std::vector<std::vector<std::string>> table{{"SCHEDULE", "CRON", "TIME ZONE", "NEXT (UTC)", "LAST (UTC)", "TICKET", ""}};
  for (auto& x : schedules)
    table.push_back({printable_line(x.name), printable_line(x.cron), printable_line(x.time_zone),
                     x.next_at.empty() ? "never" : short_time(x.next_at), x.last_at.empty() ? "-" : short_time(x.last_at),
                     x.last_ticket ? std::to_string(*x.last_ticket) : "-", printable_line(remark(x))});
  print_table(std::cout, table);
}

int schedules(const invocation& x, bool as_json) {
  return with_database(x, "swarm schedules", [&](store::connection& db) -> caf::expected<void> {
    auto found = store::list_schedules(db);
    if (!found)
      return std::move(found.error());
    as_json ? print_json(*found) : print_rows(*found);
    return caf::unit;
  });
}

/// What the command line says of a new schedule.
struct wish {
  store::schedule_settings settings{{}, {}, "UTC", {}};
  std::string queue = "default";
  std::int16_t priority = 100;
  std::string object;
  std::vector<std::string> command;
};

/// The ticket as JSON. The database takes UTF-8 only, and another command than the one that was asked for is none.
caf::expected<std::string> ticket_of(const wish& x) {
  if (!x.object.empty())
    return x.object;
  command_payload payload;
  payload.command = x.command;
  std::error_code failure;
  payload.working_directory = std::filesystem::current_path(failure).string();
  if (failure)
    return make_error(errc::invalid_input, "the current directory can't be read: " + failure.message());
  auto texts = x.command;
  texts.push_back(payload.working_directory);
  for (auto& text : texts)
    if (config::utf8_prefix(text) != text.size())
      return make_error(errc::invalid_input, printable_line(text) + " isn't UTF-8, which a schedule must be");
  return json{{"kind", "command"}, {"queue", x.queue}, {"priority", x.priority}, {"payload", parsed(to_json(payload))}}
    .dump(-1, ' ', false, json::error_handler_t::replace);
}

int schedule(const invocation& x, wish& wanted) {
  auto ticket = ticket_of(wanted);
  if (!ticket)
    return complain(ticket.error());
  wanted.settings.ticket = std::move(*ticket);
  return with_database(x, "swarm schedule", [&](store::connection& db) -> caf::expected<void> {
    auto first = store::schedule(db, wanted.settings);
    if (!first)
      return std::move(first.error());
    if (first->empty())
      std::cout << "schedule " << wanted.settings.name << " is set and never fires\n";
    else
      std::cout << "schedule " << wanted.settings.name << " fires first at " << short_time(*first) << " UTC\n";
    return caf::unit;
  });
}

std::string check_object(const std::string& text) {
  return parsed(text).is_object() ? "" : "must be a JSON object, as in '{\"kind\": \"noop\"}'";
}

} // namespace

void add_schedules(CLI::App& program, invocation&, action& chosen) {
  auto as_json = std::make_shared<bool>(false);
  auto* command = program.add_subcommand("schedules", "List what is submitted again and again, and when it is next");
  command->add_flag("--json", *as_json, "One JSON object per line");
  command->callback([as_json, &chosen] { chosen = [as_json](const invocation& x) { return schedules(x, *as_json); }; });
}

void add_schedule(CLI::App& program, invocation&, action& chosen) {
  auto wanted = std::make_shared<wish>();
  auto* command = program.add_subcommand("schedule", "Run a command at every moment that a cron expression names; "
                                                     "replaces the schedule of the same name");
  command->add_option("NAME", wanted->settings.name, "Name of the schedule")->required();
  command->add_option("CRON", wanted->settings.cron, "\"minute hour day month weekday\", e.g. \"30 4 * * mon-fri\"")->required();
  command->add_option("--time-zone", wanted->settings.time_zone, "Whose clock that is, e.g. Europe/Zurich")
    ->capture_default_str();
  auto* queue = command->add_option("--queue", wanted->queue, "Queue of the tickets")->capture_default_str();
  auto* priority = command->add_option("--priority", wanted->priority, "Of the tickets, lower first")->check(CLI::Range(0, 1000))
    ->capture_default_str();
  auto* object = command->add_option("--ticket", wanted->object, "A whole ticket instead of a command, as a JSON object "
                                                                 "with the names of swarm.enqueue")
                   ->check(check_object);
  auto* program_and_arguments = command->add_option("COMMAND", wanted->command, "Program and arguments, behind --; they "
                                                                                "run in this directory");
  object->excludes(program_and_arguments)->excludes(queue)->excludes(priority);
  command->callback([=, &chosen] {
    if (wanted->object.empty() && (wanted->command.empty() || wanted->command.front().empty()))
      throw CLI::RequiredError("COMMAND or --ticket");
    chosen = [wanted](const invocation& x) { return schedule(x, *wanted); };
  });
}

void add_unschedule(CLI::App& program, invocation&, action& chosen) {
  auto name = std::make_shared<std::string>();
  auto* command = program.add_subcommand("unschedule", "Forget a schedule; what it has brought stays");
  command->add_option("NAME", *name, "Name of the schedule")->required();
  command->callback([name, &chosen] {
    chosen = [name](const invocation& x) {
      return with_database(x, "swarm unschedule", [&](store::connection& db) -> caf::expected<void> {
        auto done = store::unschedule(db, *name);
        if (done)
          std::cout << "schedule " << *name << " is forgotten\n";
        return done;
      });
    };
  });
}

} // namespace swarm::cli
