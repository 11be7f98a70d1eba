#define CAF_SUITE workspace

#include "tests/runtime/workspace_fixture.hpp"

#include <sys/resource.h>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::workspace;

namespace {

using scene = workspace_scene;

bool is_discarded(const fs::path& workspace) {
  auto result = discard(workspace);
  if (!result)
    CAF_MESSAGE(render(result.error()));
  return result && !is_there(workspace);
}

template <class T>
errc code_of_result(const caf::expected<T>& x) {
  return x ? errc::none : code_of(x.error());
}

/// For the rest of a test.
class few_descriptors {
public:
  few_descriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    auto few = before_;
    few.rlim_cur = 100;
    ::setrlimit(RLIMIT_NOFILE, &few);
  }

  ~few_descriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  few_descriptors(const few_descriptors&) = delete;
  few_descriptors& operator=(const few_descriptors&) = delete;

private:
  rlimit before_{};
};

workspace_spec of_ticket(std::int64_t ticket, std::int32_t attempt = 1) {
  return {ticket_id{ticket}, attempt, {workspace_kind::dir}};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(workspace_tests, scene)

CAF_TEST(a workspace is a directory of its ticket below the root and closed to others) {
  const auto before = ::umask(0);
  const auto path = prepared(42);
  ::umask(before);
  CAF_CHECK_EQUAL(path, root / "ticket-42");
  CAF_CHECK(fs::is_directory(path));
  CAF_CHECK_EQUAL(mode_of(path), 0700u);
  CAF_CHECK_EQUAL(mode_of(root), 0700u);
}

CAF_TEST(the kind none makes nothing) {
  const auto made = prepare(root, {ticket_id{42}, 1, {workspace_kind::none, {}, {}, retry_rule::reset}});
  CAF_REQUIRE(made);
  CAF_CHECK_EQUAL(made->path, fs::path{});
  CAF_CHECK(!is_there(root));
}

CAF_TEST(keep leaves what an earlier attempt left and closes it to others again) {
  write_text(prepared(42) / "half", "done");
  fs::permissions(root / "ticket-42", fs::perms{0777});
  const auto again = prepare(root, of_ticket(42, 2));
  CAF_REQUIRE(again);
  CAF_CHECK_EQUAL(text_of(again->path / "half"), "done");
  CAF_CHECK_EQUAL(mode_of(again->path), 0700u);
}

CAF_TEST(keep opens a workspace again that an attempt has closed to its owner) {
  const as_ordinary_user user{scratch.path()};
  write_text(prepared(42) / "half", "done");
  fs::permissions(root / "ticket-42", fs::perms::none);
  CAF_CHECK_EQUAL(text_of(prepared(42) / "half"), "done");
}

CAF_TEST(reset gives an empty directory and touches no other) {
  write_text(prepared(42) / "half", "done");
  write_text(prepared(43) / "half", "done");
  const auto path = prepared(42, retry_rule::reset);
  CAF_CHECK(fs::is_empty(path));
  CAF_CHECK_EQUAL(text_of(root / "ticket-43" / "half"), "done");
}

CAF_TEST(a link or a file in the place of a workspace is not used and reset replaces it) {
  prepared(1);
  fs::create_directory_symlink(outside, root / "ticket-42");
  write_text(root / "ticket-43", "a file");
  for (const auto ticket : {42, 43}) {
    CAF_CHECK_EQUAL(code_of_result(prepare(root, of_ticket(ticket))), errc::conflict);
    const auto path = prepared(ticket, retry_rule::reset);
    CAF_CHECK(fs::is_directory(fs::symlink_status(path)));
    CAF_CHECK(fs::is_empty(path));
  }
  CAF_CHECK(is_outside_untouched());
}

CAF_TEST(numbers below one and a relative root are refused) {
  CAF_CHECK_EQUAL(code_of_result(prepare(root, of_ticket(0))), errc::invalid_input);
  CAF_CHECK_EQUAL(code_of_result(prepare(root, of_ticket(-1))), errc::invalid_input);
  CAF_CHECK_EQUAL(code_of_result(prepare(root, of_ticket(1, 0))), errc::invalid_input);
  CAF_CHECK_EQUAL(code_of_result(prepare("root", of_ticket(1))), errc::invalid_input);
  CAF_CHECK(!is_there(root));
}

CAF_TEST(a root that others may write or that is a link is refused) {
  fs::create_directory(root);
  fs::permissions(root, fs::perms{0770});
  CAF_CHECK_EQUAL(code_of_result(prepare(root, of_ticket(1))), errc::not_permitted);
  fs::permissions(root, fs::perms{0755});
  CAF_CHECK_EQUAL(code_of_result(prepare(root, of_ticket(1))), errc::none);
  fs::create_directory_symlink(outside, scratch.path() / "link");
  CAF_CHECK(!prepare(scratch.path() / "link", of_ticket(1)));
  CAF_CHECK(!prepare(scratch.path() / "link" / "", of_ticket(1)));
  CAF_CHECK(!is_there(outside / "ticket-1"));
}

CAF_TEST(only names that are given to workspaces are read as such) {
  CAF_CHECK_EQUAL(ticket_of("ticket-42").value_or(ticket_id{}), ticket_id{42});
  CAF_CHECK_EQUAL(ticket_of("ticket-9223372036854775807").value_or(ticket_id{}), ticket_id{INT64_MAX});
  for (const auto* name : {"", "ticket-", "ticket-0", "ticket--1", "ticket-042", "ticket-4x", "ticket-+4", "Ticket-4",
                           "ticket-9223372036854775808", "ticket-4/..", " ticket-4"})
    CAF_CHECK(!ticket_of(name));
}

CAF_TEST(a workspace that is not there is removed already) {
  prepared(42);
  CAF_CHECK(is_discarded(root / "ticket-43"));
  CAF_CHECK(is_there(root / "ticket-42"));
}

CAF_TEST(what links of a workspace point to survives its removal) {
  const auto path = prepared(42);
  fs::create_directories(path / "a" / "b");
  for (const auto& folder : {path, path / "a", path / "a" / "b"}) {
    fs::create_directory_symlink(outside, folder / "link");
    fs::create_directory_symlink(outside / "folder", folder / "folder");
    fs::create_symlink(outside / "secret", folder / "file_link");
    fs::create_symlink("nowhere", folder / "broken_link");
  }
  fs::create_hard_link(outside / "secret", path / "hard_link");
  CAF_CHECK(is_discarded(path));
  CAF_CHECK(is_outside_untouched());
}

CAF_TEST(of a link in the place of a workspace only the link is removed) {
  const auto path = prepared(42);
  fs::remove(path);
  fs::create_directory_symlink(outside, path);
  CAF_CHECK(is_discarded(path));
  CAF_CHECK(is_outside_untouched());
}

CAF_TEST(directories that forbid everything to their owner are removed) {
  const as_ordinary_user user{scratch.path()};
  const auto path = prepared(42);
  fs::create_directories(path / "a" / "b" / "c");
  for (const auto& folder : {path / "a" / "b" / "c", path / "a" / "b", path / "a", path}) {
    write_text(folder / "file", "text");
    fs::permissions(folder / "file", fs::perms::none);
    fs::permissions(folder, fs::perms::none);
  }
  CAF_CHECK(is_discarded(path));
}

CAF_TEST(a tree with more levels than there are descriptors is removed) {
  const auto path = prepared(42);
  nest(path, 200, "d");
  // Names that the removal would choose itself.
  for (const auto* name : {"1", "2", "4"})
    write_text(path / name, "text");
  fs::create_directories(path / "3" / "full");
  const few_descriptors limit;
  CAF_CHECK(is_discarded(path));
}

CAF_TEST(a tree that no path can name is removed) {
  const auto path = prepared(42);
  nest(path, 30, std::string(255, 'd'));
  CAF_CHECK(is_discarded(path));
}

CAF_TEST(what cannot be removed is named and everything else goes) {
  if (::geteuid() != 0)
    return;
  fs::create_directories(root / "ticket-42" / "foreign");
  write_text(root / "ticket-42" / "foreign" / "file", "of another user");
  as_ordinary_user user{scratch.path()};
  user.become_root_again();
  for (const auto& mine : {root, root / "ticket-42"})
    CAF_REQUIRE_EQUAL(::chown(mine.c_str(), 65534, 65534), 0);
  fs::permissions(root, fs::perms{0700});
  const as_ordinary_user owner{scratch.path()};
  write_text(root / "ticket-42" / "mine", "text");
  const auto result = discard(root / "ticket-42");
  CAF_REQUIRE(!result);
  CAF_CHECK_EQUAL(code_of(result.error()), errc::not_permitted);
  CAF_CHECK(render(result.error()).find("ticket-42/foreign") != std::string::npos);
  CAF_CHECK(!is_there(root / "ticket-42" / "mine"));
}

CAF_TEST_FIXTURE_SCOPE_END()
