#include "runtime/executors/claude/credentials.hpp"

#include "messages/error.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <optional>

namespace swarm::executors::claude {

namespace {

constexpr std::size_t key_bytes_max = 4'096;

constexpr std::string_view plain = "http://";
constexpr std::string_view secure = "https://";

/// Between the scheme and the port or path. Nothing when somebody hides the host behind a user's name.
std::optional<std::string_view> host_of(std::string_view url) {
  url.remove_prefix(url.starts_with(plain) ? plain.size() : secure.size());
  const auto authority = url.substr(0, url.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos)
    return std::nullopt;
  const auto end = authority.starts_with('[') ? std::min(authority.find(']'), authority.size() - 1) + 1 : authority.find(':');
  return authority.substr(0, end);
}

bool is_on_this_machine(std::string_view url) {
  if (!url.starts_with(plain))
    return false;
  const auto host = host_of(url);
  return host && (*host == "127.0.0.1" || *host == "[::1]" || *host == "localhost");
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::string result(key_bytes_max, '\0');
  if (!file.is_open() || file.read(result.data(), static_cast<std::streamsize>(result.size())).bad())
    return std::nullopt;
  result.resize(static_cast<std::size_t>(file.gcount()));
  return result;
}

/// Without the end of line that editors leave behind it.
std::string trimmed(std::string x) {
  const auto end = x.find_last_not_of(" \t\r\n");
  x.resize(end == std::string::npos ? 0 : end + 1);
  return x;
}

bool fits_a_header(const std::string& x) {
  return !x.empty() && std::all_of(x.begin(), x.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

/// A short one is a word like any other.
caf::expected<std::string> made_known(const settings& x, std::string key) {
  if (x.redactor && key.size() >= redact::secret_bytes_min)
    if (auto learnt = x.redactor->learn({key_name, key}); !learnt)
      return std::move(learnt.error());
  return key;
}

} // namespace

caf::expected<void> check_base_url(std::string_view url) {
  // Some read a backslash as a slash, and the host would be another.
  const auto is_line = std::all_of(url.begin(), url.end(), [](char c) { return c > ' ' && c < '\x7f' && c != '\\'; });
  const auto is_safe = url.starts_with(secure) && url.size() > secure.size() && host_of(url);
  if (is_line && (is_safe || is_on_this_machine(url)))
    return caf::unit;
  return make_error(errc::invalid_input, "claude.base_url must begin with https://, or with http:// and this machine's own "
                                         "127.0.0.1, [::1] or localhost, and hold no user; plain http would show the key to "
                                         "everybody on the way");
}

caf::expected<std::string> read_api_key(const settings& x) {
  if (!x.api_key_file.empty()) {
    auto text = read_file(x.api_key_file);
    if (!text)
      return make_error(errc::io_failed, "the file that claude.api_key_file names can't be read");
    auto key = trimmed(std::move(*text));
    if (!fits_a_header(key))
      return make_error(errc::invalid_input, "the file that claude.api_key_file names holds no key on one line");
    return made_known(x, std::move(key));
  }
  const auto* variable = x.api_key_env.empty() ? nullptr : std::getenv(x.api_key_env.c_str());
  auto key = trimmed(variable == nullptr ? "" : variable);
  if (key.empty() && is_on_this_machine(x.base_url))
    return key;
  if (!fits_a_header(key))
    return make_error(errc::invalid_input, "the node's environment has no key in the variable that claude.api_key_env names, "
                                           "and there is no claude.api_key_file");
  return made_known(x, std::move(key));
}

} // namespace swarm::executors::claude
