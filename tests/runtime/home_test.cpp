#define CAF_SUITE runtime_home

#include "runtime/home.hpp"
#include "runtime/home_lock.hpp"
#include "tests/fixtures/forked.hpp"
#include "tests/fixtures/node_home.hpp"
#include "tests/fixtures/scratch_postgres.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <regex>

#include "tests/fixtures/caf_test.hpp"

namespace fs = std::filesystem;

using namespace swarm;
using namespace swarm::runtime;
using test::contains;

namespace {

/// Environment variables for one test; what was there comes back.
class environment {
public:
  environment(std::initializer_list<std::pair<const char*, const char*>> values) {
    for (auto [name, value] : values) {
      const char* before = std::getenv(name);
      before_.emplace_back(name, before ? std::optional<std::string>{before} : std::nullopt);
      set(name, value);
    }
  }

  ~environment() {
    for (auto& [name, value] : before_)
      set(name, value ? value->c_str() : nullptr);
  }

private:
  static void set(const char* name, const char* value) {
    if (value)
      ::setenv(name, value, 1);
    else
      ::unsetenv(name);
  }

  std::vector<std::pair<const char*, std::optional<std::string>>> before_;
};

mode_t mode_of(const fs::path& path) {
  struct stat info {};
  ::stat(path.c_str(), &info);
  return info.st_mode & 07777;
}

std::string resolved() {
  auto result = home::resolve();
  return result ? result->string() : render(result.error());
}

home must_open(const fs::path& path) {
  auto result = home::open(path);
  if (!result)
    CAF_FAIL(render(result.error()));
  return *result;
}

bool is_free(const home& where) {
  auto result = holder_of(where);
  return result && !*result;
}

home_holder must_have_holder(const home& where) {
  auto result = holder_of(where);
  if (!result || !*result)
    CAF_FAIL("nobody holds " << where.root().string());
  return **result;
}

/// The sentence of the error of a call that must fail.
template <class T>
std::string sentence_of(const caf::expected<T>& x) {
  return x ? "no error" : render(x.error());
}

} // namespace

CAF_TEST(the home is where the first of three variables says) {
  {
    environment variables{{"SWARM_HOME", "/a/b/../home"}, {"XDG_DATA_HOME", "/xdg"}, {"HOME", "/h"}};
    CAF_CHECK_EQUAL(resolved(), "/a/home");
  }
  {
    environment variables{{"SWARM_HOME", ""}, {"XDG_DATA_HOME", "/xdg"}, {"HOME", "/h"}};
    CAF_CHECK_EQUAL(resolved(), "/xdg/swarm");
  }
  {
    environment variables{{"SWARM_HOME", nullptr}, {"XDG_DATA_HOME", "relative"}, {"HOME", "/h"}};
    CAF_CHECK_EQUAL(resolved(), "/h/.local/share/swarm");
  }
  environment variables{{"SWARM_HOME", "here"}};
  CAF_CHECK_EQUAL(resolved(), (fs::current_path() / "here").string());
}

CAF_TEST(a home is created with its parents for its owner alone and keeps its id) {
  auto root = test::scratch_directory() / "a/b";
  auto first = must_open(root);
  CAF_CHECK_EQUAL(mode_of(root), 0700u);
  CAF_CHECK_EQUAL(mode_of(root.parent_path()), 0700u);
  CAF_CHECK_EQUAL(mode_of(first.run()), 0700u);
  CAF_CHECK(std::regex_match(first.id(), std::regex{"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"}));
  auto again = must_open(root / "");
  CAF_CHECK_EQUAL(again.id(), first.id());
  auto other = must_open(test::scratch_directory());
  CAF_CHECK_NOT_EQUAL(other.id(), first.id());
}

CAF_TEST(processes that open a new home at once agree on its id) {
  for (int round = 0; round < 200; ++round) {
    auto scratch = test::scratch_directory();
    std::vector<test::forked> openers;
    for (int i = 0; i < 2; ++i)
      openers.emplace_back([&] {
        test::eventually([&] { return fs::exists(scratch / "go"); });
        return must_open(scratch / "home").id();
      });
    std::ofstream{scratch / "go"} << "!";
    auto id = must_open(scratch / "home").id();
    for (auto& x : openers)
      CAF_CHECK_EQUAL(x.answer(), id);
    for (const auto& entry : fs::directory_iterator{scratch / "home"})
      CAF_CHECK(!entry.path().filename().string().starts_with("id."));
  }
}

CAF_TEST(a damaged id is refused and not replaced) {
  auto root = must_open(test::scratch_directory()).root();
  std::ofstream{root / "id"} << "no uuid\n";
  auto again = home::open(root);
  CAF_CHECK(contains(sentence_of(again), "holds no uuid"));
  CAF_CHECK_EQUAL(code_of(again.error()), errc::invalid_input);
}

CAF_TEST(what is no directory or may be written by others is refused with a remedy) {
  auto scratch = test::scratch_directory();
  std::ofstream{scratch / "file"} << "x";
  CAF_CHECK(contains(sentence_of(home::open(scratch / "file")), "isn't a directory; set SWARM_HOME"));
  CAF_CHECK(contains(sentence_of(home::open(scratch / "file/below")), "isn't a directory; set SWARM_HOME"));
  fs::create_directory(scratch / "shared");
  fs::permissions(scratch / "shared", fs::perms::all);
  auto shared = home::open(scratch / "shared");
  CAF_CHECK(contains(sentence_of(shared), "may be written by other users"));
  CAF_CHECK_EQUAL(code_of(shared.error()), errc::not_permitted);
  fs::create_symlink("loop", scratch / "loop");
  CAF_CHECK(contains(sentence_of(home::open(scratch / "loop")), "Too many levels of symbolic links"));
  CAF_CHECK(contains(sentence_of(home::open(scratch / std::string(300, 'x'))), "File name too long"));
}

CAF_TEST(a directory without permission is a clear sentence) {
  auto scratch = test::scratch_directory();
  fs::create_directory(scratch / "closed");
  fs::permissions(scratch / "closed", fs::perms::owner_read | fs::perms::owner_exec);
  if (::geteuid() == 0)
    fs::permissions(scratch, fs::perms::owner_all | fs::perms::others_exec);
  test::forked stranger{[&] {
    // Root may write everywhere.
    test::become(test::ordinary_user);
    auto result = home::open(scratch / "closed/home");
    return to_string(code_of(result.error())) + ": " + sentence_of(result);
  }};
  auto answer = stranger.answer();
  CAF_CHECK(contains(answer, "not_permitted: cannot use " + (scratch / "closed/home").string()));
  CAF_CHECK(contains(answer, "Permission denied; set SWARM_HOME to a directory that you may write"));
}

CAF_TEST(the home of somebody else is refused) {
  if (::geteuid() != 0) {
    CAF_MESSAGE("skipped: only root can make a directory of another user");
    return;
  }
  auto root = test::scratch_directory();
  CAF_REQUIRE_EQUAL(::chown(root.c_str(), 65534, 65534), 0);
  auto result = home::open(root);
  CAF_CHECK_EQUAL(code_of(result.error()), errc::not_permitted);
  CAF_CHECK(contains(sentence_of(result), "belongs to another user (id 65534)"));
}

CAF_TEST(a home has one holder and the second hears who it is) {
  auto where = must_open(test::scratch_directory());
  CAF_CHECK(is_free(where));
  test::forked node{[&] {
    auto lock = home_lock::take(where, "swarm up", "alpha");
    test::forked::tell("held");
    test::forked::wait_for_end();
    return std::string{};
  }};
  CAF_REQUIRE_EQUAL(node.hear(), "held");
  auto second = home_lock::take(where, "swarm list", "");
  CAF_CHECK_EQUAL(code_of(second.error()), errc::home_is_busy);
  std::regex expected{where.root().string() + " is in use by process " + std::to_string(node.pid())
                      + " \\(swarm up, since \\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ\\); .*SWARM_HOME.*"};
  CAF_CHECK(std::regex_match(sentence_of(second), expected));
  auto holder = must_have_holder(where);
  CAF_CHECK_EQUAL(holder.pid, node.pid());
  CAF_CHECK_EQUAL(holder.node, "alpha");
  node.kill();
  CAF_CHECK(is_free(where));
  CAF_CHECK(bool{home_lock::take(where, "swarm up", "beta")});
}

CAF_TEST(asking for the holder never makes another process fail) {
  auto where = must_open(test::scratch_directory());
  auto lock = home_lock::take(where, "swarm up", "alpha");
  CAF_REQUIRE(lock);
  for (int i = 0; i < 10; ++i)
    CAF_CHECK(must_have_holder(where).pid == ::getpid());
  CAF_CHECK(!home_lock::take(where, "swarm up", "beta"));
}

CAF_TEST(a patient process gets the home when it becomes free) {
  auto where = must_open(test::scratch_directory());
  test::forked holder{[&] {
    auto lock = home_lock::take(where, "swarm list", "");
    test::forked::tell("held");
    test::forked::wait_for_end();
    return std::string{};
  }};
  CAF_REQUIRE_EQUAL(holder.hear(), "held");
  test::forked patient{[&] {
    test::forked::tell("waiting");
    return bool{home_lock::take(where, "swarm list", "", std::chrono::seconds{30})} ? "got it" : "gave up";
  }};
  CAF_REQUIRE_EQUAL(patient.hear(), "waiting");
  holder.kill();
  CAF_CHECK_EQUAL(patient.answer(), "got it");
}

CAF_TEST(garbage in the lock file is no holder and no crash) {
  auto where = must_open(test::scratch_directory());
  std::ofstream{where.root() / "lock"} << std::string(10'000, '9') << '\0' << "\n\n\n";
  CAF_CHECK(is_free(where));
  auto lock = home_lock::take(where, "swarm\nup", "alpha");
  CAF_REQUIRE(lock);
  CAF_CHECK(must_have_holder(where).command == "swarm up");
  std::ofstream{where.root() / "lock"} << std::string(10'000, '9');
  CAF_CHECK(contains(sentence_of(home_lock::take(where, "swarm up", "beta")), "in use by another process"));
}
