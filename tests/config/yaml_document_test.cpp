#define CAF_SUITE config_yaml_document

#include "config/yaml_document.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <random>
#include <sstream>

#include "tests/fixtures/scratch_folder.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::config;
using namespace std::string_literals;
using swarm::test::scratch_folder;

namespace {

// All problems of a text that is called "f".
std::string problems_of(std::string_view text, const yaml_limits& limits = {}) {
  problems found;
  parse_yaml(text, "f", found, limits);
  return to_string(found);
}

// The problems of a file, without its folder.
std::string problems_of_file(const std::filesystem::path& file, const yaml_limits& limits = {}) {
  problems found;
  const auto document = read_yaml(file, found, limits);
  CAF_CHECK(!document);
  for (auto& x : found)
    x.source = std::filesystem::path{x.source}.filename().string();
  return to_string(found);
}

// A value that a parser must expand to about width^depth nodes.
std::string bomb(int width, int depth) {
  std::ostringstream text;
  text << "a0: &a0 [x]\n";
  for (int i = 1; i <= depth; ++i) {
    text << "a" << i << ": &a" << i << " [";
    for (int j = 0; j < width; ++j)
      text << (j == 0 ? "" : ", ") << "*a" << i - 1;
    text << "]\n";
  }
  return text.str();
}

// What this process has read from files so far, in bytes.
std::size_t bytes_read() {
  std::ifstream counters{"/proc/self/io"};
  std::string name;
  std::size_t count = 0;
  counters >> name >> count;
  CAF_REQUIRE_EQUAL(name, "rchar:");
  return count;
}

} // namespace

CAF_TEST(a document keeps its values and their places) {
  problems found;
  const auto document = parse_yaml("a: 1\nb: [x, 'y z']\n", "f", found);
  CAF_REQUIRE(document);
  CAF_CHECK(found.empty());
  const auto root = document->root;
  CAF_CHECK_EQUAL(root["b"][1].Scalar(), "y z");
  CAF_CHECK_EQUAL(to_string(problem_at("f", root["b"][1], "here")), "f:2:8: here");
  const auto& constant = root;
  CAF_CHECK_EQUAL(to_string(problem_at("f", constant["c"], "nowhere")), "f: nowhere");
}

CAF_TEST(byte order mark and line ends of Windows change nothing) {
  problems found;
  const auto document = parse_yaml("\xEF\xBB\xBF"s + "a: 1\r\nb: {a: 1, a: 2}\r\n", "f", found);
  CAF_REQUIRE(document);
  CAF_CHECK_EQUAL(document->root["a"].Scalar(), "1");
  CAF_CHECK_EQUAL(to_string(found), "f:2:11: duplicate key 'a', it is already on line 2");
}

CAF_TEST(a file without a document has an undefined root) {
  for (const auto* text : {"# nothing\n", "\n\n", " "}) {
    problems found;
    const auto document = parse_yaml(text, "f", found);
    CAF_REQUIRE(document);
    CAF_CHECK(!document->root.IsDefined());
    CAF_CHECK(found.empty());
  }
}

CAF_TEST(what is not text is refused at its first byte) {
  CAF_CHECK_EQUAL(problems_of(""), "f: is empty");
  CAF_CHECK_EQUAL(problems_of("\xEF\xBB\xBF"), "f: is empty");
  CAF_CHECK_EQUAL(problems_of("a: 1\nb: \x04\n"),
                  "f:2:4: holds the control character 0x04; a YAML file is UTF-8 text");
  CAF_CHECK_EQUAL(problems_of("\x7f"s + "ELF\0"s),
                  "f:1:1: holds the control character 0x7f; a YAML file is UTF-8 text");
  CAF_CHECK_EQUAL(problems_of("a: \xE9t\xE9\n"),
                  "f:1:4: isn't UTF-8: it holds the byte 0xe9; a YAML file is UTF-8 text");
  CAF_CHECK_EQUAL(problems_of("\xFF\xFE" "a\0"s),
                  "f:1:1: isn't UTF-8: it holds the byte 0xff; a YAML file is UTF-8 text");
}

CAF_TEST(duplicate keys are reported at each map and leave the document readable) {
  problems found;
  const auto document = parse_yaml("a: 1\nb: {c: 1, \"c\": 2}\na: 2\nd: [{e: 1, e: 2, e: 3}]\n", "f", found);
  CAF_CHECK(document);
  CAF_CHECK_EQUAL(to_string(found), "f:2:11: duplicate key 'c', it is already on line 2\n"
                                    "f:3:1: duplicate key 'a', it is already on line 1\n"
                                    "f:4:12: duplicate key 'e', it is already on line 4\n"
                                    "f:4:18: duplicate key 'e', it is already on line 4");
}

CAF_TEST(equal keys of different maps are no duplicates) {
  CAF_CHECK_EQUAL(problems_of("a: {a: {a: 1}}\nb: [{a: 1}, {a: 1}]\nc: {a: a, b: a}\n"), "");
}

CAF_TEST(tags and merge keys and unusable characters are reported) {
  CAF_CHECK_EQUAL(problems_of("a: !!python/object x\nb: !mine [1]\nc: !!str 1\n"),
                  "f:1:4: tags (here 'tag:yaml.org,2002:python/object') are not supported; remove it\n"
                  "f:2:4: tags (here '!mine') are not supported; remove it\n"
                  "f:3:4: tags (here 'tag:yaml.org,2002:str') are not supported; remove it");
  CAF_CHECK_EQUAL(problems_of("a: &x {b: 1}\nc:\n  <<: *x\n"),
                  "f:3:3: merge keys ('<<') are not supported; repeat what they would bring in");
  CAF_CHECK_EQUAL(problems_of("a: \"x\\0y\"\n"),
                  "f:1:4: this text holds a NUL character, which no program can be given; remove it");
  CAF_CHECK_EQUAL(problems_of("a: \"x\\Ny\"\n"),
                  "f:1:4: this text isn't UTF-8; write \\u0085 for \\N and \\u00a0 for \\_");
}

CAF_TEST(keys are text) {
  CAF_CHECK_EQUAL(problems_of("[a]: 1\n"), "f:1:1: a list or map can't be a key; keys are text");
  CAF_CHECK_EQUAL(problems_of("x:\n  null: 1\n"),
                  "f:2:3: a key is empty or null here; write a name, in quotes if it is the word 'null'");
  CAF_CHECK_EQUAL(problems_of("x: &x y\n*x : 1\n"), "f:2:1: an alias can't be a key; write the name itself");
  CAF_CHECK_EQUAL(problems_of("'null': 1\n"), "");
}

CAF_TEST(a file holds one document) {
  CAF_CHECK_EQUAL(problems_of("---\na: 1\n...\n"), "");
  CAF_CHECK_EQUAL(problems_of("a: 1\n---\nb: 2\n"), "f:2:1: a second document begins here; a file holds one");
  CAF_CHECK_EQUAL(problems_of("[a]\n[b]\n"),
                  "f:2:1: the document has ended before this text; check brackets and indentation");
}

CAF_TEST(a syntax error says what to do at its place) {
  CAF_CHECK_EQUAL(problems_of("a: 1\n b: 2\n"), "f:2:3: a ':' is not possible here; quote a text that holds ': '");
  CAF_CHECK_EQUAL(problems_of("a: [1, 2\nb: 3\n"), "f:2:2: a ',' or ']' is missing before this; the '[' of line 1, column 4 is still open");
  CAF_CHECK_EQUAL(problems_of("a:\n  b: {c: [d]\n  e: {}\n"),
                  "f:3:3: a ',' or '}' is missing before this; the '{' of line 2, column 6 is still open");
  CAF_CHECK_EQUAL(problems_of("a: [1, {b: 2]\n"),
                  "f:1:13: this bracket closes none, or not the one that was opened last");
  CAF_CHECK_EQUAL(problems_of("a:\n  - b\n  \tc: d\n"), "f:3:3: this line is indented with a tab; YAML allows spaces only");
  CAF_CHECK_EQUAL(problems_of("a:\n\tb: c\n"), "f:2:1: this line is indented with a tab; YAML allows spaces only");
  CAF_CHECK_EQUAL(problems_of("a: ]\n"), "f:1:4: this bracket closes none, or not the one that was opened last");
  CAF_CHECK_EQUAL(problems_of("a: *b\n"), "f:1:4: this alias names no anchor above it");
  CAF_CHECK_EQUAL(problems_of("a: @b\n"), "f:1:4: no value can begin with this character; quote the text");
  CAF_CHECK_EQUAL(problems_of("a: 'b\n"), "f:1:6: the file ends within a quoted text; close the quote");
}

CAF_TEST(aliases are allowed and counted as what they stand for) {
  CAF_CHECK_EQUAL(problems_of("a: &x [1, 2]\nb: *x\nc: [*x, *x]\n"), "");
  yaml_limits limits;
  // The root, three keys, four lists (one of them twice aliased) and their entries.
  limits.nodes_max = 17;
  CAF_CHECK_EQUAL(problems_of("a: &x [1, 2]\nb: *x\nc: [*x, *x]\n", limits), "");
  limits.nodes_max = 16;
  CAF_CHECK_EQUAL(problems_of("a: &x [1, 2]\nb: *x\nc: [*x, *x]\n", limits),
                  "f:3:9: here the file exceeds 16 values, counted with every alias replaced");
}

CAF_TEST(a bomb of aliases is refused at once) {
  const auto text = bomb(10, 60);
  // Its place shows that nothing below it was looked at.
  CAF_CHECK_EQUAL(problems_of(text), "f:7:25: here the file exceeds 1,000,000 values, counted with every alias replaced");
}

CAF_TEST(a bomb of one long text is refused) {
  yaml_limits limits;
  limits.text_bytes_max = 1'000;
  CAF_CHECK_EQUAL(problems_of("a: &x " + std::string(300, 'y') + "\nb: [*x, *x]\nc: [*x]\n", limits),
                  "f:3:5: here the file exceeds 1,000 bytes of text, counted with every alias replaced");
}

CAF_TEST(an alias within its own anchor is refused) {
  const auto sentence = "this alias stands within its own anchor, so it would never end"s;
  CAF_CHECK_EQUAL(problems_of("a: &x [1, *x]\n"), "f:1:11: " + sentence);
  CAF_CHECK_EQUAL(problems_of("&x\na:\n  b: *x\n"), "f:3:6: " + sentence);
  // The name is given anew before the first one's end.
  CAF_CHECK_EQUAL(problems_of("a: &x [&x 1, *x]\n"), "");
}

CAF_TEST(nesting is bounded also through aliases) {
  yaml_limits limits;
  limits.depth_max = 4;
  CAF_CHECK_EQUAL(problems_of("[[[x]]]", limits), "");
  CAF_CHECK_EQUAL(problems_of("[[[[x]]]]", limits), "f:1:5: lists and maps are nested more than 4 levels deep here");
  CAF_CHECK_EQUAL(problems_of("- &a [[x]]\n- *a\n", limits), "");
  CAF_CHECK_EQUAL(problems_of("- &a [[x]]\n- [*a]\n", limits),
                  "f:2:4: lists and maps are nested more than 4 levels deep here");
}

CAF_TEST(an unclosed quote is not closed by the end of the file) {
  const auto sentence = "the file ends within a quoted text; close the quote"s;
  CAF_CHECK_EQUAL(problems_of("a: 'b\nc: d\n\n"), "f:2:5: " + sentence);
  CAF_CHECK_EQUAL(problems_of("a: \"b\nc: d\r\n \t"), "f:2:5: " + sentence);
  problems found;
  const auto document = parse_yaml("a: |\n  b\n", "f", found);
  CAF_REQUIRE(document);
  CAF_CHECK_EQUAL(document->root["a"].Scalar(), "b\n");
}

CAF_TEST(open brackets without end cost neither stack nor memory) {
  for (const auto* bracket : {"[", "{", "- ", "? ", "{a: [", "!!a [", "&a ["}) {
    std::string text;
    for (int i = 0; i < 200'000; ++i)
      text += bracket;
    CAF_CHECK(!problems_of(text).empty());
  }
  yaml_limits limits;
  limits.lookahead_bytes_max = 100'000;
  CAF_CHECK_EQUAL(problems_of("a: 1\nb: " + std::string(300'000, '['), limits),
                  "f:2:4: after this, more than 100,000 bytes follow within one value or one pair of brackets; "
                  "write the outer levels in block style, one key per line");
}

CAF_TEST(a long file in block style is no matter of lookahead) {
  yaml_limits limits;
  limits.lookahead_bytes_max = 10'000;
  std::string text;
  for (int i = 0; i < 10'000; ++i)
    text += "key"s + std::to_string(i) + ": {a: [b, c]}\n";
  CAF_CHECK_EQUAL(problems_of(text, limits), "");
}

CAF_TEST(what is no readable file is refused with its reason) {
  const scratch_folder folder;
  CAF_CHECK_EQUAL(problems_of_file(folder.path() / "none"), "none: there is no such file; check the path");
  CAF_CHECK_EQUAL(problems_of_file(folder.write("empty", "")), "empty: is empty");
  CAF_CHECK_EQUAL(problems_of_file(folder.path() / "empty" / "x"),
                  "x: a part of the path is not a directory; check the path");
  std::filesystem::create_directory(folder.path() / "folder");
  CAF_CHECK_EQUAL(problems_of_file(folder.path() / "folder"), "folder: is a directory; name a file in it");
  CAF_CHECK_EQUAL(problems_of_file("/dev/zero"), "zero: is a pipe or device; a regular file is needed");
  CAF_REQUIRE_EQUAL(::mkfifo((folder.path() / "pipe").c_str(), 0600), 0);
  CAF_CHECK_EQUAL(problems_of_file(folder.path() / "pipe"), "pipe: is a pipe or device; a regular file is needed");
}

CAF_TEST(a socket is refused) {
  const scratch_folder folder;
  const auto path = folder.path() / "socket";
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.string().copy(address.sun_path, sizeof(address.sun_path) - 1);
  const auto socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CAF_REQUIRE_EQUAL(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  CAF_CHECK_EQUAL(problems_of_file(path), "socket: is a socket or device; a regular file is needed");
  ::close(socket);
}

CAF_TEST(a file without permission is refused) {
  const scratch_folder folder;
  const auto file = folder.write("secret", "a: 1\n");
  std::filesystem::permissions(file, std::filesystem::perms::none);
  // For root there is no such thing as a missing permission.
  const auto is_root = ::geteuid() == 0;
  std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
  if (is_root)
    CAF_REQUIRE_EQUAL(::seteuid(65534), 0);
  const auto text = problems_of_file(file);
  if (is_root)
    CAF_REQUIRE_EQUAL(::seteuid(0), 0);
  CAF_CHECK_EQUAL(text, "secret: permission denied: this user may not read the file or enter one of its directories");
}

CAF_TEST(a file of a hundred megabytes is refused without being read) {
  const scratch_folder folder;
  const auto file = folder.write("large", "a: 1\n");
  std::filesystem::resize_file(file, 100'000'000);
  const auto before = bytes_read();
  CAF_CHECK_EQUAL(problems_of_file(file), "large: is larger than 16,777,216 bytes, the most that is read; split it");
  CAF_CHECK_LESS(bytes_read() - before, 4096u); // the reading of the counter itself
  yaml_limits limits;
  limits.file_bytes_max = 4;
  CAF_CHECK_EQUAL(problems_of("a: 1\n", limits), "f: is larger than 4 bytes, the most that is read; split it");
  CAF_CHECK_EQUAL(problems_of("a: 1", limits), "");
}

CAF_TEST(random bytes and random YAML give a document or a problem) {
  const auto seed = 20'240'611u;
  CAF_MESSAGE("seed " << seed);
  std::mt19937 random{seed};
  const auto pick = [&](std::size_t n) { return std::uniform_int_distribution<std::size_t>{0, n - 1}(random); };
  const std::vector<std::string> pieces{"a", "b: ", "- ", "? ", ": ", "[", "]", "{", "}", ",", "\n", "\n  ", "\n ",
                                        "'", "\"", "&x ", "*x", "!", "!!str ", "|\n", ">\n", "#", "---\n", "...\n",
                                        "%YAML 1.2\n", "~", "null", "\\", "\t", "\r\n", "<<: ", "@", "\xC3\xA9", "0"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    for (auto left = pick(40); left > 0; --left)
      text += round % 4 == 0 ? std::string(1, static_cast<char>(pick(256))) : pieces[pick(pieces.size())];
    problems found;
    if (!parse_yaml(text, "f", found) && found.empty())
      CAF_ERROR("neither a document nor a problem: " << text);
  }
}
