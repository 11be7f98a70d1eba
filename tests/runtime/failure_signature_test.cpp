#define CAF_SUITE failure_signature

#include "runtime/checks/failure_signature.hpp"
#include "tests/fixtures/seed.hpp"

#include <random>
#include <string>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using swarm::checks::failure_signature;
using swarm::checks::normalise_failure;
using swarm::checks::normalised_bytes_max;
using namespace std::string_literals;

namespace {

struct row {
  std::string text;
  std::string normalised;
};

struct pair {
  std::string one;
  std::string other;
};

std::string repeated(std::string_view text, std::size_t count) {
  std::string result;
  while (count-- > 0)
    result += text;
  return result;
}

} // namespace

CAF_TEST(what differs by chance is replaced and the rest stays) {
  const std::vector<row> rows{
    {"", ""},
    {" \n\t ", ""},
    {"a  b\t\tc \r\n\n  d\n", "a b c\nd"},
    {"\x1b[1;31merror\x1b[0m: \x1b]0;title\a\x1b]8;;http://x\x1b\\no\x1b(B", "error: no"},
    {"took 1.5 s, 980ms, 1m30s, 1h2m3.5s, 3 hours, 12 \xc2\xb5s", "took <*>, <*>, <*>, <*>, <*>, <*>"},
    {"2024-01-02T03:04:05.678Z", "<*>"},
    {"2024-01-02 03:04:05,678", "<*> <*>"},
    {"Mon Jan  2 15:04:05 2006", "<*> <*> <*> <*> <*>"},
    {"02/Jan/2006:15:04:05 +0100", "<*>/<*>/<*> +<*>"},
    {"at 11:59 PM", "at <*>"},
    {"1,234 of 5e-3 and 3/4 or 12 MiB, 64bit", "<*> of <*> and <*> or <*>, <*>bit"},
    {"0xDEADbeef deadbeef 12ab34c 1234567 a1b2c3", "<*> deadbeef <*> <*> <*>"},
    {"6ba7b810-9dad-11d1-80b4-00c04fd430c8", "<*>"},
    {"at /home/me/src/main.cpp:12:5: no", "at main.cpp:<*>: no"},
    {"(/usr/lib/x.so+0x12), \"/a/b/\" '/' // c", "(x.so+<*>), \"b/\" '/' // c"},
    {"./a/b.cpp and/or src/c.cpp file:///home/d.txt", "./a/b.cpp and/or src/c.cpp file://d.txt"},
    {"http://localhost:8080/api/v1/x?y=/z http://10.0.0.1/x", "http://localhost:<*>/api/v1/x?y=z http://<*>/x"},
    {"/tmp/tmpabcdefgh tmpfile", "<*> tmpfile"},
    {"/tmp/tmpab_cdef/x.py /tmp/tmpq1w2e3r4.py /tmp/tmp.QwErTyUiOp tmp.a", "x.py <*>.py <*> tmp.a"},
    {"worker-17 [4242] db:5432 10.0.0.1:80", "worker-<*> [<*>] db:<*> <*>"},
    {"int32 E0308 x86_64 sha256sum test_case_3", "int32 E0308 x86_64 sha256sum test_case_3"},
    {"python3.11", "python3.<*>"},
    {"exited with 2 after 1.0 s", "exited with 2 after <*>"},
    {"exit code: 137, 12 left; signal 9", "exit code: 137, <*> left; signal 9"},
    {"errno=28; HTTP/1.1 503 x 12", "errno=28; HTTP/<*> 503 x <*>"},
    {"code 123456, status\n7, SQLSTATE[23505]", "code <*>, status\n<*>, SQLSTATE[23505]"},
    {"web-7d9f8b6c4-x2k9p", "web-<*>-<*>"},
    {"\x1b", ""},
    {"a\x1b[12", "a"},
    {"a\x1b]title\nb", "a\nb"},
    {"\0\xff\xfe/"s, "\0\xff\xfe/"s},
  };
  for (const auto& [text, normalised] : rows)
    CAF_CHECK_EQUAL(normalise_failure(text), normalised);
}

CAF_TEST(the same failure has the same signature) {
  const std::vector<pair> pairs{
    {"main.cpp:12:5: error: expected ';'", "main.cpp:97:11: error: expected ';'"},
    {"/home/a/build-1/main.cpp:12: error", "/srv/ci/77f3e1a9/main.cpp:8: error"},
    {"  12 | x = y\n     |     ^~", "1204 | x = y\n     |       ^~"},
    {"\x1b[31mFAILED\x1b[0m test_login in 0.31s", "FAILED test_login in 12.08s"},
    {"[2024-01-02 03:04:05] pid 17: lost", "[2025-11-30 23:59:59] pid 40312: lost"},
    {"Jan  2 03:04:05 host sshd[12]: no", "Nov 30 13:14:15 host sshd[40312]: no"},
    {"File \"/tmp/tmpab12cd34/a.py\", line 3, in f", "File \"/tmp/tmpzz_98xyq/a.py\", line 40, in f"},
    {"'make test' exited with 2 after 1.0 s", "'make test' exited with 2 after 612.4 s"},
    {"connect to 127.0.0.1:40312 failed", "connect to 10.1.2.3:5432 failed"},
    {"at 0x7ffd1234 in f", "at 0x55d0c0ffee10 in f"},
    {"commit 1234567 is bad", "commit 12ab567f is bad"},
    {"ticket 6ba7b810-9dad-11d1-80b4-00c04fd430c8", "ticket 00000000-9DAD-11d1-80b4-ffffffffffff"},
    {"a\r\nb\n", "a\nb"},
    {"used 900 KB", "used 1.2 GiB"},
  };
  for (const auto& [one, other] : pairs) {
    CAF_CHECK_EQUAL(normalise_failure(one), normalise_failure(other));
    CAF_CHECK_EQUAL(failure_signature(one), failure_signature(other));
  }
}

CAF_TEST(different failures have different signatures) {
  const std::vector<pair> pairs{
    {"main.cpp:12: error", "util.cpp:12: error"},
    {"expected ';'", "expected ')'"},
    {"exited with 1 after 1.0 s", "exited with 2 after 1.0 s"},
    {"ended by signal 9 after 1.0 s", "ended by signal 11 after 1.0 s"},
    {"HTTP 404", "HTTP 500"},
    {"FAILED test_case_3", "FAILED test_case_4"},
    {"error E0308", "error E0382"},
    {"no int32", "no int64"},
    {"undefined reference to f", "undefined reference to g"},
    {"src/a/x.cpp: error", "src/b/x.cpp: error"},
    {"a b", "ab"},
    {"a", ""},
    {"Error", "error"},
    {"\xc3\xa4", "\xc3\xb6"},
  };
  for (const auto& [one, other] : pairs) {
    CAF_CHECK(normalise_failure(one) != normalise_failure(other));
    CAF_CHECK(failure_signature(one) != failure_signature(other));
  }
}

CAF_TEST(a signature is the beginning of a SHA256) {
  CAF_CHECK_EQUAL(failure_signature(""), "e3b0c44298fc1c14");
  CAF_CHECK_EQUAL(failure_signature(" abc\n"), "ba7816bf8f01cfea");
}

CAF_TEST(of a long text the beginning and the end decide) {
  const auto begin = "begin " + repeated("word ", 3'000);
  const auto end = repeated(" word", 3'000) + " end";
  const auto text = normalise_failure(begin + repeated("noise 12\n", 20'000) + end);
  CAF_CHECK_EQUAL(text.size(), normalised_bytes_max);
  CAF_CHECK(text.starts_with("begin word"));
  CAF_CHECK(text.ends_with("word end"));
  CAF_CHECK(text.find("\n...\n") != std::string::npos);
  CAF_CHECK_EQUAL(failure_signature(begin + repeated("a 12\n", 20'000) + end),
                  failure_signature(begin + repeated("bc ", 70'001) + end));
  CAF_CHECK(failure_signature(begin + end) != failure_signature(begin + end + "."));
  CAF_CHECK(failure_signature(begin + end) != failure_signature("." + begin + end));
}

CAF_TEST(the bound holds to the byte) {
  for (const auto bytes : {normalised_bytes_max - 1, normalised_bytes_max}) {
    const std::string text(bytes, 'x');
    CAF_CHECK(normalise_failure(text) == text);
  }
  CAF_CHECK_EQUAL(normalise_failure(std::string(normalised_bytes_max + 1, 'x')).size(), normalised_bytes_max);
  // About where the middle is dropped for the first time.
  for (auto bytes = normalised_bytes_max / 2 * 3 - 50; bytes < normalised_bytes_max / 2 * 3 + 50; ++bytes) {
    const auto text = normalise_failure(std::string(bytes, 'x') + " ");
    CAF_REQUIRE(text.ends_with("xxx"));
    CAF_REQUIRE(text.size() == normalised_bytes_max || text.size() == normalised_bytes_max - 1);
  }
}

CAF_TEST(any bytes are taken and the result is bounded) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  std::mt19937_64 random{seed};
  const auto pick = [&](std::size_t max) { return std::uniform_int_distribution<std::size_t>{0, max}(random); };
  const std::vector<std::string> pieces{
    "\x1b", "\x1b[", "\x1b]", "\a", "/", "//", ".", "tmp", "tmp.", "0x", "-", ":", "T", "e", "+", "1", "2024", "ms",
    " ", "\n", "exit code ", "abcdef", "\xc2\xb5s", "://", "<*>",
  };
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    for (auto count = pick(40); count > 0; --count)
      text += pick(2) == 0 ? std::string(1, static_cast<char>(pick(255))) : pieces[pick(pieces.size() - 1)];
    if (round % 100 == 0)
      text = repeated(text, 500);
    const auto result = normalise_failure(text);
    CAF_REQUIRE(result.size() <= normalised_bytes_max);
    CAF_REQUIRE_EQUAL(normalise_failure(text + "\n"), normalise_failure(text));
  }
}
