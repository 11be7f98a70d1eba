#define CAF_SUITE messages_workspace

#include "messages/workspace.hpp"

#include "messages/error.hpp"

#include <nlohmann/json.hpp>

#include <vector>

#include "tests/fixtures/caf_test.hpp"

using namespace swarm;
using nlohmann::json;

namespace {

/// What a request becomes when it was read and written again, or what is wrong with it.
std::string read(const std::string& text) {
  auto result = read_workspace(json::parse(text));
  return result ? to_json(*result).dump() : render(result.error());
}

} // namespace

CAF_TEST(a workspace is read and written in its canonical form) {
  const std::vector<std::pair<std::string, std::string>> rows{
    {R"({"kind": "none"})", R"({"kind":"none"})"},
    {R"({"kind": "dir", "on_retry": "keep"})", R"({"kind":"dir"})"},
    {R"({"kind": "dir", "on_retry": "reset"})", R"({"kind":"dir","on_retry":"reset"})"},
    {R"({"on_retry": "reset", "base": "v1", "repository": "/r", "kind": "git_worktree"})",
     R"({"base":"v1","kind":"git_worktree","on_retry":"reset","repository":"/r"})"},
    {R"({"kind": "git_worktree", "repository": "/r", "base": ""})", R"({"kind":"git_worktree","repository":"/r"})"},
  };
  for (const auto& [text, canonical] : rows)
    CAF_CHECK_EQUAL(read(text), canonical);
}

CAF_TEST(a workspace that cannot be read is refused with the member that is wrong) {
  const std::vector<std::pair<std::string, std::string>> rows{
    {R"("dir")", "it must be an object with a 'kind': none, dir or git_worktree"},
    {"{}", "it must be an object with a 'kind': none, dir or git_worktree"},
    {R"({"kind": "directory"})", "'kind' must be none, dir or git_worktree"},
    {R"({"kind": 1})", "'kind' must be none, dir or git_worktree"},
    {R"({"kind": "dir", "on_retry": true})", "'on_retry' must be keep or reset: what an attempt finds of the one before"},
    {R"({"kind": "dir", "size": 1})", "unknown member \"size\", known are base, kind, on_retry and repository"},
    {R"({"kind": "git_worktree"})", "'repository' must be the absolute path of a git repository on the node's machine"},
    {R"({"kind": "git_worktree", "repository": "r"})",
     "'repository' must be the absolute path of a git repository on the node's machine"},
    {R"({"kind": "git_worktree", "repository": "/r\u0000"})", "'repository' must be a string without NUL"},
    {R"({"kind": "git_worktree", "repository": "/r", "base": 1})", "'base' must be a string without NUL"},
    {R"({"kind": "dir", "base": "main"})", "only a git_worktree has a 'repository' and a 'base'"},
    {R"({"kind": "none", "repository": "/r"})", "only a git_worktree has a 'repository' and a 'base'"},
  };
  for (const auto& [text, sentence] : rows)
    CAF_CHECK_EQUAL(read(text), "workspace: " + sentence);
}
