#include "runtime/executors/claude/batch_attempt.hpp"

#include "messages/error.hpp"
#include "runtime/executors/claude/answer.hpp"
#include "runtime/executors/claude/api_call.hpp"
#include "runtime/executors/claude/credentials.hpp"
#include "runtime/executors/claude/prompt.hpp"
#include "runtime/executors/http/http_signal.hpp"
#include "runtime/executors/repeated_prompt.hpp"
#include "runtime/executors/route_report.hpp"

#include <limits>
#include <utility>

namespace swarm::executors::claude {

namespace {

using json = nlohmann::json;
using namespace std::chrono_literals;

constexpr int good_status = 200;

/// Of what says how a batch is, and of an error.
constexpr std::size_t state_bytes_max = 1u << 20;

/// Of its results: the longest answer there is takes a twentieth of it.
constexpr std::size_t results_bytes_max = 32u << 20;

/// For the answer to a request that makes a batch: cut off, the batch is lost, and made and paid again.
constexpr auto making_patience = 5s;

/// Nobody says the same again to a batch that has ended.
constexpr int no_more = std::numeric_limits<int>::max();

constexpr std::size_t request_id_bytes_max = 100;

} // namespace

batch_attempt::batch_attempt(std::shared_ptr<services> x, const claimed_ticket& ticket, claude_payload payload,
                             attempt_files files, on_outcome done, on_throttled throttled)
  : services_(std::move(x)), ticket_(ticket), payload_(std::move(payload)), end_(std::move(done)),
    throttled_(std::move(throttled)), spending_(services_->values.prices, payload_.limits, billing::in_batch),
    files_(std::move(files)),
    transcript_(services_->values.output_head_bytes, services_->values.output_tail_bytes, services_->values.redactor,
                output_file{files_.output_file(), services_->values.output_file_bytes_max}) {}

/// A step is taken only while somebody still holds the attempt.
void batch_attempt::post(std::function<void()> task) {
  services_->thread.post([me = weak_from_this(), task = std::move(task)] {
    if (auto self = me.lock())
      task();
  });
}

void batch_attempt::begin(caf::timespan timeout) {
  if (timeout.count() > 0)
    services_->client.after(std::chrono::ceil<std::chrono::milliseconds>(timeout), [me = weak_from_this()] {
      if (auto self = me.lock())
        self->post(
          [x = self.get()] { x->end_early(outcome_class::timeout, "it wasn't done within the attempt's timeout"); });
    });
  post([this] { start(); });
}

void batch_attempt::stop() {
  post([this] {
    if (step_ != step::make || !call_)
      return end_early(outcome_class::released, "stopped");
    services_->client.after(making_patience, [me = weak_from_this()] {
      if (auto self = me.lock())
        self->kill();
    });
  });
}

void batch_attempt::kill() {
  post([this] { end_early(outcome_class::released, "stopped"); });
}

void batch_attempt::forget() {
  end_.forget();
  services_->thread.post([self = shared_from_this()] { self->end_early(outcome_class::released, ""); });
}

void batch_attempt::start() {
  auto key = read_api_key(services_->values);
  if (!key)
    return end(outcome_class::auth, render(key.error()));
  api_key_ = std::move(*key);
  route_.credential = credential_ = credential_hash(api_key_);
  if (ticket_.continuation.empty())
    return make();
  auto kept = read_kept_batch(ticket_.continuation);
  if (!kept)
    return end(outcome_class::permanent,
               "the batch that it waits for can't be found: what was kept of it " + render(kept.error()));
  batch_ = std::move(*kept);
  send(step::look);
}

void batch_attempt::make() {
  const auto texts = first_texts(payload_.prompt, ticket_.last_failure, ticket_.attempt, ticket_.attempts_max);
  std::string prompt;
  for (const auto& text : texts)
    prompt += text;
  batch_.prompt_hash = prompt_hash(prompt);
  if (const auto repetition = describe_repetition(ticket_, batch_.prompt_hash); !repetition.empty())
    return end(outcome_class::review, repetition);
  batch_.model = payload_.model.empty() ? services_->values.model : payload_.model;
  if (const auto priced = check_have_prices(services_->values.prices, payload_.models, today()); !priced)
    return end(outcome_class::permanent, render(priced.error()));
  conversation asked{profile_of(payload_, batch_.model, payload_.max_tokens)};
  if (auto added = asked.append_user({}, texts); !added)
    return end(outcome_class::permanent, render(added.error()));
  const auto reserved = spending_.reserve(batch_.model, asked.request_body().size(), payload_.max_tokens, today());
  if (!reserved)
    return end(code_of(reserved.error()) == errc::not_found ? outcome_class::permanent : outcome_class::content,
               render(reserved.error()));
  asked.set_max_tokens(reserved->max_tokens);
  batch_.request_id = request_id_of(ticket_);
  batch_.credential = credential_;
  batch_.max_tokens = reserved->max_tokens;
  batch_.prompt_tokens = prompt_tokens(reserved->usage);
  body_ = batch_body(batch_.request_id, asked.request());
  send(step::make);
}

void batch_attempt::send(step next) {
  if (is_ending_)
    return;
  step_ = next;
  const std::string path = "/v1/messages/batches";
  // Never where an answer says: the key goes with it.
  auto request = api_request(services_->values, api_key_,
                             next == step::make   ? path
                             : next == step::look ? path + "/" + batch_.id
                                                  : path + "/" + batch_.id + "/results");
  if (next == step::make) {
    request.method = "POST";
    request.body = body_;
  }
  auto body = std::make_shared<std::string>();
  const auto most = next == step::fetch ? results_bytes_max : state_bytes_max;
  call_ = services_->client.start(
    std::move(request),
    [body, most, work = work_](int status, std::string_view bytes) {
      ++*work;
      body->append(bytes);
      return body->size() <= (status == good_status ? most : state_bytes_max) ? reception::go_on : reception::refuse;
    },
    [me = weak_from_this(), body](http_end x) {
      if (auto self = me.lock())
        self->post([y = self.get(), x = std::move(x), body] { y->on_answer(x, std::move(*body)); });
    });
}

void batch_attempt::on_answer(http_end x, std::string body) {
  if (is_ending_)
    return;
  call_.reset();
  ++*work_;
  if (auto id = header_of(x, "request-id"); !id.empty() && id.size() <= request_id_bytes_max)
    request_ids_.push_back(std::move(id));
  if (x.failure == http_failure_kind::refused_by_caller && x.status == good_status)
    return end(outcome_class::content, "the answer about its batch is longer than "
                                         + std::to_string(step_ == step::fetch ? results_bytes_max : state_bytes_max)
                                         + " bytes");
  if (x.failure != http_failure_kind::none && x.failure != http_failure_kind::refused_by_caller)
    return fail(transport_failure{transport_error_of(x.failure)}, x.sentence, true);
  if (x.status != good_status) {
    const auto error = parse_api_error(body);
    const auto sentence = "answered " + std::to_string(x.status) + (error.type.empty() ? "" : " " + error.type)
                          + (error.message.empty() ? "" : ": " + cap_text(error.message, said));
    // Another key of the same organisation sees it, too; one of somebody else never does.
    if (x.status == 404 && step_ != step::make && batch_.credential != credential_)
      return end(outcome_class::auth, sentence + "; the batch was made with another key, whose node must look");
    http_failure failure{x.status,
                         std::move(body),
                         header_of(x, "retry-after"),
                         header_of(x, "retry-after-ms"),
                         header_of(x, "x-should-retry"),
                         {}};
    failure.request.to_model = false;
    return fail(failure, sentence, true);
  }
  retries_ = 0;
  route_.news = route_news::answered;
  if (step_ == step::fetch)
    return on_results(body);
  on_state(x, body);
}

void batch_attempt::on_state(const http_end& x, const std::string& body) {
  const auto state = read_batch_state(body);
  // One that was made and can't be found again is paid for: its like mustn't be made without end.
  if (!state && step_ == step::make)
    return end(outcome_class::content, "the answer to its batch " + render(state.error()));
  if (!state)
    return fail(http_failure{x.status, body, {}, {}, {}, {}}, "the answer about its batch " + render(state.error()),
                true);
  if (step_ == step::make)
    batch_.id = state->id;
  else if (state->status == "ended")
    return send(step::fetch);
  else
    ++batch_.looks;
  wait(x, state->status);
}

/// Without a worker, until somebody looks again.
void batch_attempt::wait(const http_end& last, const std::string& status) {
  const auto asked = parse_retry_after(header_of(last, "retry-after-ms"), header_of(last, "retry-after"),
                                       std::chrono::system_clock::now());
  outcome x;
  x.end = outcome_class::waiting;
  x.evidence = "its batch " + batch_.id + " is " + cap_text(status, said);
  x.retry_after = std::max(look_after(batch_.looks), asked.value_or(0ms));
  x.details = to_json(batch_);
  is_ending_ = true;
  deliver(std::move(x));
}

void batch_attempt::on_results(const std::string& body) {
  const auto found = find_batch_result(body, batch_.request_id);
  if (!found)
    return end(outcome_class::content, "its result in the batch " + batch_.id + " " + render(found.error()));
  if (const auto* message = std::get_if<streamed_message>(&*found))
    return on_message(*message);
  if (const auto* error = std::get_if<api_error>(&*found))
    return on_error(*error);
  const auto loss = std::get<batch_loss>(*found);
  fail(loss,
       loss.kind == batch_loss_kind::missing
         ? "the results of its batch " + batch_.id + " have none for " + batch_.request_id
       : loss.kind == batch_loss_kind::expired ? "its batch " + batch_.id + " wasn't begun within a day"
                                               : "its batch " + batch_.id + " was canceled",
       false);
}

void batch_attempt::on_error(const api_error& x) {
  stream_failure failure;
  failure.ending = stream_ending::error_event;
  failure.error = x;
  fail(failure,
       "its batch met " + (x.type.empty() ? "an error without a type" : cap_text(x.type, said))
         + (x.message.empty() ? "" : ": " + cap_text(x.message, said)),
       false);
}

void batch_attempt::on_message(const streamed_message& x) {
  reservation reserved{batch_.model, batch_.max_tokens, {}};
  reserved.usage.cache_write_5m = batch_.prompt_tokens;
  reserved.usage.output = batch_.max_tokens;
  spending_.charge(reserved, x, today());
  transcript_.note(1, x);
  model_stop stop;
  stop.reason = x.stop_reason;
  stop.content_empty = is_empty_answer(content_of(x));
  stop.answered = no_more;
  const auto v = classify(stop, std::chrono::system_clock::now());
  if (v.action == verdict_action::ask_human)
    return end(outcome_class::review, describe_stop(x) + " (row " + v.row + ")");
  if (v.action != verdict_action::verify) // going on is no end of a single turn
    return end(outcome_class::content, describe_stop(x) + " (row " + v.row + ")");
  auto answer = final_answer(x, payload_.schema);
  if (!answer)
    return end(outcome_class::content,
               "its final answer isn't what the schema asks for: it " + render(answer.error()) + " (row 31)");
  if (!is_short_enough(*answer))
    return end(outcome_class::content, "it answered with a result larger than a mebibyte");
  result_ = std::move(*answer);
  end(outcome_class::completed, "it answered in the batch " + batch_.id);
}

/// @param in_place whether the same may be asked again; else the next claim makes another batch, if the ticket goes on.
void batch_attempt::fail(const outside_signal& what, const std::string& sentence, bool in_place) {
  const auto v = classify(what, std::chrono::system_clock::now(), in_place ? retries_ : no_more);
  const auto news = report_of(v, credential_);
  if (v.action == verdict_action::retry_in_place) {
    ++retries_;
    if (news.news == route_news::throttled)
      throttled_(ticket_.claim, news);
    return services_->client.after(jittered(v, random_), [me = weak_from_this()] {
      if (auto self = me.lock())
        self->post([y = self.get()] { y->send(y->step_); });
    });
  }
  route_ = news;
  begins_anew_ = !in_place;
  end(v.end, sentence + " (row " + v.row + ")", v.wait);
}

void batch_attempt::end(outcome_class kind, const std::string& sentence, std::chrono::milliseconds wait) {
  if (std::exchange(is_ending_, true))
    return;
  outcome x;
  x.end = kind;
  x.evidence = sentence;
  x.retry_after = wait;
  x.details = details();
  deliver(std::move(x));
}

void batch_attempt::end_early(outcome_class kind, const std::string& sentence) {
  if (call_)
    services_->client.cancel(*std::exchange(call_, std::nullopt));
  end(kind, sentence);
}

void batch_attempt::deliver(outcome x) {
  x.output_bytes = transcript_.total_bytes();
  x.output = transcript_.take();
  if (transcript_.file_bytes() > 0)
    files_.keep_output(services_->values.outputs_bytes_max);
  files_ = {};
  x.route = route_;
  end_.deliver(std::move(x));
}

std::string batch_attempt::details() const {
  json result{
    {"model", batch_.model}, {"usage", spending_.to_json()}, {"cost_micro_dollars", spending_.cost_micro_dollars()}};
  for (const auto& [name, value] : {std::pair{"batch", &batch_.id}, {"prompt_hash", &batch_.prompt_hash}})
    if (!value->empty())
      result[name] = *value;
  if (!request_ids_.empty())
    result["request_ids"] = request_ids_;
  if (!result_.is_null())
    result["result"] = result_;
  if (begins_anew_)
    result["begins_anew"] = true;
  return result.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace swarm::executors::claude
