#pragma once

#include "runtime/executors/claude/settings.hpp"
#include "runtime/executors/executor.hpp"

#include <memory>

namespace swarm::executors {

class http_client;

namespace claude {

struct services;
struct known_key;

/// Tickets of kind "claude", see claude_payload.hpp: a conversation with the Messages API, in which the model may use the
/// tools that the ticket allows. Model, tools and limits come from the ticket, address, key and prices from the settings.
///
/// One that asks for it goes as a batch (batch_attempt.hpp), which no worker waits for.
///
/// Without a price for its model a ticket is refused before anything is sent. What fails by no fault of the ticket is
/// repeated in place as long as that takes seconds, and else given back with the wait that was asked for. The outcome's
/// output is the transcript; its details hold the result, the usage, the cost, the model, the turns and the request ids.
class claude_executor : public executor {
public:
  claude_executor(std::shared_ptr<http_client>, settings);

  /// Ends programs that still run. Attempts that are still held are never heard of again.
  ~claude_executor() override;

  std::unique_ptr<execution> start(const claimed_ticket&, on_outcome) override;

  /// Of the key as it was a second ago: a new one needs no restart, and is read where files may block.
  std::vector<std::string> credentials() const override;

private:
  std::shared_ptr<http_client> client_;
  command_runner runner_;
  std::shared_ptr<services> services_;
  std::shared_ptr<known_key> key_;
};

} // namespace claude

} // namespace swarm::executors
