#include "runtime/executors/claude/claude_attempt.hpp"

#include "messages/error.hpp"
#include "runtime/executors/claude/answer.hpp"
#include "runtime/executors/claude/credentials.hpp"
#include "runtime/executors/claude/json_members.hpp"
#include "runtime/executors/claude/prompt.hpp"
#include "runtime/executors/http/http_signal.hpp"
#include "runtime/executors/repeated_prompt.hpp"
#include "runtime/executors/route_report.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace swarm::executors::claude {

namespace {

using json = nlohmann::json;

/// Answers that broke off half done, one behind the other, after which the connection isn't to be trusted for now.
constexpr int cuts_in_row_max = 3;

/// No model gives a longer answer, and the API refuses to be asked for one.
constexpr std::int64_t answer_tokens_max = 128'000;

/// Beside the reasons to stop, in what was answered already.
constexpr const char* wrong_answer = "an answer that isn't what its schema asks for";

constexpr std::size_t request_ids_max = 100;
constexpr std::size_t request_id_bytes_max = 100;

bool has_incomplete_tool_use(const streamed_message& x) {
  return std::any_of(x.content.begin(), x.content.end(), [](const content_block& block) {
    return text_member(block.value, "type") == "tool_use" && block.state != block_state::complete;
  });
}

/// Whether it may have been billed.
bool has_begun(const api_answer& x) {
  return x.is_acceptable || !x.message.id.empty() || !x.message.usage.is_null();
}

} // namespace

claude_attempt::claude_attempt(std::shared_ptr<services> x, const claimed_ticket& ticket, claude_payload payload,
                               attempt_files files, on_outcome done, on_throttled throttled)
  : services_(std::move(x)),
    ticket_(ticket),
    payload_(std::move(payload)),
    end_(std::move(done)),
    throttled_(std::move(throttled)),
    spending_(services_->values.prices, payload_.limits),
    timeouts_(ticket_.timeouts_in_row),
    files_(std::move(files)),
    transcript_(services_->values.output_head_bytes, services_->values.output_tail_bytes, services_->values.redactor,
                output_file{files_.output_file(), services_->values.output_file_bytes_max}) {}

/// A step is taken only while somebody still holds the attempt.
std::function<void(std::function<void()>)> claude_attempt::poster() {
  return [x = services_, me = weak_from_this()](std::function<void()> step) {
    x->thread.post([me, step = std::move(step)] {
      if (auto self = me.lock())
        step();
    });
  };
}

void claude_attempt::begin(caf::timespan timeout) {
  tools_.emplace(tool_runner::surroundings{services_->runner, services_->values.environment, poster()}, payload_);
  if (timeout.count() > 0)
    services_->client.after(std::chrono::ceil<std::chrono::milliseconds>(timeout), [me = weak_from_this()] {
      if (auto self = me.lock())
        self->post([x = self.get()] {
          x->end_early(outcome_class::timeout, "it wasn't done within the attempt's timeout", false);
        });
    });
  post([this] { start(); });
}

void claude_attempt::stop() {
  post([this] { end_early(outcome_class::released, "stopped", false); });
}

void claude_attempt::kill() {
  post([this] { end_early(outcome_class::released, "stopped", true); });
}

void claude_attempt::forget() {
  end_.forget();
  // Whoever held it lets it go now, and a program may still run.
  services_->thread.post([self = shared_from_this()] { self->end_early(outcome_class::released, "", true); });
}

std::int64_t claude_attempt::progress() const {
  return *work_ + tools_->progress();
}

void claude_attempt::start() {
  first_texts_ = first_texts(payload_.prompt, ticket_.last_failure, ticket_.attempt, ticket_.attempts_max);
  std::string prompt;
  for (const auto& text : first_texts_)
    prompt += text;
  prompt_hash_ = prompt_hash(prompt);
  if (const auto repetition = describe_repetition(ticket_, prompt_hash_); !repetition.empty())
    return end(outcome_class::review, repetition);
  // What a later model would be refused for must not come to light after the first one was paid.
  if (const auto priced = check_have_prices(services_->values.prices, payload_.models, today()); !priced)
    return end(outcome_class::permanent, render(priced.error()));
  auto key = read_api_key(services_->values);
  if (!key)
    return end(outcome_class::auth, render(key.error()));
  api_key_ = std::move(*key);
  route_.credential = credential_ = credential_hash(api_key_);
  route_.route = ticket_.route;
  route_.requests = 0;
  max_tokens_ = payload_.max_tokens;
  begin_conversation(payload_.model.empty() ? services_->values.model : payload_.model);
}

/// What another model has thought is never shown to a model, so that a new one begins anew.
void claude_attempt::begin_conversation(const std::string& model) {
  model_ = model;
  conversation_.emplace(profile_of(payload_, model, max_tokens_));
  retries_ = 0;
  answered_.clear();
  if (auto added = conversation_->append_user({}, first_texts_); !added)
    return end(outcome_class::permanent, render(added.error()));
  send();
}

void claude_attempt::send() {
  if (is_ending_)
    return;
  if (turns_ >= payload_.limits.turns)
    return end(outcome_class::content, "its limit of " + std::to_string(payload_.limits.turns) + " turns is reached");
  conversation_->set_max_tokens(max_tokens_);
  auto body = conversation_->request_body();
  auto reserved = spending_.reserve(model_, body.size(), max_tokens_, today());
  if (!reserved)
    return end(code_of(reserved.error()) == errc::not_found ? outcome_class::permanent : outcome_class::content,
               render(reserved.error()));
  reserved_ = std::move(*reserved);
  if (reserved_.max_tokens != max_tokens_) {
    conversation_->set_max_tokens(reserved_.max_tokens);
    body = conversation_->request_body();
  }
  call_ = call_api(services_->client, services_->values, api_key_, std::move(body), work_, [me = weak_from_this()](api_answer x) {
    if (auto self = me.lock())
      self->post([y = self.get(), x = std::move(x)]() mutable { y->on_answer(std::move(x)); });
  });
}

void claude_attempt::on_answer(api_answer x) {
  if (is_ending_)
    return;
  call_.reset();
  note_headroom(x.end);
  if (auto id = header_of(x.end, "request-id"); !id.empty() && id.size() <= request_id_bytes_max) {
    if (request_ids_.size() == request_ids_max)
      request_ids_.erase(request_ids_.begin());
    request_ids_.push_back(std::move(id));
  }
  if (has_begun(x))
    spending_.charge(reserved_, x.message, today());
  if (const auto failure = failure_of(x, timeouts_))
    return on_failure(*failure, x);
  retries_ = cuts_ = timeouts_ = 0;
  learn({route_news::answered, false, false, credential_});
  on_message(x.message);
}

void claude_attempt::on_failure(const outside_signal& what, const api_answer& x) {
  const auto v = classify(what, std::chrono::system_clock::now(), retries_);
  const auto sentence = describe_failure(x) + " (row " + v.row + ")";
  transcript_.note("--- " + sentence + " ---");
  if (v.is_timeout)
    ++timeouts_;
  if (v.uses_attempt) // the next one begins a new row
    timeouts_ = 0;
  if (v.action == verdict_action::go_on)
    return go_on_after_cut(x.message);
  if (v.action == verdict_action::retry_in_place) {
    ++retries_;
    if (auto news = report_of(v, credential_); news.news == route_news::throttled && model_ != payload_.fallback_model) {
      news.route = ticket_.route;
      throttled_(ticket_.claim, news);
    }
    return services_->client.after(jittered(v, random_), [me = weak_from_this()] {
      if (auto self = me.lock())
        self->post([y = self.get()] { y->send(); });
    });
  }
  learn(report_of(v, credential_));
  if (v.remedy == verdict_remedy::fallback_model && has_fallback())
    return begin_conversation(payload_.fallback_model);
  end(v.end, sentence, v.wait);
}

/// Nothing else than this is said for others; the newest word counts.
void claude_attempt::learn(const route_report& x) {
  if (model_ == payload_.fallback_model)
    return;
  route_.news = x.news;
  route_.whole_kind = x.whole_kind;
  route_.credential = x.news == route_news::none ? credential_ : x.credential;
  route_.wait = x.wait;
}

/// What is left of the account's limits, as the answer says.
void claude_attempt::note_headroom(const http_end& x) {
  if (model_ == payload_.fallback_model)
    return;
  ++route_.requests;
  for (auto [name, left] : {std::pair{"anthropic-ratelimit-requests-remaining", &route_.requests_left},
                            {"anthropic-ratelimit-input-tokens-remaining", &route_.input_tokens_left},
                            {"anthropic-ratelimit-output-tokens-remaining", &route_.output_tokens_left}}) {
    const auto text = header_of(x, name);
    std::int64_t number = -1;
    if (std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc{} && number >= 0)
      *left = number;
  }
}

/// What is complete of an answer isn't asked for again, because that would do it twice.
void claude_attempt::go_on_after_cut(const streamed_message& x) {
  ++turns_;
  transcript_.note(turns_, x);
  if (++cuts_ > cuts_in_row_max)
    return end(outcome_class::transient, "its answers broke off " + std::to_string(cuts_) + " times in a row (row 5)");
  auto added = conversation_->append_assistant(complete_content_of(x));
  if (added)
    added = conversation_->append_user({}, {"Your previous response was interrupted. Go on from where it ended."});
  if (!added)
    return end(outcome_class::transient, render(added.error()));
  send();
}

void claude_attempt::on_message(const streamed_message& x) {
  ++turns_;
  transcript_.note(turns_, x);
  model_stop stop;
  stop.reason = x.stop_reason;
  stop.content_empty = is_empty_answer(content_of(x));
  stop.tool_use_incomplete = has_incomplete_tool_use(x);
  stop.answered = answered_[x.stop_reason];
  stop.fallback_left = has_fallback();
  const auto v = classify(stop, std::chrono::system_clock::now());
  if (v.action == verdict_action::verify)
    return complete_with(x);
  if (x.stop_reason == "max_tokens" && reserved_.max_tokens < max_tokens_)
    return end(outcome_class::content, "its answer was cut where its limits ended");
  if (v.action == verdict_action::retry_in_place) {
    ++answered_[x.stop_reason];
    return repeat(x, v.remedy);
  }
  // The same model would say the same again, so that people must answer first.
  if (v.action != verdict_action::go_on)
    return end(v.action == verdict_action::ask_human ? outcome_class::review : v.end,
               describe_stop(x) + " (row " + v.row + ")");
  if (x.stop_reason == "tool_use")
    return run_tools(x);
  ++answered_[x.stop_reason];
  if (auto added = conversation_->append_assistant(content_of(x)); !added)
    return end(outcome_class::transient, render(added.error()));
  send();
}

/// The same again, with what may help.
void claude_attempt::repeat(const streamed_message& x, verdict_remedy remedy) {
  switch (remedy) {
    case verdict_remedy::fallback_model:
      return begin_conversation(payload_.fallback_model);
    case verdict_remedy::show_parse_error:
      return run_tools(x); // which tells of it
    case verdict_remedy::double_max_tokens:
      if (max_tokens_ >= answer_tokens_max)
        return end(outcome_class::content, "its answer was cut at the longest that there is (row 27)");
      max_tokens_ = std::min(2 * max_tokens_, answer_tokens_max);
      break;
    default:
      if (auto added = conversation_->append_user({}, {"Please continue."}); !added)
        return end(outcome_class::transient, render(added.error()));
  }
  send();
}

void claude_attempt::run_tools(const streamed_message& x) {
  if (auto added = conversation_->append_assistant(content_of(x)); !added)
    return end(outcome_class::transient, render(added.error()));
  tools_->run(x.content, [this](const tool_turn& turn) { on_tools(turn); });
}

void claude_attempt::on_tools(const tool_turn& x) {
  ++*work_;
  for (const auto& result : x.results)
    transcript_.note(result);
  if (x.finish && x.finish->is_impossible)
    return end(outcome_class::permanent,
               "the agent says that nobody can do this (spec_impossible): " + cap_text(x.finish->summary, said));
  if (!x.finish && !x.refused_result.empty() && answered_[wrong_answer]++ > 0)
    return end(outcome_class::content, "its result isn't what the schema asks for: it " + x.refused_result + " (row 31)");
  if (x.finish)
    return complete("it finished: " + cap_text(x.finish->summary, said),
                    x.finish->result.is_null() ? json(cap_text(x.finish->summary, final_text_limits)) : x.finish->result);
  answered_["pause_turn"] = answered_["end_turn"] = 0;
  if (auto added = conversation_->append_user(x.results); !added)
    return end(outcome_class::transient, render(added.error()));
  send();
}

void claude_attempt::complete_with(const streamed_message& x) {
  auto answer = final_answer(x, payload_.schema);
  if (!answer && answered_[wrong_answer]++ == 0) {
    auto added = conversation_->append_assistant(content_of(x));
    if (added)
      added = conversation_->append_user({}, {"Your answer can't be used: it " + render(answer.error())
                                              + ". Answer again, with nothing but JSON that follows the schema."});
    return added ? send() : end(outcome_class::transient, render(added.error()));
  }
  if (!answer)
    return end(outcome_class::content, "its final answer isn't what the schema asks for: it " + render(answer.error())
                                         + " (row 31)");
  complete("it ended its turn", std::move(*answer));
}

void claude_attempt::complete(const std::string& sentence, json result) {
  if (payload_.expects_changes && tools_->calls() == 0)
    return end(outcome_class::content, sentence + ", without having called a tool, and the ticket expects changes (no_work)");
  if (!is_short_enough(result))
    return end(outcome_class::content, sentence + ", with a result larger than a mebibyte");
  result_ = std::move(result);
  end(outcome_class::completed, sentence + ", after " + std::to_string(turns_) + (turns_ == 1 ? " turn" : " turns"));
}

void claude_attempt::end(outcome_class x, const std::string& sentence, std::chrono::milliseconds wait) {
  if (std::exchange(is_ending_, true))
    return;
  deliver(x, sentence, wait);
}

/// The outcome waits for the program that runs: until its end, nobody else may begin in its directory.
void claude_attempt::end_early(outcome_class x, const std::string& sentence, bool at_once) {
  if (!std::exchange(is_ending_, true))
    early_end_ = {x, sentence};
  else if (!tools_->is_running())
    return;
  cancel_call();
  auto ended = [this] { deliver(early_end_.first, early_end_.second, {}); };
  if (at_once)
    tools_->kill(ended);
  else
    tools_->stop(ended);
}

void claude_attempt::deliver(outcome_class end, const std::string& sentence, std::chrono::milliseconds wait) {
  outcome x;
  x.end = end;
  x.evidence = sentence;
  x.retry_after = wait;
  x.output_bytes = transcript_.total_bytes();
  x.output = transcript_.take();
  if (transcript_.file_bytes() > 0)
    files_.keep_output(services_->values.outputs_bytes_max);
  files_ = {};
  x.details = details();
  x.route = route_;
  // Reads from the cache don't count to the limit of input tokens.
  x.route.input_tokens = spending_.usage().input + spending_.usage().cache_write_5m + spending_.usage().cache_write_1h;
  x.route.output_tokens = spending_.usage().output;
  end_.deliver(std::move(x));
}

void claude_attempt::cancel_call() {
  if (call_)
    services_->client.cancel(*std::exchange(call_, std::nullopt));
}

std::string claude_attempt::details() const {
  json result{{"model", model_},
              {"turns", turns_},
              {"usage", spending_.to_json()},
              {"cost_micro_dollars", spending_.cost_micro_dollars()}};
  if (!prompt_hash_.empty())
    result["prompt_hash"] = prompt_hash_;
  if (timeouts_ > 0)
    result["timeouts_in_row"] = timeouts_; // the next claim brings it back
  if (!request_ids_.empty())
    result["request_ids"] = request_ids_;
  if (!result_.is_null())
    result["result"] = result_;
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace swarm::executors::claude
