#include "runtime/executors/claude/claude_executor.hpp"

#include "messages/error.hpp"
#include "runtime/executors/claude/batch_attempt.hpp"
#include "runtime/executors/claude/claude_attempt.hpp"
#include "runtime/executors/claude/credentials.hpp"
#include "runtime/executors/refuse.hpp"
#include "runtime/executors/route_report.hpp"

#include <chrono>
#include <mutex>
#include <utility>

namespace swarm::executors::claude {

/// Whom claims are made for.
struct known_key {
  std::mutex mutex;
  std::vector<std::string> hashes;               ///< Guarded; empty when there is no key.
  std::chrono::steady_clock::time_point read_at; ///< Guarded.
};

namespace {

constexpr std::chrono::seconds read_key_after{1};

void read(const settings& values, known_key& result) {
  auto key = read_api_key(values);
  std::lock_guard guard{result.mutex};
  result.hashes.clear();
  if (key && !key->empty())
    result.hashes.push_back(credential_hash(*key));
}

template <class Attempt>
class claude_execution : public execution {
public:
  explicit claude_execution(std::shared_ptr<Attempt> attempt) : attempt_(std::move(attempt)) {}
  ~claude_execution() override { attempt_->forget(); }
  std::int64_t progress() const override { return attempt_->progress(); }
  void stop() override { attempt_->stop(); }
  void kill() override { attempt_->kill(); }

private:
  std::shared_ptr<Attempt> attempt_;
};

template <class Attempt>
std::unique_ptr<execution> begin_attempt(std::shared_ptr<services> with, const claimed_ticket& ticket, claude_payload payload,
                                         attempt_files files, on_outcome done, on_throttled throttled) {
  auto attempt = std::make_shared<Attempt>(std::move(with), ticket, std::move(payload), std::move(files), std::move(done),
                                           std::move(throttled));
  attempt->begin(ticket.timeout);
  return std::make_unique<claude_execution<Attempt>>(std::move(attempt));
}

} // namespace

claude_executor::claude_executor(std::shared_ptr<http_client> client, settings values)
  : client_(std::move(client)),
    runner_(values.ladder),
    services_(new services{std::move(values), *client_, runner_}),
    key_(new known_key) {
  read(services_->values, *key_);
  key_->read_at = std::chrono::steady_clock::now();
}

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
  const auto start = payload->batch ? &begin_attempt<batch_attempt> : &begin_attempt<claude_attempt>;
  return start(services_, ticket, std::move(*payload), std::move(files), std::move(done), throttled_);
}

std::vector<std::string> claude_executor::credentials() const {
  const auto now = std::chrono::steady_clock::now();
  std::lock_guard guard{key_->mutex};
  if (now - key_->read_at >= read_key_after) {
    key_->read_at = now;
    // The thread ends before what it reads here.
    services_->thread.post([values = &services_->values, key = key_] { read(*values, *key); });
  }
  return key_->hashes;
}

} // namespace swarm::executors::claude
