#define CAF_SUITE attempt_files

#include "runtime/executors/attempt_files.hpp"

#include "messages/error.hpp"
#include "tests/fixtures/scratch_folder.hpp"

#include <sys/stat.h>

#include <fstream>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace std::string_literals;

namespace {

struct fixture {
  test::scratch_folder folder;
  claim_ref claim{ticket_id{7}, fence{42}};

  attempt_files make(const std::string& last_failure = "") {
    auto files = attempt_files::make(folder.path(), claim, last_failure);
    CAF_REQUIRE(files);
    return std::move(*files);
  }

  /// What is read when a program has written this.
  std::string read(const std::string& text) {
    auto files = make();
    std::ofstream{files.result_file()} << text;
    auto result = files.read_result();
    return result ? *result : "refused: " + render(result.error());
  }
};

std::string text_of(const std::string& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

CAF_TEST_FIXTURE_SCOPE(attempt_files_tests, fixture)

CAF_TEST(a program finds what the last attempt failed of) {
  CAF_CHECK_EQUAL(make().last_failure_file(), "");
  auto files = make("exited with 3\n\0boom"s);
  CAF_CHECK_EQUAL(text_of(files.last_failure_file()), "exited with 3\n\0boom"s);
}

CAF_TEST(the files of an attempt are private and go with it) {
  {
    auto files = make("x");
    struct stat found {};
    CAF_REQUIRE_EQUAL(stat((folder.path() / "7-42").c_str(), &found), 0);
    CAF_CHECK_EQUAL(found.st_mode & 0777u, 0700u);
    std::ofstream{files.result_file()} << "{}";
    auto moved = std::move(files);
    CAF_CHECK_EQUAL(files.result_file(), "");
    CAF_CHECK(std::filesystem::exists(moved.result_file()));
  }
  CAF_CHECK(std::filesystem::is_empty(folder.path()));
}

CAF_TEST(a result is an object with known members) {
  CAF_CHECK_EQUAL(read(""), "");
  CAF_CHECK_EQUAL(read(R"({"usage": {"input_tokens": 3}, "result": [1, null], "notes": "done"})"),
                  R"({"notes":"done","result":[1,null],"usage":{"input_tokens":3}})");
  CAF_CHECK_EQUAL(read("{"), "refused: its result file isn't JSON");
  CAF_CHECK_EQUAL(read(R"({"result": {"\u0000": 1}})"), "refused: its result file has a NUL in a text");
  CAF_CHECK_EQUAL(read("{\"result\": " + std::string(500'000, '[') + std::string(500'000, ']') + "}"),
                  "refused: its result file is nested more than 100 levels deep");
  CAF_CHECK_EQUAL(read("[]"), "refused: its result file doesn't hold a JSON object");
  CAF_CHECK_EQUAL(read(R"({"resullt": 1})"),
                  "refused: its result file has a member \"resullt\"; known are result, notes and usage");
  CAF_CHECK_EQUAL(read(R"({"notes": 1})"), "refused: its result file must have a text as notes and an object as usage");
  CAF_CHECK_EQUAL(read("{\"notes\": \"" + std::string(1 << 20, 'x') + "\"}"),
                  "refused: its result file is larger than a mebibyte");
}

CAF_TEST(what is no file of the program keeps nobody waiting) {
  auto files = make();
  CAF_REQUIRE_EQUAL(mkfifo(files.result_file().c_str(), 0600), 0);
  CAF_CHECK_EQUAL(render(files.read_result().error()), "its result file isn't a regular file");
  std::filesystem::remove(files.result_file());
  std::filesystem::create_symlink("/etc/passwd", files.result_file());
  CAF_CHECK(!files.read_result());
}

CAF_TEST(what an earlier life left is swept) {
  std::filesystem::create_directories(folder.path() / "1-2" / "deep");
  sweep_attempt_files(folder.path());
  CAF_CHECK(std::filesystem::is_empty(folder.path()));
  sweep_attempt_files(folder.path() / "none");
  sweep_attempt_files({});
}

CAF_TEST_FIXTURE_SCOPE_END()
