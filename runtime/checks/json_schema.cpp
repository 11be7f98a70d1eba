#include "runtime/checks/json_schema.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"
#include "runtime/checks/evidence.hpp"

#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include <map>
#include <stdexcept>
#include <string>

namespace swarm::checks {

namespace {

using nlohmann::json;

/// What stands behind a keyword: nothing that is a schema, one, several in a list or by name, or either.
enum class holds : std::uint8_t { value, schema, list, map, schema_or_list, map_or_names, reference };

const std::map<std::string, holds>& keywords() {
  static const std::map<std::string, holds> result{
    {"$schema", holds::value},          {"$comment", holds::value},
    {"title", holds::value},            {"description", holds::value},
    {"default", holds::value},          {"examples", holds::value},
    {"definitions", holds::value},      {"$defs", holds::value}, // judged where they are referred to
    {"type", holds::value},             {"enum", holds::value},
    {"const", holds::value},            {"multipleOf", holds::value},
    {"maximum", holds::value},          {"exclusiveMaximum", holds::value},
    {"minimum", holds::value},          {"exclusiveMinimum", holds::value},
    {"maxLength", holds::value},        {"minLength", holds::value},
    {"pattern", holds::value},          {"maxItems", holds::value},
    {"minItems", holds::value},         {"uniqueItems", holds::value},
    {"maxProperties", holds::value},    {"minProperties", holds::value},
    {"required", holds::value},         {"items", holds::schema_or_list},
    {"additionalItems", holds::schema}, {"contains", holds::schema},
    {"properties", holds::map},         {"patternProperties", holds::map},
    {"additionalProperties", holds::schema}, {"dependencies", holds::map_or_names},
    {"propertyNames", holds::schema},   {"if", holds::schema},
    {"then", holds::schema},            {"else", holds::schema},
    {"allOf", holds::list},             {"anyOf", holds::list},
    {"oneOf", holds::list},             {"not", holds::schema},
    {"$ref", holds::reference},
  };
  return result;
}

struct wrong_schema : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Walks through all that a schema applies, references followed, before anybody trusts it.
class schema_guard {
public:
  explicit schema_guard(const json& root) : root_(root) { look(root); }

  bool has_patterns() const { return has_patterns_; }

private:
  void look(const json& x) {
    if (++parts_ > schema_parts_max)
      throw wrong_schema{"has more than 10,000 parts, or refers to itself"};
    if (x.is_boolean())
      return;
    if (!x.is_object())
      throw wrong_schema{"holds something else where a schema should be: " + in_quotes(x.dump())};
    // The validator looks at nothing else beside a reference.
    if (x.contains("$ref") && x.size() > 1)
      throw wrong_schema{"has members beside a '$ref', which would be ignored; put the reference into an 'allOf'"};
    for (auto& [name, value] : x.items()) {
      const auto known = keywords().find(name);
      if (known == keywords().end())
        throw wrong_schema{"has the keyword " + in_quotes(name) + ", which isn't judged here"};
      has_patterns_ |= name == "pattern" || name == "patternProperties";
      look_behind(known->second, value);
    }
  }

  void look_behind(holds what, const json& value) {
    if (what == holds::value)
      return;
    if (what == holds::reference)
      return look(referred_to(value));
    if (what == holds::schema || (what == holds::schema_or_list && !value.is_array()))
      return look(value);
    if (what == holds::map || what == holds::map_or_names ? !value.is_object() : !value.is_array())
      throw wrong_schema{"has " + in_quotes(value.dump()) + " where several schemas should be"};
    for (auto& one : value)
      if (what != holds::map_or_names || !one.is_array())
        look(one);
  }

  const json& referred_to(const json& reference) const {
    const auto text = reference.is_string() ? reference.get<std::string>() : std::string{};
    if (!text.starts_with('#'))
      throw wrong_schema{"refers to " + in_quotes(text) + "; only references within it are followed, as in '#/definitions/x'"};
    return root_.at(json::json_pointer{text.substr(1)});
  }

  const json& root_;
  std::size_t parts_ = 0;
  bool has_patterns_ = false;
};

bool has_long_text(const json& x) {
  if (x.is_string())
    return x.get_ref<const std::string&>().size() > pattern_text_bytes_max;
  if (x.is_object())
    for (auto& [name, value] : x.items())
      if (name.size() > pattern_text_bytes_max)
        return true;
  for (auto& value : x)
    if (value.is_structured() || value.is_string() ? has_long_text(value) : false)
      return true;
  return false;
}

/// "at [parts][1][id]: ..." for each violation, up to a bound.
finding violations(valijson::ValidationResults& results) {
  constexpr int shown_max = 20;
  std::string detail, first;
  valijson::ValidationResults::Error error;
  for (int i = 0; i < shown_max && results.popError(error); ++i) {
    std::string place;
    for (auto& step : error.context)
      place += step;
    const auto line = "at " + in_quotes(place) + ": " + error.description;
    if (first.empty())
      first = line;
    detail += line + "\n";
  }
  return {verdict::fail, "the document doesn't match the schema " + first, head_and_tail(detail)};
}

finding judge(const json& schema, const json& document) {
  const schema_guard guard{schema};
  if (guard.has_patterns() && has_long_text(document))
    return {verdict::error, "the document has a text of more than 4,096 bytes, too long for the schema's patterns", {}};
  valijson::Schema compiled;
  valijson::SchemaParser{valijson::SchemaParser::kDraft7}.populateSchema(
    valijson::adapters::NlohmannJsonAdapter{schema}, compiled);
  valijson::ValidationResults results;
  // Strong types: a text isn't a number, whatever it looks like.
  valijson::Validator validator{valijson::Validator::kStrongTypes};
  if (validator.validate(compiled, valijson::adapters::NlohmannJsonAdapter{document}, &results))
    return {verdict::pass, "the document matches the schema", {}};
  return violations(results);
}

} // namespace

finding check_json(std::string_view schema_text, std::string_view document_text) {
  const auto schema = read_foreign_json(schema_text);
  if (!schema)
    return {verdict::error, "the schema " + render(schema.error()), {}};
  const auto document = read_foreign_json(document_text);
  if (!document)
    return {verdict::fail, "the document " + render(document.error()), {}};
  try {
    return judge(*schema, *document);
  } catch (const std::exception& e) {
    return {verdict::error, "the schema " + std::string{e.what()}, {}};
  }
}

} // namespace swarm::checks
