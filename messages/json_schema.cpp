#include "messages/json_schema.hpp"

#include "messages/error.hpp"
#include "messages/in_quotes.hpp"
#include "messages/json_schema_parts.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace swarm {

namespace {

using nlohmann::json;

/// For the program of one pattern and what its matching remembers.
constexpr std::int64_t pattern_memory_bytes_max = 1 << 20;

/// What must stand behind a keyword.
enum class holds : std::uint8_t {
  remark, ///< Demands nothing.
  value,
  values,
  number,
  factor, ///< A number above 0.
  count,
  truth,
  type,
  pattern,
  names,
  schema,
  schemas,
  schema_or_schemas,
  map,
  pattern_map,
  map_or_names,
  reference,
};

const std::map<std::string_view, holds>& keywords() {
  static const std::map<std::string_view, holds> result{
    {"$schema", holds::remark},           {"$comment", holds::remark},
    {"title", holds::remark},             {"description", holds::remark},
    {"default", holds::remark},           {"examples", holds::remark},
    {"definitions", holds::remark},       {"$defs", holds::remark}, // judged where they are referred to
    {"type", holds::type},                {"enum", holds::values},
    {"const", holds::value},              {"multipleOf", holds::factor},
    {"maximum", holds::number},           {"exclusiveMaximum", holds::number},
    {"minimum", holds::number},           {"exclusiveMinimum", holds::number},
    {"maxLength", holds::count},          {"minLength", holds::count},
    {"pattern", holds::pattern},          {"maxItems", holds::count},
    {"minItems", holds::count},           {"uniqueItems", holds::truth},
    {"maxProperties", holds::count},      {"minProperties", holds::count},
    {"required", holds::names},           {"items", holds::schema_or_schemas},
    {"additionalItems", holds::schema},   {"contains", holds::schema},
    {"properties", holds::map},           {"patternProperties", holds::pattern_map},
    {"additionalProperties", holds::schema}, {"dependencies", holds::map_or_names},
    {"propertyNames", holds::schema},     {"if", holds::schema},
    {"then", holds::schema},              {"else", holds::schema},
    {"allOf", holds::schemas},            {"anyOf", holds::schemas},
    {"oneOf", holds::schemas},            {"not", holds::schema},
    {"$ref", holds::reference},
  };
  return result;
}

struct wrong_schema : std::runtime_error {
  using std::runtime_error::runtime_error;
};

bool is_text(const json& x) {
  return x.is_string();
}

bool is_type(const json& x) {
  constexpr std::string_view types[]{"null", "boolean", "object", "array", "number", "integer", "string"};
  return x.is_string() && std::find(std::begin(types), std::end(types), x.get_ref<const std::string&>()) != std::end(types);
}

bool all_of(const json& list, bool (*is_good)(const json&)) {
  return list.is_array() && std::all_of(list.begin(), list.end(), is_good);
}

/// Whether a keyword that holds no schema holds what it must.
bool is_good(holds what, const json& x) {
  switch (what) {
    case holds::values: return x.is_array() && !x.empty();
    case holds::number: return x.is_number();
    case holds::factor: return x.is_number() && x.get<double>() > 0;
    case holds::count: return x.is_number_unsigned();
    case holds::truth: return x.is_boolean();
    case holds::type: return is_type(x) || (all_of(x, is_type) && !x.empty());
    case holds::pattern:
    case holds::reference: return x.is_string();
    case holds::names: return all_of(x, is_text);
    default: return true;
  }
}

/// Walks through all that a schema applies, references followed, before anybody trusts it.
class schema_reader {
public:
  schema_reader(json_schema::parts& to, schema_formats formats) : to_(to), formats_(formats) { read(to.root, "#"); }

private:
  /// Where it is, as one would refer to it.
  using place = const std::string&;

  void read(const json& x, place at) {
    if (++parts_ > schema_parts_max || depth_ == schema_depth_max)
      throw wrong_schema{"has more than 10,000 parts, or refers to itself"};
    if (x.is_boolean())
      return;
    if (!x.is_object())
      throw wrong_schema{"holds something else where a schema should be, at " + in_quotes(at) + ": " + in_quotes(x.dump())};
    ++depth_;
    for (const auto& [name, value] : x.items())
      read_keyword(x, name, value, at + "/" + name);
    --depth_;
  }

  void read_keyword(const json& schema, const std::string& name, const json& value, place at) {
    if (name == "format" && formats_ == schema_formats::unjudged)
      return;
    const auto known = keywords().find(name);
    if (known == keywords().end())
      throw wrong_schema{"has the keyword " + in_quotes(name) + " at " + in_quotes(at)
                         + ", which isn't judged here; leave it out or say it by others"};
    const auto what = known->second;
    if (what != holds::remark && what != holds::reference && schema.contains("$ref"))
      throw wrong_schema{"has " + in_quotes(name) + " beside a '$ref', which would be ignored, at " + in_quotes(at)
                         + "; put the reference into an 'allOf'"};
    if (!is_good(what, value))
      throw wrong_schema{"has a value that " + in_quotes(name) + " can't have, at " + in_quotes(at) + ": "
                         + in_quotes(value.dump())};
    if (what == holds::pattern)
      return compile(value.get_ref<const std::string&>(), at);
    if (what == holds::reference)
      return follow(value.get_ref<const std::string&>(), at);
    read_schemas(what, value, at);
  }

  void read_schemas(holds what, const json& value, place at) {
    const auto is_list = what == holds::schemas || (what == holds::schema_or_schemas && value.is_array());
    const auto is_map = what == holds::map || what == holds::pattern_map || what == holds::map_or_names;
    if (what == holds::schema || (what == holds::schema_or_schemas && !is_list))
      return read(value, at);
    if ((is_list && !value.is_array()) || (is_map && !value.is_object()))
      throw wrong_schema{"has " + in_quotes(value.dump()) + " where several schemas should be, at " + in_quotes(at)};
    if (is_list)
      for (std::size_t i = 0; i < value.size(); ++i)
        read(value[i], at + "/" + std::to_string(i));
    if (!is_map)
      return;
    for (const auto& [name, one] : value.items()) {
      if (what == holds::pattern_map)
        compile(name, at + "/" + name);
      if (what != holds::map_or_names || !all_of(one, is_text))
        read(one, at + "/" + name);
    }
  }

  void follow(const std::string& reference, place at) {
    if (!reference.starts_with('#'))
      throw wrong_schema{"refers to " + in_quotes(reference) + " at " + in_quotes(at)
                         + "; only references within it are followed, as in '#/definitions/x'"};
    const auto* meant = [&]() -> const json* {
      try {
        return &to_.referred_to(reference);
      } catch (const json::exception&) {
        return nullptr;
      }
    }();
    if (meant == nullptr)
      throw wrong_schema{"refers to " + in_quotes(reference) + " at " + in_quotes(at) + ", and there is nothing"};
    read(*meant, reference);
  }

  void compile(const std::string& pattern, place at) {
    if (to_.patterns.contains(pattern))
      return;
    re2::RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(pattern_memory_bytes_max);
    auto compiled = std::make_unique<const re2::RE2>(pattern, options);
    if (!compiled->ok())
      throw wrong_schema{"has the pattern " + in_quotes(pattern) + " at " + in_quotes(at)
                         + ", which RE2 doesn't take: " + in_quotes(compiled->error())
                         + "; write it without looking around and without references to groups"};
    to_.patterns.emplace(pattern, std::move(compiled));
  }

  json_schema::parts& to_;
  schema_formats formats_;
  std::size_t parts_ = 0;
  std::size_t depth_ = 0;
};

} // namespace

caf::expected<json_schema> json_schema::read(const json& schema, schema_formats formats) {
  auto result = std::make_shared<parts>();
  result->root = schema;
  try {
    schema_reader{*result, formats};
  } catch (const std::exception& e) {
    return make_error(errc::invalid_input, e.what());
  }
  return json_schema{std::move(result)};
}

std::string departure_from(const std::string& text, const json& answer) {
  const auto schema = json_schema::read(json::parse(text, nullptr, false), schema_formats::unjudged);
  if (!schema)
    return "can't be judged, because its schema " + render(schema.error());
  constexpr std::size_t told_max = 5;
  const auto found = schema->violations(answer);
  if (!found)
    return "can't be judged, because its schema " + render(found.error());
  std::string result;
  for (std::size_t i = 0; i < std::min(found->size(), told_max); ++i)
    result += (i == 0 ? "doesn't match its schema " : "; ") + (*found)[i];
  return result;
}

} // namespace swarm
