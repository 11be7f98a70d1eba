#define CAF_SUITE claude_files

#include "runtime/executors/claude/file_tools.hpp"

#include "messages/error.hpp"
#include "tests/fixtures/scratch_folder.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <fstream>
#include <sstream>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors::claude;
using namespace swarm::test;
namespace fs = std::filesystem;

namespace {

struct fixture {
  scratch_folder outer;
  fs::path inner = outer.path() / "work";
  file_tools files = open();

  file_tools open() {
    fs::create_directory(inner);
    outer.write("secret", "s3cret");
    auto result = file_tools::open(inner.string());
    if (!result)
      throw std::runtime_error("no working directory");
    return std::move(*result);
  }

  std::string content(const fs::path& path) const {
    std::ostringstream result;
    result << std::ifstream{path}.rdbuf();
    return result.str();
  }
};

std::string said(const caf::expected<std::string>& x) {
  return x ? *x : "error: " + render(x.error());
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(claude_files_tests, fixture)

CAF_TEST(what is written can be read and listed) {
  CAF_CHECK_EQUAL(said(files.write("a/b/c.txt", "one")), "wrote 3 bytes");
  CAF_CHECK_EQUAL(said(files.write("a/b/c.txt", "2")), "wrote 1 bytes");
  CAF_CHECK_EQUAL(said(files.read("a/b/c.txt", 0)), "2");
  CAF_CHECK_EQUAL(said(files.read("./a//b/../b/c.txt", 0)), "2");
  CAF_CHECK_EQUAL(said(files.write("z", "")), "wrote 0 bytes");
  CAF_CHECK_EQUAL(said(files.list(".")), "a/\nz\n");
  CAF_CHECK_EQUAL(said(files.list("a/b")), "c.txt\n");
}

CAF_TEST(a long file is read piece by piece) {
  const std::string text(file_piece_bytes_max + 10, 'x');
  CAF_REQUIRE(files.write("long", text));
  const auto size = std::to_string(text.size());
  const auto first = said(files.read("long", 0));
  CAF_CHECK(first.starts_with("[bytes 0 to " + std::to_string(file_piece_bytes_max) + " of " + size + "]\nxxx"));
  CAF_CHECK_EQUAL(said(files.read("long", file_piece_bytes_max)),
                  "[bytes " + std::to_string(file_piece_bytes_max) + " to " + size + " of " + size + "]\n" + std::string(10, 'x'));
  CAF_CHECK_EQUAL(said(files.read("long", 1u << 30)), "error: the file can't be read: it has only " + size + " bytes");
}

CAF_TEST(no path leads out of the directory) {
  fs::create_symlink("..", inner / "up");
  fs::create_symlink(outer.path() / "secret", inner / "link");
  fs::create_symlink("../new", inner / "dangling");
  fs::create_directory(inner / "a");
  for (const auto* path : {"../secret", "/etc/passwd", "up/secret", "link", "a/../../secret", "up/work/../secret"}) {
    CAF_CHECK(said(files.read(path, 0)).ends_with("it lies outside the working directory"));
    CAF_CHECK(said(files.write(path, "mine")).ends_with("it lies outside the working directory"));
  }
  for (const auto* path : {"../new", "up/new", "dangling", "../new/x", "up/new/x", "/tmp"}) {
    CAF_CHECK(said(files.write(path, "mine")).ends_with("it lies outside the working directory"));
    CAF_CHECK(!fs::exists(outer.path() / "new"));
  }
  for (const auto* path : {"..", "/", "up", "a/../.."})
    CAF_CHECK(said(files.list(path)).ends_with("it lies outside the working directory"));
  CAF_CHECK_EQUAL(content(outer.path() / "secret"), "s3cret");
}

CAF_TEST(a link that stays within is followed) {
  fs::create_directory(inner / "a");
  fs::create_symlink("a", inner / "b");
  CAF_CHECK_EQUAL(said(files.write("b/c", "1")), "wrote 1 bytes");
  CAF_CHECK_EQUAL(content(inner / "a" / "c"), "1");
}

CAF_TEST(what is no regular file is not touched and nobody waits for it) {
  CAF_REQUIRE_EQUAL(mkfifo((inner / "pipe").c_str(), 0600), 0);
  fs::create_directory(inner / "a");
  for (const auto* path : {"pipe", "a"}) {
    CAF_CHECK(said(files.read(path, 0)).ends_with("it isn't a regular file"));
    CAF_CHECK(said(files.write(path, "x")).starts_with("error: the file can't be written"));
  }
  const executors::unique_fd reader{::open((inner / "pipe").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  CAF_REQUIRE(reader);
  CAF_CHECK(said(files.write("pipe", "x")).ends_with("it isn't a regular file"));
}

CAF_TEST(what is not there or makes no sense is a sentence) {
  CAF_CHECK_EQUAL(said(files.read("none", 0)), "error: the file can't be read: No such file or directory");
  CAF_CHECK_EQUAL(said(files.list("none")), "error: the folder can't be listed: No such file or directory");
  for (const auto* path : {"", "a/"})
    CAF_CHECK(said(files.write(path, "x")).starts_with("error: "));
  CAF_CHECK_EQUAL(said(files.read(std::string{"a\0b", 3}, 0)), "error: the file can't be read: Invalid argument");
  CAF_CHECK(!file_tools::open((inner / "none").string()));
}

CAF_TEST(a folder of any size is listed in part) {
  for (std::size_t i = 0; i < listed_files_max + 1; ++i)
    outer.write("work/" + std::to_string(i), "");
  CAF_CHECK(said(files.list(".")).ends_with("\n[and more]\n"));
}

CAF_TEST_FIXTURE_SCOPE_END()
