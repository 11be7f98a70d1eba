#include "messages/workspace.hpp"

#include "messages/error.hpp"

#include <nlohmann/json.hpp>

namespace swarm {

namespace {

using nlohmann::json;

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, "workspace: " + sentence);
}

caf::error read_kind(const json& value, workspace_kind& result) {
  for (auto x : {workspace_kind::none, workspace_kind::dir, workspace_kind::git_worktree})
    if (value == to_string(x)) {
      result = x;
      return {};
    }
  return wrong("'kind' must be none, dir or git_worktree");
}

caf::error read_rule(const json& value, retry_rule& result) {
  for (auto x : {retry_rule::keep, retry_rule::reset})
    if (value == to_string(x)) {
      result = x;
      return {};
    }
  return wrong("'on_retry' must be keep or reset: what an attempt finds of the one before");
}

/// A text that the system would not see cut off.
caf::error read_text(const std::string& name, const json& value, std::string& result) {
  if (!value.is_string() || value.get_ref<const std::string&>().find('\0') != std::string::npos)
    return wrong("'" + name + "' must be a string without NUL");
  result = value.get<std::string>();
  return {};
}

caf::error read_member(const std::string& name, const json& value, workspace_request& result) {
  if (name == "kind")
    return read_kind(value, result.kind);
  if (name == "on_retry")
    return read_rule(value, result.on_retry);
  if (name == "repository")
    return read_text(name, value, result.repository);
  if (name == "base")
    return read_text(name, value, result.base);
  return wrong("unknown member " + json(name).dump(-1, ' ', true, json::error_handler_t::replace)
               + ", known are base, kind, on_retry and repository");
}

} // namespace

std::string to_string(workspace_kind x) {
  switch (x) {
    case workspace_kind::none: return "none";
    case workspace_kind::dir: return "dir";
    case workspace_kind::git_worktree: return "git_worktree";
  }
  return "unknown";
}

std::string to_string(retry_rule x) {
  return x == retry_rule::keep ? "keep" : "reset";
}

json to_json(const workspace_request& x) {
  json result{{"kind", to_string(x.kind)}};
  if (!x.repository.empty())
    result["repository"] = x.repository;
  if (!x.base.empty())
    result["base"] = x.base;
  if (x.on_retry != retry_rule::keep)
    result["on_retry"] = to_string(x.on_retry);
  return result;
}

caf::expected<workspace_request> read_workspace(const json& value) {
  if (!value.is_object() || !value.contains("kind"))
    return wrong("it must be an object with a 'kind': none, dir or git_worktree");
  workspace_request result;
  for (const auto& [name, member] : value.items())
    if (auto failed = read_member(name, member, result))
      return failed;
  const auto is_worktree = result.kind == workspace_kind::git_worktree;
  if (is_worktree && !result.repository.starts_with('/'))
    return wrong("'repository' must be the absolute path of a git repository on the node's machine");
  if (!is_worktree && (value.contains("repository") || value.contains("base")))
    return wrong("only a git_worktree has a 'repository' and a 'base'");
  return result;
}

} // namespace swarm
