#include "runtime/executors/claude/claude_executor.hpp"

#include "messages/error.hpp"
#include "runtime/executors/claude/claude_attempt.hpp"
#include "runtime/executors/claude/credentials.hpp"
#include "runtime/executors/refuse.hpp"
#include "runtime/executors/route_report.hpp"

#include <utility>

namespace swarm::executors::claude {

namespace {

class claude_execution : public execution {
public:
  explicit claude_execution(std::shared_ptr<claude_attempt> attempt) : attempt_(std::move(attempt)) {}
  ~claude_execution() override { attempt_->forget(); }
  std::int64_t progress() const override { return attempt_->progress(); }
  void stop() override { attempt_->stop(); }
  void kill() override { attempt_->kill(); }

private:
  std::shared_ptr<claude_attempt> attempt_;
};

} // namespace

claude_executor::claude_executor(std::shared_ptr<http_client> client, settings values)
  : client_(std::move(client)), runner_(values.ladder), services_(new services{std::move(values), *client_, runner_}) {}

claude_executor::~claude_executor() {
  services_->thread.close();
}

std::unique_ptr<execution> claude_executor::start(const claimed_ticket& ticket, on_outcome done) {
  auto payload = parse_claude_payload(ticket.payload, static_cast<std::size_t>(ticket.profile));
  if (!payload)
    return refuse(std::move(done), outcome_class::permanent, "the ticket's payload can't be read: " + render(payload.error()));
  attempt_files files;
  if (const auto& folder = services_->values.attempts_folder; !folder.empty()) {
    auto made = attempt_files::make(folder, ticket.claim, "");
    if (!made)
      return refuse(std::move(done), outcome_class::transient, render(made.error()));
    files = std::move(*made);
  }
  auto attempt = std::make_shared<claude_attempt>(services_, ticket, std::move(*payload), std::move(files), std::move(done));
  attempt->begin(ticket.timeout);
  return std::make_unique<claude_execution>(std::move(attempt));
}

std::vector<std::string> claude_executor::credentials() const {
  auto key = read_api_key(services_->values);
  if (!key || key->empty())
    return {};
  return {credential_hash(*key)};
}

} // namespace swarm::executors::claude
