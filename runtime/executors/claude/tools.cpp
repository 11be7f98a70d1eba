#include "runtime/executors/claude/tools.hpp"

#include "messages/error.hpp"
#include "runtime/executors/claude/json_members.hpp"

#include <algorithm>

namespace swarm::executors::claude {

namespace {

using json = nlohmann::json;

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, sentence);
}

json property(const char* type, const std::string& description) {
  return {{"type", type}, {"description", description}};
}

json declaration(const char* name, const std::string& description, json properties, std::vector<std::string> required) {
  return {{"name", name},
          {"description", description},
          {"input_schema",
           {{"type", "object"}, {"properties", std::move(properties)}, {"required", std::move(required)}}}};
}

std::string listed(const std::vector<std::string>& programs) {
  std::string result;
  for (const auto& x : programs)
    result.append(result.empty() ? "" : ", ").append(x);
  return result;
}

json path_property() {
  return property("string", "Relative to the working directory; nothing outside of it can be reached.");
}

json command_declaration(const std::vector<std::string>& programs) {
  auto argv = property("array", "The program and its arguments. No shell is involved.");
  argv["items"] = {{"type", "string"}};
  return declaration("run_command",
                     "Runs a program in the working directory and returns its exit code and output. Only these can be run: "
                       + listed(programs) + ".",
                     {{"argv", std::move(argv)}}, {"argv"});
}

json finish_declaration() {
  auto status = property("string", "done, or spec_impossible when the task can't be done by anybody as it is specified.");
  status["enum"] = {"done", "spec_impossible"};
  return declaration("finish",
                     "Ends your work. Call it once, when everything is done or when you know that it is impossible.",
                     {{"status", std::move(status)},
                      {"summary", property("string", "What you did, or why it is impossible, in a few sentences.")},
                      {"result", {{"description", "Any JSON that later steps need."}}}},
                     {"status", "summary"});
}

caf::expected<std::string> text_of(const json& input, const char* name) {
  const auto& value = member(input, name);
  if (!value.is_string())
    return wrong(std::string{"'"} + name + "' must be a string");
  return value.get<std::string>();
}

caf::expected<tool_call> read_command(const std::vector<std::string>& programs, const json& input) {
  const auto& argv = member(input, "argv");
  if (!argv.is_array() || argv.empty() || !std::all_of(argv.begin(), argv.end(), [](auto& x) { return x.is_string(); }))
    return wrong("'argv' must be a list of strings, the first of which is the program");
  run_command_call result{argv.get<std::vector<std::string>>()};
  if (std::find(programs.begin(), programs.end(), result.argv.front()) == programs.end())
    return wrong("this program is not allowed; allowed are: " + listed(programs));
  return tool_call{std::move(result)};
}

caf::expected<tool_call> read_read(const json& input) {
  auto path = text_of(input, "path");
  if (!path)
    return std::move(path.error());
  const auto& offset = member(input, "offset");
  if (!offset.is_null() && !offset.is_number_unsigned())
    return wrong("'offset' must be a number of bytes");
  return tool_call{read_file_call{std::move(*path), offset.is_null() ? 0 : offset.get<std::uint64_t>()}};
}

caf::expected<tool_call> read_write(const json& input) {
  auto path = text_of(input, "path");
  auto content = text_of(input, "content");
  if (!path || !content)
    return std::move(path ? content.error() : path.error());
  return tool_call{write_file_call{std::move(*path), std::move(*content)}};
}

caf::expected<tool_call> read_list(const json& input) {
  if (member(input, "path").is_null())
    return tool_call{list_files_call{"."}};
  auto path = text_of(input, "path");
  if (!path)
    return std::move(path.error());
  return tool_call{list_files_call{std::move(*path)}};
}

caf::expected<tool_call> read_finish(const json& input) {
  const auto status = text_member(input, "status");
  if (status != "done" && status != "spec_impossible")
    return wrong("'status' must be done or spec_impossible");
  return tool_call{finish_call{status != "done", std::string{text_member(input, "summary")}, member(input, "result")}};
}

} // namespace

json tool_declarations(const claude_tools& x) {
  auto result = json::array();
  if (!x.run_command.empty())
    result.push_back(command_declaration(x.run_command));
  if (x.read_file)
    result.push_back(declaration("read_file", "Returns a part of a text file.",
                                 {{"path", path_property()},
                                  {"offset", property("integer", "The byte to begin at; 0 when it is left out.")}},
                                 {"path"}));
  if (x.write_file)
    result.push_back(declaration("write_file", "Writes a text file, with the folders on its way, or replaces it.",
                                 {{"path", path_property()}, {"content", property("string", "The whole new content.")}},
                                 {"path", "content"}));
  if (x.list_files)
    result.push_back(declaration("list_files", "Lists a folder; names of folders end in '/'.",
                                 {{"path", path_property()}}, std::vector<std::string>{}));
  if (x.finish)
    result.push_back(finish_declaration());
  return result;
}

caf::expected<tool_call> read_tool_call(const claude_tools& allowed, std::string_view name, const json& input) {
  if (name == "run_command" && !allowed.run_command.empty())
    return read_command(allowed.run_command, input);
  if (name == "read_file" && allowed.read_file)
    return read_read(input);
  if (name == "write_file" && allowed.write_file)
    return read_write(input);
  if (name == "list_files" && allowed.list_files)
    return read_list(input);
  if (name == "finish" && allowed.finish)
    return read_finish(input);
  return wrong("there is no such tool");
}

} // namespace swarm::executors::claude
