#include "config/options.hpp"
#include "config/problem.hpp"
#include "config/values.hpp"
#include "messages/error.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace swarm::config {

namespace {

template <class... Fs>
struct overloaded : Fs... {
  using Fs::operator()...;
};

template <class... Fs>
overloaded(Fs...) -> overloaded<Fs...>;

constexpr std::size_t name_bytes_max = 63;

caf::error wrong(const option& x, const std::string& rest) {
  return make_error(errc::invalid_input, x.key + rest);
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_name(std::string_view text) {
  const auto is_right = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'
           || c == '.';
  };
  return !text.empty() && text.size() <= name_bytes_max && std::all_of(text.begin(), text.end(), is_right);
}

// "text or json", "debug, info or warn"
std::string alternatives(const std::vector<std::string_view>& xs) {
  std::string result;
  for (std::size_t i = 0; i < xs.size(); ++i)
    result.append(i == 0 ? "" : i + 1 == xs.size() ? " or " : ", ").append(xs[i]);
  return result;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> result;
  while (true) {
    const auto end = text.find(separator);
    result.push_back(text.substr(0, end));
    if (end == std::string_view::npos)
      return result;
    text.remove_prefix(end + 1);
  }
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// @returns what is wrong with a choice, or nothing to say.
std::string choice_problem(const option& x, std::string_view value) {
  if (std::find(x.choices.begin(), x.choices.end(), value) != x.choices.end())
    return {};
  const auto meant = nearest(value, x.choices);
  return "must be " + alternatives(x.choices) + ", got " + in_quotes(value)
         + (meant.empty() ? "" : ", did you mean " + in_quotes(meant) + "?");
}

caf::error check_bounds(const option& x, const option_value& value) {
  if (value >= x.min && value <= x.max)
    return caf::none;
  return wrong(x, " must be " + describe_bounds(x) + ", got " + format_value(value));
}

caf::error check_text(const option& x, std::string_view value) {
  if (std::any_of(value.begin(), value.end(), is_control))
    return wrong(x, " must not hold control characters");
  if (x.choices.empty())
    return caf::none;
  const auto reason = choice_problem(x, value);
  return reason.empty() ? caf::error{} : wrong(x, " " + reason);
}

// Everything that is wrong within one value, in one sentence.
class complaints {
public:
  explicit complaints(const option& x) : about_(x) {}

  void add(const std::string& what) { text_ += (text_.empty() ? " " : "; ") + what; }

  caf::error as_error(const std::string& remedy = {}) const {
    return text_.empty() ? caf::error{} : wrong(about_, text_ + remedy);
  }

private:
  const option& about_;
  std::string text_;
};

caf::error check_names(const option& x, const std::vector<std::string>& values) {
  if (values.empty())
    return wrong(x, " must hold at least one name");
  complaints found{x};
  std::string remedy;
  std::set<std::string_view> seen;
  for (const auto& value : values) {
    if (!seen.insert(value).second) {
      found.add("holds the name " + in_quotes(value) + " twice");
    } else if (!is_name(value)) {
      found.add("holds the name " + in_quotes(value));
      remedy = "; names are 1 to " + std::to_string(name_bytes_max) + " letters, digits, '_', '-' or '.'";
    }
  }
  return found.as_error(remedy);
}

caf::error check_levels(const option& x, const std::map<std::string, std::string>& values) {
  complaints found{x};
  for (const auto& [component, level] : values) {
    if (std::find(x.subjects.begin(), x.subjects.end(), component) == x.subjects.end()) {
      const auto meant = nearest(component, x.subjects);
      found.add("names " + in_quotes(component) + ", which no component is called"
                + (meant.empty() ? ", they are " + alternatives(x.subjects)
                                 : ", did you mean " + in_quotes(meant) + "?"));
    }
    if (const auto reason = choice_problem(x, level); !reason.empty())
      found.add("gives " + in_quotes(component) + " a level that " + reason);
  }
  return found.as_error();
}

caf::error parse_integer(const option& x, std::string_view text, option_value& result) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || end != text.data() + text.size() || error == std::errc::invalid_argument)
    return wrong(x, " must be an integer, got " + in_quotes(text));
  if (error != std::errc{})
    return wrong(x, " must be " + describe_bounds(x) + ", got " + in_quotes(text));
  result = value;
  return caf::none;
}

template <class T>
caf::error take(const option& x, const caf::expected<T>& value, option_value& result) {
  if (!value)
    return wrong(x, ": " + render(value.error()));
  result = *value;
  return caf::none;
}

std::vector<std::string> parse_names(std::string_view text) {
  std::vector<std::string> result;
  if (!trimmed(text).empty())
    for (const auto name : split(text, ','))
      result.emplace_back(trimmed(name));
  return result;
}

caf::error parse_levels(const option& x, std::string_view text, option_value& result) {
  std::map<std::string, std::string> levels;
  if (!trimmed(text).empty()) {
    for (const auto pair : split(text, ',')) {
      const auto equals = pair.find('=');
      if (equals == std::string_view::npos)
        return wrong(x, " must be written as store=debug,reaper=warn, got " + in_quotes(text));
      const std::string component{trimmed(pair.substr(0, equals))};
      if (!levels.emplace(component, trimmed(pair.substr(equals + 1))).second)
        return wrong(x, " holds the name " + in_quotes(component) + " twice");
    }
  }
  result = std::move(levels);
  return caf::none;
}

caf::error parse_unchecked(const option& x, std::string_view text, option_value& result) {
  switch (x.type) {
    case option_type::integer: return parse_integer(x, text, result);
    case option_type::duration: return take(x, parse_duration(text), result);
    case option_type::size: return take(x, parse_size(text), result);
    case option_type::text:
    case option_type::choice: result = std::string{text}; break;
    case option_type::path: result = std::filesystem::path{text}; break;
    case option_type::names: result = parse_names(text); break;
    case option_type::levels: return parse_levels(x, text, result);
  }
  return caf::none;
}

} // namespace

std::string to_string(option_type x) {
  switch (x) {
    case option_type::integer: return "INTEGER";
    case option_type::duration: return "DURATION";
    case option_type::size: return "SIZE";
    case option_type::text: return "TEXT";
    case option_type::choice: return "CHOICE";
    case option_type::path: return "PATH";
    case option_type::names: return "NAME,...";
    case option_type::levels: return "NAME=LEVEL,...";
  }
  return "UNKNOWN";
}

caf::expected<option_value> parse_value(const option& x, std::string_view text) {
  option_value value;
  if (auto error = parse_unchecked(x, text, value))
    return error;
  if (auto error = check_value(x, value))
    return error;
  return value;
}

caf::error check_value(const option& x, const option_value& value) {
  return std::visit(
    overloaded{
      [&](const std::string& text) { return check_text(x, text); },
      [&](const std::filesystem::path& path) { return check_text(x, path.native()); },
      [&](const std::vector<std::string>& names) { return check_names(x, names); },
      [&](const std::map<std::string, std::string>& levels) { return check_levels(x, levels); },
      [&](const auto&) { return check_bounds(x, value); },
    },
    value);
}

std::string format_value(const option_value& value) {
  return std::visit(
    overloaded{
      [](int number) { return std::to_string(number); },
      [](std::chrono::milliseconds duration) { return format_duration(duration); },
      [](std::uint64_t bytes) { return format_size(bytes); },
      [](const std::string& text) { return text; },
      [](const std::filesystem::path& path) { return path.string(); },
      [](const std::vector<std::string>& names) {
        std::string result;
        for (const auto& name : names)
          result += (result.empty() ? "" : ",") + name;
        return result;
      },
      [](const std::map<std::string, std::string>& levels) {
        std::string result;
        for (const auto& [component, level] : levels)
          result.append(result.empty() ? "" : ",").append(component).append("=").append(level);
        return result;
      },
    },
    value);
}

std::string describe_bounds(const option& x) {
  switch (x.type) {
    case option_type::integer:
    case option_type::duration:
    case option_type::size: return "between " + format_value(x.min) + " and " + format_value(x.max);
    case option_type::choice: return alternatives(x.choices);
    default: return {};
  }
}

} // namespace swarm::config
