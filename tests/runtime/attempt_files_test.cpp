#define CAF_SUITE attempt_files

#include "runtime/executors/attempt_files.hpp"

#include "messages/error.hpp"
#include "tests/fixtures/scratch_folder.hpp"

#include <sys/stat.h>

#include <fstream>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using namespace swarm::executors;
using namespace std::chrono_literals;
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

CAF_TEST(a folder that a program has removed is made again for its owner only) {
  std::filesystem::remove_all(folder.path());
  CAF_CHECK_EQUAL(text_of(make("boom").last_failure_file()), "boom");
  struct stat found {};
  CAF_REQUIRE_EQUAL(stat(folder.path().c_str(), &found), 0);
  CAF_CHECK_EQUAL(found.st_mode & 0777u, 0700u);
}

CAF_TEST(the files of an attempt go with it whatever the program made of them) {
  {
    auto files = make("x");
    struct stat found {};
    CAF_REQUIRE_EQUAL(stat(files.last_failure_file().c_str(), &found), 0);
    CAF_CHECK_EQUAL(found.st_mode & 0777u, 0600u);
    std::filesystem::create_directories(files.output_file() + "/deep");
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
  CAF_CHECK_EQUAL(read(R"({"progress": 0.5})"), R"({"progress":0.5})");
  CAF_CHECK_EQUAL(read("{"), "refused: its result file isn't JSON");
  CAF_CHECK_EQUAL(read(R"({"result": {"\u0000": 1}})"), "refused: its result file has a NUL in a text");
  CAF_CHECK_EQUAL(read("{\"result\": " + std::string(500'000, '[') + std::string(500'000, ']') + "}"),
                  "refused: its result file is nested more than 100 levels deep");
  CAF_CHECK_EQUAL(read("[]"), "refused: its result file doesn't hold a JSON object");
  CAF_CHECK_EQUAL(read(R"({"resullt": 1})"),
                  "refused: its result file has a member \"resullt\"; known are result, notes, usage, progress and "
                  "spec_impossible");
  CAF_CHECK_EQUAL(read(R"({"spec_impossible": "no such API"})"), R"({"spec_impossible":"no such API"})");
  for (const auto* text :
       {R"({"notes": 1})", R"({"usage": []})", R"({"progress": "1"})", R"({"spec_impossible": true})"})
    CAF_CHECK_EQUAL(read(text), "refused: its result file must have texts as notes and spec_impossible, an object as "
                                "usage and a number as progress");
  CAF_CHECK_EQUAL(read("{\"notes\": \"" + std::string(1 << 20, 'x') + "\"}"),
                  "refused: its result file is larger than a mebibyte");
}

CAF_TEST(each time that a result is written is seen once) {
  const auto files = make();
  result_watch watch{files.result_file()};
  CAF_CHECK_EQUAL(watch.look(), 0);
  const auto other = folder.write("other", R"({"progress": 1})");
  std::filesystem::rename(other, files.result_file());
  CAF_CHECK_EQUAL(watch.look(), 1);
  CAF_CHECK_EQUAL(watch.look(), 1);
  std::ofstream{files.result_file()} << R"({"progress": 10})";
  CAF_CHECK_EQUAL(watch.look(), 2);
  std::filesystem::last_write_time(files.result_file(), std::filesystem::file_time_type::clock::now() + 1h);
  CAF_CHECK_EQUAL(watch.look(), 3);
  std::filesystem::remove(files.result_file());
  CAF_CHECK_EQUAL(watch.look(), 3);
  CAF_CHECK_EQUAL(result_watch{}.look(), 0);
}

CAF_TEST(a result says in few words why nobody can do it or nothing of that) {
  CAF_CHECK_EQUAL(why_impossible(R"({"result": 1, "spec_impossible": "2 + 2 isn't 5"})"), "2 + 2 isn't 5");
  for (const auto* none : {"", "{}", R"({"spec_impossible": ""})", R"({"notes": "spec_impossible"})"})
    CAF_CHECK_EQUAL(why_impossible(none), "");
  CAF_CHECK_EQUAL(why_impossible(R"({"spec_impossible": "x)" + std::string(10'000, 'y') + "\"}").size(), 500u);
}

CAF_TEST(what is no file of the program keeps nobody waiting) {
  auto files = make();
  CAF_REQUIRE_EQUAL(mkfifo(files.result_file().c_str(), 0600), 0);
  CAF_CHECK_EQUAL(render(files.read_result().error()), "its result file isn't a regular file");
  std::filesystem::remove(files.result_file());
  const auto elsewhere = folder.write("elsewhere", "{}");
  std::filesystem::create_symlink(elsewhere, files.result_file());
  CAF_CHECK(!files.read_result());
}

CAF_TEST(an output is kept when that is asked for) {
  std::ofstream{make().output_file()} << "gone";
  CAF_CHECK(std::filesystem::is_empty(folder.path()));
  {
    auto files = make();
    std::ofstream{files.output_file()} << "kept";
    files.keep_output(100);
    CAF_CHECK_EQUAL(files.output_file(), (folder.path() / "7-42.output").string());
  }
  CAF_CHECK(!std::filesystem::exists(folder.path() / "7-42.output"));
  CAF_CHECK_EQUAL(text_of((folder.path() / "outputs" / "7-42").string()), "kept");
}

CAF_TEST(outputs that are kept stay within their limit and the oldest go first) {
  const auto outputs = folder.path() / "outputs";
  std::filesystem::create_directories(outputs);
  for (auto [name, age] : {std::pair{"1-1", 3h}, {"2-2", 1h}, {"3-3", 2h}}) {
    std::ofstream{outputs / name} << std::string(40, 'x');
    std::filesystem::last_write_time(outputs / name, std::filesystem::file_time_type::clock::now() - age);
  }
  auto files = make();
  std::ofstream{files.output_file()} << std::string(40, 'x');
  files.keep_output(100);
  CAF_CHECK(std::filesystem::exists(outputs / "7-42"));
  CAF_CHECK(std::filesystem::exists(outputs / "2-2"));
  CAF_CHECK(!std::filesystem::exists(outputs / "3-3"));
  CAF_CHECK(!std::filesystem::exists(outputs / "1-1"));
}

CAF_TEST(an output that is no file is not kept) {
  auto files = make();
  std::filesystem::create_symlink("/etc/passwd", files.output_file());
  files.keep_output(100);
  CAF_CHECK(!std::filesystem::exists(folder.path() / "outputs" / "7-42"));
}

CAF_TEST(what an earlier life left is swept but for its outputs and what others keep there) {
  std::filesystem::create_directories(folder.path() / "1-2.result.json" / "deep");
  std::filesystem::create_directories(folder.path() / "others");
  std::ofstream{folder.path() / "1-2.output"} << "last words";
  sweep_attempt_files(folder.path(), 100);
  CAF_CHECK(!std::filesystem::exists(folder.path() / "1-2.output"));
  CAF_CHECK(!std::filesystem::exists(folder.path() / "1-2.result.json"));
  CAF_CHECK(std::filesystem::exists(folder.path() / "others"));
  CAF_CHECK_EQUAL(text_of((folder.path() / "outputs" / "1-2").string()), "last words");
  sweep_attempt_files(folder.path(), 9);
  CAF_CHECK(std::filesystem::is_empty(folder.path() / "outputs"));
  sweep_attempt_files(folder.path() / "none", 0);
  sweep_attempt_files({}, 0);
}

CAF_TEST_FIXTURE_SCOPE_END()
