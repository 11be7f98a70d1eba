#include "messages/checks.hpp"

#include "messages/error.hpp"
#include "messages/json_schema.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

namespace swarm {

namespace {

using nlohmann::json;

constexpr std::uint64_t duration_ms_max = 315'360'000'000; // ten years
constexpr std::uint64_t bytes_max = 1ull << 50;
constexpr std::size_t name_bytes_max = 100;
constexpr std::size_t question_bytes_max = 4'000;
constexpr std::size_t checks_max = 100;
constexpr std::size_t files_max = 1'000;
constexpr std::size_t patterns_max = 1'000;
constexpr std::size_t reviewed_files_max = 20;
constexpr std::size_t instructions_bytes_max = 32u << 10;
constexpr std::size_t model_bytes_max = 200;
constexpr std::uint64_t answer_tokens_max = 128'000;

constexpr std::array<std::pair<check_kind, const char*>, 6> kind_names{{{check_kind::files, "files"},
                                                                        {check_kind::diff, "diff"},
                                                                        {check_kind::command, "command"},
                                                                        {check_kind::tests, "tests"},
                                                                        {check_kind::model_review, "model_review"},
                                                                        {check_kind::human, "human"}}};

constexpr std::array<std::pair<report_format, const char*>, 6> format_names{{{report_format::junit, "junit"},
                                                                             {report_format::tap, "tap"},
                                                                             {report_format::ctest, "ctest"},
                                                                             {report_format::pytest, "pytest"},
                                                                             {report_format::go, "go"},
                                                                             {report_format::go_json, "go_json"}}};

template <class Table>
std::string names_in(const Table& table) {
  std::string result;
  for (auto& [value, name] : table)
    result += (result.empty() ? "" : ", ") + std::string{name};
  return result;
}

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, sentence);
}

bool is_text(const json& x) {
  return x.is_string() && x.get_ref<const std::string&>().find('\0') == std::string::npos;
}

/// Reads the members of one object. The first mistake stays; what is read after it doesn't matter.
class member_reader {
public:
  explicit member_reader(const json& object) : object_(object) {
    if (!object.is_object())
      fail("must be an object");
  }

  const json* take(const char* name) {
    known_.insert(name);
    auto found = object_.is_object() ? object_.find(name) : object_.end();
    return object_.is_object() && found != object_.end() ? &*found : nullptr;
  }

  void text(const char* name, std::string& result, std::size_t longest) {
    const auto* x = take(name);
    if (!x)
      return;
    if (!is_text(*x) || x->get_ref<const std::string&>().size() > longest)
      return fail("'" + std::string{name} + "' must be a text of at most " + std::to_string(longest) + " bytes without NUL");
    result = x->get<std::string>();
  }

  void truth(const char* name, bool& result) {
    if (const auto* x = take(name)) {
      if (!x->is_boolean())
        return fail("'" + std::string{name} + "' must be true or false");
      result = x->get<bool>();
    }
  }

  std::optional<std::uint64_t> number(const char* name, std::uint64_t largest) {
    const auto* x = take(name);
    if (!x)
      return std::nullopt;
    // A float that looks whole isn't taken: 1e300 would overflow.
    if (x->is_number_unsigned() && x->get<std::uint64_t>() <= largest)
      return x->get<std::uint64_t>();
    fail("'" + std::string{name} + "' must be a whole number of at most " + std::to_string(largest));
    return std::nullopt;
  }

  void duration(const char* name, caf::timespan& result) {
    if (auto x = number(name, duration_ms_max))
      result = std::chrono::milliseconds{static_cast<std::int64_t>(*x)};
  }

  void texts(const char* name, std::vector<std::string>& result, std::size_t longest) {
    const auto* x = take(name);
    if (!x)
      return;
    if (!x->is_array() || x->empty() || x->size() > longest || !std::all_of(x->begin(), x->end(), is_text))
      return fail("'" + std::string{name} + "' must be a list of 1 to " + std::to_string(longest) + " texts without NUL");
    result = x->get<std::vector<std::string>>();
  }

  void fail(const std::string& sentence) {
    if (problem_.empty())
      problem_ = sentence;
  }

  /// What is wrong with it, members that nobody asked for included; empty when nothing is.
  std::string problem() const {
    if (!problem_.empty())
      return problem_;
    for (auto& [name, value] : object_.items())
      if (!known_.contains(name)) {
        std::string names;
        for (auto& x : known_)
          names += (names.empty() ? "" : ", ") + x;
        return "has no " + json(name).dump(-1, ' ', true) + ", known are " + names;
      }
    return {};
  }

private:
  const json& object_;
  std::set<std::string> known_;
  std::string problem_;
};

bool is_inside(const std::string& path) {
  if (path.empty() || path.front() == '/')
    return false;
  for (std::size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    if (path.compare(at, end - at, "..") == 0)
      return false;
    at = end + 1;
  }
  return true;
}

bool is_sha256(const std::string& x) {
  return x.size() == 64 && x.find_first_not_of("0123456789abcdefABCDEF") == x.npos;
}

constexpr std::size_t path_bytes_max = 4'095; // PATH_MAX without the NUL
constexpr const char* outside = "must lie in the ticket's directory: a path without '/' at its beginning and without '..'";

std::string read_file_rule(const json& object, file_rule& result) {
  member_reader from{object};
  from.text("path", result.path, path_bytes_max);
  from.truth("exists", result.must_exist);
  from.truth("protected", result.must_stay);
  std::string sha256;
  from.text("sha256", sha256, 64);
  if (!sha256.empty())
    result.sha256 = sha256;
  result.bytes_min = from.number("bytes_min", bytes_max);
  result.bytes_max = from.number("bytes_max", bytes_max);
  if (const auto* schema = from.take("json_schema")) {
    if (!schema->is_object())
      from.fail("'json_schema' must be an object, the schema itself");
    else if (auto read = json_schema::read(*schema); !read)
      from.fail("'json_schema' " + render(read.error()));
    result.json_schema = schema->dump(-1, ' ', false, json::error_handler_t::replace);
  }
  const auto has_content = result.sha256 || result.bytes_min || result.bytes_max || result.json_schema;
  if (!is_inside(result.path))
    from.fail(std::string{"'path' "} + outside);
  if (result.sha256 && !is_sha256(*result.sha256))
    from.fail("'sha256' must be 64 hexadecimal digits");
  if (result.bytes_min && result.bytes_max && *result.bytes_min > *result.bytes_max)
    from.fail("'bytes_min' is above 'bytes_max'");
  if (!result.must_exist && (has_content || result.must_stay))
    from.fail("a file that must not exist can't be protected or have a content");
  if (result.must_stay && has_content)
    from.fail("a protected file is as it was; give other demands a rule of their own");
  return from.problem();
}

void read_files(member_reader& from, check_definition& result) {
  const auto* list = from.take("files");
  if (!list || !list->is_array() || list->empty() || list->size() > files_max)
    return from.fail("'files' must be a list of 1 to " + std::to_string(files_max) + " files, as in [{\"path\": \"hello\"}]");
  for (auto& object : *list) {
    file_rule rule;
    if (auto problem = read_file_rule(object, rule); !problem.empty())
      return from.fail("file " + std::to_string(result.files.size() + 1) + ": " + problem);
    result.files.push_back(std::move(rule));
  }
}

void read_diff(member_reader& from, diff_rules& result) {
  from.truth("must_change", result.must_change);
  from.texts("allowed", result.allowed, patterns_max);
  from.texts("protected", result.is_protected, patterns_max);
  from.text("base", result.base, 200);
  if (result.base.starts_with('-'))
    from.fail("'base' must name a commit, a branch or a tag, and begins with '-'");
  if (!result.must_change && result.allowed.empty() && result.is_protected.empty())
    from.fail("it demands nothing; give it must_change, allowed or protected");
}

void read_program(member_reader& from, check_definition& result) {
  from.texts("command", result.command, 1'000);
  from.duration("timeout_ms", result.timeout);
  if (result.command.empty() || result.command.front().empty())
    from.fail("'command' must hold the program and its arguments");
}

void read_report(member_reader& from, check_definition& result) {
  std::string format;
  from.text("format", format, 20);
  auto known = std::find_if(format_names.begin(), format_names.end(), [&](auto& x) { return x.second == format; });
  if (known == format_names.end())
    return from.fail("'format' must be one of " + names_in(format_names));
  result.format = known->first;
  from.text("report", result.report, path_bytes_max);
  if (!result.report.empty() && !is_inside(result.report))
    from.fail(std::string{"'report' "} + outside);
  if (result.report.empty() && result.format == report_format::junit)
    from.fail("'report' is missing: a JUnit report is a file");
}

void read_review(member_reader& from, check_definition& result) {
  auto& x = result.review;
  from.text("model", x.model, model_bytes_max);
  from.text("instructions", x.instructions, instructions_bytes_max);
  from.texts("files", x.files, reviewed_files_max);
  from.duration("timeout_ms", result.timeout);
  if (auto tokens = from.number("max_tokens", answer_tokens_max))
    x.max_tokens = *tokens;
  if (x.max_tokens == 0)
    from.fail("'max_tokens' must be at least 1");
  if (!std::all_of(x.model.begin(), x.model.end(), [](char c) { return c > ' ' && c < '\x7f'; }))
    from.fail("'model' must be a model's name such as claude-sonnet-5-5");
  if (!std::all_of(x.files.begin(), x.files.end(), is_inside))
    from.fail(std::string{"each of 'files' "} + outside);
}

std::string read_check(const json& object, check_definition& result) {
  member_reader from{object};
  std::string kind;
  from.text("kind", kind, 20);
  auto known = std::find_if(kind_names.begin(), kind_names.end(), [&](auto& x) { return x.second == kind; });
  if (known == kind_names.end())
    return "'kind' must be one of " + names_in(kind_names);
  result.kind = known->first;
  from.text("name", result.name, name_bytes_max);
  switch (result.kind) {
    case check_kind::files: read_files(from, result); break;
    case check_kind::diff: read_diff(from, result.diff); break;
    case check_kind::command: read_program(from, result); break;
    case check_kind::tests:
      read_program(from, result);
      read_report(from, result);
      break;
    case check_kind::model_review: read_review(from, result); break;
    case check_kind::human:
      from.text("question", result.question, question_bytes_max);
      from.duration("expires_ms", result.expires);
      break;
  }
  return from.problem();
}

std::uint64_t ms(caf::timespan x) {
  return static_cast<std::uint64_t>(std::chrono::ceil<std::chrono::milliseconds>(x).count());
}

json as_json(const file_rule& x) {
  json result{{"path", x.path}};
  if (!x.must_exist)
    result["exists"] = false;
  if (x.must_stay)
    result["protected"] = true;
  if (x.sha256)
    result["sha256"] = *x.sha256;
  if (x.bytes_min)
    result["bytes_min"] = *x.bytes_min;
  if (x.bytes_max)
    result["bytes_max"] = *x.bytes_max;
  if (x.json_schema)
    result["json_schema"] = json::parse(*x.json_schema);
  return result;
}

void add_diff(const diff_rules& x, json& result) {
  if (!x.must_change)
    result["must_change"] = false;
  if (!x.allowed.empty())
    result["allowed"] = x.allowed;
  if (!x.is_protected.empty())
    result["protected"] = x.is_protected;
  if (!x.base.empty())
    result["base"] = x.base;
}

void add_review(const review_rules& x, json& result) {
  if (!x.model.empty())
    result["model"] = x.model;
  if (!x.instructions.empty())
    result["instructions"] = x.instructions;
  if (!x.files.empty())
    result["files"] = x.files;
  if (x.max_tokens != review_rules{}.max_tokens)
    result["max_tokens"] = x.max_tokens;
}

json as_json(const check_definition& x) {
  json result{{"kind", to_string(x.kind)}};
  if (!x.name.empty())
    result["name"] = x.name;
  if (!x.command.empty())
    result["command"] = x.command;
  if (x.timeout.count() > 0)
    result["timeout_ms"] = ms(x.timeout);
  for (auto& rule : x.files)
    result["files"].push_back(as_json(rule));
  if (x.kind == check_kind::diff)
    add_diff(x.diff, result);
  if (x.kind == check_kind::model_review)
    add_review(x.review, result);
  if (x.kind == check_kind::tests)
    result["format"] = to_string(x.format);
  if (!x.report.empty())
    result["report"] = x.report;
  if (!x.question.empty())
    result["question"] = x.question;
  if (x.expires.count() > 0)
    result["expires_ms"] = ms(x.expires);
  return result;
}

/// Programs cost what they cost: a suite of tests isn't put behind a command, or before it.
int cost(check_kind x) {
  return x == check_kind::tests ? static_cast<int>(check_kind::command) : static_cast<int>(x);
}

} // namespace

std::string to_string(check_kind x) {
  auto found = std::find_if(kind_names.begin(), kind_names.end(), [x](auto& row) { return row.first == x; });
  return found != kind_names.end() ? found->second : "unknown";
}

std::string to_string(report_format x) {
  auto found = std::find_if(format_names.begin(), format_names.end(), [x](auto& row) { return row.first == x; });
  return found != format_names.end() ? found->second : "unknown";
}

check_definition command_check(std::vector<std::string> command, caf::timespan timeout) {
  check_definition result;
  result.command = std::move(command);
  result.timeout = timeout;
  return result;
}

bool is_plain_command(const check_definition& x) {
  return x.kind == check_kind::command && x.name.empty();
}

json to_json(const std::vector<check_definition>& checks) {
  auto result = json::array();
  for (auto& x : checks)
    result.push_back(as_json(x));
  return result;
}

caf::expected<std::vector<check_definition>> read_checks(const json& list) {
  if (!list.is_array() || list.empty() || list.size() > checks_max)
    return wrong("'checks' must be a list of 1 to " + std::to_string(checks_max)
                 + " checks, as in [{\"kind\": \"command\", \"command\": [\"test\", \"-x\", \"hello\"]}]");
  std::vector<check_definition> result;
  for (auto& object : list) {
    check_definition x;
    if (auto problem = read_check(object, x); !problem.empty())
      return wrong("check " + std::to_string(result.size() + 1) + ": " + problem);
    result.push_back(std::move(x));
  }
  auto is_human = [](auto& x) { return x.kind == check_kind::human; };
  if (std::count_if(result.begin(), result.end(), is_human) > 1)
    return wrong("'checks' has more than one of kind human; one person judges it all");
  std::stable_sort(result.begin(), result.end(), [](auto& x, auto& y) { return cost(x.kind) < cost(y.kind); });
  return result;
}

} // namespace swarm
