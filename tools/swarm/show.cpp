#include "runtime/store/queries.hpp"
#include "tools/swarm/invocation.hpp"
#include "tools/swarm/text.hpp"

#include "config/values.hpp"
#include "messages/payload.hpp"

#include <nlohmann/json.hpp>

#include <iostream>

namespace swarm::cli {

namespace {

void print_fact(const std::string& name, const std::string& value) {
  if (!value.empty())
    std::cout << "  " << name << std::string(name.size() < 12 ? 12 - name.size() : 1, ' ') << printable_line(value)
              << '\n';
}

std::string joined(const std::vector<std::string>& xs) {
  std::string result;
  for (auto& x : xs)
    result += (result.empty() ? "" : " ") + x;
  return result;
}

/// Where it is, each attempt tells.
std::string describe(const workspace_request& x) {
  if (x.kind == workspace_kind::none)
    return "";
  return to_string(x.kind) + (x.repository.empty() ? "" : " of " + x.repository)
         + (x.base.empty() ? "" : ", from " + x.base) + ", on retry " + to_string(x.on_retry);
}

void print_payload(const store::ticket_details& x) {
  auto payload = x.kind == "command" ? parse_command_payload(x.payload)
                                     : caf::expected<command_payload>{make_error(errc::not_found, "")};
  if (!payload)
    return print_fact("payload", x.payload);
  print_fact(payload->shell ? "script" : "command", joined(payload->command));
  print_fact("stdin", payload->input.empty() ? payload->input_file : std::to_string(payload->input.size()) + " bytes");
  print_fact("directory", payload->working_directory);
  print_fact("workspace", describe(payload->workspace));
  for (auto& [key, value] : payload->environment)
    print_fact("env", key + "=" + value);
}

/// Whatever kind of work it is.
void print_checks(const store::ticket_details& x) {
  auto taken = take_checks(x.payload);
  if (!taken)
    return;
  for (auto& check : taken->checks)
    print_fact("check", is_plain_command(check) ? joined(check.command)
                                                : to_string(check.kind) + (check.name.empty() ? "" : " '" + check.name + "'")
                                                    + (check.command.empty() ? "" : ": " + joined(check.command)));
}

void print_ticket(const store::ticket_details& x) {
  std::cout << "ticket " << to_string(x.id) << (x.key.empty() ? "" : " '" + printable_line(x.key) + "'") << ": "
            << x.state << '\n';
  if (x.graph)
    print_fact("graph", to_string(*x.graph));
  print_fact("queue", x.queue + ", priority " + std::to_string(x.priority));
  print_payload(x);
  print_checks(x);
  print_fact("timeout", x.timeout_ms == 0 ? "none" : config::format_duration(std::chrono::milliseconds{x.timeout_ms}));
  print_fact("attempts", std::to_string(x.attempts) + " of " + std::to_string(x.attempts_max) + " used");
  for (auto [name, count] : {std::pair{"infra", x.infra_retries}, {"check errors", x.check_retries},
                             {"reclaims", x.reclaims}})
    if (count > 0)
      print_fact(name, std::to_string(count));
  print_fact("profile", x.profile == 0 ? "" : "number " + std::to_string(x.profile) + " of its payload");
  print_fact("created", short_time(x.created_at));
  if (x.state != "waiting")
    print_fact("runs at", short_time(x.run_at));
  if (x.state == "in_progress") {
    print_fact("claimed", short_time(x.claimed_at) + " by " + x.claimed_by + ", fence "
                            + std::to_string(x.fence.value_or(0)));
    print_fact("heartbeat", short_time(x.last_heartbeat) + " (" + std::to_string(x.heartbeat_count) + " so far)");
    print_fact("deadline", short_time(x.deadline_at));
    print_fact("cancel", x.cancel_requested_at.empty() ? "" : "requested " + short_time(x.cancel_requested_at));
  }
  if (!x.waiting_since.empty()) {
    print_fact("waits", "since " + short_time(x.waiting_since) + ", looked at " + std::to_string(x.waiting_looks)
                          + (x.waiting_looks == 1 ? " time" : " times")
                          + (x.state == "waiting" ? ", next at " + short_time(x.run_at) : "")
                          + (x.waiting_ends_at.empty() ? "" : ", until " + short_time(x.waiting_ends_at)));
    print_fact("for", x.waiting_for);
  }
  if (x.state == "in_review") {
    print_fact("review", "since " + short_time(x.review_asked_at) + ", fails at " + short_time(x.review_expires_at));
    print_fact("judge", x.review_reason);
  }
  print_fact("finished", short_time(x.finished_at));
  print_fact("reason", x.end_reason);
}

void print_parents(const std::vector<store::parent_row>& parents) {
  for (auto& x : parents)
    print_fact("needs", to_string(x.id) + (x.key.empty() ? "" : " '" + x.key + "'") + ": " + x.state);
}

std::string text_of(const nlohmann::ordered_json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// What each check said, and what explains it.
void print_verdicts(const nlohmann::ordered_json& checks) {
  for (auto& x : checks) {
    if (!x.is_object())
      continue;
    auto name = text_of(x, "name"), by = text_of(x, "by");
    print_fact("check", text_of(x, "kind") + (name.empty() ? "" : " '" + name + "'") + ": " + text_of(x, "verdict")
                          + (by.empty() ? "" : " by " + by) + ", " + text_of(x, "evidence"));
    std::cout << indented(printable(text_of(x, "detail")), "    | ");
  }
}

/// Where the attempt worked, and on which branch.
void print_workspace(const nlohmann::ordered_json& x) {
  const auto branch = text_of(x, "branch"), base = text_of(x, "base");
  print_fact("workspace", text_of(x, "path") + (branch.empty() ? "" : ", branch " + branch)
                            + (base.empty() ? "" : ", from " + base));
}

/// What the attempt left behind besides its output.
void print_details(const std::string& details) {
  auto object = nlohmann::ordered_json::parse(details, nullptr, false);
  if (!object.is_object())
    return;
  for (auto& [name, value] : object.items())
    if (name == "checks" && value.is_array())
      print_verdicts(value);
    else if (name == "workspace" && value.is_object())
      print_workspace(value);
    else
      print_fact(name, value.is_string() ? value.get<std::string>()
                                         : value.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void print_attempts(const std::vector<store::attempt_row>& attempts) {
  for (auto& x : attempts) {
    std::cout << "\nattempt " << x.attempt << " on " << printable_line(x.node) << ": " << x.end << '\n';
    print_fact("from", short_time(x.started_at) + " to " + short_time(x.ended_at));
    print_fact("evidence", x.evidence);
    print_fact("signature", x.signature);
    print_details(x.details);
    if (x.output.empty())
      continue;
    print_fact("output", std::to_string(x.output_bytes) + " bytes");
    std::cout << indented(printable(x.output), "  | ");
  }
}

int show(const invocation& x, std::int64_t id) {
  return with_database(x, "swarm show", [&](store::connection& db) -> caf::expected<void> {
    auto ticket = store::show_ticket(db, ticket_id{id});
    if (!ticket)
      return std::move(ticket.error());
    auto parents = store::list_parents(db, ticket_id{id});
    if (!parents)
      return std::move(parents.error());
    auto attempts = store::list_attempts(db, ticket_id{id});
    if (!attempts)
      return std::move(attempts.error());
    print_ticket(*ticket);
    print_parents(*parents);
    print_attempts(*attempts);
    return caf::unit;
  });
}

} // namespace

void add_show(CLI::App& program, invocation&, action& chosen) {
  auto id = std::make_shared<std::int64_t>(0);
  auto* command = program.add_subcommand("show", "Show a ticket with its attempts and their output");
  command->add_option("ID", *id, "Number of the ticket")->required()->check(check_number);
  command->callback([id, &chosen] { chosen = [id](const invocation& x) { return show(x, *id); }; });
}

} // namespace swarm::cli
