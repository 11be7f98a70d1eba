#pragma once

#include "messages/claude_payload.hpp"
#include "messages/ticket.hpp"
#include "runtime/executors/attempt_files.hpp"
#include "runtime/executors/claude/api_call.hpp"
#include "runtime/executors/claude/conversation.hpp"
#include "runtime/executors/claude/settings.hpp"
#include "runtime/executors/claude/spending.hpp"
#include "runtime/executors/claude/tool_runner.hpp"
#include "runtime/executors/claude/transcript.hpp"
#include "runtime/executors/classify/classify.hpp"
#include "runtime/executors/http/http_client.hpp"
#include "runtime/executors/one_outcome.hpp"
#include "runtime/executors/task_thread.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace swarm::executors::claude {

/// What attempts use of their executor. Client and runner are touched on its thread only, which ends before they do.
struct services {
  settings values;
  http_client& client;
  command_runner& runner;
  task_thread thread{}; ///< Where attempts take their steps.
};

/// One attempt: asks the model, runs the tools that it calls, and again, until it ends its turn, calls `finish`, meets a
/// limit or can't be reached. Every step is taken on the executor's thread; the public functions may be called from any.
class claude_attempt : public std::enable_shared_from_this<claude_attempt> {
public:
  claude_attempt(std::shared_ptr<services>, const claimed_ticket&, claude_payload, attempt_files, on_outcome, on_throttled);

  void begin(caf::timespan timeout);

  /// Ends with `released`, as soon as no program runs any more.
  void stop();
  void kill();

  /// Nobody hears of its end.
  void forget();

  std::int64_t progress() const;

private:
  std::function<void(std::function<void()>)> poster();
  void post(std::function<void()> step) { poster()(std::move(step)); }
  void start();
  void send();
  void on_answer(api_answer);
  void on_failure(const outside_signal&, const api_answer&);
  void on_message(const streamed_message&);
  void repeat(const streamed_message&, verdict_remedy);
  void run_tools(const streamed_message&);
  void on_tools(const tool_turn&);
  void go_on_after_cut(const streamed_message&);
  void begin_conversation(const std::string& model);
  void complete_with(const streamed_message&);
  void complete(const std::string& sentence, nlohmann::json result);
  void end(outcome_class, const std::string& sentence, std::chrono::milliseconds wait = {});
  void end_early(outcome_class, const std::string& sentence, bool at_once);
  void deliver(outcome_class, const std::string& sentence, std::chrono::milliseconds wait);
  void cancel_call();
  void learn(const route_report&);
  void note_headroom(const http_end&);

  bool has_fallback() const { return !payload_.fallback_model.empty() && model_ != payload_.fallback_model; }
  std::string details() const;

  const std::shared_ptr<services> services_;
  const claimed_ticket ticket_;
  const claude_payload payload_;
  one_outcome end_;
  const on_throttled throttled_;
  const work_counter work_ = std::make_shared<std::atomic<std::int64_t>>(0);
  // The thread's own.
  std::optional<tool_runner> tools_; ///< There from `begin` on.
  spending spending_;
  std::optional<conversation> conversation_;
  std::string api_key_;
  std::string credential_; ///< The key's hash.
  route_report route_; ///< What was learnt of the ticket's own model; a fallback is none of its route.
  std::string model_;
  std::vector<std::string> first_texts_; ///< Of each conversation ...
  std::string prompt_hash_;              ///< ... and by what they are known again.
  std::int64_t max_tokens_ = 0;
  std::optional<http_client::exchange_id> call_;
  reservation reserved_;
  std::map<std::string, int> answered_; ///< By stop reason: how often it was followed by another call.
  int retries_ = 0;                     ///< In place, of the call that is made now.
  int cuts_ = 0;                        ///< Answers in a row that broke off and were gone on from.
  int timeouts_ = 0;                    ///< In a row, those of earlier claims included: the API took too long.
  std::int64_t turns_ = 0;
  std::vector<std::string> request_ids_; ///< The newest of them.
  nlohmann::json result_;
  bool is_ending_ = false; ///< No further step is taken.
  std::pair<outcome_class, std::string> early_end_;
  attempt_files files_; ///< With the whole transcript.
  transcript transcript_;
  std::minstd_rand random_{std::random_device{}()};
};

} // namespace swarm::executors::claude
