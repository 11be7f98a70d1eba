#define CAF_SUITE redactor

#include "runtime/executors/redact/redact_json.hpp"
#include "runtime/executors/redact/redactor.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::redact;
using namespace std::string_literals;

namespace {

struct row {
  std::string text;
  std::string expected;
};

redactor redactor_of(const std::vector<named_secret>& secrets) {
  auto result = redactor::build(secrets);
  if (!result)
    CAF_FAIL(swarm::render(result.error()));
  return std::move(*result);
}

std::string refusal_of(const std::vector<named_secret>& secrets) {
  auto result = redactor::build(secrets);
  if (result)
    return "none";
  CAF_CHECK_EQUAL(swarm::code_of(result.error()), swarm::errc::invalid_input);
  return swarm::render(result.error());
}

/// The output for a text that comes in these pieces.
std::string redacted(const redactor& x, const std::vector<std::string_view>& pieces) {
  auto stream = x.stream();
  std::string output;
  for (const auto piece : pieces)
    stream.feed(piece, output);
  stream.finish(output);
  return output;
}

/// Checks each row as a whole, byte by byte, and cut in two at each place.
void check_rows(const redactor& x, const std::vector<row>& rows) {
  for (const auto& [text, expected] : rows) {
    CAF_CHECK_EQUAL(x.redact(text), expected);
    const std::string_view all = text;
    std::vector<std::string_view> bytes;
    for (std::size_t i = 0; i < all.size(); ++i) {
      bytes.push_back(all.substr(i, 1));
      if (all.size() < 1'000 || i % 1'009 == 0)
        CAF_REQUIRE_EQUAL(redacted(x, {all.substr(0, i), all.substr(i)}), expected);
    }
    CAF_CHECK_EQUAL(redacted(x, bytes), expected);
  }
}

void check_unchanged(const redactor& x, const std::vector<std::string>& texts) {
  std::vector<row> rows;
  for (const auto& text : texts)
    rows.push_back({text, text});
  check_rows(x, rows);
}

std::string repeated(std::string_view text, std::size_t bytes_min) {
  std::string result;
  while (result.size() < bytes_min)
    result += text;
  return result;
}

std::string letters(std::size_t count) { return repeated("aB3dE6gH9j", count).substr(0, count); }

/// 17 bytes that every encoding changes.
const std::string odd_secret = "k?y/\xc3\xbc>\"p\\q\n7~ z+";

} // namespace

CAF_TEST(a secret is found in each of its encodings) {
  check_rows(redactor_of({{"K", odd_secret}}), {
    {"<" + odd_secret + ">", "<[redacted:K]>"},
    // base64, alone: with padding, without, embedded in front of something
    {"<az95L8O8PiJwXHEKN34geis=>", "<[redacted:K]>"},
    {"<az95L8O8PiJwXHEKN34geis>", "<[redacted:K]>"},
    {"<az95L8O8PiJwXHEKN34geit4>", "<[redacted:K]t4>"},
    // behind one byte, both alphabets
    {"<YWs/eS/DvD4icFxxCjd+IHor>", "<YW[redacted:K]>"},
    {"<YWs_eS_DvD4icFxxCjd-IHor>", "<YW[redacted:K]>"},
    {"<YWs/eS/DvD4icFxxCjd+IHoreHk=>", "<YW[redacted:K]eHk=>"},
    // behind two bytes
    {"<YWJrP3kvw7w+InBccQo3fiB6Kw==>", "<YWJ[redacted:K]>"},
    {"<YWJrP3kvw7w+InBccQo3fiB6Kw>", "<YWJ[redacted:K]>"},
    {"<YWJrP3kvw7w-InBccQo3fiB6K3h5>", "<YWJ[redacted:K]3h5>"},
    // URL
    {"<k%3Fy%2F%C3%BC%3E%22p%5Cq%0A7~%20z%2B>", "<[redacted:K]>"},
    {"<k%3fy%2f%c3%bc%3e%22p%5cq%0a7~%20z%2b>", "<[redacted:K]>"},
    {"<k%3Fy/%C3%BC%3E%22p%5Cq%0A7~%20z%2B>", "<[redacted:K]>"},
    {"<k%3Fy%2F%C3%BC%3E%22p%5Cq%0A7~+z%2B>", "<[redacted:K]>"},
    {"<k%3Fy%2F%C3%BC%3E%22p%5Cq%0A7%7E+z%2B>", "<[redacted:K]>"},
    {"<k?y/%C3%BC%3E%22p%5Cq%0A7~%20z+>", "<[redacted:K]>"},
    {"<k%3Fy%2F%C3%BC%3E%22p%5Cq%0A7~%20z+>", "<[redacted:K]>"},
    // JSON
    {R"(<k?y/)" "\xc3\xbc" R"(>\"p\\q\n7~ z+>)", "<[redacted:K]>"},
    {R"(<k?y\/)" "\xc3\xbc" R"(>\"p\\q\n7~ z+>)", "<[redacted:K]>"},
    {R"(<k?y/\u00fc>\"p\\q\n7~ z+>)", "<[redacted:K]>"},
    {R"(<k?y/\u00FC>\"p\\q\n7~ z+>)", "<[redacted:K]>"},
    {R"(<k?y\/\u00fc>\"p\\q\n7~ z+>)", "<[redacted:K]>"},
    {R"(<k?y/)" "\xc3\xbc" R"(\u003e\"p\\q\n7~ z+>)", "<[redacted:K]>"},
    {R"(<k?y/\u00FC\u003E\u0022p\\q\n7~ z\u002B>)", "<[redacted:K]>"},
  });
  check_rows(redactor_of({{"K", "\x01=<\xf0\x9f\x90\x9d=\xff\t."}}), {
    {R"(<\u0001=<)" "\xf0\x9f\x90\x9d=\xff" R"(\t.>)", "<[redacted:K]>"},
    {R"(<\u0001=\u003c)" "\xf0\x9f\x90\x9d=\xff" R"(\t.>)", "<[redacted:K]>"},
    {R"(<\u0001\u003d\u003c\ud83d\udc1d\u003d)" "\xff" R"(\t.>)", "<[redacted:K]>"},
    {R"(<\u0001\u003D\u003C\uD83D\uDC1D\u003D)" "\xff" R"(\t.>)", "<[redacted:K]>"},
  });
}

CAF_TEST(a secret is found in JSON that stands in other JSON) {
  check_rows(redactor_of({{"K", "pa55/w\xc3\xb6rd+Zeile \"q\" 99x"}}), {
    {R"(<pa55/w\\u00f6rd+Zeile \\\"q\\\" 99x>)", "<[redacted:K]>"},
    {R"(<pa55/w\u00f6rd+Zeile \\\"q\\\" 99x>)", "<[redacted:K]>"},
    {R"(<pa55/w)" "\xc3\xb6" R"(rd+Zeile \\\"q\\\" 99x>)", "<[redacted:K]>"},
    {R"(<pa55\\/w\\u00f6rd+Zeile \\\"q\\\" 99x>)", "<[redacted:K]>"},
  });
}

CAF_TEST(a secret of several lines is found as a terminal shows it) {
  check_rows(redactor_of({{"K", "line 1\nline 2\n"}}), {
    {"<line 1\r\nline 2\r\n>", "<[redacted:K]\r\n>"},
    {R"(<line 1\r\nline 2>)", "<[redacted:K]>"},
    {R"(<line 1\\r\\nline 2>)", "<[redacted:K]>"},
    {R"(<line 1\\nline 2>)", "<[redacted:K]>"},
  });
}

CAF_TEST(a long secret is found in the lines that encoders make of it) {
  const std::string secret(70, '~'); // 94 characters, of which every fourth group is the same
  const auto encoded = [](std::size_t width, const std::string& line_end) {
    std::string text;
    for (int i = 0; i < 23; ++i)
      text += "fn5+";
    text += "fg==";
    text.insert(width, line_end);
    return text;
  };
  std::vector<row> rows;
  for (const std::size_t width : {64u, 76u})
    for (const auto* line_end : {"\n", "\r\n", "\\n"})
      rows.push_back({"<" + encoded(width, line_end) + "\n>", "<[redacted:K]\n>"});
  check_rows(redactor_of({{"K", secret}}), rows);
}

CAF_TEST(credentials are known by their form) {
  const auto body = "\nMIIEow+/IBAAK=\nabc\n"s;
  check_rows(redactor_of({}), {
    {"key sk-ant-api03-" + letters(16) + "_-x, next", "key [redacted], next"},
    {"mysk-ant-" + letters(16), "my[redacted]"},
    {"sk-" + letters(20) + "\n", "[redacted]\n"},
    {R"(\nsk-proj-)" + letters(20) + R"(\n)", R"(\n[redacted]\n)"},
    {"%0Ask-" + letters(20) + "&", "%0A[redacted]&"},
    {"\x1b[32msk-" + letters(20) + "\x1b[0m", "\x1b[32m[redacted]\x1b[0m"},
    {"ghp_" + letters(36), "[redacted]"},
    {"ghp_ghp_" + letters(36), "ghp_[redacted]"},
    {"gho_" + letters(36) + ".", "[redacted]."},
    {"https://ghs_" + letters(36) + "@github.com/a/b", "https://[redacted]@github.com/a/b"},
    {"github_pat_" + letters(22) + "_" + letters(59), "[redacted]"},
    {"glpat-" + letters(20), "[redacted]"},
    {"xoxa-1234567890", "[redacted]"},
    {"xoxb-123-456-abcdef xoxp-123-456-abcdef", "[redacted] [redacted]"},
    {"xoxr-123-456-abcdef/xoxs-123-456-abcdef", "[redacted]/[redacted]"},
    {"xoxb-1-AIza" + letters(8), "[redacted]"},
    {"xoxb-1-xoxb-1234567890", "[redacted]"},
    {"AKIA0123456789ABCDEF:", "[redacted]:"},
    {"AKIAAKIA0123456789ABCDEF", "[redacted]"},
    {"?key=AIza" + letters(35) + "&x", "?key=[redacted]&x"},
    {"a eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl b", "a [redacted] b"},
    {"eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "[redacted]"},
    {"eyJ.eyJhbGciOiJkaXIifQ..aXYtaXYtaXYt.Y3Q.dGFn;", "eyJ.[redacted];"},
    {"Authorization: Bearer abc.def/~+=\r\n", "Authorization: Bearer [redacted]\r\n"},
    {"authorization:basic  dTpw", "authorization:basic  [redacted]"},
    {R"({"Authorization": "BEARER x:y", "a": 1})", R"({"Authorization": "BEARER [redacted]", "a": 1})"},
    {R"(\"authorization\":[\"Basic dTpw\"])", R"(\"authorization\":[\"Basic [redacted]\"])"},
    {"Authorization: Bearer a-authorization-b c", "Authorization: Bearer [redacted] c"},
    {"HTTP_AUTHORIZATION=Bearer t; x", "HTTP_AUTHORIZATION=Bearer [redacted]; x"},
    {"postgres://me:p%40ss@db:5432/t", "postgres://me:[redacted]@db:5432/t"},
    {"postgres://me:p@db/t?mail=a@b", "postgres://me:[redacted]@db/t?mail=a@b"},
    {"postgresql://:a/b@c@db/t", "postgresql://:[redacted]@db/t"},
    {"redis://u:p@ss@h:1/a@b", "redis://u:[redacted]@h:1/a@b"},
    {"http://me@corp.com:pw@host https://u:v@w", "http://me@corp.com:[redacted]@host https://u:[redacted]@w"},
    {"a\n-----BEGIN PRIVATE KEY-----" + body + "-----END PRIVATE KEY-----\nb", "a\n[redacted]\nb"},
    {"-----BEGIN RSA PRIVATE KEY-----\\nMII\\n-----END RSA PRIVATE KEY-----\\n", "[redacted]\\n"},
    {"-----BEGIN PGP PRIVATE KEY BLOCK-----" + body + "-----END PGP PRIVATE KEY BLOCK-----.", "[redacted]."},
    {"-----BEGIN EC PRIVATE KEY-----" + body, "[redacted]"},
    // one that was cut off, in front of another one
    {"-----BEGIN A PRIVATE KEY-----\nMII-----END A-----BEGIN A PRIVATE KEY-----" + body
       + "-----END A PRIVATE KEY-----.",
     "[redacted]."},
    {"-----BEGIN A PRIVATE KEY-----\nMII-----BEGIN A PRIVATE KEY-----" + body + "-----END A PRIVATE KEY-----.",
     "[redacted]."},
    {"-----BEGIN -----BEGIN PRIVATE KEY-----a-----END PRIVATE KEY-----.", "-----BEGIN [redacted]."},
  });
}

CAF_TEST(a private key without an end takes a bounded part of the text) {
  const auto rest = repeated("line\n", 2 * private_key_bytes_max);
  check_rows(redactor_of({}), {
    {"-----BEGIN PRIVATE KEY-----" + rest, "[redacted]" + rest.substr(private_key_bytes_max)},
  });
}

CAF_TEST(a document stays one whatever is redacted in it) {
  const auto x = redactor_of({{"PIN", "73519264"}});
  for (const auto& [text, expected] : std::vector<row>{
         {R"({"id":73519264,"n":[7,null,true]})", R"({"id":"[redacted:PIN]","n":[7,null,true]})"},
         {R"({"a":"-----BEGIN PRIVATE KEY----- and more","result":1})", R"({"a":"[redacted]","result":1})"},
         {R"({"notes":"-----BEGIN PRIVATE KEY-----","result":"-----END PRIVATE KEY-----"})",
          R"({"notes":"[redacted]","result":"-----END PRIVATE KEY-----"})"},
         {R"({"73519264":"73519264"})", R"({"[redacted:PIN]":"[redacted:PIN]"})"},
         {"no document 73519264", "no document [redacted:PIN]"}})
    CAF_CHECK_EQUAL(redact_json(x, text), expected);
}

CAF_TEST(a text without secrets is unchanged byte for byte) {
  std::string all_bytes;
  for (int i = 0; i < 512; ++i)
    all_bytes.push_back(static_cast<char>(i));
  check_unchanged(redactor_of({{"A", "correct horse"}, {"B", "battery\0staple"s}, {"C", odd_secret}}), {
    "", "a", all_bytes, "correct hors", "correct horscorrect hors", "battery\0stapl"s, "Correct horse",
    "task-force-with-a-very-long-name-2024", "sk-" + letters(19), "disk-" + letters(40), "sk-ant-" + letters(15),
    "ghp_" + letters(29), "test_laughs_when_something_very_long_happens", "xoxb-123456789", "xoxc-1234567890",
    "AKIA0123456789ABCDE", "SLOVAKIA0123456789ABCDEF", "AKIA0123456789abcdef", "AIza" + letters(34),
    "eyJ" + letters(9) + "." + letters(20), "eyJ" + letters(10) + "." + letters(9), "eyJhbGciOiJIUzI1NiJ9",
    "eyJ" + letters(pattern_bytes_max) + "." + letters(20),
    "Authorization: Digest abc", "Authorization: Bearer <token>", "Authorization: Bearertoken", "Authorization Bear",
    "Authorization, Basil x", "AuthorizationBearer x", "http://localhost:8080/a@b", "https://me@host/x:y@z", "a:b@c",
    "http://u:@host/", "see http://localhost:80 and mail a@b", "a://b:" + letters(pattern_bytes_max) + "@",
    "-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----", "-----END PRIVATE KEY-----\nabc",
    "-----BEGIN the PRIVATE KEY-----", "-----BEGIN " + repeated("A ", 100) + "PRIVATE KEY-----",
  });
}

CAF_TEST(what overlaps is redacted as a whole under the name of the earliest and longest secret) {
  const auto x = redactor_of({{"SHORT", "abcdef"}, {"LONG", "abcdefghij"}, {"LATER", "hijklmno"}, {"SELF", "xyxyxyx"},
                              {"TWIN", "abcdef"}, {"OUTER", "1-hijklmno-2"}, {"KEY", "a+ghp_+b"},
                              {"JWT", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIi"}});
  check_rows(x, {
    {"-abcdef-", "-[redacted:SHORT]-"},
    {"-abcdefghij-", "-[redacted:LONG]-"},
    {"-abcdefghi-", "-[redacted:SHORT]ghi-"},
    {"-abcdefghijklmno-", "-[redacted:LONG]-"},
    {"-hijklmno-", "-[redacted:LATER]-"},
    // what begins like another secret and isn't it
    {"1-hijklmno-3", "1-[redacted:LATER]-3"},
    {"a+ghp_" + letters(36), "a+[redacted]"},
    {"abcdefabcdef", "[redacted:SHORT][redacted:SHORT]"},
    {"xyxyxyxyxyxyxyx!", "[redacted:SELF]!"},
    // a name tells more than a pattern, wherever the pattern begins
    {"Authorization: Bearer --abcdef-- x", "Authorization: Bearer [redacted:SHORT] x"},
    {"postgres://u:hijklmno@h", "postgres://u:[redacted:LATER]@h"},
    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[redacted:JWT]"},
    {"://abcdef:p@h", "://[redacted:SHORT]:[redacted]@h"},
  });
}

CAF_TEST(line ends behind a value do not belong to the secret) {
  check_rows(redactor_of({{"A", "secret-value\r\n\n"}}), {{"a secret-value b", "a [redacted:A] b"}});
}

CAF_TEST(secrets that cannot be redacted are refused by name and never quoted) {
  CAF_CHECK_EQUAL(refusal_of({{"PIN", "12345"}}),
                  "the secret 'PIN' has 5 bytes: with fewer than 6 it would be found in ordinary text too. "
                  "Use a longer one or remove it from the secrets");
  CAF_CHECK_EQUAL(refusal_of({{"FILE", "12345\n\n"}}).substr(0, 31), "the secret 'FILE' has 5 bytes: ");
  CAF_CHECK_EQUAL(refusal_of({{"A", letters(secret_bytes_max)}}), "none");
  CAF_CHECK_EQUAL(refusal_of({{"BIG", letters(secret_bytes_max + 1)}}),
                  "the secret 'BIG' has 16385 bytes: no more than 16384 can be looked for. "
                  "Remove it from the secrets or name only its secret part");
  CAF_CHECK_EQUAL(refusal_of({{"", "123456"}}),
                  "a secret has no name: give it the one that is to stand in its place");
  CAF_CHECK_EQUAL(refusal_of({{"A", "123456"}, {"WORD", "redacted"}}),
                  "the secret 'WORD' is a part of the word that replaces secrets: use another one");
}

CAF_TEST(a secret that is learnt is found from then on also in texts that have begun before) {
  const auto x = redactor_of({{"OLD", "old-secret"}});
  const auto copy = x;
  auto begun = copy.stream();
  std::string output;
  begun.feed("new-secret old-secret\n", output);
  CAF_CHECK(x.learn({"NEW", "new-secret\n"}));
  begun.feed("new-secret old-secret ", output);
  begun.feed("bmV3LXNlY3JldA==", output);
  begun.finish(output);
  CAF_CHECK_EQUAL(output, "new-secret [redacted:OLD]\n[redacted:NEW] [redacted:OLD] [redacted:NEW]");
  check_rows(copy, {{"old-secret, new-secret", "[redacted:OLD], [redacted:NEW]"}});
}

CAF_TEST(a text in which a secret may have begun is read to its end by what was known at its beginning) {
  const auto x = redactor_of({{"OLD", "old-secret"}});
  auto begun = x.stream();
  std::string output;
  begun.feed("old-", output);
  CAF_CHECK(x.learn({"NEW", "new-secret"}));
  begun.feed("secret", output);
  begun.feed("\n", output);
  begun.feed("new-secret", output);
  begun.finish(output);
  CAF_CHECK_EQUAL(output, "[redacted:OLD]\n[redacted:NEW]");
}

CAF_TEST(what cannot be learnt leaves everything as it was) {
  const auto x = redactor_of({{"OLD", "old-secret"}});
  CAF_CHECK(!x.learn({"SHORT", "abc"}));
  CAF_CHECK(x.learn({"AGAIN", "old-secret"}));
  check_rows(x, {{"abc old-secret", "abc [redacted:OLD]"}});
}

CAF_TEST(a name that tells a secret is left out) {
  check_rows(redactor_of({{"password", "password"}, {"B", "other-secret"}}), {
    {"a password, other-secret", "a [redacted], [redacted:B]"},
  });
}

CAF_TEST(no more is held back than may become part of a match) {
  struct held_row {
    std::string text;
    std::string output;
  };
  const auto x = redactor_of({{"A", "0123456789"}, {"B", "345x1234"}});
  const std::vector<held_row> rows{
    {"done\n", "done\n"},                   {"a 01234", "a "},
    {"01234567", ""},                       {"0123456789", "[redacted:A]"},
    {"0123456a", "0123456a"},               {"345x0123", "345x"},
    {"Authorization: Bearer ", "Authorization: Bearer "},
    {"Authorization: Bearer a", "Authorization: Bearer "},
    {"task", "ta"},                         {"task-b", "task-b"},
    {"a sk-", "a "},                        {"a sk-ab.", "a sk-ab."},
    {"http://me:pw", "http://me:"},         {"http://me:pw/", "http://me:pw/"},
    {"http://me:pw@h", "http://me:"},       {"http://me:pw@h/", "http://me:[redacted]@h/"},
    {"eyJhbGciOiJIUzI1NiJ9.ab", ""},        {"eyJhbGciOiJIUzI1NiJ9.ab ", "eyJhbGciOiJIUzI1NiJ9.ab "},
    {"a -----BEGIN RSA ", "a "},            {"a -----BEGIN ?", "a -----BEGIN ?"},
  };
  for (const auto& [text, output] : rows) {
    auto stream = x.stream();
    std::string found;
    stream.feed(text, found);
    CAF_CHECK_EQUAL(found, output);
    // Of what is redacted for sure only the end is kept, for what may join it.
    CAF_CHECK(stream.held_bytes() <= text.size() - output.size());
  }
}

CAF_TEST(what is held back is bounded) {
  const auto long_secret = letters(5'000) + "!";
  const auto x = redactor_of({{"LONG", long_secret}});
  CAF_CHECK(x.hold_back_bytes_max() < 4 * long_secret.size());
  CAF_CHECK_EQUAL(redactor_of({}).hold_back_bytes_max(), pattern_bytes_max);
  const std::vector<std::string> texts{
    repeated("eyJ", 20'000),
    "a://b:" + repeated("c", 20'000),
    repeated("-----BEGIN ", 20'000),
    repeated(long_secret.substr(0, 4'999), 20'000),
    repeated("Authorization: Bearer <", 20'000),
  };
  for (const auto& text : texts) {
    auto stream = x.stream();
    std::string output;
    for (std::size_t i = 0; i < text.size(); i += 7) {
      const auto end = std::min(i + 7, text.size());
      stream.feed(std::string_view{text}.substr(i, end - i), output);
      CAF_REQUIRE_EQUAL(stream.held_bytes(), end - output.size());
      CAF_REQUIRE(stream.held_bytes() <= x.hold_back_bytes_max());
    }
    stream.finish(output);
    CAF_CHECK(output == text);
  }
}

CAF_TEST(of a match without end a single byte is held back) {
  const auto x = redactor_of({});
  for (const std::string begin : {"xoxb-1234567890", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0", "Authorization: Bearer a",
                                  "-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----a-----END "}) {
    auto stream = x.stream();
    std::string output;
    stream.feed(begin, output);
    for (std::size_t i = 0; i < private_key_bytes_max / 2; ++i) {
      stream.feed("a", output);
      CAF_REQUIRE_EQUAL(stream.held_bytes(), 1u);
    }
  }
}

CAF_TEST(after its end a stream begins another text) {
  const auto x = redactor_of({{"A", "0123456789"}});
  auto stream = x.stream();
  std::string output;
  stream.feed("01234", output);
  stream.finish(output);
  stream.feed("56789 0123456789", output);
  stream.finish(output);
  CAF_CHECK_EQUAL(output, "0123456789 [redacted:A]");
}
