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
  {R"({"maximum": 3})", "3", "3.1"},
  {R"({"exclusiveMinimum": 3})", "4", "3"},
  {R"({"minLength": 2})", R"("ab")", R"("a")"},
  {R"({"pattern": "^a+$"})", R"("aa")", R"("ab")"},
  {R"({"items": {"type": "integer"}})", "[1, 2]", R"([1, "2"])"},
  {R"({"items": [true], "additionalItems": false})", "[1]", "[1, 2]"},
  {R"({"contains": {"const": 1}})", "[0, 1]", "[0]"},
  {R"({"uniqueItems": true})", "[1, 2]", "[1, 1]"},
  {R"({"required": ["a"]})", R"({"a": 1})", "{}"},
  {R"({"properties": {"a": false}})", "{}", R"({"a": 1})"},
  {R"({"additionalProperties": false})", "{}", R"({"a": 1})"},
  {R"({"propertyNames": {"maxLength": 1}})", R"({"a": 1})", R"({"ab": 1})"},
  {R"({"dependencies": {"a": ["b"]}})", R"({"a": 1, "b": 1})", R"({"a": 1})"},
  {R"({"if": {"const": 1}, "then": false})", "2", "1"},
  {R"({"allOf": [{"minimum": 1}, {"maximum": 2}]})", "1", "3"},
  {R"({"oneOf": [{"minimum": 1}, {"maximum": 2}]})", "3", "1"},
  {R"({"not": {"const": 1}})", "2", "1"},
  {R"({"definitions": {"x": {"const": 1}}, "allOf": [{"$ref": "#/definitions/x"}]})", "1", "2"},
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
    {R"({"pattern": "("})", "the schema "},
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
  const auto wide = "\"" + std::string(1'000'000, 'a') + "\"";
  CAF_CHECK(check_json(R"({"pattern": "^(a|b)*$"})", wide).verdict == verdict::error);
  CAF_CHECK(check_json(R"({"type": "string"})", wide).verdict == verdict::pass);
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
