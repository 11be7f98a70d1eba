#include "messages/error.hpp"
#include "messages/in_quotes.hpp"
#include "messages/json_schema_parts.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>

namespace swarm {

namespace {

using nlohmann::json;

constexpr std::size_t violations_max = 20;

/// Where in a document something is. Written out only when somebody reads it.
struct place {
  const place* above = nullptr;
  std::string_view name = {};
  std::size_t index = 0;

  std::string text() const {
    if (above == nullptr)
      return "<root>";
    return above->text() + "[" + (name.data() == nullptr ? std::to_string(index) : std::string{name}) + "]";
  }
};

bool is_whole(const json& x) {
  return x.is_number_integer() || (x.is_number_float() && std::trunc(x.get<double>()) == x.get<double>());
}

bool has_type(const json& x, std::string_view type) {
  return type == "null"      ? x.is_null()
         : type == "boolean" ? x.is_boolean()
         : type == "object"  ? x.is_object()
         : type == "array"   ? x.is_array()
         : type == "string"  ? x.is_string()
         : type == "number"  ? x.is_number()
                             : is_whole(x);
}

/// The same text for what is the same to a schema: 1 and 1.0, but not -1 and what 64 bits would make of it.
std::string known_by(const json& x) {
  constexpr auto whole_max = 9'223'372'036'854'775'000.0;
  if (x.is_number_float() && is_whole(x) && std::fabs(x.get<double>()) < whole_max)
    return std::to_string(x.get<std::int64_t>());
  if (!x.is_structured())
    return x.dump(-1, ' ', false, json::error_handler_t::replace);
  std::string result = x.is_array() ? "[" : "{";
  for (const auto& [name, element] : x.items())
    result += (x.is_array() ? "" : json(name).dump(-1, ' ', false, json::error_handler_t::replace) + ":") + known_by(element) + ",";
  return result + (x.is_array() ? "]" : "}");
}

bool has_twins(const json& list) {
  std::vector<std::string> sorted;
  for (const auto& x : list)
    sorted.push_back(known_by(x));
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
}

/// A schema and a document that together take longer can keep a thread for hours.
struct too_many_steps {};

/// Judges a document and what is in it. What a schema doesn't speak of (the length of a number) matches.
class matcher {
public:
  explicit matcher(const json_schema::parts& x) : x_(x) {}

  std::vector<std::string> judge(const json& document) {
    std::vector<std::string> found;
    report_ = &found;
    matches(x_.root, document, {});
    return found;
  }

private:
  /// @param holder the schema that has the keyword with this argument.
  using rule = bool (matcher::*)(const json& argument, const json& holder, const json& value, const place& at);

  static const std::map<std::string_view, rule>& rules();

  bool matches(const json& schema, const json& value, const place& at) {
    if (++steps_ > match_steps_max)
      throw too_many_steps{};
    if (schema.is_boolean())
      return schema.get<bool>() || differs(at, "nothing may be here");
    if (const auto reference = schema.find("$ref"); reference != schema.end())
      return matches(x_.referred_to(reference->get_ref<const std::string&>()), value, at);
    bool result = true;
    for (const auto& [name, argument] : schema.items()) {
      result &= keeps(name, argument, schema, value, at);
      if (!result && is_enough())
        return false;
    }
    return result;
  }

  bool keeps(const std::string& keyword, const json& argument, const json& holder, const json& value, const place& at) {
    if (const auto found = rules().find(keyword); found != rules().end())
      return (this->*found->second)(argument, holder, value, at);
    return must(keeps_bound(keyword, argument, value), at, keyword, argument);
  }

  /// Whether nobody would read of more.
  bool is_enough() const { return report_ == nullptr || report_->size() == violations_max; }

  /// As `matches`, without a word.
  bool would_match(const json& schema, const json& value, const place& at) {
    auto* report = std::exchange(report_, nullptr);
    const auto result = matches(schema, value, at);
    report_ = report;
    return result;
  }

  bool differs(const place& at, const std::string& what) {
    if (!is_enough())
      report_->push_back("at " + in_quotes(at.text()) + ": " + what);
    return false;
  }

  bool must(bool is_so, const place& at, std::string_view keyword, const json& argument) {
    return is_so || differs(at, "isn't as " + in_quotes(keyword) + " demands: "
                                  + in_quotes(argument.dump(-1, ' ', false, json::error_handler_t::replace)));
  }

  bool fits(const std::string& pattern, const std::string& text) const {
    return re2::RE2::PartialMatch(text, *x_.patterns.at(pattern));
  }

  bool type(const json& argument, const json&, const json& value, const place& at) {
    const auto has = [&](const json& x) { return has_type(value, x.get_ref<const std::string&>()); };
    return must(argument.is_array() ? std::any_of(argument.begin(), argument.end(), has) : has(argument), at, "type",
                argument);
  }

  bool one_of_values(const json& argument, const json&, const json& value, const place& at) {
    steps_ += argument.size();
    const auto is_it = [key = known_by(value)](const json& x) { return known_by(x) == key; };
    return must(std::any_of(argument.begin(), argument.end(), is_it), at, "enum", argument);
  }

  bool constant(const json& argument, const json&, const json& value, const place& at) {
    return must(known_by(value) == known_by(argument), at, "const", argument);
  }

  bool pattern(const json& argument, const json&, const json& value, const place& at) {
    return must(!value.is_string() || fits(argument, value.get_ref<const std::string&>()), at, "pattern", argument);
  }

  bool unique_items(const json& argument, const json&, const json& value, const place& at) {
    return must(!argument.get<bool>() || !value.is_array() || !has_twins(value), at, "uniqueItems", argument);
  }

  bool required(const json& argument, const json&, const json& value, const place& at) {
    bool result = true;
    if (value.is_object())
      for (const auto& name : argument)
        result &= value.contains(name.get_ref<const std::string&>())
                  || differs(at, "has no " + in_quotes(name.get_ref<const std::string&>()) + ", which it must have");
    return result;
  }

  bool items(const json& argument, const json& holder, const json& value, const place& at) {
    if (!value.is_array())
      return true;
    const auto rest = holder.find("additionalItems");
    bool result = true;
    for (std::size_t i = 0; i < value.size() && (result || !is_enough()); ++i) {
      const auto is_listed = argument.is_array() && i < argument.size();
      const auto* schema = !argument.is_array() ? &argument : is_listed ? &argument[i] : rest != holder.end() ? &*rest : nullptr;
      result &= schema == nullptr || matches(*schema, value[i], {&at, {}, i});
    }
    return result;
  }

  bool contains(const json& argument, const json&, const json& value, const place& at) {
    return must(!value.is_array() || std::any_of(value.begin(), value.end(),
                                                 [&](auto& x) { return would_match(argument, x, at); }),
                at, "contains", argument);
  }

  bool properties(const json& argument, const json&, const json& value, const place& at) {
    bool result = true;
    if (value.is_object())
      for (const auto& [name, schema] : argument.items())
        if (const auto found = value.find(name); found != value.end())
          result &= matches(schema, *found, {&at, name});
    return result;
  }

  bool pattern_properties(const json& argument, const json&, const json& value, const place& at) {
    bool result = true;
    if (value.is_object())
      for (const auto& [pattern, schema] : argument.items())
        for (const auto& [name, member] : value.items())
          if (fits(pattern, name))
            result &= matches(schema, member, {&at, name});
    return result;
  }

  bool additional_properties(const json& argument, const json& holder, const json& value, const place& at) {
    bool result = true;
    if (value.is_object())
      for (const auto& [name, member] : value.items())
        if (!is_spoken_of(holder, name))
          result &= matches(argument, member, {&at, name});
    return result;
  }

  bool is_spoken_of(const json& schema, const std::string& name) const {
    if (const auto named = schema.find("properties"); named != schema.end() && named->contains(name))
      return true;
    const auto patterns = schema.find("patternProperties");
    if (patterns != schema.end())
      for (const auto& [pattern, ignored] : patterns->items())
        if (fits(pattern, name))
          return true;
    return false;
  }

  bool dependencies(const json& argument, const json&, const json& value, const place& at) {
    bool result = true;
    if (value.is_object())
      for (const auto& [name, needed] : argument.items())
        if (value.contains(name))
          result &= needed.is_array() ? required(needed, {}, value, at) : matches(needed, value, at);
    return result;
  }

  bool property_names(const json& argument, const json&, const json& value, const place& at) {
    bool result = true;
    if (value.is_object())
      for (const auto& [name, ignored] : value.items())
        result &= matches(argument, name, {&at, name});
    return result;
  }

  bool condition(const json& argument, const json& holder, const json& value, const place& at) {
    const auto next = holder.find(would_match(argument, value, at) ? "then" : "else");
    return next == holder.end() || matches(*next, value, at);
  }

  bool all_of(const json& argument, const json&, const json& value, const place& at) {
    bool result = true;
    for (const auto& schema : argument)
      result &= matches(schema, value, at);
    return result;
  }

  bool any_of(const json& argument, const json&, const json& value, const place& at) {
    const auto does = [&](const json& x) { return would_match(x, value, at); };
    return must(std::any_of(argument.begin(), argument.end(), does), at, "anyOf", argument);
  }

  bool one_of(const json& argument, const json&, const json& value, const place& at) {
    const auto does = [&](const json& x) { return would_match(x, value, at); };
    const auto first = std::find_if(argument.begin(), argument.end(), does);
    return must(first != argument.end() && std::none_of(first + 1, argument.end(), does), at, "oneOf", argument);
  }

  bool none_of(const json& argument, const json&, const json& value, const place& at) {
    return must(!would_match(argument, value, at), at, "not", argument);
  }

  const json_schema::parts& x_;
  std::vector<std::string>* report_ = nullptr;
  std::size_t steps_ = 0;
};

/// "additionalItems", "then" and "else" are read with the keyword that they go with.
const std::map<std::string_view, matcher::rule>& matcher::rules() {
  static const std::map<std::string_view, rule> result{
    {"type", &matcher::type},
    {"enum", &matcher::one_of_values},
    {"const", &matcher::constant},
    {"pattern", &matcher::pattern},
    {"uniqueItems", &matcher::unique_items},
    {"required", &matcher::required},
    {"items", &matcher::items},
    {"contains", &matcher::contains},
    {"properties", &matcher::properties},
    {"patternProperties", &matcher::pattern_properties},
    {"additionalProperties", &matcher::additional_properties},
    {"dependencies", &matcher::dependencies},
    {"propertyNames", &matcher::property_names},
    {"if", &matcher::condition},
    {"allOf", &matcher::all_of},
    {"anyOf", &matcher::any_of},
    {"oneOf", &matcher::one_of},
    {"not", &matcher::none_of},
  };
  return result;
}

} // namespace

caf::expected<std::vector<std::string>> json_schema::violations(const json& document) const {
  try {
    return matcher{*parts_}.judge(document);
  } catch (const too_many_steps&) {
    return make_error(errc::invalid_input, "takes more than " + std::to_string(match_steps_max)
                                             + " steps to match with this document");
  }
}

} // namespace swarm
