#include "runtime/executors/route_report.hpp"

#include "messages/secret_variable.hpp"

#include <openssl/sha.h>

#include <unistd.h>

#include <array>
#include <cstdio>

namespace swarm::executors {

namespace {

route_news news_of(const verdict& x) {
  if (x.opens_breaker)
    return route_news::shut;
  if (x.counts_for_breaker)
    return route_news::failed;
  if (x.refuses)
    return route_news::refused;
  switch (x.end) {
    case outcome_class::throttled: return route_news::throttled;
    case outcome_class::completed:
    case outcome_class::content:
    case outcome_class::permanent: return route_news::answered;
    default: return route_news::none;
  }
}

} // namespace

std::string credential_hash(std::string_view secret) {
  if (secret.empty())
    return {};
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(secret.data()), secret.size(), digest.data());
  std::string result;
  for (std::size_t i = 0; i < 6; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", digest[i]);
    result += digits;
  }
  return result;
}

route_report report_of(const verdict& x, const std::string& credential, bool of_node) {
  route_report result;
  result.news = news_of(x);
  result.wait = result.news == route_news::shut || result.news == route_news::throttled ? x.wait : caf::timespan{0};
  switch (x.scope) {
    case verdict_scope::credential:
    case verdict_scope::organisation:
      result.whole_kind = true;
      [[fallthrough]];
    case verdict_scope::credential_and_model:
      result.credential = credential;
      result.this_node = credential.empty() && of_node;
      if (credential.empty() && !of_node && result.news == route_news::shut)
        return {};
      break;
    case verdict_scope::executor:
      result.whole_kind = result.this_node = true;
      break;
    case verdict_scope::own_budget: return {};
    default: break;
  }
  // Whoever got an answer says so with his credential: it works, too.
  if (result.news == route_news::answered || result.news == route_news::refused)
    result.credential = credential;
  return result;
}

std::vector<std::string> hashes_of_secret_variables() {
  std::vector<std::string> result;
  for (char** x = environ; *x != nullptr; ++x) {
    std::string_view entry{*x};
    auto value = entry.find('=');
    if (value != std::string_view::npos && value + 1 < entry.size() && is_secret_variable(entry.substr(0, value)))
      result.push_back(credential_hash(entry.substr(value + 1)));
  }
  return result;
}

} // namespace swarm::executors
