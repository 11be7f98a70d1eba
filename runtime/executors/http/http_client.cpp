#include "runtime/executors/http/http_client.hpp"

#include "runtime/executors/http/http_exchange.hpp"

#include <pthread.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <utility>

namespace swarm::executors {

using clock_type = http_exchange::clock_type;
using exchange_id = http_client::exchange_id;

bool header_order::operator()(const std::string& a, const std::string& b) const {
  return strcasecmp(a.c_str(), b.c_str()) < 0;
}

/// libcurl says which sockets it waits for, and is called for those alone that something has happened to: to look at all
/// of a thousand whenever one has news would take a core.
struct http_client::impl {
  impl() : multi(curl_multi_init()), epoll(epoll_create1(EPOLL_CLOEXEC)), wakeup(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (multi == nullptr)
      throw std::runtime_error("libcurl can't be set up");
    if (!watch(EPOLL_CTL_ADD, wakeup, EPOLLIN))
      throw std::system_error(errno, std::generic_category(), "the thread for HTTP can't be set up");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
  }

  ~impl() {
    for (auto& [id, x] : exchanges)
      curl_multi_remove_handle(multi, x->easy.get());
    exchanges.clear();
    curl_multi_cleanup(multi);
    close(wakeup);
    close(epoll);
  }

  void end() {
    {
      std::lock_guard guard{mutex};
      is_ending = true;
    }
    wake();
  }

  void post(std::function<void()> what) {
    {
      std::lock_guard guard{mutex};
      posted.push_back(std::move(what));
    }
    wake();
  }

  void wake() const {
    const std::uint64_t once = 1;
    [[maybe_unused]] const auto count = write(wakeup, &once, sizeof once);
  }

  void run() {
    pthread_setname_np(pthread_self(), http_client_thread_name);
    for (;;) {
      serve_sockets();
      std::vector<std::function<void()>> todo;
      {
        std::lock_guard guard{mutex};
        if (is_ending)
          return;
        todo.swap(posted);
      }
      for (auto& f : todo)
        f();
      if (curl_due && *curl_due <= clock_type::now()) {
        curl_due.reset();
        act(CURL_SOCKET_TIMEOUT, 0);
      }
      collect();
      ring(); // behind the sockets: who has sent something isn't silent
    }
  }

  void serve_sockets() {
    std::array<epoll_event, 1'024> events;
    const auto count = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), patience());
    for (int i = 0; i < count; ++i) {
      const auto& x = events[static_cast<std::size_t>(i)];
      if (x.data.fd == wakeup) {
        std::uint64_t times = 0;
        [[maybe_unused]] const auto size = read(wakeup, &times, sizeof times);
        continue;
      }
      act(x.data.fd, ((x.events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) | ((x.events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0)
                       | ((x.events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0));
    }
  }

  void act(curl_socket_t socket, int what) {
    int running = 0;
    curl_multi_socket_action(multi, socket, what, &running);
  }

  bool watch(int operation, int fd, std::uint32_t what) const {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    return epoll_ctl(epoll, operation, fd, &event) == 0;
  }

  static int on_socket(CURL*, curl_socket_t socket, int what, void* context, void*) {
    auto& self = *static_cast<impl*>(context);
    const std::uint32_t wanted = (what == CURL_POLL_IN || what == CURL_POLL_INOUT ? EPOLLIN : 0u)
                                 | (what == CURL_POLL_OUT || what == CURL_POLL_INOUT ? EPOLLOUT : 0u);
    if (what == CURL_POLL_REMOVE)
      self.watch(EPOLL_CTL_DEL, socket, 0);
    else if (!self.watch(EPOLL_CTL_MOD, socket, wanted) && errno == ENOENT)
      self.watch(EPOLL_CTL_ADD, socket, wanted);
    return 0;
  }

  static int on_timer(CURLM*, long milliseconds, void* context) {
    static_cast<impl*>(context)->curl_due =
      milliseconds < 0 ? std::nullopt : std::optional{clock_type::now() + std::chrono::milliseconds{milliseconds}};
    return 0;
  }

  /// Milliseconds until something is due that no socket tells.
  int patience() const {
    constexpr std::int64_t most = 60'000;
    auto next = curl_due;
    if (!alarms.empty() && (!next || alarms.begin()->first < *next))
      next = alarms.begin()->first;
    if (!next)
      return most;
    auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - clock_type::now()).count();
    return static_cast<int>(std::clamp<std::int64_t>(left, 0, most));
  }

  void ring() {
    while (!alarms.empty() && alarms.begin()->first <= clock_type::now()) {
      auto f = std::move(alarms.begin()->second);
      alarms.erase(alarms.begin());
      f();
    }
  }

  void begin(exchange_id id, http_request request, on_bytes bytes, on_end end) {
    auto x = std::make_unique<http_exchange>();
    x->id = id;
    x->request = std::move(request);
    x->bytes = std::move(bytes);
    x->end = std::move(end);
    x->limit_changed = [this](http_exchange& y) { look_in_time(y); };
    x->easy.reset(curl_easy_init());
    if (!x->easy || !x->prepare() || curl_multi_add_handle(multi, x->easy.get()) != CURLM_OK) {
      http_end refused;
      refused.failure = http_failure_kind::bad_request;
      refused.sentence = "the request can't be sent: its method, URL or headers can't be used";
      return x->end(std::move(refused));
    }
    look_in_time(*exchanges.emplace(id, std::move(x)).first->second);
  }

  /// Once per exchange and limit, and not with each byte: whoever looks too early looks again.
  void look_in_time(http_exchange& x) {
    const auto at = x.silent_at();
    if (!at || (x.looked_at_next && *x.looked_at_next <= *at))
      return;
    x.looked_at_next = at;
    alarms.emplace(*at, [this, id = x.id, due = *at] { look(id, due); });
  }

  void look(exchange_id id, clock_type::time_point due) {
    const auto found = exchanges.find(id);
    if (found == exchanges.end() || found->second->looked_at_next != due)
      return;
    auto& x = *found->second;
    x.looked_at_next.reset();
    if (const auto at = x.silent_at(); !at || *at > clock_type::now())
      return look_in_time(x);
    finish(x, x.has_answered ? http_failure_kind::idle_timeout : http_failure_kind::first_byte_timeout,
           x.has_answered ? "the answer stopped before its end" : "there was no answer in time");
  }

  void collect() {
    int left = 0;
    while (auto* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE)
        continue;
      auto code = message->data.result;
      http_exchange* x = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &x);
      auto kind = kind_of(code, x->is_refused);
      finish(*x, kind, kind == http_failure_kind::none ? "" : x->error[0] != '\0' ? x->error : curl_easy_strerror(code));
    }
  }

  void finish(http_exchange& x, http_failure_kind kind, std::string sentence) {
    auto own = std::move(exchanges.extract(x.id).mapped());
    own->result.status = own->status();
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
  const int epoll;
  const int wakeup;
  std::mutex mutex;
  std::vector<std::function<void()>> posted; ///< Guarded.
  bool is_ending = false;                    ///< Guarded.
  exchange_id last_id = 0;                   ///< Guarded.
  // The thread's own.
  std::unordered_map<exchange_id, std::unique_ptr<http_exchange>> exchanges;
  std::multimap<clock_type::time_point, std::function<void()>> alarms;
  std::optional<clock_type::time_point> curl_due; ///< When libcurl wants to be called, whatever its sockets do.
  std::thread thread;
};

http_client::http_client() {
  static const auto ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  if (ready != CURLE_OK)
    throw std::runtime_error("libcurl can't be set up");
  impl_ = std::make_shared<impl>();
  // Its own share: what it calls may be the last to hold the client, which then can't wait for it.
  impl_->thread = std::thread{[x = impl_] { x->run(); }};
}

http_client::~http_client() {
  impl_->end();
  if (std::this_thread::get_id() == impl_->thread.get_id())
    impl_->thread.detach();
  else
    impl_->thread.join();
}

exchange_id http_client::start(http_request request, on_bytes bytes, on_end end) {
  exchange_id id;
  {
    std::lock_guard guard{impl_->mutex};
    id = ++impl_->last_id;
  }
  impl_->post([x = impl_.get(), id, r = std::move(request), b = std::move(bytes), e = std::move(end)]() mutable {
    x->begin(id, std::move(r), std::move(b), std::move(e));
  });
  return id;
}

void http_client::cancel(exchange_id id) {
  if (std::this_thread::get_id() == impl_->thread.get_id())
    return impl_->post([x = impl_.get(), id] { x->drop(id); });
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
  impl_->post([x = impl_.get(), due = clock_type::now() + delay, f = std::move(what)]() mutable {
    x->alarms.emplace(due, std::move(f));
  });
}

} // namespace swarm::executors
