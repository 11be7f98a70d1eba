#include "runtime/secrets.hpp"

#include "messages/agent_payload.hpp"
#include "messages/secret_variable.hpp"
#include "runtime/executors/claude/credentials.hpp"

#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace swarm::runtime {

namespace {

void add_variable(std::vector<redact::named_secret>& secrets, const std::string& name) {
  const char* value = std::getenv(name.c_str());
  if (value != nullptr && *value != '\0')
    secrets.push_back({name, value});
}

/// Empty when there is none, or when it can't be read: the tickets that need it say so.
std::string claude_key(const config::claude_config& x) {
  executors::claude::settings where;
  where.api_key_env = x.api_key_env;
  where.api_key_file = x.api_key_file;
  const auto key = executors::claude::read_api_key(where);
  return key ? *key : "";
}

/// Empty when there is none, or when the URL can't be read: connecting says so.
std::string password_in(const std::string& url) {
  std::string result;
  auto* options = PQconninfoParse(url.c_str(), nullptr);
  for (auto* x = options; x != nullptr && x->keyword != nullptr; ++x)
    if (std::string_view{x->keyword} == "password" && x->val != nullptr)
      result = x->val;
  PQconninfoFree(options);
  return result;
}

} // namespace

caf::expected<std::shared_ptr<const redact::redactor>> make_redactor(const config::node_config& x) {
  std::vector<redact::named_secret> secrets;
  for (auto** variable = environ; *variable != nullptr; ++variable) {
    std::string_view text{*variable};
    if (auto name = text.substr(0, text.find('=')); is_secret_variable(name))
      add_variable(secrets, std::string{name});
  }
  for (auto& name : x.secrets.variables)
    if (!is_secret_variable(name))
      add_variable(secrets, name);
  for (const auto* agent : {"claude", "codex", "gemini"})
    for (const auto name : credential_variables(agent))
      if (const char* value = std::getenv(std::string{name}.c_str()); value && std::strlen(value) >= redact::secret_bytes_min)
        secrets.push_back({std::string{name}, value});
  // A short one is a word like any other, and PostgreSQL's own messages never hold it.
  if (auto password = password_in(x.database.url); password.size() >= redact::secret_bytes_min)
    secrets.push_back({"database.url", std::move(password)});
  if (auto key = claude_key(x.claude); key.size() >= redact::secret_bytes_min)
    secrets.push_back({executors::claude::key_name, std::move(key)});
  auto made = redact::redactor::build(std::move(secrets));
  if (!made)
    return std::move(made.error());
  return std::make_shared<const redact::redactor>(std::move(*made));
}

} // namespace swarm::runtime
