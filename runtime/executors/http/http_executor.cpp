#include "runtime/executors/http/http_executor.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "messages/http_payload.hpp"
#include "runtime/executors/classify/classify.hpp"
#include "runtime/executors/http/http_signal.hpp"
#include "runtime/executors/http/http_wait.hpp"
#include "runtime/executors/one_outcome.hpp"
#include "runtime/executors/refuse.hpp"
#include "runtime/executors/route_report.hpp"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <random>

namespace swarm::executors {

using namespace std::chrono_literals;

namespace {

using nlohmann::json;

/// For a request whose answer may be a promise: cut off, the promise is lost, and the request is sent again.
constexpr auto promise_patience = 5s;

/// For a look, which can be repeated: a server that says nothing must not use up the clock of the whole attempt.
constexpr auto look_patience = 60s;

/// One attempt. Kept alive by its own callbacks, so that nothing of it is touched when it is gone.
class http_attempt : public std::enable_shared_from_this<http_attempt> {
public:
  /// @param look_at Where to look for what was promised to an earlier claim; empty: nothing was.
  http_attempt(std::shared_ptr<http_client> client, http_payload payload, std::string look_at, on_outcome done,
               std::function<void(const route_report&)> throttled)
    : client_(std::move(client)),
      payload_(std::move(payload)),
      look_at_(std::move(look_at)),
      method_(look_at_.empty() ? payload_.method : "GET"),
      end_(std::move(done)),
      throttled_(std::move(throttled)) {}

  void begin(caf::timespan timeout) {
    if (timeout.count() > 0)
      client_->after(std::chrono::ceil<std::chrono::milliseconds>(timeout), [me = weak_from_this()] {
        if (auto self = me.lock())
          self->end_with(outcome_class::timeout, "no answer within the attempt's timeout");
      });
    send();
  }

  /// Nothing more is sent or received.
  void end_with(outcome_class end, const std::string& sentence) {
    end_.deliver(end, subject() + ": " + sentence);
    cancel();
  }

  void stop() {
    if (!payload_.wait || looks())
      return end_with(outcome_class::released, "stopped");
    client_->after(promise_patience, [me = weak_from_this()] {
      if (auto self = me.lock())
        self->end_with(outcome_class::released, "stopped");
    });
  }

  void forget() {
    end_.forget();
    cancel();
  }

  std::int64_t progress() const { return progress_; }

private:
  bool looks() const { return !look_at_.empty(); }
  const std::string& url() const { return looks() ? look_at_ : payload_.url; }

  /// Without what may be secret in a URL: who asks, and the query.
  std::string subject() const {
    auto url = this->url().substr(0, this->url().find_first_of("?#"));
    auto host = url.find("//") + 2;
    auto user = url.substr(0, url.find('/', host)).rfind('@');
    if (user != std::string::npos)
      url.erase(host, user + 1 - host);
    return method_ + " " + url;
  }

  void cancel() {
    std::optional<http_client::exchange_id> current;
    {
      std::lock_guard guard{mutex_};
      is_over_ = true;
      current.swap(exchange_);
    }
    if (current)
      client_->cancel(*current);
  }

  void send() {
    http_request request;
    request.method = method_;
    request.url = url();
    if (looks())
      request.first_byte_timeout = request.idle_timeout = look_patience;
    else
      request.body = payload_.body;
    for (auto& x : payload_.headers) {
      const char* variable = x.is_variable ? std::getenv(x.value.c_str()) : nullptr;
      if (x.is_variable && variable == nullptr)
        return end_.deliver(outcome_class::auth, subject() + ": the node's environment has no variable " + x.value
                                                   + ", which the header " + x.name + " needs");
      request.headers.push_back(x.name + ": " + (x.is_variable ? variable : x.value));
      if (x.is_variable && credential_.empty())
        credential_ = credential_hash(variable);
    }
    body_.clear();
    std::lock_guard guard{mutex_};
    if (is_over_)
      return;
    auto me = shared_from_this();
    exchange_ = client_->start(std::move(request), [me](int, std::string_view x) { return me->take(x); },
                               [me](http_end x) { me->on_end(x); });
  }

  reception take(std::string_view bytes) {
    progress_ += static_cast<std::int64_t>(bytes.size());
    body_.append(bytes);
    return body_.size() <= payload_.response_bytes_max ? reception::go_on : reception::refuse;
  }

  void on_end(const http_end& x) {
    ++progress_;
    if (x.failure == http_failure_kind::refused_by_caller)
      return end_.deliver(outcome_class::content, subject() + ": the answer is longer than "
                                                    + std::to_string(payload_.response_bytes_max) + " bytes");
    if (x.failure == http_failure_kind::bad_request)
      return end_.deliver(outcome_class::permanent, subject() + ": " + x.sentence);
    if (x.failure != http_failure_kind::none)
      return fail(transport_failure{transport_error_of(x.failure)}, x.sentence);
    if (payload_.wait && (looks() ? is_expected(x.status) || is_promise(x.status) : is_promise(x.status)))
      return looks() ? on_look(x) : on_promise(x);
    if (is_expected(x.status))
      return succeed(x.status);
    http_failure failure{x.status, body_, header_of(x, "retry-after"), header_of(x, "retry-after-ms"),
                         header_of(x, "x-should-retry"), {}};
    failure.request.to_model = failure.request.streaming = false;
    if (x.status < 400)
      return deliver(outcome_class::content, "answered " + std::to_string(x.status), {});
    fail(failure, "answered " + std::to_string(x.status));
  }

  bool is_expected(int status) const {
    if (payload_.expect.empty())
      return status >= 200 && status <= 299;
    return std::find(payload_.expect.begin(), payload_.expect.end(), status) != payload_.expect.end();
  }

  bool is_promise(int status) const {
    auto& all = payload_.wait->accepted;
    return std::find(all.begin(), all.end(), status) != all.end();
  }

  /// The request was taken, and its answer comes later.
  void on_promise(const http_end& x) {
    auto found = where_to_look(payload_, body_, header_of(x, "location"));
    if (!found)
      return deliver(outcome_class::content,
                     "answered " + std::to_string(x.status) + ", and that " + render(found.error()), {});
    wait(x, std::move(*found), "answered " + std::to_string(x.status));
  }

  void on_look(const http_end& x) {
    const auto seen = judge_look(*payload_.wait, is_promise(x.status), body_);
    const auto sentence = "answered " + std::to_string(x.status)
                          + (seen.sentence.empty() ? "" : ", and " + seen.sentence);
    switch (seen.what) {
      case look_result::kind::waits: return wait(x, look_at_, sentence);
      case look_result::kind::done: return succeed(x.status);
      default: return deliver(outcome_class::content, sentence, {});
    }
  }

  /// Without a worker, until somebody looks again.
  void wait(const http_end& last, std::string look_at, const std::string& sentence) {
    const auto asked = parse_retry_after(header_of(last, "retry-after-ms"), header_of(last, "retry-after"),
                                         std::chrono::system_clock::now());
    outcome x;
    x.end = outcome_class::waiting;
    x.evidence = subject() + ": " + sentence;
    x.retry_after = std::max(payload_.wait->interval, asked.value_or(0ms));
    x.details = json{{"look_at", std::move(look_at)}}.dump();
    x.route.news = route_news::answered;
    x.route.credential = credential_;
    end_.deliver(std::move(x));
  }

  void succeed(int status) {
    auto sentence = "answered " + std::to_string(status);
    if (!payload_.has_result)
      return deliver(outcome_class::completed, sentence, {});
    auto answer = read_foreign_json(body_);
    if (!answer)
      return deliver(outcome_class::content, sentence + ", and that " + render(answer.error()), {});
    json::json_pointer pointer{payload_.result};
    if (!answer->contains(pointer))
      return deliver(outcome_class::content, sentence + ", and that has no " + payload_.result, {});
    deliver(outcome_class::completed, sentence, json{{"result", answer->at(pointer)}}.dump());
  }

  /// Again in a moment, or the end.
  void fail(const outside_signal& what, const std::string& sentence) {
    auto verdict = classify(what, std::chrono::system_clock::now(), retries_);
    if (verdict.action == verdict_action::retry_in_place) {
      ++retries_;
      if (auto news = report(verdict); news.news == route_news::throttled)
        throttled_(news);
      return client_->after(jittered(verdict, random_), [me = weak_from_this()] {
        if (auto self = me.lock())
          self->send();
      });
    }
    outcome x;
    x.end = verdict.end;
    x.evidence = subject() + ": " + sentence + " (row " + verdict.row + ")";
    x.retry_after = verdict.wait;
    x.route = report(verdict);
    x.output = body_;
    x.output_bytes = body_.size();
    end_.deliver(std::move(x));
  }

  /// A secret is tied to a place, and what is forbidden there to one resource: nothing is said about other places, and
  /// nothing for everybody because of a request that brought no secret. What is wrong with a request is the ticket's affair.
  route_report report(const verdict& x) const {
    if (x.opens_breaker && x.scope == verdict_scope::credential_and_model)
      return {};
    auto result = report_of(x, credential_);
    result.whole_kind = false;
    if (result.news == route_news::refused)
      result.news = route_news::answered;
    return result;
  }

  void deliver(outcome_class end, const std::string& sentence, std::string details) {
    outcome x;
    x.end = end;
    x.evidence = subject() + ": " + sentence;
    x.details = std::move(details);
    x.route.news = route_news::answered;
    x.route.credential = credential_;
    x.output = body_;
    x.output_bytes = body_.size();
    end_.deliver(std::move(x));
  }

  std::shared_ptr<http_client> client_;
  const http_payload payload_;
  const std::string look_at_;
  const std::string method_;
  one_outcome end_;
  const std::function<void(const route_report&)> throttled_;
  std::atomic<std::int64_t> progress_{0};
  std::mutex mutex_;
  std::optional<http_client::exchange_id> exchange_; ///< Guarded.
  bool is_over_ = false;                             ///< Guarded.
  // The client's thread's own.
  std::string body_;
  std::string credential_; ///< The hash of the first secret that is sent.
  int retries_ = 0;
  std::minstd_rand random_{std::random_device{}()};
};

class http_execution : public execution {
public:
  explicit http_execution(std::shared_ptr<http_attempt> attempt) : attempt_(std::move(attempt)) {}
  ~http_execution() override { attempt_->forget(); }
  std::int64_t progress() const override { return attempt_->progress(); }
  void stop() override { attempt_->stop(); }
  void kill() override { attempt_->end_with(outcome_class::released, "stopped"); }

private:
  std::shared_ptr<http_attempt> attempt_;
};

/// What `wait` left for this claim.
std::string read_continuation(const std::string& text) {
  const auto found = read_foreign_json(text);
  if (!found || !found->is_object() || !found->contains("look_at") || !found->at("look_at").is_string())
    return {};
  return found->at("look_at").get<std::string>();
}

} // namespace

std::unique_ptr<execution> http_executor::start(const claimed_ticket& ticket, on_outcome done) {
  auto payload = parse_http_payload(ticket.payload);
  if (!payload)
    return refuse(std::move(done), outcome_class::permanent, "the ticket's payload can't be read: " + render(payload.error()));
  auto look_at = read_continuation(ticket.continuation);
  if (!ticket.continuation.empty() && (look_at.empty() || !payload->wait))
    return refuse(std::move(done), outcome_class::permanent, "where to look for its answer can't be read");
  auto throttled = [tell = throttled_, claim = ticket.claim](const route_report& x) { tell(claim, x); };
  auto attempt = std::make_shared<http_attempt>(client_, std::move(*payload), std::move(look_at), std::move(done),
                                                std::move(throttled));
  attempt->begin(ticket.timeout);
  return std::make_unique<http_execution>(std::move(attempt));
}

std::vector<std::string> http_executor::credentials() const {
  return hashes_of_secret_variables();
}

} // namespace swarm::executors
