#include "runtime/executors/claude/api_call.hpp"

#include "messages/error.hpp"
#include "runtime/executors/http/http_signal.hpp"

#include <utility>

namespace swarm::executors::claude {

namespace {

/// What is kept of a body that isn't a stream. Longer ones are no errors of the API.
constexpr std::size_t body_bytes_max = 64u << 10;

constexpr int streaming_status = 200;

/// Of one exchange; lives on the client's thread.
class receiver {
public:
  receiver(work_counter work, std::function<void(api_answer)> done) : work_(std::move(work)), done_(std::move(done)) {}

  reception take(int status, std::string_view bytes) {
    if (status != streaming_status) {
      answer_.body.append(bytes.substr(0, body_bytes_max - answer_.body.size()));
      return answer_.body.size() < body_bytes_max ? reception::go_on : reception::refuse;
    }
    if (auto fed = parser_.feed(bytes); !fed && answer_.fault.empty())
      answer_.fault = render(fed.error());
    if (!answer_.fault.empty())
      return reception::refuse;
    // Whoever keeps the connection open behind a message keeps nobody waiting.
    return stream_.message().is_finished || stream_.message().error ? reception::complete : reception::go_on;
  }

  void end(http_end x) {
    ++*work_;
    answer_.end = std::move(x);
    answer_.is_acceptable = answer_.fault.empty() && stream_.is_acceptable();
    answer_.message = stream_.take();
    done_(std::move(answer_));
  }

private:
  void take(const sse_event& event) {
    if (event.name != "ping")
      ++*work_;
    if (auto added = stream_.add(event); !added)
      answer_.fault = render(added.error());
  }

  work_counter work_;
  std::function<void(api_answer)> done_;
  api_answer answer_;
  message_stream stream_;
  sse_parser parser_{[this](const sse_event& x) { take(x); }};
};

bool is_timeout(http_failure_kind x) {
  return x == http_failure_kind::idle_timeout || x == http_failure_kind::first_byte_timeout;
}

} // namespace

http_request api_request(const settings& x, const std::string& api_key, const std::string& path) {
  http_request result;
  result.url = x.base_url + path;
  result.headers = {"Content-Type: application/json", "anthropic-version: " + x.version};
  if (!api_key.empty())
    result.headers.push_back("x-api-key: " + api_key);
  result.first_byte_timeout = x.first_byte_timeout;
  result.idle_timeout = x.idle_timeout;
  return result;
}

http_client::exchange_id call_api(http_client& client, const settings& x, const std::string& api_key, std::string body,
                                  work_counter work, std::function<void(api_answer)> done) {
  auto request = api_request(x, api_key, "/v1/messages");
  request.method = "POST";
  request.body = std::move(body);
  auto reader = std::make_shared<receiver>(std::move(work), std::move(done));
  return client.start(
    std::move(request), [reader](int status, std::string_view bytes) { return reader->take(status, bytes); },
    [reader](http_end end) { reader->end(std::move(end)); });
}

std::optional<outside_signal> failure_of(const api_answer& x, int timeouts_before) {
  const auto status = x.end.status;
  const request_facts request{.timeouts_before = timeouts_before};
  if (status == 0)
    return transport_failure{transport_error_of(x.end.failure)};
  if (status != streaming_status)
    return http_failure{status, x.body, header_of(x.end, "retry-after"), header_of(x.end, "retry-after-ms"),
                        header_of(x.end, "x-should-retry"), request};
  if (x.is_acceptable)
    return std::nullopt;
  stream_failure result;
  result.request = request;
  result.anything_complete = has_complete_work(x.message);
  if (x.message.error) {
    result.ending = stream_ending::error_event;
    result.error = *x.message.error;
  } else if (is_timeout(x.end.failure)) {
    result.ending = stream_ending::idle;
  }
  return result;
}

std::string describe_failure(const api_answer& x) {
  const auto with_message = [](std::string what, const api_error& error) {
    constexpr std::size_t shown_bytes_max = 400;
    if (!error.type.empty())
      what += " " + error.type;
    return error.message.empty() ? what : what + ": " + error.message.substr(0, shown_bytes_max);
  };
  if (x.end.status == 0)
    return x.end.sentence;
  if (x.end.status != streaming_status)
    return with_message("answered " + std::to_string(x.end.status), parse_api_error(x.body));
  if (x.message.error)
    return with_message("the stream ended with an error", *x.message.error);
  if (!x.fault.empty())
    return x.fault;
  return "the stream broke off" + (x.end.sentence.empty() ? "" : ": " + x.end.sentence);
}

} // namespace swarm::executors::claude
