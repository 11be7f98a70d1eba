#include "config/ticket_fields.hpp"

#include "config/values.hpp"
#include "messages/agent_payload.hpp"
#include "messages/claude_payload.hpp"
#include "messages/error.hpp"
#include "messages/http_payload.hpp"
#include "messages/payload.hpp"
#include "messages/secret_variable.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>
#include <map>

namespace swarm::config {

namespace {

constexpr std::size_t key_bytes_max = 100;
constexpr std::size_t queue_bytes_max = 63;
constexpr std::size_t label_bytes_max = 200;
constexpr std::size_t arguments_max = 1'000;
constexpr std::size_t path_bytes_max = 4'095; // PATH_MAX without the NUL.
constexpr std::uint64_t size_max = 1ull << 50;

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_ticket_key(std::string_view x) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-'; };
  return !x.empty() && x.size() <= key_bytes_max && std::all_of(x.begin(), x.end(), fits);
}

bool is_queue_name(std::string_view x) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-'; };
  return !x.empty() && x.size() <= queue_bytes_max && std::all_of(x.begin(), x.end(), fits);
}

bool is_variable_name(std::string_view x) {
  const auto fits = [](char c) { return is_letter(c) || is_digit(c) || c == '_'; };
  return !x.empty() && !is_digit(x.front()) && std::all_of(x.begin(), x.end(), fits);
}

/// As YAML's core schema has it: what isn't quoted and reads as a number, a truth or nothing is one.
nlohmann::json as_json(const YAML::Node& x) {
  if (x.IsMap()) {
    auto result = nlohmann::json::object();
    for (const auto& item : x)
      result[item.first.Scalar()] = as_json(item.second);
    return result;
  }
  if (x.IsSequence()) {
    auto result = nlohmann::json::array();
    for (const auto& item : x)
      result.push_back(as_json(item));
    return result;
  }
  if (x.IsNull())
    return nullptr;
  const auto is_quoted = x.Tag() == "!";
  const auto value = is_quoted ? nlohmann::json{} : nlohmann::json::parse(x.Scalar(), nullptr, false);
  return value.is_number() || value.is_boolean() ? value : nlohmann::json(x.Scalar());
}

class ticket_reader {
public:
  ticket_reader(const ticket_context& context, std::string key, problems& found)
    : context_(context), subject_("ticket " + in_quotes(key)), found_(found) {
    entry_.ticket.key = std::move(key);
    entry_.ticket.kind = "command";
    entry_.ticket.attempts_max = context.defaults.attempts;
    entry_.ticket.timeout = context.defaults.timeout;
    payload_.working_directory = context.folder.string();
  }

  ticket_entry read(const YAML::Node& key, const YAML::Node& body) {
    if (!is_ticket_key(entry_.ticket.key))
      report(key, "a ticket's key is made of 1 to 100 letters, digits, '_', '.' and '-'");
    if (body.IsNull())
      report_that_it(key, "has no command; write {command: [program, argument]} behind its key");
    else if (!body.IsMap())
      report_that_it(body, "must be a map, as in {command: [make, -j2]}");
    else
      read_fields(key, body);
    entry_.ticket.payload = entry_.ticket.kind == "command" ? to_json(payload_) : other_payload();
    return std::move(entry_);
  }

private:
  // Reads one field. Its place is the key's when there is no value to point at.
  using field_reader = void (ticket_reader::*)(const YAML::Node& at, const YAML::Node& value);
  using field_table = std::map<std::string_view, field_reader>;

  static const field_table& ticket_fields() {
    static const field_table result{
      {"agent", &ticket_reader::read_agent},
      {"attempts", &ticket_reader::read_attempts},
      {"check", &ticket_reader::read_check},
      {"checks", &ticket_reader::read_check_list},
      {"claude", &ticket_reader::read_claude},
      {"command", &ticket_reader::read_command},
      {"cwd", &ticket_reader::read_cwd},
      {"deadline", &ticket_reader::read_deadline},
      {"env", &ticket_reader::read_env},
      {"exit_codes", &ticket_reader::read_exit_codes},
      {"group", &ticket_reader::read_group},
      {"http", &ticket_reader::read_http},
      {"limits", &ticket_reader::read_limits},
      {"mock", &ticket_reader::read_mock},
      {"needs", &ticket_reader::read_needs},
      {"on_failure", &ticket_reader::read_on_failure},
      {"priority", &ticket_reader::read_priority},
      {"progress_timeout", &ticket_reader::read_progress_timeout},
      {"queue", &ticket_reader::read_queue},
      {"queue_timeout", &ticket_reader::read_queue_timeout},
      {"secrets", &ticket_reader::read_secrets},
      {"shell", &ticket_reader::read_shell},
      {"start_timeout", &ticket_reader::read_start_timeout},
      {"stdin", &ticket_reader::read_stdin},
      {"stdin_file", &ticket_reader::read_stdin_file},
      {"timeout", &ticket_reader::read_timeout},
      {"unique", &ticket_reader::read_unique},
      {"workspace", &ticket_reader::read_workspace},
    };
    return result;
  }

  static const field_table& check_fields() {
    static const field_table result{
      {"command", &ticket_reader::read_check_command},
      {"timeout", &ticket_reader::read_check_timeout},
    };
    return result;
  }

  static const field_table& limit_fields() {
    static const field_table result{
      {"core", &ticket_reader::read_core_limit},     {"cpu", &ticket_reader::read_cpu_limit},
      {"files", &ticket_reader::read_files_limit},   {"memory", &ticket_reader::read_memory_limit},
      {"processes", &ticket_reader::read_processes_limit},
    };
    return result;
  }

  void report(const YAML::Node& at, const std::string& text) {
    found_.push_back(problem_at(context_.source, at, subject_ + ": " + text));
  }

  // For a sentence of which the ticket is the subject: "ticket 'x' has no command".
  void report_that_it(const YAML::Node& at, const std::string& predicate) {
    found_.push_back(problem_at(context_.source, at, subject_ + " " + predicate));
  }

  void read_map(const YAML::Node& map, const std::string& prefix, const field_table& fields) {
    for (const auto& item : map) {
      const auto& key = item.first;
      const auto& value = item.second;
      const auto field = fields.find(key.Scalar());
      if (field != fields.end()) {
        (this->*field->second)(value.IsNull() ? key : value, value);
        continue;
      }
      std::vector<std::string_view> known;
      for (const auto& [name, reader] : fields)
        known.push_back(name);
      report(key, prefix + describe_unknown_key(key.Scalar(), known));
    }
  }

  void read_fields(const YAML::Node& key, const YAML::Node& body) {
    read_map(body, "", ticket_fields());
    if (const auto works = !!body["agent"] + !!body["claude"] + !!body["command"] + !!body["http"] + !!body["mock"]; works == 0)
      report_that_it(key, "has no command");
    else if (works > 1)
      report_that_it(key, "must have one of agent, claude, command, http and mock");
    if (!body["command"])
      for (const auto* field : {"exit_codes", "limits", "secrets", "shell", "stdin", "stdin_file"})
        if (body[field])
          report_that_it(key, "has " + in_quotes(field) + ", which only a command can have");
    if ((body["agent"] || body["claude"]) && !body["check"] && !body["checks"])
      report_that_it(key, "has an agent and no check, so its own word would decide; write for example "
                          "check: {command: [./test]}");
    if (body["env"] && !body["command"] && !body["agent"])
      report_that_it(key, "has 'env', which only a command or an agent can have");
    if (body["cwd"] && !body["command"] && !body["agent"] && !body["claude"])
      report_that_it(key, "has 'cwd', which only a command, an agent or claude can have");
    if (body["workspace"])
      settle_place(key, body);
    if (body["check"] && body["checks"])
      report_that_it(key, "has both check and checks; write one of them");
    if (body["stdin"] && body["stdin_file"])
      report_that_it(key, "has both stdin and stdin_file; write one of them");
  }

  /// A ticket works in one place.
  void settle_place(const YAML::Node& key, const YAML::Node& body) {
    if (!body["command"] && !body["agent"] && !body["claude"])
      report_that_it(key, "has 'workspace', which only a command, an agent or claude can have");
    if (payload_.workspace.kind == workspace_kind::none)
      return;
    if (body["cwd"] || other_.contains("working_directory"))
      report_that_it(key, "has both a workspace and a directory to work in; write one of them");
    payload_.working_directory.clear();
  }

  void read_command(const YAML::Node& at, const YAML::Node& value) {
    payload_.command = read_arguments(at, value, "command", "[make, -j2]");
  }

  /// A script for the shell, which is named as such, so that no text becomes a script unseen.
  void read_shell(const YAML::Node& at, const YAML::Node& value) {
    payload_.shell = value.IsScalar() && value.Scalar() == "true";
    if (!payload_.shell && !(value.IsScalar() && value.Scalar() == "false"))
      report(at, "shell must be true or false: whether /bin/sh runs the first text of command as a script" + instead(value));
  }

  void read_stdin(const YAML::Node& at, const YAML::Node& value) {
    if (value.IsScalar())
      payload_.input = value.Scalar();
    else
      report(at, "stdin must be a text that the command reads; stdin_file names a file instead");
  }

  void read_stdin_file(const YAML::Node& at, const YAML::Node& value) {
    if (value.IsScalar() && !value.Scalar().empty() && value.Scalar().size() <= path_bytes_max)
      payload_.input_file = value.Scalar();
    else
      report(at, "stdin_file must be the path of a file, as in 'input.txt'");
  }

  void read_exit_codes(const YAML::Node& at, const YAML::Node& value) {
    if (!value.IsSequence() || value.size() == 0) {
      report(at, "exit_codes must be a list of those by which the command says that its work is done, as in [0, 3]");
      return;
    }
    payload_.exit_codes.clear();
    for (const auto& item : value)
      payload_.exit_codes.push_back(read_number(item, item, "an exit code", 0, 255));
  }

  void read_limits(const YAML::Node& at, const YAML::Node& value) {
    if (value.IsMap())
      read_map(value, "limits: ", limit_fields());
    else
      report(at, "limits must be a map, as in {cpu: 10m, memory: 2GiB, files: 256, processes: 100, core: 0B}");
  }

  void read_cpu_limit(const YAML::Node& at, const YAML::Node& value) {
    payload_.limits.cpu = read_duration(at, value, "limits: cpu");
  }

  void read_memory_limit(const YAML::Node& at, const YAML::Node& value) {
    payload_.limits.memory_bytes = read_size(at, value, "limits: memory");
  }

  void read_core_limit(const YAML::Node& at, const YAML::Node& value) {
    payload_.limits.core_bytes = read_size(at, value, "limits: core");
  }

  void read_files_limit(const YAML::Node& at, const YAML::Node& value) {
    payload_.limits.files = read_number(at, value, "limits: files", 3, 30'000);
  }

  void read_processes_limit(const YAML::Node& at, const YAML::Node& value) {
    payload_.limits.processes = read_number(at, value, "limits: processes", 1, 30'000);
  }

  void read_http(const YAML::Node& at, const YAML::Node& value) {
    read_other("http", at, value, "{url: https://example.org/build, method: POST}");
    if (!value.IsMap())
      return;
    if (const auto payload = parse_http_payload(other_.dump()); !payload)
      report(at, "http: " + render(payload.error()));
  }

  void read_agent(const YAML::Node& at, const YAML::Node& value) {
    read_other("agent", at, value, "{agent: claude, prompt: Make the tests pass.}");
    entry_.ticket.kind = "agent_cli";
    if (!value.IsMap())
      return;
    if (const auto payload = parse_agent_payload(other_.dump()); !payload)
      report(at, "agent: " + render(payload.error()));
  }

  void read_claude(const YAML::Node& at, const YAML::Node& value) {
    read_other("claude", at, value, "{prompt: Write hello.c., tools: {write_file: true}}");
    if (!value.IsMap())
      return;
    auto payload = other_;
    if (!payload.contains("working_directory"))
      payload["working_directory"] = payload_.working_directory;
    if (const auto parsed = parse_claude_payload(payload.dump()); !parsed)
      report(at, "claude: " + render(parsed.error()));
  }

  void read_mock(const YAML::Node& at, const YAML::Node& value) {
    read_other("mock", at, value, "{class: completed, latency_ms: 50}");
  }

  void read_other(const std::string& kind, const YAML::Node& at, const YAML::Node& value, const std::string& example) {
    entry_.ticket.kind = kind;
    if (value.IsMap())
      other_ = as_json(value);
    else
      report(at, kind + " must be a map, as in " + example);
  }

  /// Of what isn't a command: its own members, and the check.
  std::string other_payload() {
    if ((entry_.ticket.kind == "agent_cli" || entry_.ticket.kind == "claude") && !payload_.working_directory.empty())
      other_.emplace("working_directory", payload_.working_directory);
    if (payload_.workspace.kind != workspace_kind::none)
      other_["workspace"] = to_json(payload_.workspace);
    for (const auto& [name, value] : payload_.environment)
      other_["environment"][name] = value;
    if (!payload_.checks.empty())
      other_["checks"] = to_json(payload_.checks);
    if (!payload_.check.empty()) {
      other_["check"] = payload_.check;
      other_["check_timeout_ms"] = std::chrono::ceil<std::chrono::milliseconds>(payload_.check_timeout).count();
    }
    return other_.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

  void read_check(const YAML::Node& at, const YAML::Node& value) {
    if (!value.IsMap()) {
      report(at, "check must be a map, as in {command: [test, -x, hello]}");
      return;
    }
    read_map(value, "check: ", check_fields());
    if (!value["command"])
      report(at, "check has no command, write for example {command: [test, -x, hello]}");
  }

  void read_check_command(const YAML::Node& at, const YAML::Node& value) {
    payload_.check = read_arguments(at, value, "the check's command", "[test, -x, hello]");
  }

  void read_check_timeout(const YAML::Node& at, const YAML::Node& value) {
    payload_.check_timeout = read_duration(at, value, "the check's timeout");
  }

  void read_check_list(const YAML::Node& at, const YAML::Node& value) {
    if (!value.IsSequence() || value.size() == 0) {
      report(at, "checks must be a list of checks, as in [{kind: files, files: [{path: hello}]}]");
      return;
    }
    auto list = nlohmann::json::array();
    for (const auto& item : value)
      list.push_back(check_as_json(item));
    auto checks = swarm::read_checks(list);
    if (checks)
      payload_.checks = std::move(*checks);
    else
      report(at, "checks: " + render(checks.error()));
  }

  /// As the payload has it: times of people in milliseconds, and every argument a text. A command needs no kind.
  nlohmann::json check_as_json(const YAML::Node& item) {
    if (!item.IsMap())
      return as_json(item);
    auto result = nlohmann::json::object();
    for (const auto& member : item) {
      const auto& name = member.first.Scalar();
      if (name == "command")
        result[name] = read_arguments(member.second, member.second, "the check's command", "[test, -x, hello]");
      else if (name == "timeout" || name == "expires")
        result[name + "_ms"] = static_cast<std::uint64_t>(
          std::chrono::ceil<std::chrono::milliseconds>(
            read_duration(member.second, member.second, "the check's " + name)).count());
      else
        result[name] = as_json(member.second);
    }
    if (result.contains("command") && !result.contains("kind"))
      result["kind"] = "command";
    return result;
  }

  void read_timeout(const YAML::Node& at, const YAML::Node& value) {
    entry_.ticket.timeout = read_duration(at, value, "timeout");
  }

  void read_queue_timeout(const YAML::Node& at, const YAML::Node& value) {
    entry_.ticket.queue_timeout = read_duration(at, value, "queue_timeout");
  }

  void read_start_timeout(const YAML::Node& at, const YAML::Node& value) {
    entry_.ticket.start_timeout = read_duration(at, value, "start_timeout");
  }

  void read_progress_timeout(const YAML::Node& at, const YAML::Node& value) {
    entry_.ticket.progress_timeout = read_duration(at, value, "progress_timeout");
  }

  void read_deadline(const YAML::Node& at, const YAML::Node& value) {
    entry_.ticket.deadline = read_duration(at, value, "deadline");
  }

  void read_on_failure(const YAML::Node& at, const YAML::Node& value) {
    for (auto policy : {edge_policy::block, edge_policy::cancel, edge_policy::ignore})
      if (value.IsScalar() && value.Scalar() == to_string(policy)) {
        entry_.ticket.on_failure = policy;
        return;
      }
    report(at, "on_failure must be block, cancel or ignore: what it does when a ticket that it needs fails"
                 + instead(value));
  }

  void read_attempts(const YAML::Node& at, const YAML::Node& value) {
    entry_.ticket.attempts_max = read_number(at, value, "attempts", 1, 100);
  }

  void read_priority(const YAML::Node& at, const YAML::Node& value) {
    entry_.ticket.priority = read_number(at, value, "priority", 0, 1000);
  }

  void read_queue(const YAML::Node& at, const YAML::Node& value) {
    if (value.IsScalar() && is_queue_name(value.Scalar()))
      entry_.ticket.queue = value.Scalar();
    else
      report(at, "queue must be a name of 1 to 63 letters, digits, '_', '-' and '.'" + instead(value));
  }

  void read_group(const YAML::Node& at, const YAML::Node& value) {
    read_key(at, value, entry_.ticket.group_key,
             "group must be a text of 1 to 200 bytes that says whose ticket it is, as in 'group: customer-7'");
  }

  void read_unique(const YAML::Node& at, const YAML::Node& value) {
    read_key(at, value, entry_.ticket.unique_key,
             "unique must be a text of 1 to 200 bytes that no other unfinished ticket has, as in 'unique: deploy-shop'");
  }

  void read_key(const YAML::Node& at, const YAML::Node& value, std::string& result, const std::string& sentence) {
    if (value.IsScalar() && !value.Scalar().empty() && value.Scalar().size() <= label_bytes_max)
      result = value.Scalar();
    else
      report(at, sentence);
  }

  void read_cwd(const YAML::Node& at, const YAML::Node& value) {
    if (!value.IsScalar() || value.Scalar().empty() || value.Scalar().size() > path_bytes_max) {
      report(at, "cwd must be the path of a directory, as in 'src/hello'; leave it out for the file's own");
      return;
    }
    payload_.working_directory = from_folder(value.Scalar());
  }

  std::string from_folder(const std::string& text) const {
    auto path = (context_.folder / text).lexically_normal();
    // "hello/" is the same place as "hello".
    if (!path.has_filename() && path != path.root_path())
      path = path.parent_path();
    return path.string();
  }

  /// A kind alone, or a map.
  void read_workspace(const YAML::Node& at, const YAML::Node& value) {
    if (!value.IsMap() && !value.IsScalar()) {
      report(at, "workspace must be none, dir or a map, as in {kind: git_worktree, repository: ., base: main}");
      return;
    }
    auto request = nlohmann::json::object();
    if (value.IsScalar())
      request["kind"] = value.Scalar();
    for (const auto& item : value) {
      const auto& member = item.second; // a commit may look like a number
      request[item.first.Scalar()] = member.IsScalar() ? nlohmann::json(member.Scalar()) : as_json(member);
    }
    if (auto path = request.find("repository"); path != request.end() && path->is_string() && *path != "")
      *path = from_folder(path->get<std::string>());
    if (auto workspace = swarm::read_workspace(request))
      payload_.workspace = std::move(*workspace);
    else
      report(at, render(workspace.error()));
  }

  void read_env(const YAML::Node& at, const YAML::Node& value) {
    if (!value.IsMap()) {
      report(at, "env must be a map, as in {CC: gcc}");
      return;
    }
    for (const auto& item : value)
      read_variable(item.first, item.second);
  }

  void read_secrets(const YAML::Node& at, const YAML::Node& value) {
    auto is_name = [](const YAML::Node& x) { return x.IsScalar() && is_secret_variable(x.Scalar()); };
    if (!value.IsSequence() || !std::all_of(value.begin(), value.end(), is_name)) {
      report(at, "secrets must be a list of variables of the node that begin with SWARM_SECRET_, as in [SWARM_SECRET_NPM]");
      return;
    }
    for (const auto& item : value)
      payload_.secrets.push_back(item.Scalar());
  }

  void read_variable(const YAML::Node& key, const YAML::Node& value) {
    const auto& name = key.Scalar();
    const auto subject = "env: " + in_quotes(name);
    if (!is_variable_name(name))
      report(key, subject + " can't be a variable's name; use letters, digits and '_', no digit first");
    else if (name.starts_with("SWARM_"))
      report(key, subject + " is reserved; names that begin with SWARM_ are given by the node");
    else if (value.IsNull())
      report(key, subject + " has no value; write '' for an empty text, 'null' for the word");
    else if (!value.IsScalar())
      report(value, subject + " must be a text or number");
    else
      payload_.environment[name] = value.Scalar();
  }

  void read_needs(const YAML::Node& at, const YAML::Node& value) {
    if (!value.IsSequence()) {
      report(at, "needs must be a list of tickets, as in [configure]");
      return;
    }
    if (value.size() > dependencies_per_ticket_max) {
      report_that_it(at, "needs " + grouped(value.size()) + " tickets, at most "
                           + grouped(dependencies_per_ticket_max)
                           + " are possible; put a ticket in between that collects some of them");
      return;
    }
    for (const auto& item : value) {
      if (item.IsScalar())
        entry_.needs.push_back({item.Scalar(), item.Mark().line + 1, item.Mark().column + 1});
      else
        report(item, "needs must hold keys of tickets only, as in [configure]");
    }
  }

  std::vector<std::string> read_arguments(const YAML::Node& at, const YAML::Node& value, const std::string& name,
                                          const std::string& example) {
    std::vector<std::string> result;
    if (value.IsScalar())
      report(at, name + " is one text, write it as a list: " + example + "; no shell is involved");
    else if (!value.IsSequence())
      report(at, name + " must be a list: " + example + "; no shell is involved");
    else if (value.size() == 0 || value.size() > arguments_max)
      report(at, name + " must hold 1 to " + grouped(arguments_max) + " texts, not " + grouped(value.size()));
    else
      result = read_texts(value, name);
    if (!result.empty() && result.front().empty())
      report(at, name + " begins with an empty text; the first is the program");
    return result;
  }

  std::vector<std::string> read_texts(const YAML::Node& list, const std::string& name) {
    std::vector<std::string> result;
    for (const auto& item : list) {
      const auto place = "item " + std::to_string(result.size() + 1) + " of " + name;
      result.push_back(item.Scalar());
      if (item.IsNull())
        report(item, place + " is empty; write '' for an empty text, 'null' for the word");
      else if (!item.IsScalar())
        report(item, place + " must be a text or number; quote it if it holds brackets or ': '");
    }
    return result;
  }

  std::int16_t read_number(const YAML::Node& at, const YAML::Node& value, const std::string& name, std::int16_t min,
                           std::int16_t max) {
    std::int16_t result = 0;
    const auto& text = value.Scalar();
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), result);
    if (error == std::errc{} && end == text.data() + text.size() && result >= min && result <= max)
      return result;
    report(at, name + " must be a whole number from " + grouped(static_cast<std::size_t>(min)) + " to "
                 + grouped(static_cast<std::size_t>(max)) + instead(value));
    return min;
  }

  caf::timespan read_duration(const YAML::Node& at, const YAML::Node& value, const std::string& name) {
    if (!value.IsScalar()) {
      report(at, name + " must be a duration, as in 10m or 1h30m; 0 for no limit");
      return caf::timespan{0};
    }
    const auto duration = parse_duration(value.Scalar());
    if (duration)
      return *duration;
    report(at, name + " " + render(duration.error()) + "; 0 for no limit");
    return caf::timespan{0};
  }

  std::int64_t read_size(const YAML::Node& at, const YAML::Node& value, const std::string& name) {
    const auto size = value.IsScalar() ? parse_size(value.Scalar())
                                       : caf::expected<std::uint64_t>{make_error(errc::invalid_input, "must be a size")};
    if (size && *size <= size_max)
      return static_cast<std::int64_t>(*size);
    report(at, name + " must be a size of at most 1,024 TiB, as in 512MiB or 2GiB" + instead(value));
    return -1;
  }

  static std::string instead(const YAML::Node& value) {
    return value.IsScalar() ? ", not " + in_quotes(value.Scalar()) : std::string{};
  }

  const ticket_context& context_;
  std::string subject_;
  problems& found_;
  ticket_entry entry_;
  command_payload payload_;
  nlohmann::json other_ = nlohmann::json::object(); // The payload of what isn't a command.
};

} // namespace

ticket_entry read_ticket(const YAML::Node& key, const YAML::Node& body, const ticket_context& context,
                         problems& found) {
  return ticket_reader{context, key.Scalar(), found}.read(key, body);
}

std::string describe_unknown_key(const std::string& key, const std::vector<std::string_view>& known) {
  const auto meant = nearest(key, known);
  if (!meant.empty())
    return "unknown key " + in_quotes(key) + ", did you mean " + in_quotes(meant) + "?";
  std::string names;
  for (const auto name : known)
    names.append(names.empty() ? "" : ", ").append(name);
  return "unknown key " + in_quotes(key) + ", known are " + names;
}

} // namespace swarm::config
