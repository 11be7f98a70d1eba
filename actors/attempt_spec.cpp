#include "actors/attempt_spec.hpp"

#include "messages/foreign_json.hpp"
#include "messages/references.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdlib>

namespace swarm {

namespace {

/// Of a payload with the results that it refers to.
constexpr std::size_t resolved_bytes_max = 4u << 20;

/// Puts the results of the tickets that this one needs where its payload refers to them.
caf::expected<void> resolve_payload(claimed_ticket& ticket) {
  if (!mentions_references(ticket.payload))
    return caf::unit;
  auto results = read_foreign_json(ticket.results.empty() ? "{}" : ticket.results);
  if (!results)
    return make_error(errc::invalid_input, "the results of its dependencies: " + render(results.error()));
  auto result_of = [&](const std::string& key) -> std::optional<std::string> {
    auto found = results->find(key);
    return found == results->end() ? std::nullopt : std::optional{found->dump()};
  };
  auto resolved = resolve_references(ticket.payload, ticket.kind, result_of,
                                     {resolved_bytes_max, [](const std::string& place) { return place.starts_with("/json"); }});
  if (!resolved)
    return std::move(resolved.error());
  ticket.payload = std::move(*resolved);
  return caf::unit;
}

caf::error unreadable(const caf::error& cause) {
  return make_error(errc::invalid_input, "the ticket's payload can't be read: " + render(cause));
}

bool wants_workspace(const command_payload& payload) {
  return payload.workspace.kind != workspace_kind::none;
}

std::string directory_of(const claimed_ticket& ticket, const command_payload& payload, const worker_context& context) {
  if (wants_workspace(payload))
    return context.workspaces.path_of ? context.workspaces.path_of(ticket.claim.ticket) : "";
  return payload.working_directory.empty() ? context.working_directory : payload.working_directory;
}

std::map<std::string, std::string> environment_of(const claimed_ticket& ticket, const command_payload& payload,
                                                  const worker_context& context) {
  auto result = context.environment;
  for (auto& [key, value] : payload.environment)
    result[key] = value;
  result["SWARM_TICKET"] = to_string(ticket.claim.ticket);
  result["SWARM_ATTEMPT"] = std::to_string(ticket.attempt);
  result["SWARM_FENCE"] = to_string(ticket.claim.fence);
  result["SWARM_WORKSPACE"] = directory_of(ticket, payload, context);
  return result;
}

/// What was asked for: the words of a prompt, or the whole payload.
std::string spec_of(const claimed_ticket& ticket) {
  const auto payload = read_foreign_json(ticket.payload);
  const auto prompt = payload && payload->is_object() ? payload->value("prompt", nlohmann::json{}) : nlohmann::json{};
  return prompt.is_string() ? prompt.get<std::string>() : ticket.payload;
}

/// Tells an executor that its ticket works in a workspace, by the member that says where others work.
caf::expected<void> enter_workspace(claimed_ticket& ticket, const std::string& path) {
  if (ticket.kind != "agent_cli" && ticket.kind != "claude")
    return make_error(errc::invalid_input, "it has a workspace, and the work of kind '" + ticket.kind
                                             + "' is done in no directory; leave 'workspace' out");
  auto payload = read_foreign_json(ticket.payload);
  if (!payload)
    return std::move(payload.error());
  (*payload)["working_directory"] = path;
  ticket.payload = payload->dump();
  return caf::unit;
}

} // namespace

caf::expected<command_spec> command_of(const claimed_ticket& ticket, const command_payload& payload,
                                       const worker_context& context, const executors::attempt_files& files) {
  command_spec spec;
  spec.argv = argv_of(payload);
  spec.working_directory = directory_of(ticket, payload, context);
  spec.environment = environment_of(ticket, payload, context);
  // Only here: a check never sees them.
  for (auto& variable : payload.secrets) {
    const char* value = std::getenv(variable.c_str());
    if (value == nullptr)
      return make_error(errc::not_found,
                        "the node's environment has no variable " + variable + ", which the ticket needs");
    spec.environment[variable] = value;
  }
  if (auto file = files.result_file(); !file.empty())
    spec.environment["SWARM_RESULT_FILE"] = file;
  if (auto file = files.last_failure_file(); !file.empty())
    spec.environment["SWARM_LAST_FAILURE"] = file;
  spec.timeout = ticket.timeout;
  spec.output_head_bytes = context.output_head_bytes;
  spec.output_tail_bytes = context.output_tail_bytes;
  spec.output_file = files.output_file();
  spec.output_file_bytes_max = context.output_file_bytes_max;
  spec.input = payload.input;
  spec.input_file = payload.input_file;
  spec.input_is_confined = wants_workspace(payload);
  spec.limits = payload.limits;
  return spec;
}

caf::expected<checks::check_plan> read_payload(claimed_ticket& ticket, command_payload& payload,
                                               const worker_context& context, unsigned seed) {
  if (auto resolved = resolve_payload(ticket); !resolved)
    return std::move(resolved.error());
  std::vector<check_definition> checks;
  if (ticket.kind == "command") {
    auto read = parse_command_payload(ticket.payload);
    if (!read)
      return unreadable(read.error());
    payload = std::move(*read);
    checks = checks_of(payload);
  } else {
    auto taken = take_checks(ticket.payload);
    if (!taken)
      return unreadable(taken.error());
    ticket.payload = std::move(taken->rest);
    payload.working_directory = std::move(taken->working_directory);
    payload.workspace = std::move(taken->workspace);
    checks = std::move(taken->checks);
    if (wants_workspace(payload))
      if (auto entered = enter_workspace(ticket, directory_of(ticket, payload, context)); !entered)
        return unreadable(entered.error());
  }
  const auto is_review = [](auto& x) { return x.kind == check_kind::model_review; };
  const auto is_reviewed = std::any_of(checks.begin(), checks.end(), is_review);
  checks::check_site site{directory_of(ticket, payload, context), is_reviewed ? spec_of(ticket) : "",
                          environment_of(ticket, payload, context), payload.limits, context.output_head_bytes,
                          context.output_tail_bytes, context.check_repeats};
  if (context.redactor)
    site.redact = [redactor = context.redactor](std::string_view text) { return redactor->redact(text); };
  auto plan = checks::check_plan::make(std::move(checks), std::move(site), seed);
  return plan ? std::move(plan) : unreadable(plan.error());
}

outcome_class class_of_workspace_failure(const caf::error& cause) {
  switch (code_of(cause)) {
    case errc::invalid_input:
    case errc::not_found:
    case errc::not_permitted:
    case errc::conflict: return outcome_class::permanent;
    default: return outcome_class::transient;
  }
}

std::string with_workspace(const std::string& details, const workspace::prepared_workspace& x) {
  using nlohmann::json;
  auto result = details.empty() ? json::object() : json::parse(details, nullptr, false);
  if (!result.is_object())
    return details;
  auto& member = result["workspace"] = {{"path", x.path.string()}};
  if (!x.branch.empty())
    member["branch"] = x.branch;
  if (!x.base_commit.empty())
    member["base"] = x.base_commit;
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace swarm
