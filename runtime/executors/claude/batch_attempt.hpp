#pragma once

#include "messages/claude_payload.hpp"
#include "messages/ticket.hpp"
#include "runtime/executors/attempt_files.hpp"
#include "runtime/executors/classify/classify.hpp"
#include "runtime/executors/claude/batch.hpp"
#include "runtime/executors/claude/claude_attempt.hpp"
#include "runtime/executors/claude/spending.hpp"
#include "runtime/executors/claude/transcript.hpp"
#include "runtime/executors/http/http_client.hpp"
#include "runtime/executors/one_outcome.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace swarm::executors::claude {

/// One claim of a ticket that is asked as a batch: makes the batch, or looks at the one that an earlier claim has made,
/// and ends as `waiting` until it has ended. Then it takes its result and judges it like any other answer.
///
/// The API knows no request again: when a worker dies between the answer and the settlement, its batch is made again,
/// and both are paid. Every step is taken on the executor's thread; the public functions may be called from any.
class batch_attempt : public std::enable_shared_from_this<batch_attempt> {
public:
  batch_attempt(std::shared_ptr<services>, const claimed_ticket&, claude_payload, attempt_files, on_outcome,
                on_throttled);

  void begin(caf::timespan timeout);

  /// Ends with `released`; a batch that is being made gets a moment, or it would be made again.
  void stop();
  void kill();

  /// Nobody hears of its end.
  void forget();

  std::int64_t progress() const { return *work_; }

private:
  enum class step { make, look, fetch };

  void post(std::function<void()> task);
  void start();
  void make();
  void send(step);
  void on_answer(http_end, std::string body);
  void on_state(const http_end&, const std::string& body);
  void on_results(const std::string& body);
  void on_error(const api_error&);
  void on_message(const streamed_message&);
  void fail(const outside_signal&, const std::string& sentence, bool in_place);
  void wait(const http_end&, const std::string& status);
  void end(outcome_class, const std::string& sentence, std::chrono::milliseconds wait = {});
  void end_early(outcome_class, const std::string& sentence);
  void deliver(outcome);
  std::string details() const;

  const std::shared_ptr<services> services_;
  const claimed_ticket ticket_;
  const claude_payload payload_;
  one_outcome end_;
  const on_throttled throttled_;
  const std::shared_ptr<std::atomic<std::int64_t>> work_ = std::make_shared<std::atomic<std::int64_t>>(0);
  // The thread's own.
  spending spending_;
  std::string api_key_;
  std::string credential_; ///< The key's hash.
  kept_batch batch_;
  std::string body_; ///< Of the request that makes it.
  step step_ = step::make;
  std::optional<http_client::exchange_id> call_;
  route_report route_;
  std::vector<std::string> request_ids_;
  nlohmann::json result_;
  int retries_ = 0;          ///< In place, of the call that is made now.
  bool begins_anew_ = false; ///< The batch has brought nothing, and the next claim makes another one.
  bool is_ending_ = false;   ///< No further step is taken.
  attempt_files files_;      ///< With the whole transcript.
  transcript transcript_;
  std::minstd_rand random_{std::random_device{}()};
};

} // namespace swarm::executors::claude
