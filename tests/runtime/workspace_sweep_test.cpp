#define CAF_SUITE workspace_sweep

#include "runtime/workspace/sweep.hpp"
#include "tests/runtime/workspace_fixture.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::workspace;
using namespace std::chrono_literals;

namespace {

using std::chrono::system_clock;

struct scene : workspace_scene {
  system_clock::time_point now = system_clock::now();

  /// A workspace with a file of so many KiB.
  fs::path filled(std::int64_t ticket, std::size_t kib = 1) {
    const auto path = prepared(ticket);
    write_text(path / "file", std::string(kib << 10, 'x'));
    return path;
  }

  /// Until the file system's clock has gone on: what is written next is younger than all before.
  void let_time_pass() {
    const auto changed = [&] {
      write_text(outside / "clock", "x");
      struct stat info {};
      ::stat((outside / "clock").c_str(), &info);
      return std::pair{info.st_ctim.tv_sec, info.st_ctim.tv_nsec};
    };
    for (const auto before = changed(); changed() == before;) {}
  }

  sweep_report swept(const retention& rules) { return swept(rules, now); }

  sweep_report swept(const retention& rules, system_clock::time_point at) {
    auto result = sweep(root, rules, at);
    if (!result)
      CAF_FAIL(render(result.error()));
    return *result;
  }
};

/// "3 orphan, 5 age" in the order of removal.
std::string removed(const sweep_report& x) {
  std::string result;
  for (const auto& each : x.removed)
    result += (result.empty() ? "" : ", ") + to_string(each.ticket) + " " + to_string(each.cause);
  return result;
}

std::set<ticket_id> tickets(std::initializer_list<std::int64_t> numbers) {
  std::set<ticket_id> result;
  for (const auto x : numbers)
    result.insert(ticket_id{x});
  return result;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(workspace_sweep_tests, scene)

CAF_TEST(no root is nothing to sweep and a root of others is an error) {
  CAF_CHECK_EQUAL(removed(swept({})), "");
  const auto none = tickets_in(root);
  CAF_CHECK(none && none->empty());
  fs::create_directory(root);
  fs::permissions(root, fs::perms{0777});
  CAF_CHECK(!sweep(root, {}, now));
  CAF_CHECK(!tickets_in(root));
}

CAF_TEST(the workspaces of a root are told by their tickets) {
  for (const auto ticket : {30, 4, 100})
    filled(ticket);
  fs::create_directory(root / "other");
  const auto found = tickets_in(root);
  CAF_REQUIRE(found);
  CAF_CHECK_EQUAL(*found, (std::vector{ticket_id{4}, ticket_id{30}, ticket_id{100}}));
}

CAF_TEST(orphans go whatever their age and size and finished tickets stay within the bounds) {
  for (const auto ticket : {1, 2, 3})
    filled(ticket);
  const auto report = swept({tickets({1}), tickets({2}), 1h, 1 << 20});
  CAF_CHECK_EQUAL(removed(report), "2 orphan");
  CAF_CHECK(is_there(root / "ticket-1" / "file"));
  CAF_CHECK(!is_there(root / "ticket-2"));
  CAF_CHECK(is_there(root / "ticket-3" / "file"));
}

CAF_TEST(a living ticket keeps its workspace against every rule) {
  filled(1, 64);
  const auto report = swept({tickets({1}), tickets({1}), 0s, 0}, now + 24h * 365);
  CAF_CHECK_EQUAL(removed(report), "");
  CAF_CHECK(is_there(root / "ticket-1" / "file"));
  CAF_CHECK(report.bytes_left >= 64 << 10);
}

CAF_TEST(finished tickets go when nothing has changed for longer than the age) {
  filled(1);
  filled(2);
  struct stat info {};
  ::stat((root / "ticket-1" / "file").c_str(), &info);
  const auto written = system_clock::from_time_t(info.st_ctim.tv_sec) + std::chrono::nanoseconds{info.st_ctim.tv_nsec};
  CAF_CHECK_EQUAL(removed(swept({tickets({2}), {}, 1h}, written + 1h)), "");
  CAF_CHECK_EQUAL(removed(swept({tickets({2}), {}, 1h}, written + 1h + 1s)), "1 age");
  CAF_CHECK(!is_there(root / "ticket-1"));
}

CAF_TEST(a clock that was put back makes nothing old) {
  filled(1);
  CAF_CHECK_EQUAL(removed(swept({{}, {}, 0s}, now - 24h)), "");
}

CAF_TEST(the age counts from the last change of anything within and no program can set it) {
  const auto first = filled(1);
  fs::create_directories(first / "a" / "b");
  filled(2);
  fs::last_write_time(root / "ticket-2" / "file", fs::file_time_type::clock::now() + 24h * 365);
  let_time_pass();
  write_text(first / "a" / "b" / "late", "x");
  CAF_CHECK_EQUAL(removed(swept({{}, {}, 1h}, now + 2h)), "2 age, 1 age");
}

CAF_TEST(beyond the size the oldest finished tickets go until the rest fits) {
  for (const auto ticket : {3, 1, 2, 4}) {
    filled(ticket, 256);
    let_time_pass();
  }
  const auto report = swept({tickets({3}), {}, 24h, 600 << 10});
  CAF_CHECK_EQUAL(removed(report), "1 size, 2 size");
  CAF_CHECK(report.bytes_left >= 512 << 10);
  CAF_CHECK(report.bytes_left <= 600 << 10);
  for (const auto& x : report.removed)
    CAF_CHECK(x.bytes >= 256 << 10);
}

CAF_TEST(files with holes count with what they take on disk) {
  const auto path = filled(1);
  fs::resize_file(path / "file", std::uintmax_t{1} << 34);
  CAF_CHECK_EQUAL(removed(swept({{}, {}, 24h, 1 << 20})), "");
}

CAF_TEST(entries with other names are counted and left alone) {
  filled(1);
  fs::create_directory(root / "other");
  write_text(root / "ticket-01", "x");
  fs::create_directory_symlink(outside, root / "link");
  const auto report = swept({{}, {}, 0s, 0}, now + 24h);
  CAF_CHECK_EQUAL(removed(report), "1 age");
  CAF_CHECK_EQUAL(report.foreign, 3u);
  for (const auto* name : {"other", "ticket-01", "link"})
    CAF_CHECK(is_there(root / name));
}

CAF_TEST(of links in workspaces and in their place nothing is followed or counted) {
  write_text(outside / "big", std::string(1 << 20, 'x'));
  fs::create_directory_symlink(outside, filled(1) / "link");
  fs::create_symlink(outside / "big", root / "ticket-1" / "file_link");
  fs::create_directory_symlink(outside, root / "ticket-2");
  const auto report = swept({{}, {}, 24h, 512 << 10});
  CAF_CHECK_EQUAL(removed(report), "");
  CAF_CHECK(report.problems.empty());
  CAF_CHECK_EQUAL(removed(swept({{}, tickets({1, 2})})), "1 orphan, 2 orphan");
  CAF_CHECK(is_outside_untouched());
  CAF_CHECK(!is_there(root / "ticket-2"));
}

CAF_TEST(what cannot be read is reported and the sweep goes on) {
  const as_ordinary_user user{scratch.path()};
  filled(1);
  fs::create_directory(root / "ticket-1" / "closed");
  fs::permissions(root / "ticket-1" / "closed", fs::perms::none);
  filled(2);
  const auto report = swept({tickets({1}), tickets({2})});
  CAF_CHECK_EQUAL(removed(report), "2 orphan");
  CAF_REQUIRE_EQUAL(report.problems.size(), 1u);
  CAF_CHECK(report.problems[0].find((root / "ticket-1" / "closed").string()) != std::string::npos);
  CAF_CHECK_EQUAL(mode_of(root / "ticket-1" / "closed"), 0u);
  fs::permissions(root / "ticket-1" / "closed", fs::perms{0700});
}

CAF_TEST(what cannot be removed is reported and the sweep goes on) {
  if (::geteuid() != 0)
    return;
  filled(1);
  filled(2);
  for (const auto& mine : {root, root / "ticket-1", root / "ticket-2"})
    CAF_REQUIRE_EQUAL(::chown(mine.c_str(), 65534, 65534), 0);
  fs::create_directory(root / "ticket-1" / "foreign");
  write_text(root / "ticket-1" / "foreign" / "file", "of another user");
  const as_ordinary_user user{scratch.path()};
  const auto report = swept({{}, tickets({1, 2})});
  CAF_CHECK_EQUAL(removed(report), "2 orphan");
  CAF_REQUIRE_EQUAL(report.problems.size(), 1u);
  CAF_CHECK(report.problems[0].find("ticket-1/foreign") != std::string::npos);
  CAF_CHECK(report.bytes_left > 0);
}

CAF_TEST(a tree deeper than a path can tell is reported and removed) {
  nest(filled(1), 30, std::string(255, 'd'));
  const auto report = swept({{}, {}, 24h, 0});
  CAF_CHECK_EQUAL(removed(report), "1 size");
  CAF_CHECK_EQUAL(report.problems.size(), 1u);
  CAF_CHECK(!is_there(root / "ticket-1"));
}

CAF_TEST_FIXTURE_SCOPE_END()
