#include "runtime/executors/agent_cli/agent_cli_executor.hpp"

#include "messages/error.hpp"
#include "runtime/executors/agent_cli/agent_attempt.hpp"
#include "runtime/executors/agent_cli/agent_prompt.hpp"
#include "runtime/executors/refuse.hpp"
#include "runtime/executors/repeated_prompt.hpp"
#include "runtime/executors/route_report.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <utility>

namespace swarm::executors {

namespace {

/// Kept of the stream for a run that never tells its end.
constexpr std::uint64_t stream_head_bytes = 4u << 10;
constexpr std::uint64_t stream_tail_bytes = 60u << 10;

class agent_execution : public execution {
public:
  explicit agent_execution(std::shared_ptr<agent_attempt> attempt) : attempt_(std::move(attempt)) {}
  ~agent_execution() override { attempt_->forget(); }
  std::int64_t progress() const override { return attempt_->progress(); }
  void stop() override { attempt_->stop(own_limit_kind::drain); }
  void kill() override { attempt_->stop(own_limit_kind::lost_lease); }

private:
  std::shared_ptr<agent_attempt> attempt_;
};

std::string random_uuid() {
  std::string result;
  std::ifstream{"/proc/sys/kernel/random/uuid"} >> result;
  return result;
}

/// The first of the secrets that the node doesn't have, or nothing.
std::string add_secrets(const std::vector<std::string>& names, std::map<std::string, std::string>& environment) {
  for (const auto& name : names) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr)
      return name;
    environment[name] = value;
  }
  return {};
}

/// The hash of what a CLI logs in with; empty when it uses what the node has, such as the login of its user. Of a generic
/// one the first of its secrets: nobody knows better.
std::string credential_of(const agent_payload& payload) {
  const auto known = credential_variables(payload.agent);
  for (const auto& name : payload.secrets)
    if (payload.agent == "generic" || std::find(known.begin(), known.end(), name) != known.end())
      return credential_hash(std::getenv(name.c_str()));
  return {};
}

command_spec make_spec(const claimed_ticket& ticket, const agent_payload& payload, const agent_cli_settings& settings,
                       const attempt_files& files) {
  command_spec spec;
  spec.working_directory = payload.working_directory.empty() ? settings.working_directory : payload.working_directory;
  spec.environment = settings.environment;
  for (auto& [name, value] : payload.environment)
    spec.environment[name] = value;
  spec.environment["SWARM_TICKET"] = to_string(ticket.claim.ticket);
  spec.environment["SWARM_ATTEMPT"] = std::to_string(ticket.attempt);
  spec.environment["SWARM_FENCE"] = to_string(ticket.claim.fence);
  spec.environment["SWARM_WORKSPACE"] = spec.working_directory;
  if (auto file = files.result_file(); !file.empty())
    spec.environment["SWARM_RESULT_FILE"] = file;
  if (auto file = files.last_failure_file(); !file.empty())
    spec.environment["SWARM_LAST_FAILURE"] = file;
  spec.timeout = ticket.timeout;
  spec.output_head_bytes = stream_head_bytes;
  spec.output_tail_bytes = stream_tail_bytes;
  spec.output_file = files.output_file();
  spec.output_file_bytes_max = settings.output_file_bytes_max;
  spec.errors_apart = true;
  return spec;
}

} // namespace

agent_cli_executor::agent_cli_executor(agent_cli_settings x)
  : settings_(std::move(x)),
    sessions_(settings_.attempts_folder.empty() ? std::filesystem::path{} : settings_.attempts_folder / "sessions"),
    runner_(settings_.ladder, settings_.redactor) {}

std::unique_ptr<execution> agent_cli_executor::start(const claimed_ticket& ticket, on_outcome done) {
  auto payload = parse_agent_payload(ticket.payload, static_cast<std::size_t>(ticket.profile));
  const auto* adapter = payload ? find_adapter(payload->agent) : nullptr;
  if (adapter == nullptr)
    return refuse(std::move(done), outcome_class::permanent,
                  "the ticket's payload can't be read: " + (payload ? "no such agent" : render(payload.error())));
  attempt_files files;
  if (!settings_.attempts_folder.empty()) {
    auto made = attempt_files::make(settings_.attempts_folder, ticket.claim, ticket.last_failure);
    if (!made)
      return refuse(std::move(done), outcome_class::transient, render(made.error()));
    files = std::move(*made);
  }
  auto spec = make_spec(ticket, *payload, settings_, files);
  if (std::error_code ignored; !std::filesystem::is_directory(spec.working_directory, ignored))
    return refuse(std::move(done), outcome_class::permanent, "cannot enter directory '" + spec.working_directory + "'");
  if (auto missing = add_secrets(payload->secrets, spec.environment); !missing.empty())
    return refuse(std::move(done), outcome_class::auth,
                  "the node's environment has no variable " + missing + ", which the ticket's secrets name");
  const auto plan = plan_session(sessions_.load(ticket.claim.ticket), payload->agent, ticket.profile);
  agent_session session{adapter->takes_session_id ? random_uuid() : "", plan.resumes};
  session_memory memory{payload->agent, plan.resumes.empty() ? session.id : plan.resumes, ticket.claim.fence,
                        plan.crashes,   true,                                             false,
                        ticket.profile};
  spec.input = make_prompt(payload->prompt, ticket.last_failure, ticket.attempt, ticket.attempts_max, !plan.resumes.empty());
  auto hash = prompt_hash(spec.input);
  if (const auto repetition = describe_repetition(ticket, hash); !repetition.empty())
    return refuse(std::move(done), outcome_class::review, repetition);
  if (auto saved = sessions_.save(ticket.claim.ticket, memory); !saved)
    return refuse(std::move(done), outcome_class::transient, render(saved.error()));
  spec.argv = adapter->argv(*payload, session);
  auto attempt = std::make_shared<agent_attempt>(
    agent_attempt::parts{settings_, sessions_, runner_, ++last_run_, *adapter, ticket.claim, payload->expects_changes,
                         credential_of(*payload), std::move(files), std::move(memory), std::move(hash),
                         payload->schema},
    std::move(done));
  attempt->begin(std::move(spec));
  return std::make_unique<agent_execution>(std::move(attempt));
}

std::vector<std::string> agent_cli_executor::credentials() const {
  auto result = hashes_of_secret_variables();
  for (const auto* agent : {"claude", "codex", "gemini"})
    for (const auto name : credential_variables(agent))
      if (const char* value = std::getenv(std::string{name}.c_str()); value != nullptr && *value != '\0')
        result.push_back(credential_hash(value));
  return result;
}

std::filesystem::path find_memory_events() {
  std::ifstream in{"/proc/self/cgroup"};
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("0::/")) // the one hierarchy of cgroup v2
      if (auto file = "/sys/fs/cgroup" + line.substr(3) + "/memory.events"; std::filesystem::exists(file))
        return file;
  return {};
}

} // namespace swarm::executors
