#define CAF_SUITE store_listener

#include "runtime/store/listener.hpp"
#include "tests/fixtures/desk.hpp"

#include <condition_variable>
#include <mutex>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::test;

namespace {

/// What a listener told, for another thread to wait for.
class inbox {
public:
  void put(std::string text) {
    std::lock_guard guard{mutex_};
    texts_.push_back(std::move(text));
    changed_.notify_all();
  }

  /// Waits until so many have come; all that came until then, with blanks between.
  std::string wait_for(std::size_t count) {
    std::unique_lock guard{mutex_};
    changed_.wait_for(guard, std::chrono::seconds{30}, [&] { return texts_.size() >= count; });
    std::string result;
    for (auto& x : texts_)
      result += (result.empty() ? "" : " ") + x;
    return result;
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> texts_;
};

struct fixture {
  desk d;
  session s = d.open();
  inbox words, losses;

  std::unique_ptr<store::listener> listen() {
    auto settings = d.settings();
    settings.application = "listener";
    return must(store::listener::open(settings, [this](std::string x) { words.put(std::move(x)); },
                                      [this](caf::error x) { losses.put(to_string(code_of(x))); }));
  }
};

} // namespace

CAF_TEST_FIXTURE_SCOPE(store_listener_tests, fixture)

CAF_TEST(a listener hears every word in order) {
  auto ear = listen();
  must(store::notify(s.db, "ready"));
  must(store::notify(s.db, "cancel"));
  CAF_CHECK_EQUAL(words.wait_for(2), "ready cancel");
  must(store::notify(s.db, "ready"));
  CAF_CHECK_EQUAL(words.wait_for(3), "ready cancel ready");
}

CAF_TEST(a word that was not committed is not heard) {
  auto ear = listen();
  must(s.db.script("BEGIN", "begin"));
  must(store::notify(s.db, "never"));
  must(s.db.script("ROLLBACK", "rollback"));
  must(store::notify(s.db, "ready"));
  CAF_CHECK_EQUAL(words.wait_for(1), "ready");
}

CAF_TEST(a listener that lost its connection says so once) {
  auto ear = listen();
  s.ask("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'listener'");
  CAF_CHECK_EQUAL(losses.wait_for(1), "database_unavailable");
  ear.reset();
  CAF_CHECK_EQUAL(losses.wait_for(0), "database_unavailable");
}

CAF_TEST(a listener ends at once and calls nobody after that) {
  auto ear = listen();
  auto begin = std::chrono::steady_clock::now();
  ear.reset();
  CAF_CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds{5});
  must(store::notify(s.db, "ready"));
  CAF_CHECK_EQUAL(words.wait_for(0), "");
  CAF_CHECK_EQUAL(losses.wait_for(0), "");
  CAF_CHECK(eventually([&] {
    return s.ask("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'listener'") == "0";
  }));
}

CAF_TEST(without a database there is no listener) {
  auto settings = d.settings();
  settings.conninfo += " dbname=no_such_database";
  auto ear = store::listener::open(settings, [](std::string) {}, [](caf::error) {});
  CAF_CHECK_EQUAL(failure_of(ear), errc::database_denied);
}

CAF_TEST_FIXTURE_SCOPE_END()
