#include "messages/error.hpp"
#include "runtime/executors/claude/claude_executor.hpp"
#include "runtime/executors/claude/message_stream.hpp"
#include "runtime/executors/http/http_client.hpp"
#include "tools/swarm/bench_actors_rig.hpp"
#include "tools/swarm/bench_executors_measure.hpp"

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <thread>

namespace swarm::cli {

namespace {

using namespace std::chrono_literals;
using namespace executors;

/// message_start and content_block_start.
constexpr std::int64_t opening_events = 2;

/// No figure hangs on it: what is looked at has happened, and stays.
constexpr auto look_again_after = 10ms;

double cpu_ms() {
  rusage x{};
  getrusage(RUSAGE_SELF, &x);
  auto ms = [](const timeval& t) { return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3; };
  return ms(x.ru_utime) + ms(x.ru_stime);
}

/// Anonymous memory that is really there, in bytes; the heap's free pages are given back before.
double resident_bytes() {
  malloc_trim(0);
  std::ifstream status{"/proc/self/status"};
  for (std::string word; status >> word;)
    if (word == "RssAnon:") {
      double kib = 0;
      status >> kib;
      return kib * 1024;
    }
  return 0;
}

unsigned count_io_threads() {
  unsigned result = 0;
  for (const auto& task : std::filesystem::directory_iterator{"/proc/self/task"}) {
    std::string name;
    std::ifstream{task.path() / "comm"} >> name;
    result += name == http_client_thread_name;
  }
  return result;
}

/// Any two events of all streams are so far apart: never more than 10,000 a second, never more than 500 for one stream.
std::chrono::nanoseconds gap_of(unsigned streams) {
  return std::max<std::chrono::nanoseconds>(100us, 2ms / streams);
}

/// How often something has come about, for a thread that waits.
class tally {
public:
  void add() {
    std::lock_guard guard{mutex_};
    ++count_;
    changed_.notify_one();
  }

  bool comes_to(unsigned count) {
    std::unique_lock lock{mutex_};
    return changed_.wait_for(lock, step_patience, [&] { return count_ >= count; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  unsigned count_ = 0; ///< Guarded.
};

/// Attempts of the real executor, whose streams are open.
class open_attempts {
public:
  open_attempts(const bench_api& api, const std::shared_ptr<http_client>& client) : executor_(client, settings_for(api)) {}

  void open(unsigned count) {
    claimed_ticket ticket;
    ticket.kind = "claude";
    ticket.payload = R"({"prompt": "Write a few words."})";
    for (unsigned i = 0; i < count; ++i)
      running_.push_back(executor_.start(ticket, [this](const outcome& x) {
        x.end == outcome_class::completed ? completed_.add() : failed_.add();
      }));
  }

  /// Whether all streams together come to so many events.
  bool have(std::int64_t events) const {
    for (const auto deadline = std::chrono::steady_clock::now() + step_patience; std::chrono::steady_clock::now() < deadline;) {
      std::int64_t sum = 0;
      for (const auto& x : running_)
        sum += x->progress();
      if (sum >= events)
        return true;
      std::this_thread::sleep_for(look_again_after); // there is no event for this
    }
    return false;
  }

  bool all_complete() { return completed_.comes_to(static_cast<unsigned>(running_.size())); }

private:
  static claude::settings settings_for(const bench_api& api) {
    claude::settings result;
    result.base_url = api.url();
    result.model = "bench";
    result.prices = {{"bench", {}, 0, 1, 1, 1, 1, 1}};
    return result;
  }

  claude::claude_executor executor_;
  tally completed_, failed_;
  std::vector<std::unique_ptr<execution>> running_;
};

/// Pays for what the first stream sets up for all that follow.
bool warm_up(const bench_api& api, const std::shared_ptr<http_client>& client) {
  open_attempts one{api, client};
  one.open(1);
  const auto is_open = one.have(opening_events);
  api.finish();
  return is_open && one.all_complete();
}

caf::error measure_attempts(const bench_api& api, unsigned events, stream_figures& result) {
  auto client = std::make_shared<http_client>();
  if (!warm_up(api, client))
    return not_measured("a stream didn't open");
  open_attempts all{api, client};
  const auto before = resident_bytes();
  all.open(result.streams);
  if (!all.have(opening_events * result.streams))
    return not_measured("of " + std::to_string(result.streams) + " streams not all have opened");
  const auto cpu_before = cpu_ms();
  api.play(events, gap_of(result.streams));
  const auto sent = static_cast<std::int64_t>(events) * result.streams;
  if (!all.have(opening_events * result.streams + sent))
    return not_measured("not all events have come");
  result.cpu_ms_per_1000_events = (cpu_ms() - cpu_before) * 1'000 / static_cast<double>(sent);
  result.io_threads = count_io_threads();
  result.memory_bytes = (resident_bytes() - before) / result.streams;
  api.finish();
  return all.all_complete() ? caf::error{} : not_measured("not all attempts have completed");
}

/// A stream's events, and how long each was on its way. All on the client's thread.
class listener {
public:
  explicit listener(std::vector<double>& delays_us, tally& opened) : delays_us_(delays_us), opened_(opened) {}

  reception take(std::string_view bytes) {
    if (!parser_.feed(bytes))
      return reception::refuse;
    return message_.message().is_finished ? reception::complete : reception::go_on;
  }

  bool is_whole() const { return message_.message().is_finished; }

private:
  void take(const claude::sse_event& x) {
    if (auto added = message_.add(x); !added)
      return;
    if (const auto written = written_at_ns(x.data); written > 0)
      delays_us_.push_back(static_cast<double>(now_ns() - written) / 1e3);
    else if (x.name == "content_block_start")
      opened_.add();
  }

  std::vector<double>& delays_us_;
  tally& opened_;
  claude::message_stream message_;
  claude::sse_parser parser_{[this](const claude::sse_event& x) { take(x); }};
};

caf::error measure_delays(const bench_api& api, unsigned events, stream_figures& result) {
  std::vector<double> delays_us;
  delays_us.reserve(std::size_t{events} * result.streams);
  tally opened, ended;
  http_client client;
  for (unsigned i = 0; i < result.streams; ++i) {
    http_request request;
    request.method = "POST";
    request.url = api.url() + "/v1/messages";
    request.body = "{}";
    auto x = std::make_shared<listener>(delays_us, opened);
    client.start(std::move(request), [x](int, std::string_view bytes) { return x->take(bytes); },
                 [x, &ended](const http_end&) {
                   if (x->is_whole())
                     ended.add();
                 });
  }
  if (!opened.comes_to(result.streams))
    return not_measured("of " + std::to_string(result.streams) + " streams not all have opened");
  api.play(events, gap_of(result.streams));
  api.finish();
  if (!ended.comes_to(result.streams) || delays_us.size() != std::size_t{events} * result.streams)
    return not_measured("not all events have come");
  result.delay_p50_us = quantile(delays_us, 0.5);
  result.delay_p99_us = quantile(delays_us, 0.99);
  return {};
}

} // namespace

caf::expected<stream_figures> measure_streams(const bench_api& api, unsigned streams, unsigned events) {
  stream_figures result;
  result.streams = streams;
  // A few streams have more of them each, or their p99 would be one event's.
  constexpr unsigned streams_enough = 20;
  events *= std::max(1u, streams_enough / streams);
  if (auto failure = measure_attempts(api, events, result))
    return failure;
  if (auto failure = measure_delays(api, events, result))
    return failure;
  return result;
}

} // namespace swarm::cli
