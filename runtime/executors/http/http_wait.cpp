#include "runtime/executors/http/http_wait.hpp"

#include "messages/error.hpp"
#include "messages/foreign_json.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace swarm::executors {

namespace {

using nlohmann::json;

/// Of a value in a sentence.
constexpr std::size_t shown_bytes_max = 60;

caf::error wrong(const std::string& sentence) {
  return make_error(errc::invalid_input, sentence);
}

struct url_free {
  void operator()(CURLU* x) const { curl_url_cleanup(x); }
};

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
    return {};
  std::string result{text};
  curl_free(text);
  return result;
}

std::string server_of(CURLU* url) {
  return part_of(url, CURLUPART_SCHEME) + "://" + part_of(url, CURLUPART_HOST) + ":" + part_of(url, CURLUPART_PORT);
}

/// Against the URL of the request, and on the same server.
caf::expected<std::string> resolve(const std::string& base, const std::string& reference) {
  std::unique_ptr<CURLU, url_free> url{curl_url()};
  if (!url || curl_url_set(url.get(), CURLUPART_URL, base.c_str(), 0) != CURLUE_OK)
    return wrong("the ticket's own URL can't be read");
  const auto server = server_of(url.get());
  if (curl_url_set(url.get(), CURLUPART_URL, reference.c_str(), 0) != CURLUE_OK)
    return wrong("names a URL that can't be read");
  if (server_of(url.get()) != server)
    return wrong("leads to another server; if that is right, the ticket must name it in async.poll.url");
  return part_of(url.get(), CURLUPART_URL);
}

std::string shown(const json& x) {
  auto text = x.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= shown_bytes_max ? text : text.substr(0, shown_bytes_max) + "...";
}

/// The value, if it is one of those.
const json* met(const std::optional<http_payload::condition>& x, const json& answer) {
  const json::json_pointer pointer{x ? x->at : ""};
  if (!x || !answer.contains(pointer))
    return nullptr;
  const auto& value = answer.at(pointer);
  return std::find(x->values.begin(), x->values.end(), value.dump()) == x->values.end() ? nullptr : &value;
}

} // namespace

caf::expected<std::string> where_to_look(const http_payload& x, std::string_view body, const std::string& location) {
  if (!x.wait->url.empty())
    return x.wait->url;
  if (x.wait->url_at.empty())
    return location.empty() ? wrong("has no Location to look at") : resolve(x.url, location);
  const auto answer = read_foreign_json(body);
  if (!answer)
    return wrong(render(answer.error()));
  const json::json_pointer pointer{x.wait->url_at};
  if (!answer->contains(pointer) || !answer->at(pointer).is_string())
    return wrong("has no URL at " + x.wait->url_at);
  return resolve(x.url, answer->at(pointer).get<std::string>());
}

look_result judge_look(const http_payload::async& x, bool is_promise, std::string_view body) {
  using enum look_result::kind;
  if (!x.done && !x.failed)
    return {is_promise ? waits : done, ""};
  const auto answer = read_foreign_json(body);
  if (!answer)
    return is_promise ? look_result{waits, ""} : look_result{unreadable, "that " + render(answer.error())};
  if (const auto* value = met(x.failed, *answer))
    return {failed, x.failed->at + " is " + shown(*value)};
  if (const auto* value = met(x.done, *answer))
    return {done, x.done->at + " is " + shown(*value)};
  if (!x.done)
    return {is_promise ? waits : done, ""};
  const json::json_pointer pointer{x.done->at};
  return {waits, x.done->at + (answer->contains(pointer) ? " is " + shown(answer->at(pointer)) : " isn't there")};
}

} // namespace swarm::executors
