#define CAF_SUITE json_schema

#include "runtime/checks/json_schema.hpp"

#include "tests/fixtures/seed.hpp"

#include <random>
#include <string>
#include <string_view>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm::checks;
using namespace std::string_literals;

namespace {

bool has(std::string_view text, std::string_view words) {
  return text.find(words) != text.npos;
}

/// A keyword, a document that matches, and one that doesn't.
struct keyword_row {
  std::string_view schema, good, bad;
};

const keyword_row keyword_rows[]{
  {R"({"type": "null"})", "null", "0"},
  {R"({"type": "integer"})", "-3", R"("3")"},
  {R"({"type": "number"})", "1.5", R"("1")"},
  {R"({"type": ["string", "null"]})", "null", "1"},
  {R"({"enum": [1, "a", null]})", R"("a")", R"("b")"},
  {R"({"const": {"a": [1]}})", R"({"a": [1]})", R"({"a": [1], "b": 2})"},
  {R"({"type": "integer"})", "3.0", "3.5"},
  {R"({"multipleOf": 0.1})", "0.3", "0.35"},
  {R"({"multipleOf": 2})", "1000000002", "1000000001"},
  {R"({"multipleOf": 100})", "-12345678900", "-12345678901"},
  {R"({"multipleOf": 1})", "1000000000.0", "1000000000.5"},
  {R"({"multipleOf": 0.01})", "1000000.01", "1000000.015"},
  {R"({"const": -1})", "-1", "18446744073709551615"},
  {R"({"enum": [9007199254740993]})", "9007199254740993", "9007199254740992.0"},
  {R"({"const": [1, {"a": 2}]})", R"([1.0, {"a": 2}])", R"([1, {"a": -2}])"},
  {R"({"uniqueItems": true})", "[-3, 5, 9223372036854775815]", "[-3, 5, 9223372036854775815, 5]"},
  {R"({"maximum": 3})", "3", "3.1"},
  {R"({"minimum": 18446744073709551615})", "18446744073709551615", "18446744073709551614"},
  {R"({"minimum": 3})", R"("a")", "-1"},
  {R"({"exclusiveMaximum": 3})", "2.9", "3"},
  {R"({"exclusiveMinimum": 3})", "4", "3"},
  {R"({"minLength": 2})", R"("ab")", R"("a")"},
  {R"({"maxLength": 2})", "\"\xC3\xA4\xE2\x82\xAC\"", R"("abc")"},
  {R"({"pattern": "^a+$"})", R"("aa")", R"("ab")"},
  {R"({"pattern": "^\\d{2}$"})", "7", R"("7")"},
  {R"({"pattern": "b"})", R"("abc")", R"("ac")"},
  {R"({"minItems": 2})", "[1, 2]", "[1]"},
  {R"({"maxItems": 1})", "[1]", "[1, 2]"},
  {R"({"items": {"type": "integer"}})", "[1, 2]", R"([1, "2"])"},
  {R"({"items": [true], "additionalItems": false})", "[1]", "[1, 2]"},
  {R"({"items": [true], "additionalItems": {"type": "null"}})", "[1, null]", "[1, 2]"},
  {R"({"additionalItems": false, "maxItems": 1})", "[1]", "[1, 2]"},
  {R"({"contains": {"const": 1}})", "[0, 1]", "[0]"},
  {R"({"uniqueItems": true})", "[1, 2]", "[1, 1]"},
  {R"({"uniqueItems": true})", R"([{"a": 1}, {"a": 2}, [1], 1])", R"([{"a": 1, "b": 2}, 3, {"b": 2, "a": 1}])"},
  {R"({"minProperties": 1})", R"({"a": 1})", "{}"},
  {R"({"maxProperties": 1})", R"({"a": 1})", R"({"a": 1, "b": 1})"},
  {R"({"required": ["a"]})", R"({"a": 1})", "{}"},
  {R"({"properties": {"a": false}})", "{}", R"({"a": 1})"},
  {R"({"additionalProperties": false})", "{}", R"({"a": 1})"},
  {R"({"patternProperties": {"^x": {"type": "null"}}})", R"({"x1": null, "y": 1})", R"({"x1": 1})"},
  {R"({"properties": {"a": true}, "patternProperties": {"^x": true}, "additionalProperties": {"type": "null"}})",
   R"({"a": 1, "x": 1, "b": null})", R"({"a": 1, "x": 1, "b": 1})"},
  {R"({"properties": {"x": {"minimum": 1}}, "patternProperties": {"x": {"maximum": 2}}})", R"({"x": 2})", R"({"x": 3})"},
  {R"({"propertyNames": {"maxLength": 1}})", R"({"a": 1})", R"({"ab": 1})"},
  {R"({"propertyNames": {"pattern": "^a"}})", R"({"ab": 1})", R"({"b": 1})"},
  {R"({"dependencies": {"a": ["b"]}})", R"({"a": 1, "b": 1})", R"({"a": 1})"},
  {R"({"dependencies": {"a": {"maxProperties": 1}}})", R"({"b": 1, "c": 1})", R"({"a": 1, "b": 1})"},
  {R"({"if": {"const": 1}, "then": false})", "2", "1"},
  {R"({"if": {"type": "number"}, "then": {"minimum": 1}, "else": {"minLength": 1}})", "1", R"("")"},
  {R"({"allOf": [{"minimum": 1}, {"maximum": 2}]})", "1", "3"},
  {R"({"anyOf": [{"minimum": 2}, {"maximum": 1}]})", "1", "1.5"},
  {R"({"oneOf": [{"minimum": 1}, {"maximum": 2}]})", "3", "1"},
  {R"({"oneOf": [{"minimum": 2}, {"maximum": 1}]})", "1", "1.5"},
  {R"({"not": {"const": 1}})", "2", "1"},
  {R"({"definitions": {"x": {"const": 1}}, "allOf": [{"$ref": "#/definitions/x"}]})", "1", "2"},
  {R"({"$defs": {"x/y": {"const": 1}}, "$ref": "#/$defs/x~1y", "title": "x"})", "1", "2"},
  {R"({"properties": {"a": {"type": "null"}, "b": {"$ref": "#/properties/a"}}})", R"({"b": null})", R"({"b": 1})"},
};

} // namespace

CAF_TEST(a document is judged by every keyword) {
  for (auto& row : keyword_rows) {
    CAF_MESSAGE(row.schema);
    CAF_CHECK(check_json(row.schema, row.good).verdict == verdict::pass);
    CAF_CHECK(check_json(row.schema, row.bad).verdict == verdict::fail);
  }
}

CAF_TEST(a document that is none fails and says why) {
  for (const std::string_view document : {"", "{", "[1,]", "nul"}) {
    const auto x = check_json("{}", document);
    CAF_CHECK(x.verdict == verdict::fail);
    CAF_CHECK(has(x.evidence, "the document isn't JSON"));
  }
}

CAF_TEST(a violation is named with its place) {
  const auto x = check_json(R"({"properties": {"a": {"items": {"type": "integer"}}}})", R"({"a": [1, "x"]})");
  CAF_CHECK(x.verdict == verdict::fail);
  CAF_CHECK(has(x.evidence, "[a][1]"));
}

CAF_TEST(a schema that would demand less than it seems to is an error) {
  const std::pair<std::string_view, std::string_view> rows[]{
    {"{", "the schema isn't JSON"},
    {"[]", "where a schema should be"},
    {R"({"typ": "integer"})", "the keyword 'typ'"},
    {R"({"format": "date"})", "the keyword 'format'"},
    {R"({"properties": {"a": {"requierd": ["b"]}}})", "the keyword 'requierd'"},
    {R"({"$ref": "http://example.org/x"})", "refers to 'http://example.org/x'"},
    {R"({"$ref": "#/nowhere"})", "the schema "},
    {R"({"$ref": "#/definitions/x", "type": "integer", "definitions": {"x": true}})", "beside a '$ref'"},
    {R"({"allOf": {}})", "where several schemas should be"},
    {R"({"properties": {"a": {"pattern": "("}}})", "the pattern '(' at '#/properties/a/pattern', which RE2 doesn't take"},
    {R"x({"pattern": "a(?!b)"})x", "which RE2 doesn't take"},
    {R"({"pattern": "(a)\\1"})", "; write it without looking around and without references to groups"},
    {R"({"patternProperties": {"(?<=a)b": true}})", "the pattern '(?<=a)b' at '#/patternProperties/(?<=a)b'"},
    {R"({"pattern": "((a{1000}){1000}){1000}"})", "which RE2 doesn't take"},
    {R"({"type": "strnig"})", "a value that 'type' can't have"},
    {R"({"type": []})", "a value that 'type' can't have"},
    {R"({"enum": []})", "a value that 'enum' can't have"},
    {R"({"required": "a"})", "a value that 'required' can't have"},
    {R"({"minLength": -1})", "a value that 'minLength' can't have"},
    {R"({"minItems": "2"})", "a value that 'minItems' can't have"},
    {R"({"maximum": "2"})", "a value that 'maximum' can't have"},
    {R"({"multipleOf": 0})", "a value that 'multipleOf' can't have"},
    {R"({"uniqueItems": 1})", "a value that 'uniqueItems' can't have"},
    {R"({"properties": []})", "where several schemas should be"},
    {R"({"dependencies": {"a": [1]}})", "where a schema should be"},
    {R"({"not": 1})", "where a schema should be"},
  };
  for (auto& [schema, words] : rows) {
    const auto x = check_json(schema, R"("a")");
    CAF_MESSAGE(x.evidence);
    CAF_CHECK(x.verdict == verdict::error);
    CAF_CHECK(has(x.evidence, words));
  }
}

CAF_TEST(a schema without an end is an error and does not end the process) {
  std::string doubling = R"({"definitions": {"d0": true)";
  for (int i = 1; i < 40; ++i) {
    const auto ref = R"({"$ref": "#/definitions/d)" + std::to_string(i - 1) + "\"}";
    doubling += ", \"d" + std::to_string(i) + "\": {\"allOf\": [" + ref + ", " + ref + "]}";
  }
  doubling += R"(}, "allOf": [{"$ref": "#/definitions/d39"}]})";
  for (const auto& schema : {R"({"$ref": "#"})"s, R"({"allOf": [{"$ref": "#"}]})"s,
                             R"({"properties": {"a": {"$ref": "#"}}})"s, doubling}) {
    const auto x = check_json(schema, "1");
    CAF_CHECK(x.verdict == verdict::error);
    CAF_CHECK(has(x.evidence, "more than 10,000 parts, or refers to itself"));
  }
}

CAF_TEST(documents made to overrun a stack are refused) {
  const auto deep = std::string(100'000, '[') + std::string(100'000, ']');
  CAF_CHECK(check_json("{}", deep).verdict != verdict::pass);
  CAF_CHECK(check_json(deep, "{}").verdict == verdict::error);
}

CAF_TEST(no text keeps a pattern busy for ever) {
  const auto wide = "\"" + std::string(1'000'000, 'a') + "\"";
  for (const std::string_view pattern : {"^(a|b)*$", "^(a|a)*$", "^(a+)+$", "(a*)*b|a$"}) {
    const auto schema = R"({"pattern": ")" + std::string{pattern} + R"("})";
    CAF_CHECK(check_json(schema, wide).verdict == verdict::pass);
    CAF_CHECK(check_json(schema, "\"" + std::string(1'000'000, 'a') + "!\"").verdict == verdict::fail);
    CAF_CHECK(check_json(R"({"patternProperties": {")" + std::string{pattern} + R"(": false}})", "{" + wide + ": 1}").verdict
              == verdict::fail);
  }
}

CAF_TEST(a schema and a document that take too long together are an error and not a verdict) {
  std::string schema = R"({"items": {"anyOf": [)";
  std::string document = "[";
  for (int i = 0; i < 3'000; ++i)
    schema += R"({"multipleOf": 7}, )";
  for (int i = 0; i < 10'000; ++i)
    document += "1, ";
  const auto found = check_json(schema + R"({"type": "integer"}]}})", document + "1]");
  CAF_CHECK(found.verdict == verdict::error);
  CAF_CHECK(has(found.evidence, "the schema takes more than 20000000 steps to match with this document"));
}

CAF_TEST(random bytes are no schema and no document that passes) {
  const auto seed = swarm::test::choose_seed();
  CAF_MESSAGE("SWARM_SEED=" << seed);
  std::mt19937_64 random{seed};
  const auto schema = R"({"type": "object", "properties": {"a": {"items": {"type": "integer"}}}, "required": ["a"]})"s;
  for (int round = 0; round < 5'000; ++round) {
    auto text = schema;
    for (int i = 0; i < 3; ++i)
      text[random() % text.size()] = static_cast<char>(random() & 0xFF);
    check_json(text, R"({"a": [1]})");
    CAF_REQUIRE(check_json(schema, text).verdict != verdict::pass);
  }
}
