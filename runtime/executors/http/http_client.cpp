#include "runtime/executors/http/http_client.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <strings.h>
#include <thread>
#include <utility>

namespace swarm::executors {

using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;
using exchange_id = http_client::exchange_id;

bool header_order::operator()(const std::string& a, const std::string& b) const {
  return strcasecmp(a.c_str(), b.c_str()) < 0;
}

namespace {

/// An answer's head is small; what is longer is somebody's attack on our memory.
constexpr std::size_t headers_bytes_max = 256u << 10;

/// For the other side to end an answer that is complete.
constexpr auto linger = 250ms;

struct curl_list_free {
  void operator()(curl_slist* x) const { curl_slist_free_all(x); }
};

struct curl_easy_free {
  void operator()(CURL* x) const { curl_easy_cleanup(x); }
};

/// One request and its answer.
struct exchange {
  http_request request;
  http_client::on_bytes bytes;
  http_client::on_end end;
  http_end result;
  std::unique_ptr<curl_slist, curl_list_free> headers;
  std::unique_ptr<CURL, curl_easy_free> easy;
  char error[CURL_ERROR_SIZE] = "";
  std::size_t headers_bytes = 0;
  clock_type::time_point last_byte = clock_type::now();
  bool has_answered = false;
  bool is_refused = false;

  /// When it has been silent for too long; nothing while there is no limit.
  std::optional<clock_type::time_point> silent_at() const {
    auto limit = has_answered ? request.idle_timeout : request.first_byte_timeout;
    return limit > 0ms ? std::optional{last_byte + limit} : std::nullopt;
  }
};

int status_of(CURL* easy) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

std::size_t take_bytes(char* data, std::size_t size, std::size_t count, void* context) {
  auto& x = *static_cast<exchange*>(context);
  x.last_byte = clock_type::now();
  x.has_answered = true;
  const auto wanted = x.bytes(status_of(x.easy.get()), {data, size * count});
  if (wanted == reception::complete)
    x.request.idle_timeout = linger;
  x.is_refused = wanted == reception::refuse;
  return x.is_refused ? 0 : size * count;
}

std::size_t take_header(char* data, std::size_t size, std::size_t count, void* context) {
  auto& x = *static_cast<exchange*>(context);
  std::string_view line{data, size * count};
  x.last_byte = clock_type::now();
  x.has_answered = true;
  x.headers_bytes += line.size();
  if (x.headers_bytes > headers_bytes_max)
    return 0;
  if (line.starts_with("HTTP/"))
    x.result.headers.clear(); // an interim answer was before it
  auto colon = line.find(':');
  if (colon == std::string_view::npos)
    return size * count;
  auto value = line.substr(colon + 1);
  auto begin = value.find_first_not_of(" \t");
  auto end = value.find_last_not_of(" \t\r\n");
  x.result.headers[std::string{line.substr(0, colon)}] =
    begin == std::string_view::npos ? std::string{} : std::string{value.substr(begin, end - begin + 1)};
  return size * count;
}

http_failure_kind kind_of(CURLcode code, bool is_refused) {
  switch (code) {
    case CURLE_OK: return http_failure_kind::none;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT: return http_failure_kind::bad_request;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT: return http_failure_kind::connect; // the only timeout that libcurl watches for us
    case CURLE_SSL_CONNECT_ERROR: return http_failure_kind::tls_handshake;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: return http_failure_kind::tls_certificate;
    case CURLE_WRITE_ERROR: return is_refused ? http_failure_kind::refused_by_caller : http_failure_kind::reset;
    default: return http_failure_kind::reset;
  }
}

/// False when libcurl doesn't take it.
bool prepare(exchange& x) {
  auto* easy = x.easy.get();
  bool taken = true;
  auto set = [&](CURLoption option, auto value) { taken = taken && curl_easy_setopt(easy, option, value) == CURLE_OK; };
  curl_slist* headers = nullptr;
  for (auto& line : x.request.headers)
    headers = curl_slist_append(headers, line.c_str());
  headers = curl_slist_append(headers, "Expect:"); // it costs a round trip, and few servers know it
  x.headers.reset(headers);
  set(CURLOPT_URL, x.request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(x.request.connect_timeout.count()));
  set(CURLOPT_TCP_KEEPALIVE, 1L);
  set(CURLOPT_ERRORBUFFER, x.error);
  set(CURLOPT_WRITEFUNCTION, &take_bytes);
  set(CURLOPT_WRITEDATA, &x);
  set(CURLOPT_HEADERFUNCTION, &take_header);
  set(CURLOPT_HEADERDATA, &x);
  set(CURLOPT_PRIVATE, &x);
  if (!x.request.body.empty() || x.request.method == "POST") {
    set(CURLOPT_POSTFIELDS, x.request.body.data());
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(x.request.body.size()));
  }
  if (x.request.method == "HEAD")
    set(CURLOPT_NOBODY, 1L);
  else
    set(CURLOPT_CUSTOMREQUEST, x.request.method.c_str());
  set(CURLOPT_HTTPHEADER, x.headers.get());
  return taken;
}

} // namespace

struct http_client::impl {
  impl() : multi(curl_multi_init()) {
    if (multi == nullptr)
      throw std::runtime_error("libcurl can't be set up");
    thread = std::thread{[this] { run(); }};
  }

  ~impl() {
    {
      std::lock_guard guard{mutex};
      is_ending = true;
    }
    curl_multi_wakeup(multi);
    thread.join();
    for (auto& [id, x] : exchanges)
      curl_multi_remove_handle(multi, x->easy.get());
    exchanges.clear();
    curl_multi_cleanup(multi);
  }

  void post(std::function<void()> what) {
    {
      std::lock_guard guard{mutex};
      posted.push_back(std::move(what));
    }
    curl_multi_wakeup(multi);
  }

  void run() {
    for (;;) {
      std::vector<std::function<void()>> todo;
      {
        std::lock_guard guard{mutex};
        if (is_ending)
          return;
        todo.swap(posted);
      }
      for (auto& f : todo)
        f();
      ring();
      int running = 0;
      curl_multi_perform(multi, &running);
      collect();
      end_silent();
      curl_multi_poll(multi, nullptr, 0, patience(), nullptr);
    }
  }

  /// Milliseconds until something is due that no socket tells.
  int patience() const {
    std::optional<clock_type::time_point> next;
    auto consider = [&](std::optional<clock_type::time_point> x) {
      if (x && (!next || *x < *next))
        next = x;
    };
    for (auto& [id, x] : exchanges)
      consider(x->silent_at());
    if (!alarms.empty())
      consider(alarms.begin()->first);
    if (!next)
      return 60'000;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - clock_type::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, 60'000));
  }

  void ring() {
    while (!alarms.empty() && alarms.begin()->first <= clock_type::now()) {
      auto f = std::move(alarms.begin()->second);
      alarms.erase(alarms.begin());
      f();
    }
  }

  void begin(exchange_id id, http_request request, on_bytes bytes, on_end end) {
    auto x = std::make_unique<exchange>();
    x->request = std::move(request);
    x->bytes = std::move(bytes);
    x->end = std::move(end);
    x->easy.reset(curl_easy_init());
    x->last_byte = clock_type::now();
    if (!x->easy || !prepare(*x) || curl_multi_add_handle(multi, x->easy.get()) != CURLM_OK) {
      http_end refused;
      refused.failure = http_failure_kind::bad_request;
      refused.sentence = "the request can't be sent: its method, URL or headers can't be used";
      return x->end(std::move(refused));
    }
    exchanges.emplace(id, std::move(x));
  }

  void collect() {
    int left = 0;
    while (auto* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE)
        continue;
      auto code = message->data.result;
      exchange* x = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
      auto kind = kind_of(code, x->is_refused);
      finish(*x, kind, kind == http_failure_kind::none ? "" : x->error[0] != '\0' ? x->error : curl_easy_strerror(code));
    }
  }

  void end_silent() {
    auto now = clock_type::now();
    std::vector<exchange*> silent;
    for (auto& [id, x] : exchanges)
      if (auto at = x->silent_at(); at && *at <= now)
        silent.push_back(x.get());
    for (auto* x : silent)
      finish(*x, x->has_answered ? http_failure_kind::idle_timeout : http_failure_kind::first_byte_timeout,
             x->has_answered ? "the answer stopped before its end" : "there was no answer in time");
  }

  void finish(exchange& x, http_failure_kind kind, std::string sentence) {
    auto place = std::find_if(exchanges.begin(), exchanges.end(), [&](auto& e) { return e.second.get() == &x; });
    auto own = std::move(place->second);
    exchanges.erase(place);
    own->result.status = status_of(own->easy.get());
    own->result.failure = kind;
    own->result.sentence = std::move(sentence);
    curl_multi_remove_handle(multi, own->easy.get());
    own->end(std::move(own->result));
  }

  void drop(exchange_id id) {
    auto x = exchanges.find(id);
    if (x == exchanges.end())
      return;
    curl_multi_remove_handle(multi, x->second->easy.get());
    exchanges.erase(x);
  }

  CURLM* multi;
  std::mutex mutex;
  std::vector<std::function<void()>> posted; ///< Guarded.
  bool is_ending = false;                    ///< Guarded.
  exchange_id last_id = 0;                   ///< Guarded.
  // The thread's own.
  std::map<exchange_id, std::unique_ptr<exchange>> exchanges;
  std::multimap<clock_type::time_point, std::function<void()>> alarms;
  std::thread thread;
};

http_client::http_client() {
  static const auto ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK)
    throw std::runtime_error("libcurl can't be set up");
  impl_ = std::make_unique<impl>();
}

http_client::~http_client() = default;

exchange_id http_client::start(http_request request, on_bytes bytes, on_end end) {
  exchange_id id;
  {
    std::lock_guard guard{impl_->mutex};
    id = ++impl_->last_id;
  }
  impl_->post([this, id, r = std::move(request), b = std::move(bytes), e = std::move(end)]() mutable {
    impl_->begin(id, std::move(r), std::move(b), std::move(e));
  });
  return id;
}

void http_client::cancel(exchange_id id) {
  if (std::this_thread::get_id() == impl_->thread.get_id())
    return impl_->post([this, id] { impl_->drop(id); });
  std::mutex mutex;
  std::condition_variable dropped;
  bool is_dropped = false;
  impl_->post([&] {
    impl_->drop(id);
    std::lock_guard guard{mutex};
    is_dropped = true;
    dropped.notify_one();
  });
  std::unique_lock lock{mutex};
  dropped.wait(lock, [&] { return is_dropped; });
}

void http_client::after(std::chrono::milliseconds delay, std::function<void()> what) {
  impl_->post([this, due = clock_type::now() + delay, f = std::move(what)]() mutable {
    impl_->alarms.emplace(due, std::move(f));
  });
}

} // namespace swarm::executors
