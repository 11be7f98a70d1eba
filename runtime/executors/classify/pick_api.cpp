#include "runtime/executors/classify/classify.hpp"
#include "runtime/executors/classify/pick.hpp"

#include <algorithm>
#include <utility>

namespace swarm::executors {

using rows::at;
using rows::table_row;
using std::chrono::milliseconds;

namespace {

/// The status that an error type belongs to; 0 if nobody knows it.
int status_of(std::string_view type) {
  constexpr std::pair<std::string_view, int> types[] = {
    {"invalid_request_error", 400}, {"authentication_error", 401}, {"billing_error", 402},
    {"permission_error", 403},      {"not_found_error", 404},      {"conflict_error", 409},
    {"request_too_large", 413},     {"rate_limit_error", 429},     {"api_error", 500},
    {"timeout_error", 504},         {"overloaded_error", 529},
  };
  const auto* found = std::find_if(std::begin(types), std::end(types), [&](auto& x) { return x.first == type; });
  return found == std::end(types) ? 0 : found->second;
}

const table_row& row_of_bad_request(const api_error& error, const request_facts& request) {
  if (mentions(error.message, "you have reached your specified") && mentions(error.message, "usage limits"))
    return at("8");
  if (mentions(error.message, "prompt is too long") || mentions(error.message, "exceed context limit"))
    return request.reduced ? at("9b") : at("9");
  return at("10");
}

const table_row& row_of_status(int status, const api_error& error, const request_facts& request,
                               const std::optional<milliseconds>& asked) {
  const auto is_clients_fault = status >= 400 && status < 500;
  if (error.code == "enforced_spend_limit_reached")
    return at("16");
  if (error.type == "billing_error" || (is_clients_fault && mentions(error.message, "credit balance is too low")))
    return at("12");
  switch (status) {
    case 400: return row_of_bad_request(error, request);
    case 401: return at("11");
    case 402: return at("12");
    case 403: return at("13");
    case 404: return request.to_model ? at("21") : at("22");
    case 408:
    case 409: return at("23");
    case 413: return request.reduced ? at("24b") : at("24");
    case 429: return !asked ? at("17") : *asked <= in_place_wait_max ? at("14") : at("15");
    case 504:
      return request.timeouts_before >= timeouts_on_ticket_max - 1 ? at("19c")
             : request.streaming                                   ? at("19")
                                                                   : at("19b");
    case 529: return at("20");
    default: return status >= 500 ? at("18") : is_clients_fault ? at("25") : at("http/no_error");
  }
}

} // namespace

bool mentions(std::string_view text, std::string_view words) {
  const auto lower = [](char x) { return x >= 'A' && x <= 'Z' ? static_cast<char>(x | 0x20) : x; };
  return std::search(text.begin(), text.end(), words.begin(), words.end(),
                     [&](char a, char b) { return lower(a) == lower(b); })
         != text.end();
}

pick pick_row_of_status(int status, const api_error& error, const request_facts& request,
                        const std::optional<milliseconds>& asked, const circumstances& c) {
  const auto& row = row_of_status(status, error, request, asked);
  pick result{&row, {}, c.retries_done, true, asked};
  if (!error.type.empty() && status_of(error.type) == 0)
    result.via = "32/";
  if (row.end == outcome_class::budget)
    result.date = find_date(error.message, c.now);
  if (&row == &at("11")) { // others' retries don't count against the one refresh
    result.in_place = request.token_refreshable;
    result.retries_done = 0;
  }
  return result;
}

pick pick_row(const http_failure& x, const circumstances& c) {
  const auto error = parse_api_error(x.body);
  const auto known = status_of(error.type);
  const auto asked = parse_retry_after(x.retry_after_ms, x.retry_after, c.now);
  const auto is_final = mentions(x.should_retry, "false");
  // A gateway that hides an error behind another status still names its type.
  const auto by_type = known != 0 && (is_final || x.status < 400);
  auto result = pick_row_of_status(by_type ? known : x.status, error, x.request, asked, c);
  if (is_final) {
    result.via = "17b/" + result.via;
    result.in_place = false;
  }
  return result;
}

pick pick_row(const stream_failure& x, const circumstances& c) {
  if (x.ending != stream_ending::error_event)
    return x.anything_complete ? pick{&at("5")} : pick{&at("4"), {}, c.retries_done};
  // The status was 200. What the API accepted and can't name is its own trouble.
  const auto known = status_of(x.error.type);
  auto request = x.request;
  request.streaming = true;
  auto result = pick_row_of_status(known != 0 ? known : 500, x.error, request, std::nullopt, c);
  result.via = (known == 429 ? "7/" : "6/") + result.via;
  if (x.anything_complete) {
    result.in_place = false;
    if (result.row->then == verdict_action::defer)
      result.remedy = verdict_remedy::say_interrupted;
  }
  return result;
}

pick pick_row(const transport_failure& x, const circumstances& c) {
  switch (x.error) {
    case transport_error::tls_certificate: return {&at("2")};
    case transport_error::timeout_first_byte: return {&at("3"), {}, c.retries_done};
    case transport_error::misconfigured: return {&at("transport/misconfigured")};
    case transport_error::out_of_memory: return {&at("transport/memory")};
    default: return {&at("1"), {}, c.retries_done};
  }
}

pick pick_row(const batch_loss& x, const circumstances&) {
  switch (x.kind) {
    case batch_loss_kind::canceled: return {&at("batch/canceled")};
    case batch_loss_kind::expired: return {&at("batch/expired")};
    default: return {&at("batch/missing")};
  }
}

pick pick_row(const model_stop& x, const circumstances&) {
  const auto repeated = [&](const table_row& row) { return pick{&row, {}, x.answered}; };
  const auto is_end = x.reason == "end_turn" || x.reason == "stop_sequence";
  if (x.reason == "refusal")
    return {&at("26"), {}, x.answered, x.fallback_left};
  if (x.reason == "max_tokens")
    return repeated(at("27"));
  if (x.reason == "model_context_window_exceeded")
    return {x.answered > 0 ? &at("28b") : &at("28")};
  if (x.reason == "pause_turn")
    return {x.answered < pause_turns_max ? &at("30") : &at("30b")};
  if (x.reason == "compaction")
    return {&at("1.3/8")};
  if (!is_end && x.reason != "tool_use")
    return {&at("1.3/9")};
  if (x.content_empty)
    return repeated(at("29"));
  if (x.tool_use_incomplete || (is_end && x.output_invalid))
    return repeated(at("31"));
  return {is_end ? &at("1.3/1") : &at("1.3/3")};
}

} // namespace swarm::executors
