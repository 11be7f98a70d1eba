#define CAF_SUITE files_check

#include "runtime/checks/files_check.hpp"

#include "tests/fixtures/scratch_folder.hpp"
#include "tests/fixtures/seed.hpp"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cctype>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::checks;
using namespace std::string_literals;
namespace fs = std::filesystem;
using swarm::file_rule;

namespace {

const std::string hash_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string hash_of_abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const std::string hash_of_million_a = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";

/// A workspace, and beside it a place that nobody may reach from there.
struct fixture {
  swarm::test::scratch_folder scratch;
  fs::path workspace = scratch.path() / "workspace";

  fixture() {
    fs::create_directory(workspace);
    fs::create_directory(scratch.path() / "outside");
    scratch.write("outside/secret", "abc");
    put("abc", "abc");
    put("empty", "");
    fs::create_directory(workspace / "folder");
    put("folder/inner", "abc");
  }

  void put(const std::string& name, std::string_view text) { scratch.write("workspace/" + name, text); }

  finding check(const file_rule& rule) { return check_files(workspace, {rule}); }
};

file_rule content(std::string path) {
  return {std::move(path), true, hash_of_abc, {}, {}, {}};
}

file_rule absence(std::string path) {
  return {std::move(path), false, {}, {}, {}, {}};
}

file_rule stays(std::string path) {
  file_rule result;
  result.path = std::move(path);
  result.must_stay = true;
  return result;
}

file_rule schema(std::string path, std::string text) {
  return {std::move(path), true, {}, {}, {}, std::move(text)};
}

file_rule bytes(std::string path, std::optional<std::uint64_t> min, std::optional<std::uint64_t> max) {
  return {std::move(path), true, {}, min, max, {}};
}

/// Makes openat2 unknown to this thread, from now on.
void refuse_openat2() {
  sock_filter steps[]{
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{std::size(steps), steps};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    throw std::runtime_error("cannot refuse openat2");
}

bool has(std::string_view text, std::string_view words) {
  return text.find(words) != text.npos;
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(files_check_tests, fixture)

CAF_TEST(a file is judged by existence and size and hash) {
  put("million", std::string(1'000'000, 'a'));
  struct row {
    file_rule rule;
    verdict expected;
    std::string_view words;
  };
  auto upper = hash_of_abc;
  for (auto& x : upper)
    x = static_cast<char>(std::toupper(x));
  const row rows[]{
    {bytes("abc", {}, {}), verdict::pass, "1 file is as it must be"},
    {bytes("folder/inner", {}, {}), verdict::pass, ""},
    {bytes("./folder//inner", {}, {}), verdict::pass, ""},
    {bytes("missing", {}, {}), verdict::fail, "'missing' doesn't exist"},
    {bytes("no/such/folder", {}, {}), verdict::fail, "doesn't exist"},
    {bytes("abc/below", {}, {}), verdict::fail, "doesn't exist"},
    {bytes("abc", 3, 3), verdict::pass, ""},
    {bytes("abc", 4, {}), verdict::fail, "'abc' has 3 bytes, fewer than 4"},
    {bytes("abc", {}, 2), verdict::fail, "'abc' has 3 bytes, more than 2"},
    {bytes("empty", 1, {}), verdict::fail, "'empty' has 0 bytes, fewer than 1"},
    {bytes("empty", {}, 0), verdict::pass, ""},
    {{"abc", true, hash_of_abc, {}, {}, {}}, verdict::pass, ""},
    {{"abc", true, upper, {}, {}, {}}, verdict::pass, ""},
    {{"empty", true, hash_of_nothing, {}, {}, {}}, verdict::pass, ""},
    {{"million", true, hash_of_million_a, {}, {}, {}}, verdict::pass, ""},
    {{"million", true, hash_of_abc, {}, {}, {}}, verdict::fail, "'million' has the SHA-256 cdc76e5c"},
    {{"abc", true, hash_of_nothing, {}, {}, {}}, verdict::fail, ", not e3b0c442"},
    {absence("missing"), verdict::pass, ""},
    {absence("no/such/folder"), verdict::pass, ""},
    {absence("abc"), verdict::fail, "'abc' exists, and must not"},
    {absence("folder"), verdict::fail, "exists, and must not"},
  };
  for (auto& row : rows) {
    const auto x = check(row.rule);
    CAF_MESSAGE(x.evidence);
    CAF_CHECK(x.verdict == row.expected);
    CAF_CHECK(has(x.evidence, row.words));
  }
}

CAF_TEST(a check without a rule or a workspace is an error) {
  CAF_CHECK(check_files(workspace, {}).verdict == verdict::error);
  CAF_CHECK(check_files(workspace / "missing", {absence("x")}).verdict == verdict::error);
  for (const auto& path : {"/etc/no-such-file", "../no-such-file"})
    CAF_CHECK(check(absence(path)).verdict != verdict::pass);
}

CAF_TEST(a protected file that the work has changed or made or removed is a failure that names it) {
  put("gone", "abc");
  put("swapped", "abc");
  const std::vector<file_rule> rules{stays("abc"), stays("folder/inner"), stays("new"), stays("gone"), stays("swapped")};
  const auto notes = note_files(workspace, rules);
  CAF_REQUIRE(notes);
  CAF_CHECK(check_files(workspace, rules, *notes).verdict == verdict::pass);
  put("abc", "abd");
  put("new", "");
  fs::remove(workspace / "gone");
  fs::remove(workspace / "swapped");
  fs::create_symlink("../outside/secret", workspace / "swapped"); // the same content, and yet not the same file
  const auto x = check_files(workspace, rules, *notes);
  CAF_CHECK(x.verdict == verdict::fail);
  CAF_CHECK_EQUAL(x.detail, "'abc' is protected, and the work has changed it\n"
                            "'new' is protected, and the work has made it\n"
                            "'gone' is protected, and the work has removed it\n"
                            "'swapped' is protected, and now leads out of the workspace by a link, so it isn't followed\n");
}

CAF_TEST(a protected file of which nobody knows what it was like is an error) {
  CAF_CHECK(check_files(workspace, {stays("abc")}, {}).verdict == verdict::error);
  CAF_CHECK(!note_files(workspace, {stays("folder")}));
  CAF_CHECK(!note_files(workspace, {stays("../outside/secret")}));
  CAF_CHECK(!note_files(workspace / "missing", {stays("abc")}));
}

CAF_TEST(a report is removed and read below the workspace only) {
  fs::create_symlink("../outside", workspace / "away");
  fs::create_symlink("../outside/secret", workspace / "link");
  CAF_CHECK(remove_file(workspace, "missing/too").verdict == verdict::pass);
  CAF_CHECK(remove_file(workspace, "folder/inner").verdict == verdict::pass);
  CAF_CHECK(!fs::exists(workspace / "folder/inner"));
  CAF_CHECK(remove_file(workspace, "away/secret").verdict == verdict::error);
  CAF_CHECK(remove_file(workspace, "folder").verdict == verdict::error);
  CAF_CHECK_EQUAL(*read_file(workspace, "abc", 3), "abc");
  for (const auto* path : {"away/secret", "link", "folder", "missing"})
    CAF_CHECK(!read_file(workspace, path, 100));
  CAF_CHECK(!read_file(workspace, "abc", 2));
  CAF_CHECK(remove_file(workspace, "link").verdict == verdict::pass);
  CAF_CHECK(fs::exists(scratch.path() / "outside/secret"));
}

CAF_TEST(no link leads out of the workspace) {
  fs::create_symlink("../outside/secret", workspace / "relative");
  fs::create_symlink(scratch.path() / "outside" / "secret", workspace / "absolute");
  fs::create_symlink("../outside", workspace / "away");
  fs::create_symlink(workspace / "abc", workspace / "out_and_back");
  fs::create_symlink("/proc/self/fd", workspace / "descriptors");
  fs::create_symlink("round", workspace / "round");
  for (const std::string path :
       {"relative", "absolute", "away/secret", "away/missing", "out_and_back", "descriptors/0", "round"}) {
    const auto x = check(content(path));
    CAF_MESSAGE(x.evidence);
    CAF_CHECK(x.verdict == verdict::error);
    CAF_CHECK(has(x.evidence, "leads"));
  }
  CAF_CHECK(check(absence("away/missing")).verdict == verdict::error);
}

CAF_TEST(links within the workspace are followed and are something that exists) {
  fs::create_symlink("abc", workspace / "link");
  fs::create_symlink("folder", workspace / "folder_link");
  fs::create_symlink("nowhere", workspace / "dangling");
  CAF_CHECK(check(content("link")).verdict == verdict::pass);
  CAF_CHECK(check(content("folder_link/inner")).verdict == verdict::pass);
  CAF_CHECK(check(content("dangling")).verdict == verdict::fail);
  CAF_CHECK(check(absence("link")).verdict == verdict::fail);
  CAF_CHECK(check(absence("dangling")).verdict == verdict::fail);
}

CAF_TEST(what is no regular file is an error and never waits) {
  CAF_REQUIRE_EQUAL(::mkfifo((workspace / "pipe").c_str(), 0600), 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto name = (workspace / "socket").string();
  CAF_REQUIRE(name.size() < sizeof address.sun_path);
  name.copy(address.sun_path, name.size());
  const auto socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CAF_REQUIRE_EQUAL(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  for (const std::string path : {"pipe", "socket", "folder"}) {
    for (const auto& rule : {content(path), bytes(path, {}, {}), schema(path, "true")}) {
      const auto x = check(rule);
      CAF_CHECK(x.verdict == verdict::error);
      CAF_CHECK_EQUAL(x.evidence, "'" + path + "' isn't a regular file");
    }
    CAF_CHECK(check(absence(path)).verdict == verdict::fail);
  }
  CAF_CHECK(check_files(fs::path{"/dev"}, {bytes("null", {}, {})}).verdict == verdict::error);
  ::close(socket);
}

CAF_TEST(a file that the node may not read is an error) {
  put("private", "abc");
  CAF_REQUIRE_EQUAL(::chmod((workspace / "private").c_str(), 0), 0);
  // Root may read everything.
  const auto expected = ::geteuid() == 0 ? verdict::pass : verdict::error;
  CAF_CHECK(check(content("private")).verdict == expected);
}

CAF_TEST(a file too long to be judged is an error that names the remedy) {
  put("long", "");
  fs::resize_file(workspace / "long", hashed_bytes_max + 1);
  const auto hashed = check(content("long"));
  CAF_CHECK(hashed.verdict == verdict::error);
  CAF_CHECK(has(hashed.evidence, "give it a bytes_max"));
  fs::resize_file(workspace / "long", json_bytes_max + 1);
  CAF_CHECK(check(schema("long", "true")).verdict == verdict::error);
  CAF_CHECK(check({"long", true, hash_of_abc, {}, 10, {}}).verdict == verdict::fail);
}

CAF_TEST(a file that changes while it is read is an error) {
  // Such files claim to have no bytes, and then have some.
  const auto process = fs::path{"/proc"} / std::to_string(::getpid());
  const auto x = check_files(process, {content("status")});
  CAF_CHECK(x.verdict == verdict::error);
  CAF_CHECK_EQUAL(x.evidence, "'status' changed while it was read; have what writes it end before the check");
}

CAF_TEST(a kernel without openat2 gives an error) {
  finding x{verdict::pass, {}, {}};
  std::thread{[&] {
    refuse_openat2();
    x = check(content("abc"));
  }}.join();
  CAF_CHECK(x.verdict == verdict::error);
  CAF_CHECK(has(x.evidence, "has no openat2"));
  CAF_CHECK(check(content("abc")).verdict == verdict::pass);
}

CAF_TEST(a document is judged by its schema) {
  put("good.json", R"({"name": "a", "parts": [{"id": 1}]})");
  put("bad.json", R"({"name": "a", "parts": [{"id": 1}, {"id": "x"}]})");
  put("torn.json", R"({"name": )");
  const auto text =
    R"({"type": "object", "properties": {"parts": {"items": {"properties": {"id": {"type": "integer"}}}}}})"s;
  CAF_CHECK(check(schema("good.json", text)).verdict == verdict::pass);
  const auto bad = check(schema("bad.json", text));
  CAF_CHECK(bad.verdict == verdict::fail);
  CAF_CHECK(has(bad.evidence, "'bad.json': the document doesn't match the schema at '<root>[parts][1][id]': "));
  CAF_CHECK(check(schema("torn.json", text)).verdict == verdict::fail);
  CAF_CHECK(check(schema("empty", text)).verdict == verdict::fail);
  CAF_CHECK(check(schema("good.json", "{")).verdict == verdict::error);
  CAF_CHECK(check(schema("missing.json", text)).verdict == verdict::fail);
  // Both are asked for.
  CAF_CHECK(check({"good.json", true, hash_of_abc, {}, {}, text}).verdict == verdict::fail);
}

CAF_TEST(of several files the worst is told and the others counted) {
  const auto fine = check_files(workspace, {bytes("abc", {}, {}), content("abc"), absence("missing")});
  CAF_CHECK(fine.verdict == verdict::pass);
  CAF_CHECK_EQUAL(fine.evidence, "3 files are as they must be");
  const auto fails =
    check_files(workspace, {bytes("abc", {}, {}), bytes("x", {}, {}), bytes("y", {}, {}), bytes("abc", 9, {})});
  CAF_CHECK(fails.verdict == verdict::fail);
  CAF_CHECK_EQUAL(fails.evidence, "'x' doesn't exist, and 2 more files of 4");
  CAF_CHECK_EQUAL(fails.detail, "'x' doesn't exist\n'y' doesn't exist\n'abc' has 3 bytes, fewer than 9\n");
  const auto both = check_files(workspace, {bytes("x", {}, {}), absence("../x"), absence("/x")});
  CAF_CHECK(both.verdict == verdict::error);
  CAF_CHECK(has(both.evidence, "'../x' leads out of the workspace"));
}

CAF_TEST(a place that is swapped for a link all the time never leads out) {
  std::atomic<bool> is_done{false};
  std::thread swapper{[&] {
    const auto way = workspace / "way";
    std::error_code ignored;
    while (!is_done) {
      fs::create_directory_symlink("folder", way, ignored);
      fs::remove(way, ignored);
      fs::create_directory_symlink("../outside", way, ignored);
      fs::remove(way, ignored);
    }
  }};
  // "inner" stands only inside, "secret" only outside.
  for (int i = 0; i < 20'000; ++i)
    CAF_REQUIRE(check(content("way/secret")).verdict != verdict::pass);
  is_done = true;
  swapper.join();
}

CAF_TEST(random rules never crash and never pass) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  std::mt19937_64 random{seed};
  const auto noise = [&](std::size_t min) {
    std::string result(std::uniform_int_distribution<std::size_t>{min, 40}(random), '\0');
    for (auto& x : result)
      x = static_cast<char>(random() & 0xFF);
    return result;
  };
  put("valid.json", "{}");
  for (int round = 0; round < 500; ++round) {
    put("noise.json", noise(8));
    CAF_REQUIRE(check(bytes(noise(8), {}, {})).verdict != verdict::pass);
    CAF_REQUIRE(check({"abc", true, noise(0), {}, {}, {}}).verdict == verdict::fail);
    CAF_REQUIRE(check(schema("valid.json", noise(8))).verdict == verdict::error);
    CAF_REQUIRE(check(schema("noise.json", R"({"type": "object"})")).verdict != verdict::pass);
  }
}

CAF_TEST_FIXTURE_SCOPE_END()
