#include "messages/mask_password.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace swarm {

namespace {

constexpr std::string_view mask = "***";

bool is_harmless(std::string_view parameter) {
  constexpr std::array<std::string_view, 24> harmless{
    "host", "hostaddr", "port", "dbname", "user", "passfile", "connect_timeout", "client_encoding", "options",
    "application_name", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
    "sslmode", "sslcert", "sslkey", "sslrootcert", "channel_binding", "gssencmode", "service", "target_session_attrs",
    "load_balance_hosts"};
  return std::find(harmless.begin(), harmless.end(), parameter) != harmless.end();
}

bool is_password(std::string_view parameter) {
  return parameter == "password" || parameter == "sslpassword";
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Moves behind the value of `key = value` that starts at `at`, as libpq reads it: quoted or up to a blank, and a
// backslash takes the next character as it is. Returns false for a quote that is never closed.
bool skip_value(std::string_view text, std::size_t& at) {
  const bool is_quoted = at < text.size() && text[at] == '\'';
  if (is_quoted)
    ++at;
  for (; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
      continue;
    }
    if (is_quoted && text[at] == '\'') {
      ++at;
      return true;
    }
    if (!is_quoted && is_space(text[at]))
      return true;
  }
  at = std::min(at, text.size());
  return !is_quoted;
}

std::optional<std::string> mask_pairs(std::string_view text) {
  std::string result;
  const auto skip_spaces = [text](std::size_t& at) {
    while (at < text.size() && is_space(text[at]))
      ++at;
  };
  std::size_t at = 0;
  while (skip_spaces(at), at < text.size()) {
    const auto key_begin = at;
    while (at < text.size() && text[at] != '=' && !is_space(text[at]))
      ++at;
    const auto key = text.substr(key_begin, at - key_begin);
    skip_spaces(at);
    if (key.empty() || at == text.size() || text[at] != '=')
      return std::nullopt;
    skip_spaces(++at);
    const auto value_begin = at;
    if (!skip_value(text, at))
      return std::nullopt;
    // An unknown parameter is more often the rest of a password with a blank than a parameter.
    if (!is_harmless(key) && !is_password(key))
      return std::nullopt;
    result.append(result.empty() ? "" : " ").append(key).append("=");
    result.append(is_harmless(key) ? text.substr(value_begin, at - value_begin) : mask);
  }
  return result;
}

// `scheme` ends with "://".
std::string mask_uri(std::string_view scheme, std::string_view rest) {
  std::string result{scheme};
  const auto question = std::min(rest.find('?'), rest.size());
  const auto authority = rest.substr(0, std::min(rest.find('/'), question));
  // A password with an '@', '/' or '?' that should have been percent-encoded: where it ends is anyone's guess.
  const auto at_signs = std::count(rest.begin(), rest.end(), '@');
  if (at_signs > 1 || (at_signs == 1 && authority.find('@') == std::string_view::npos))
    return result.append(mask);
  const auto credentials = rest.substr(0, at_signs == 0 ? 0 : authority.find('@'));
  const auto colon = std::min(credentials.find(':'), credentials.size());
  result.append(credentials.substr(0, colon));
  if (colon < credentials.size())
    result.append(":").append(mask);
  result.append(rest.substr(credentials.size(), question - credentials.size()));
  char separator = '?';
  for (auto begin = question; begin < rest.size(); separator = '&') {
    const auto end = std::min(rest.find('&', begin + 1), rest.size());
    const auto parameter = rest.substr(begin + 1, end - begin - 1);
    const auto key = parameter.substr(0, parameter.find('='));
    result += separator;
    if (is_harmless(key))
      result.append(parameter);
    else
      result.append(is_password(key) ? std::string{key}.append("=") : "").append(mask);
    begin = end;
  }
  return result;
}

bool may_hold_password(std::string_view connection) {
  constexpr std::string_view word = "pass";
  const auto is_same = [](char a, char b) { return (a | 0x20) == b; };
  return std::search(connection.begin(), connection.end(), word.begin(), word.end(), is_same) != connection.end()
         || connection.find('@') != std::string_view::npos;
}

} // namespace

std::string mask_password(std::string_view connection) {
  for (const std::string_view scheme : {"postgresql://", "postgres://"})
    if (connection.starts_with(scheme))
      return mask_uri(scheme, connection.substr(scheme.size()));
  return mask_pairs(connection).value_or(std::string{mask});
}

std::string mask_quotes(std::string message, std::string_view connection) {
  if (!may_hold_password(connection))
    return message;
  const auto shown = mask_password(connection);
  for (auto begin = message.find('"'); begin != std::string::npos;) {
    const auto end = message.find('"', begin + 1);
    if (end == std::string::npos)
      break;
    const auto quoted = message.substr(begin + 1, end - begin - 1);
    const auto is_secret = quoted.size() > 1 && connection.find(quoted) != std::string_view::npos
                           && shown.find(quoted) == std::string::npos;
    if (is_secret)
      message.replace(begin + 1, quoted.size(), mask);
    begin = message.find('"', begin + 1 + (is_secret ? mask.size() : quoted.size()) + 1);
  }
  return message;
}

} // namespace swarm
