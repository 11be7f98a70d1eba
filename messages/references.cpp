#include "messages/references.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

namespace swarm {

namespace {

using nlohmann::json;

constexpr std::string_view opening = "${ticket.";
constexpr std::string_view escaped = "$${ticket.";
constexpr std::string_view result_word = "result";

/// A part of a string: literal text, or a reference.
struct piece {
  std::string text; ///< As written, for a reference.
  std::string key = {};
  std::vector<std::string_view> members = {};

  bool is_reference() const { return !key.empty(); }
};

std::string in_quotes(std::string_view x) {
  constexpr std::size_t shown_max = 200; // a sentence, not a transcript
  return "'" + std::string{x.substr(0, shown_max)} + (x.size() > shown_max ? "...'" : "'");
}

caf::error wrong_at(const std::string& place, const std::string& sentence) {
  return make_error(errc::invalid_input, "payload at " + in_quotes(place) + ": " + sentence);
}

caf::error missing_at(const std::string& place, const std::string& sentence) {
  return make_error(errc::not_found, "payload at " + in_quotes(place) + ": " + sentence);
}

caf::expected<json> parse(std::string_view text, const std::string& name) {
  auto value = read_foreign_json(text);
  if (!value)
    return make_error(errc::invalid_input, name + " " + render(value.error()));
  return value;
}

std::string step(const std::string& pointer, std::string_view member) {
  auto result = pointer + "/";
  for (const auto c : member) {
    if (c == '~' || c == '/')
      result += c == '~' ? "~0" : "~1";
    else
      result += c;
  }
  return result;
}

std::string pointer_of(const piece& x) {
  std::string result;
  for (const auto member : x.members)
    result = step(result, member);
  return result;
}

bool is_key(std::string_view x) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.'
           || c == '-';
  };
  return !x.empty() && std::all_of(x.begin(), x.end(), fits);
}

/// Reads KEY.result.MEMBER..., what stands between "${ticket." and "}". @returns whether it is well-formed.
bool read_body(std::string_view body, piece& x) {
  if (body.find_first_of("${") != std::string_view::npos)
    return false;
  // Behind a point, so that a key isn't empty; and up to a point, so that "results" is another word.
  auto at = body.find('.');
  const auto is_result = [&] {
    const auto rest = body.substr(at + 1);
    return rest.starts_with(result_word) && (rest.size() == result_word.size() || rest[result_word.size()] == '.');
  };
  while (at != std::string_view::npos && !is_result())
    at = body.find('.', at + 1);
  if (at == std::string_view::npos || !is_key(body.substr(0, at)))
    return false;
  x.key = body.substr(0, at);
  for (auto rest = body.substr(at + 1 + result_word.size()); !rest.empty();) {
    rest.remove_prefix(1);
    const auto end = std::min(rest.find('.'), rest.size());
    if (end == 0)
      return false;
    x.members.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  return true;
}

/// @param text must outlive the result.
caf::expected<std::vector<piece>> split(std::string_view text, const std::string& place) {
  std::vector<piece> result;
  std::string literal;
  while (!text.empty()) {
    if (text.starts_with(escaped)) {
      literal += escaped.substr(1);
      text.remove_prefix(escaped.size());
    } else if (text.starts_with(opening)) {
      const auto end = text.find('}');
      const auto written = text.substr(0, end == std::string_view::npos ? end : end + 1);
      piece found{std::string{written}};
      if (end == std::string_view::npos || !read_body(written.substr(opening.size(), end - opening.size()), found))
        return wrong_at(place, "malformed reference " + in_quotes(written)
                                 + "; write ${ticket.KEY.result} or "
                                   "${ticket.KEY.result.MEMBER}, or $${ticket. for the text itself");
      if (!literal.empty())
        result.push_back({std::exchange(literal, {})});
      result.push_back(std::move(found));
      text.remove_prefix(written.size());
    } else {
      literal += text.front();
      text.remove_prefix(1);
    }
  }
  if (!literal.empty())
    result.push_back({std::move(literal)});
  return result;
}

bool is_shell(std::string_view program) {
  static constexpr std::string_view names[]{"ash", "bash", "dash", "fish", "ksh", "mksh", "rbash", "sh", "zsh"};
  const auto name = program.substr(program.rfind('/') + 1);
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

std::string_view text_at(const json& array, std::size_t i) {
  return array[i].is_string() ? std::string_view{array[i].get_ref<const std::string&>()} : std::string_view{};
}

/// Where the script stands in the arguments of the shell at `shell`, as in ["bash", "-o", "pipefail", "-ec", SCRIPT]; 0
/// for a shell that has none there.
std::size_t script_behind(const json& array, std::size_t shell) {
  auto takes_script = false;
  auto at = shell + 1;
  for (; at < array.size(); ++at) {
    const auto option = text_at(array, at);
    if (option.size() < 2 || (option[0] != '-' && option[0] != '+') || option == "--")
      break;
    if (option.starts_with("--")) {
      at += option == "--rcfile" || option == "--init-file";
      continue;
    }
    takes_script |= option[0] == '-' && option.find('c') != std::string_view::npos;
    if (option.find_first_of("oO") != std::string_view::npos)
      ++at; // the option's name
  }
  at += at < array.size() && text_at(array, at) == "--";
  return takes_script && at < array.size() ? at : 0;
}

/// Whether the array is the call of a program and this place in it a script, however the shell itself is called: by
/// env, timeout, or another shell.
bool is_script_in(const json& array, const std::string& index) {
  for (std::size_t i = 0; i < array.size(); ++i)
    if (const auto script = is_shell(text_at(array, i)) ? script_behind(array, i) : 0;
        script != 0 && std::to_string(script) == index)
      return true;
  return false;
}

/// A result in a script would be run as code, whatever a ticket wrote there.
bool is_script(const json& payload, const std::string& place) {
  if (place == "/command/0" && payload.is_object() && payload.value("shell", json{}) == true)
    return true;
  const auto end = place.rfind('/');
  if (end == std::string::npos)
    return false;
  const auto& around = payload.at(json::json_pointer{place.substr(0, end)});
  return around.is_array() && is_script_in(around, place.substr(end + 1));
}

/// Whether the beginning of a URL says whom it asks, with what ends that.
bool holds_authority(std::string_view url) {
  const auto scheme = url.find("://");
  return scheme != std::string_view::npos && url.find_first_of("/?#", scheme + 3) != std::string_view::npos;
}

bool is_secret_name(std::string_view kind, const std::string& place) {
  const auto is_header = kind == "http" && place.starts_with("/headers/");
  return place.starts_with("/secrets/") || (is_header && place.ends_with("/env"));
}

/// What no result may decide, because it would get more than a place in a text.
caf::error check_place(const json& payload, std::string_view kind, const std::string& place,
                       const std::vector<piece>& pieces) {
  const auto found = std::find_if(pieces.begin(), pieces.end(), [](auto& x) { return x.is_reference(); });
  if (found == pieces.end())
    return {};
  const auto subject = in_quotes(found->text);
  if (is_script(payload, place))
    return wrong_at(place, subject + " in a script would be run as code; pass it as an argument of the script, which "
                                     "finds it in \"$1\", or in a variable of its environment");
  if (is_secret_name(kind, place))
    return wrong_at(place, subject + " could choose which of the node's secrets is given away; write its name");
  const auto is_url = kind == "http" && (place == "/url" || place == "/async/poll/url");
  if (is_url && !holds_authority(found == pieces.begin() ? "" : pieces.front().text))
    return wrong_at(place, subject + " could choose who gets the request with all of its secrets; write the URL out "
                                     "up to its path, as in https://host/" + found->text);
  return {};
}

using visitor = std::function<caf::error(json& text, const std::string& place)>;

caf::error visit_strings(json& value, const std::string& place, const visitor& visit) {
  if (value.is_string())
    return visit(value, place);
  if (!value.is_structured())
    return {};
  std::size_t index = 0;
  for (auto member = value.begin(); member != value.end(); ++member, ++index) {
    const auto name = value.is_object() ? member.key() : std::to_string(index);
    if (auto error = visit_strings(*member, step(place, name), visit))
      return error;
  }
  return {};
}

const json* find_member(const json& value, std::string_view name) {
  if (value.is_object()) {
    const auto found = value.find(std::string{name});
    return found == value.end() ? nullptr : &*found;
  }
  if (!value.is_array())
    return nullptr;
  std::size_t index = 0;
  const auto* end = name.data() + name.size();
  const auto read = std::from_chars(name.data(), end, index);
  // "007" and "7x" are no numbers of elements.
  const auto is_index = read.ec == std::errc{} && std::to_string(index) == name;
  return is_index && index < value.size() ? &value[index] : nullptr;
}

std::string dump(const json& x) {
  return x.dump(-1, ' ', false, json::error_handler_t::replace);
}

class resolver {
public:
  resolver(const json& payload, std::string_view kind, const result_lookup& lookup, const resolve_rules& rules)
    : payload_(payload), kind_(kind), lookup_(lookup), rules_(rules) {}

  caf::error resolve(json& text, const std::string& place) {
    // Text is replaced at the end: the pieces point into it.
    auto pieces = split(text.get_ref<const std::string&>(), place);
    if (!pieces)
      return pieces.error();
    if (auto error = check_place(payload_, kind_, place, *pieces))
      return error;
    const auto keeps_type = pieces->size() == 1 && rules_.keeps_type_at && rules_.keeps_type_at(place);
    std::string resolved;
    for (const auto& x : *pieces) {
      if (!x.is_reference()) {
        resolved += x.text;
        continue;
      }
      auto found = value_of(x, place);
      if (!found)
        return found.error();
      auto inserted = (*found)->is_string() && !keeps_type ? (*found)->get<std::string>() : dump(**found);
      // Before all of it is in memory: a short payload can refer to a long result many times.
      bytes_ += inserted.size();
      if (bytes_ > rules_.bytes_max)
        return wrong_at(place, "with " + in_quotes(x.text) + " the payload has more than "
                                 + std::to_string(rules_.bytes_max) + " bytes; refer to a smaller part of the result");
      if (keeps_type) {
        text = json(**found);
        return {};
      }
      resolved += inserted;
    }
    text = std::move(resolved);
    return {};
  }

private:
  caf::expected<const json*> value_of(const piece& x, const std::string& place) {
    auto result = result_of(x, place);
    if (!result)
      return result;
    const auto* value = *result;
    for (const auto member : x.members) {
      value = find_member(*value, member);
      if (value == nullptr)
        return missing_at(place, in_quotes(x.text) + " can't be resolved: the result of " + in_quotes(x.key)
                                   + " has no " + in_quotes(pointer_of(x)));
    }
    return value;
  }

  caf::expected<const json*> result_of(const piece& x, const std::string& place) {
    if (const auto known = results_.find(x.key); known != results_.end())
      return &known->second;
    const auto text = lookup_(x.key);
    if (!text)
      return missing_at(place, in_quotes(x.text) + " can't be resolved: no dependency " + in_quotes(x.key)
                                 + " has left a result; name a ticket that this one needs");
    auto value = parse(*text, "the result of " + in_quotes(x.key));
    if (!value)
      return wrong_at(place, in_quotes(x.text) + " can't be resolved: " + render(value.error()));
    return &results_.emplace(x.key, std::move(*value)).first->second;
  }

  const json& payload_;
  std::string_view kind_;
  const result_lookup& lookup_;
  const resolve_rules& rules_;
  std::map<std::string, json> results_;
  std::size_t bytes_ = 0;
};

} // namespace

bool mentions_references(std::string_view payload) {
  return payload.find(opening) != std::string_view::npos;
}

caf::expected<std::vector<reference>> find_references(std::string_view payload, std::string_view kind) {
  auto value = parse(payload, "the payload");
  if (!value)
    return value.error();
  std::vector<reference> result;
  const auto collect = [&](const json& text, const std::string& place) -> caf::error {
    auto pieces = split(text.get_ref<const std::string&>(), place);
    if (!pieces)
      return pieces.error();
    if (auto error = check_place(*value, kind, place, *pieces))
      return error;
    for (const auto& x : *pieces) {
      if (x.is_reference())
        result.push_back({x.key, pointer_of(x), place});
    }
    return {};
  };
  if (auto error = visit_strings(*value, {}, collect))
    return error;
  return result;
}

caf::expected<std::string> resolve_references(std::string_view payload, std::string_view kind,
                                              const result_lookup& lookup, const resolve_rules& rules) {
  auto value = parse(payload, "the payload");
  if (!value)
    return value.error();
  resolver work{*value, kind, lookup, rules};
  const auto resolve = [&](json& text, const std::string& place) { return work.resolve(text, place); };
  if (auto error = visit_strings(*value, {}, resolve))
    return error;
  auto result = dump(*value);
  if (result.size() > rules.bytes_max)
    return make_error(errc::invalid_input, "the payload has " + std::to_string(result.size()) + " bytes, "
                                             + std::to_string(rules.bytes_max) + " are allowed");
  return result;
}

} // namespace swarm
