#define CAF_SUITE api_error

#include "runtime/executors/classify/api_error.hpp"

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::executors;
using namespace std::string_literals;

namespace {

/// "type|code|message"
std::string parts(std::string_view body) {
  const auto x = parse_api_error(body);
  return x.type + "|" + x.code + "|" + x.message;
}

} // namespace

CAF_TEST(the API says type and message and sometimes a code) {
  CAF_CHECK_EQUAL(
    parts(R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"r"})"),
    "overloaded_error||Overloaded");
  CAF_CHECK_EQUAL(parts(R"({"error":{"type":"rate_limit_error","message":"m","details":{"error_code":"c","x":[1]}}})"),
                  "rate_limit_error|c|m");
  CAF_CHECK_EQUAL(parts(R"({"error":{"type":"type_of_tomorrow","message":"m","new":{"a":1}}})"), "type_of_tomorrow||m");
}

CAF_TEST(other shapes give what they hold) {
  const std::pair<std::string_view, std::string_view> table[] = {
    {R"({"type":"api_error","message":"m"})", "api_error||m"},
    {R"({"error":"upstream is down"})", "||upstream is down"},
    {R"({"type":"error","error":"upstream is down"})", "||upstream is down"},
    {R"({"type":"error"})", "||"},
    {R"({"type":"error","error":null})", "||"},
    {R"({"error":{}})", "||"},
    {R"({"error":{"type":7,"message":["m"],"details":"d"}})", "||"},
    {R"({"error":{"type":null,"message":"m","details":{"error_code":429}}})", "||m"},
    {R"({"detail":"Not Found"})", "||"},
  };
  for (const auto& [body, expected] : table)
    CAF_CHECK_EQUAL(parts(body), std::string{expected});
}

CAF_TEST(what is no object is shown as it begins) {
  CAF_CHECK_EQUAL(parts(""), "||");
  CAF_CHECK_EQUAL(parts("<html>\r\n<title>502 Bad Gateway</title>"), "||<html>  <title>502 Bad Gateway</title>");
  CAF_CHECK_EQUAL(parts("[1,2]"), "||[1,2]");
  CAF_CHECK_EQUAL(parts("null"), "||null");
  CAF_CHECK_EQUAL(parts("\"overloaded_error\""), "||\"overloaded_error\"");
  CAF_CHECK_EQUAL(parts(R"({"error":{"type":"api_err)"), R"(||{"error":{"type":"api_err)");
  CAF_CHECK_EQUAL(parts("a\0b\x7f"s), "||a b ");
}

CAF_TEST(no text is longer than its bound and none ends within a character) {
  const auto long_text = std::string(api_error_message_bytes_max - 1, 'x');
  const auto expected = "||" + long_text;
  CAF_CHECK_EQUAL(parts(long_text + "\u00e4\u00e4"), expected);
  CAF_CHECK_EQUAL(parts(R"({"error":{"message":")" + long_text + "\u00e4\u00e4" + R"("}})"), expected);
  CAF_CHECK_EQUAL(parse_api_error(R"({"error":{"type":")" + std::string(100'000, 'x') + R"("}})").type.size(),
                  api_error_message_bytes_max);
  CAF_CHECK_EQUAL(parse_api_error(std::string(100'000, '\x80')).message, "");
}

CAF_TEST(neither depth nor size nor broken text is too much) {
  for (const auto* piece : {"[", "{\"error\":", "[[[]]],", "\xff\xfe", "\xc3"})
    for (const auto count : {1, 1'000, 25'000}) {
      std::string body;
      for (int i = 0; i < count; ++i)
        body += piece;
      CAF_CHECK_EQUAL(parse_api_error(body).type, "");
      CAF_CHECK_EQUAL(parse_api_error("{\"error\":" + body).type, "");
    }
  const auto deep = std::string(50'000, '[') + std::string(50'000, ']');
  CAF_CHECK_EQUAL(parts("{\"error\":{\"type\":\"api_error\",\"details\":" + deep + "}}"), "api_error||");
  const auto huge =
    R"({"error":{"type":"api_error","message":")" + std::string(api_error_body_bytes_max, 'x') + R"("}})";
  CAF_CHECK_EQUAL(parse_api_error(huge).type, "");
  CAF_CHECK_EQUAL(parts("{\"error\":{\"type\":\"api_error\",\"x\":1e999}}"),
                  R"(||{"error":{"type":"api_error","x":1e999}})");
}
